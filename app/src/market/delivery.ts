/**
 * What a delivery book and the positions on it come to: what is final, released, refunded and certified, to the base unit as
 * the program counts it. Pure: no chain, no clock.
 */

import type { Address } from '@solana/kit';

import { ceilDiv } from '../amount/cost';
import { BOOK_WINDOWS, CERTIFICATE_SECONDS, SECONDS_PER_HOUR, WH_PER_KWH } from '../generated/constants';
import { compare } from '../order';
import type { Book, BookDevice, BookWindow, Bus, Offer, Position, PositionWindow } from './model';
import { readingsAfter, type Terms } from './terms';

const PLACES = Number(BOOK_WINDOWS);
const least = (a: bigint, b: bigint) => (a < b ? a : b);

/** Start of the first window of the book that a window is in. */
export function firstWindowOf({ from, windowSeconds }: Terms, windowStart: number): number {
  const length = windowSeconds * PLACES;
  return from + Math.floor((windowStart - from) / length) * length;
}

/** Start of the window at a place of a book. */
export function windowStartOf({ firstWindow, terms }: Book, place: number): number {
  return firstWindow + place * terms.windowSeconds;
}

/** End of the window at a place of a book. */
export function windowEndOf(book: Book, place: number): number {
  return windowStartOf(book, place + 1);
}

/** Place of a window in a book; `undefined` where the book has no such window. */
export function placeOf({ firstWindow, terms }: Book, windowStart: number): number | undefined {
  const place = (windowStart - firstWindow) / terms.windowSeconds;
  return Number.isInteger(place) && place >= 0 && place < PLACES ? place : undefined;
}

/** Last moment for a window's first reading. */
export function deadlineOf(book: Book, place: number): number {
  return windowStartOf(book, place) + readingsAfter(book.terms) + book.terms.readingDeadlineSeconds;
}

/**
 * First second in which a window takes no reading any more, as far as is known now; infinite while an auction has not
 * settled all offers of it.
 */
export function finalAt(book: Book, place: number): number {
  const window = book.windows[place];
  if (window !== undefined && window.unsettledOffers > 0) return Number.POSITIVE_INFINITY;
  const reportedAt = window?.reportedAt ?? 0;
  return reportedAt === 0 ? deadlineOf(book, place) : reportedAt + book.terms.correctionSeconds;
}

/** The device that measures the window at a place. */
export function deviceOf(book: Book, place: number): BookDevice | undefined {
  const window = book.windows[place];
  return window === undefined ? undefined : book.devices[window.device];
}

/** The most that a device can deliver in a window, in Wh: no more can be on offer. */
export function mostWh(powerW: bigint, windowSeconds: number): bigint {
  return (powerW * BigInt(windowSeconds)) / SECONDS_PER_HOUR;
}

/** The highest reading that is believed: a tenth above that. */
export function highestReadingWh(powerW: bigint, windowSeconds: number): bigint {
  return (powerW * BigInt(windowSeconds) * 11n) / (SECONDS_PER_HOUR * 10n);
}

/** Where a window stands: not over, over and its auction not settled, without a reading, open to correction, final. */
export type DeliveryStage = 'ahead' | 'running' | 'auction' | 'waiting' | 'read' | 'final';

/** Where the window at a place stands now. */
export function stageOfWindow(book: Book, place: number, now: number): DeliveryStage {
  if (now < windowStartOf(book, place)) return 'ahead';
  if (now < windowEndOf(book, place)) return 'running';
  if (now >= finalAt(book, place)) return 'final';
  if ((book.windows[place]?.unsettledOffers ?? 0) > 0) return 'auction';
  return book.windows[place]?.reportedAt === 0 ? 'waiting' : 'read';
}

/** What was delivered of what was sold: to buyers of offers, and to bids of the auction, in proportion. */
export function deliveredParts({ soldWh, auctionWh, deliveredWh }: BookWindow): {
  readonly tradedWh: bigint;
  readonly auctionWh: bigint;
} {
  const allWh = soldWh + auctionWh;
  const countedWh = least(deliveredWh, allWh);
  const ofAuction = auctionWh === 0n ? 0n : (countedWh * auctionWh) / allWh;
  return { tradedWh: countedWh - ofAuction, auctionWh: ofAuction };
}

/** Whether the auction's part of a window is not counted in the window's pool yet. */
export function owesPool({ auctionWh, isPoolReported }: BookWindow): boolean {
  return auctionWh > 0n && !isPoolReported;
}

/** What is due from the escrow for the auction's part of a window, and the grid's part of it. */
export function poolDueOf(
  window: BookWindow,
  fullPricePerKwh: bigint,
  gridFeePerKwh: bigint,
): { readonly due: bigint; readonly gridFee: bigint } {
  const { auctionWh } = deliveredParts(window);
  return { due: (auctionWh * fullPricePerKwh) / WH_PER_KWH, gridFee: (auctionWh * gridFeePerKwh) / WH_PER_KWH };
}

/** Starts of the windows of a book whose auction's part can be counted now; one of them where only a payment waits. */
export function poolWork(book: Book, now: number): readonly number[] {
  const starts = usedWindows(book).flatMap(({ place, window }) =>
    owesPool(window) && now >= finalAt(book, place) ? [windowStartOf(book, place)] : [],
  );
  return starts.length === 0 && book.poolDue > 0n ? [book.firstWindow] : starts;
}

/** What a final window sets free for what offers sold: what is due, and the grid's part of it. */
export function dueOf(window: BookWindow, gridFeePerKwh: bigint): { readonly due: bigint; readonly gridFee: bigint } {
  const { tradedWh: deliveredWh } = deliveredParts(window);
  if (deliveredWh === 0n) return { due: 0n, gridFee: 0n };
  const due = (window.paid * deliveredWh) / window.soldWh;
  return { due, gridFee: (deliveredWh * gridFeePerKwh) / WH_PER_KWH };
}

/** What goes back to a buyer that paid so much for energy of a final window. */
export function refundOf(window: BookWindow, paid: bigint): bigint {
  const [{ soldWh }, { tradedWh: deliveredWh }] = [window, deliveredParts(window)];
  if (deliveredWh >= soldWh) return 0n;
  return paid - ceilDiv(paid * deliveredWh, soldWh);
}

/** Delivered Wh of a buyer that bought so much of a final window. */
export function deliveredOf(window: BookWindow, energyWh: bigint): bigint {
  const [{ soldWh }, { tradedWh: deliveredWh }] = [window, deliveredParts(window)];
  return deliveredWh >= soldWh ? energyWh : (energyWh * deliveredWh) / soldWh;
}

/** Delivered Wh of a final window that its seller did not sell. */
export function surplusOf({ soldWh, auctionWh, deliveredWh }: BookWindow): bigint {
  const surplusWh = deliveredWh - soldWh - auctionWh;
  return surplusWh > 0n ? surplusWh : 0n;
}

/** Delivered Wh of the auction's part that no bid took a certificate of yet. */
export function certifiableForBids(window: BookWindow): bigint {
  return deliveredParts(window).auctionWh - window.auctionCertifiedWh;
}

/** What the vault holds for a book, in base units. */
export function heldFor({ windows, settled }: Book): bigint {
  return windows.reduce((sum, { paid }) => sum + paid, 0n) - settled;
}

/** What a release would set free now: to the seller and to the grid; `windows` is how many windows it would settle. */
export function releasable(
  book: Book,
  now: number,
): { readonly amount: bigint; readonly gridFee: bigint; readonly windows: number } {
  let [amount, gridFee, windows] = [0n, 0n, 0];
  for (const [place, window] of book.windows.entries()) {
    if (window.state !== 'listed' || now < finalAt(book, place)) continue;
    const due = dueOf(window, book.terms.gridFeePerKwh);
    amount += due.due - due.gridFee;
    gridFee += due.gridFee;
    windows += 1;
  }
  return { amount, gridFee, windows };
}

/** What a refund would pay back to a buyer now; `windows` is how many windows it would settle. */
export function refundable(
  book: Book,
  position: Position,
  now: number,
): { readonly amount: bigint; readonly windows: number } {
  let [amount, windows] = [0n, 0];
  for (const [place, own] of position.windows.entries()) {
    const window = book.windows[place];
    if (window === undefined || own.energyWh === 0n || own.isRefunded || now < finalAt(book, place)) continue;
    amount += refundOf(window, own.paid);
    windows += 1;
  }
  return { amount, windows };
}

/**
 * What buyers have not got back yet of a book's final windows, in base units. Rounding leaves a base unit for each position
 * and window at most, which goes back to nobody: so little counts as nothing.
 */
export function unrefunded(book: Book, now: number): bigint {
  let [back, rounded] = [-book.settled, 0n];
  for (const { place, window } of usedWindows(book)) {
    const { due } = dueOf(window, book.terms.gridFeePerKwh);
    if (window.state === 'released') back += due;
    else if (now < finalAt(book, place)) continue;
    back += window.paid - due;
    rounded += BigInt(book.openPositions);
  }
  return back > rounded ? back : 0n;
}

/** Wh of a final window that a buyer can take a certificate of; 0 where it has, or where there is nothing. */
export function certifiableOf(book: Book, place: number, own: PositionWindow, now: number): bigint {
  const window = book.windows[place];
  if (window === undefined || own.energyWh === 0n || own.isCertified || now < finalAt(book, place)) return 0n;
  return deliveredOf(window, own.energyWh);
}

/** Wh of a final window that its seller can take a certificate of: what it delivered and did not sell. */
export function certifiableSurplus(book: Book, place: number, now: number): bigint {
  const window = book.windows[place];
  if (window === undefined || window.state === 'unused' || window.isSurplusCertified || now < finalAt(book, place)) {
    return 0n;
  }
  return surplusOf(window);
}

/** Windows of a book that were used, with their places. */
export function usedWindows(book: Book): readonly { readonly place: number; readonly window: BookWindow }[] {
  return book.windows.flatMap((window, place) => (window.state === 'unused' ? [] : [{ place, window }]));
}

/**
 * When the last window of a book that its bus has no longer trades: a change of terms cuts a book short, and on a closing bus
 * nothing trades any more.
 */
export function lastGateOf(book: Book, bus: Pick<Bus, 'terms' | 'nextTerms' | 'closing'>): number {
  if (bus.closing) return 0;
  const { windowSeconds, gateClosureSeconds } = book.terms;
  let last = windowStartOf(book, PLACES - 1) - gateClosureSeconds;
  for (const terms of [bus.terms, bus.nextTerms]) {
    if (terms !== undefined && terms.from > book.firstWindow) {
      last = Math.min(last, terms.from - windowSeconds - gateClosureSeconds);
    }
  }
  return last;
}

/** When the last used window of a book is final, as far as is known now. */
export function lastFinalAt(book: Book): number {
  return usedWindows(book).reduce((last, { place }) => Math.max(last, finalAt(book, place)), 0);
}

/**
 * When bids have had their time to take certificates of what a window delivered for its auction: they can once all sellers of
 * the auction are counted, which is at the latest a correction time after the reading deadline. 0 where they have taken all.
 */
function bidsCertifiedAt(book: Book, place: number): number {
  const window = book.windows[place];
  if (window === undefined || window.auctionWh === 0n || certifiableForBids(window) === 0n) return 0;
  return deadlineOf(book, place) + book.terms.correctionSeconds + Number(CERTIFICATE_SECONDS);
}

/**
 * From when on a book closes that has nothing open in it. Others wait for what can be certified. A closing bus does not wait for
 * windows ahead of their gate in which nothing was sold.
 */
function closesAt(book: Book, bus: Bus, isSeller: boolean, now: number): number {
  const { gateClosureSeconds } = book.terms;
  const isAwaited = (place: number, window: BookWindow) =>
    !bus.closing || window.soldWh > 0n || now >= windowStartOf(book, place) - gateClosureSeconds;
  return usedWindows(book)
    .filter(({ place, window }) => isAwaited(place, window))
    .map(({ place, window }) => {
      const isCertified = !isSeller && window.deliveredWh > 0n;
      const at = finalAt(book, place) + (isCertified ? Number(CERTIFICATE_SECONDS) : 0);
      return Math.max(at, bidsCertifiedAt(book, place));
    })
    .reduce((last, at) => Math.max(last, at), lastGateOf(book, bus));
}

/** From when on a book closes, for its seller or for anybody; `undefined` while something is open in it. */
export function bookClosesAt(book: Book, bus: Bus, isSeller: boolean, now: number): number | undefined {
  const isPoolOpen = book.poolDue > 0n || book.windows.some(owesPool);
  if (book.openOffers > 0 || book.openPositions > 0 || isPoolOpen) return undefined;
  return closesAt(book, bus, isSeller, now);
}

/** From when on a position closes, for its buyer or for anybody; `undefined` while a lock of it is open. */
export function positionClosesAt(
  book: Book,
  bus: Bus,
  position: Position,
  isBuyer: boolean,
  now: number,
): number | undefined {
  if (position.openLocks > 0) return undefined;
  let [own, isCertified] = [0, true];
  for (const [place, { energyWh, isCertified: isTaken }] of position.windows.entries()) {
    const window = book.windows[place];
    if (energyWh === 0n || window === undefined) continue;
    own = Math.max(own, finalAt(book, place));
    isCertified &&= isTaken || deliveredOf(window, energyWh) === 0n;
  }
  if (isBuyer) return own;
  // Others wait for the last gate, so that no purchase that is on its way finds it closed.
  const others = Math.max(own, lastGateOf(book, bus));
  return isCertified ? others : Math.max(others, closesAt(book, bus, false, now));
}

/** A window that has ended, was sold, and has no reading yet. */
export interface MissingReading {
  readonly book: Book;
  readonly place: number;
}

/** Windows of a bus that wait for their first reading, the most urgent first. */
export function missingReadings(books: Iterable<Book>, bus: Address, now: number): readonly MissingReading[] {
  const found: MissingReading[] = [];
  for (const book of books) {
    if (book.bus !== bus) continue;
    for (const { place, window } of usedWindows(book)) {
      if (window.soldWh + window.auctionWh > 0n && stageOfWindow(book, place, now) === 'waiting')
        found.push({ book, place });
    }
  }
  return found.sort(
    (a, b) => deadlineOf(a.book, a.place) - deadlineOf(b.book, b.place) || compare(a.book.address, b.book.address),
  );
}

/** The book that a seller's listing in a window goes into, where it is open. */
export function bookFor(books: Iterable<Book>, seller: Address, terms: Terms, windowStart: number): Book | undefined {
  const firstWindow = firstWindowOf(terms, windowStart);
  for (const book of books) if (book.seller === seller && book.firstWindow === firstWindow) return book;
  return undefined;
}

/** A buyer's position on a delivery book. */
export function positionOn(positions: Iterable<Position>, book: Address, buyer: Address): Position | undefined {
  for (const position of positions) if (position.book === book && position.buyer === buyer) return position;
  return undefined;
}

/** Whether refunds of a position may go elsewhere: until anybody may close it. */
export function mayChangeRefund(book: Book, bus: Bus, position: Position, now: number): boolean {
  const others = positionClosesAt(book, bus, { ...position, openLocks: 0 }, false, now);
  return others !== undefined && now < others;
}

/** Whether buying from an offer opens a position book of the buyer. */
export function opensPosition(
  positions: ReadonlyMap<Address, Position>,
  { book }: Pick<Offer, 'book'>,
  buyer: Address,
): boolean {
  return book !== undefined && positionOn(positions.values(), book, buyer) === undefined;
}
