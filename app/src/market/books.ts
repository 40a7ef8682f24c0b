/**
 * Delivery books that somebody looks at. A book is large, and most are of others: those of the wallet's purchases and sales
 * are read, and those of buses that it operates or looks at. No subscription brings them; what happens to them, events tell.
 */

import type { Address } from '@solana/kit';

import type { Accounts } from './accounts';
import { BOOK_SELLER_AT } from './decode';
import { isOperator, isOwner, type Book } from './model';
import { kindOf, type Scope } from './read';

/** What is read: single books, and all of a seller or of a bus. */
export interface WantedBooks {
  readonly books: ReadonlySet<Address>;
  readonly sellers: ReadonlySet<Address>;
  readonly buses: ReadonlySet<Address>;
}

/** Books that a wallet needs, and those of buses that it looks at. */
export function wantedBooks(
  { position, seller, bus, bid }: Accounts,
  wallet: Address | undefined,
  looked: Iterable<Address>,
): WantedBooks {
  const owned = [...bus.values()].filter((one) => isOwner(one, wallet)).map((one) => one.seller);
  const own = [...seller.values()].filter((one) => wallet !== undefined && one.wallet === wallet);
  // What a bid waits for stands in the books of all sellers of its window.
  const bidden = [...bid.values()].filter((one) => one.buyer === wallet && one.state !== 'open');
  const operated = [...bus.values()].filter((one) => isOperator(one, wallet));
  return {
    books: new Set([...position.values()].map(({ book }) => book)),
    sellers: new Set([...own.map(({ address }) => address), ...owned]),
    buses: new Set([...operated.map(({ address }) => address), ...bidden.map(({ bus: of }) => of), ...looked]),
  };
}

/** Whether a book is one of them. */
export function isWantedBook({ books, sellers, buses }: WantedBooks, book: Book): boolean {
  return books.has(book.address) || sellers.has(book.seller) || buses.has(book.bus);
}

/** All books of a seller. */
export const ofSeller = (seller: Address): Scope => ({ kind: kindOf('book'), at: BOOK_SELLER_AT, of: seller });

/** All books of a bus. */
export function ofBus(bus: Address): Scope {
  const kind = kindOf('book');
  return kind.busAt === undefined ? { kind } : { kind, at: kind.busAt, of: bus };
}
