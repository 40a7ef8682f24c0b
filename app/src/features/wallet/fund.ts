/** What a wallet needs on a local network: nobody there has anything to lose, so a button gives it. */

import type { Address } from '@solana/kit';

import type { Network } from '../../chain/network';
import { Refusal } from '../../errors/explain';
import type { Bus } from '../../market/model';
import { t } from '../../words';

const SOL = 2_000_000_000;
/** Tokens that a wallet is given, whole ones. */
const TOKENS = 100n;

/** Gives a wallet SOL, and tokens of a bus; where the node gives no tokens, the command that does is told. */
export async function fundLocally(
  { rpcUrl }: Network,
  wallet: Address,
  { mint, tokenProgram, decimals }: Pick<Bus, 'mint' | 'tokenProgram' | 'decimals'>,
  wants: { readonly sol: boolean; readonly tokens: boolean },
): Promise<void> {
  const ask = async (method: string, params: readonly unknown[]): Promise<boolean> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return response.ok && !('error' in ((await response.json()) as object));
  };
  if (wants.sol && !(await ask('requestAirdrop', [wallet, SOL]))) throw new Refusal(t.fund.theNodeGivesNoSol);
  if (!wants.tokens) return;
  const amount = Number(TOKENS * 10n ** BigInt(decimals));
  if (!(await ask('surfnet_setTokenAccount', [wallet, mint, { amount }, tokenProgram]))) {
    throw new Refusal(t.fund.theNodeGivesNoTokens(wallet, mint));
  }
}
