/** Checking an auction's price: from the orders on chain while they tell it, else from the chain's history. */

import type { Address } from '@solana/kit';

import type { Connection } from '../../chain/connection';
import {
  bookOf,
  clear,
  isSameOutcome,
  outcomeOf,
  type AuctionBook,
  type Outcome,
  type WindowOrders,
} from '../../market/auction';
import type { Capacity } from '../../market/model';
import { readAuction } from './replay';

/** What checking a price came to. */
export type Checked =
  | {
      readonly kind: 'equal' | 'different';
      /** What the orders come to. */
      readonly computed: Outcome;
      /** What the chain has. */
      readonly told: Outcome;
      readonly bids: number;
      readonly asks: number;
      /** Whether the orders are those that are on chain now, or those of the chain's history. */
      readonly from: 'accounts' | 'history';
    }
  /** The node does not serve the history of the window. */
  | { readonly kind: 'untold' };

function compared(book: AuctionBook, told: Outcome, from: 'accounts' | 'history'): Extract<Checked, { told: Outcome }> {
  const computed = clear(book);
  const kind = isSameOutcome(computed, told) ? 'equal' : 'different';
  return { kind, computed, told, bids: book.bids.length, asks: book.asks.length, from };
}

/**
 * Computes a price from the orders of its window that are on chain. Orders that were settled may have closed since, so that
 * only an equal result says something; `undefined` for every other one.
 */
export function checkAccounts(capacity: Capacity, orders: WindowOrders): Checked | undefined {
  if (orders.offers.some(({ isSettled }) => isSettled)) return undefined;
  const result = compared(bookOf(orders), outcomeOf(capacity), 'accounts');
  return result.kind === 'equal' ? result : undefined;
}

/** Checks the price of a window's auction; `known` are the window and its orders where they are on chain. */
export async function checkAuction(
  connection: Connection,
  address: Address,
  known: { readonly capacity: Capacity; readonly orders: WindowOrders } | undefined,
  signal: AbortSignal,
  onProgress: (read: number) => void,
): Promise<Checked> {
  const now = known === undefined ? undefined : checkAccounts(known.capacity, known.orders);
  if (now !== undefined) return now;
  const past = await readAuction(connection, address, signal, onProgress);
  if (past === undefined) return { kind: 'untold' };
  // The window itself has the last word, where it is there.
  return compared(past.book, known === undefined ? past.cleared : outcomeOf(known.capacity), 'history');
}
