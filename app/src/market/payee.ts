/**
 * Where a wallet is paid: its own token account of a mint, or another one that it names. What is owed to a bus goes back to the
 * treasury of the bus that owes it, and stays where it is once that is closed.
 */

import type { Address, Instruction } from '@solana/kit';

import { createTokenAccount, tokenAccountAddress } from '../chain/address';
import { readAccounts, type Connection } from '../chain/connection';
import { payeeAt } from '../chain/tokenAccount';
import { Refusal } from '../errors/explain';
import { t } from '../words';
import type { LiveMarket } from './live';
import type { Bus } from './model';

/** Who owes something: a bus, or what is left of one, which has no treasury. */
export type Payer = Pick<Bus, 'address' | 'mint' | 'tokenProgram'> & { readonly treasury: Address | undefined };

/** Where a wallet is paid. */
export interface Payee {
  readonly address: Address;
  /** What creates the account where it is missing. */
  readonly creation: readonly Instruction[];
  /** Whether the account is there and takes no payment: frozen, of another wallet, or it asks for memos. */
  readonly isBlocked: boolean;
}

/**
 * The token account that a wallet is paid to: `to` where it names one, else its own, which `caller` creates where it is missing
 * and pays the rent of.
 */
export async function payeeOf(
  live: LiveMarket,
  caller: Address,
  wallet: Address,
  payer: Payer,
  to?: Address,
): Promise<Payee> {
  const { buses, tombstones } = live.state.get();
  if (buses.has(wallet) || tombstones.has(wallet)) {
    if (payer.treasury === undefined) throw new Refusal(t.claim.aBusPullsNothing);
    return { address: payer.treasury, creation: [], isBlocked: false };
  }
  if (to !== undefined) {
    await checkPayable(live.connection, to, payer);
    return { address: to, creation: [], isBlocked: false };
  }
  const { mint, tokenProgram } = payer;
  const address = await tokenAccountAddress(wallet, mint, tokenProgram);
  const [account] = (await readAccounts(live.connection, [address])).accounts;
  if (account === undefined) {
    const creation = [await createTokenAccount(caller, wallet, mint, tokenProgram)];
    return { address, creation, isBlocked: false };
  }
  return { address, creation: [], isBlocked: payeeAt(account, payer) !== wallet };
}

/** As {@link payeeOf}; refused where the account takes no payment, so that its wallet names another one. */
export async function payableOf(...asked: Parameters<typeof payeeOf>): Promise<Payee> {
  const payee = await payeeOf(...asked);
  if (payee.isBlocked) throw new Refusal(t.payee.usualIsBlocked);
  return payee;
}

/** Refuses an account that somebody named and that cannot be paid. */
export async function checkPayable(
  connection: Connection,
  account: Address | undefined,
  payer: Pick<Payer, 'address' | 'mint' | 'tokenProgram'>,
): Promise<void> {
  if (account === undefined) return;
  const payee = payeeAt((await readAccounts(connection, [account])).accounts[0], payer);
  if (payee === undefined || payee === payer.address) throw new Refusal(t.payee.theAccountCannotBePaid);
}
