/**
 * Where a wallet is paid: its own token account of a mint. What is owed to a bus goes back to the treasury of the bus that
 * owes it, and stays where it is once that is closed.
 */

import type { Address, Instruction } from '@solana/kit';

import { tokenAccount } from '../chain/connection';
import { Refusal } from '../errors/explain';
import { t } from '../words';
import type { LiveMarket } from './live';
import type { Bus } from './model';

/** Who owes something: a bus, or what is left of one, which has no treasury. */
export type Payer = Pick<Bus, 'mint' | 'tokenProgram'> & { readonly treasury: Address | undefined };

/** The token account that a wallet is paid to, and what creates it where it is missing; `caller` then pays its rent. */
export async function payeeOf(
  live: LiveMarket,
  caller: Address,
  wallet: Address,
  payer: Payer,
): Promise<{ readonly address: Address; readonly creation: readonly Instruction[] }> {
  const { buses, tombstones } = live.state.get();
  if (!buses.has(wallet) && !tombstones.has(wallet)) return tokenAccount(live.connection, caller, wallet, payer);
  if (payer.treasury === undefined) throw new Refusal(t.claim.aBusPullsNothing);
  return { address: payer.treasury, creation: [] };
}
