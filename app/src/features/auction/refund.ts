/** Where what comes back of a wallet's own bids is paid, when the account that a bid names cannot be paid. */

import type { Address, Instruction } from '@solana/kit';

import { tokenAccountAddress, createTokenAccount } from '../../chain/address';
import { readAccounts, type Connection } from '../../chain/connection';
import { payeeAt } from '../../chain/tokenAccount';
import type { Bid, Bus } from '../../market/model';

/** Where a bid is paid: to the account that it names, to the wallet's usual one instead, or nowhere for now. */
export interface RefundPlace {
  readonly kind: 'named' | 'usual' | 'nowhere';
  readonly account: Address;
}

/** Where bids are paid. */
export interface Refunds {
  readonly of: (bid: Bid) => RefundPlace;
  /** Whether an account is the wallet's usual one, and is not there yet. */
  readonly isMissing: (account: Address | undefined) => boolean;
  /** What creates the usual account. */
  readonly creation: readonly Instruction[];
}

/** Accounts that are read at once. */
const READ_AT_ONCE = 100;

/** Tells where bids of a wallet on a bus are paid. */
export async function refundsOf(
  connection: Connection,
  wallet: Address,
  bids: readonly Bid[],
  bus: Bus,
): Promise<Refunds> {
  const usual = await tokenAccountAddress(wallet, bus.mint, bus.tokenProgram);
  const own = bids.filter(({ buyer }) => buyer === wallet).map(({ refund }) => refund);
  const wanted = [...new Set([usual, ...own])].slice(0, READ_AT_ONCE);
  const { accounts } = await readAccounts(connection, wanted);
  const paid = new Set(wanted.filter((_, index) => payeeAt(accounts[index], bus) === wallet));
  const isThere = accounts[0] !== undefined;
  const isUsualPaid = paid.has(usual) || !isThere;
  return {
    of: ({ refund }) => {
      if (paid.has(refund) || !wanted.includes(refund)) return { kind: 'named', account: refund };
      if (isUsualPaid) return { kind: refund === usual ? 'named' : 'usual', account: usual };
      return { kind: 'nowhere', account: refund };
    },
    isMissing: (account) => account === usual && !isThere,
    creation: [await createTokenAccount(wallet, wallet, bus.mint, bus.tokenProgram)],
  };
}
