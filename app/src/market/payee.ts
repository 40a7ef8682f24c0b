/** Where a wallet is paid: its own token account of a mint; what is owed to a bus goes back to the bus that owes it. */

import type { Address, Instruction } from '@solana/kit';

import { tokenAccount } from '../chain/connection';
import type { LiveMarket } from './live';
import type { Bus } from './model';

/** Who owes something: a bus, or what is left of one, which has no treasury. */
export type Payer = Pick<Bus, 'mint' | 'tokenProgram' | 'creator'> & { readonly treasury: Address | undefined };

/** The token account that a wallet is paid to, and what creates it where it is missing; `caller` then pays its rent. */
export async function payeeOf(
  live: LiveMarket,
  caller: Address,
  wallet: Address,
  payer: Payer,
): Promise<{ readonly address: Address; readonly creation: readonly Instruction[] }> {
  const { buses, tombstones } = live.state.get();
  if (!buses.has(wallet) && !tombstones.has(wallet)) return tokenAccount(live.connection, caller, wallet, payer);
  return payer.treasury === undefined
    ? tokenAccount(live.connection, caller, payer.creator, payer)
    : { address: payer.treasury, creation: [] };
}
