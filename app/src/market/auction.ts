/**
 * The auction that closes a window: its book, its price, and what an order gets of it, to the watt-hour as the program counts
 * it. Pure: no chain, no clock.
 *
 * D(>p) is what bids above a price want, S(<=p) what asks at it or below offer, and f(p) = D(>p) - S(<=p). It never grows
 * with the price. The low price is the lowest at which f is at most zero, the high price the lowest at which it is below
 * zero. The auction takes their middle, rounded down; the most energy changes hands there.
 */

import type { Address } from '@solana/kit';

import { ceilDiv } from '../amount/cost';
import { AUCTION_CLOSING_SECONDS, AUCTION_PROOF_SECONDS, WH_PER_KWH } from '../generated/constants';
import { compare } from '../order';
import type { Bid, Capacity, Offer, Ration } from './model';

/** An order: its price without the grid fee, in base units per kWh, and its energy. */
export interface AuctionOrder {
  readonly pricePerKwh: bigint;
  readonly energyWh: bigint;
}

/** What buyers want of a window, and what sellers offer. */
export interface AuctionBook {
  readonly bids: readonly AuctionOrder[];
  readonly asks: readonly AuctionOrder[];
}

/** What the price of a book is, and what it means. */
export interface Cleared {
  readonly lowPrice: bigint;
  readonly highPrice: bigint;
  /** Without the grid fee; where the volume is 0 it means nothing. */
  readonly pricePerKwh: bigint;
  /** Energy that changes hands. */
  readonly volumeWh: bigint;
  readonly bids: Ration;
  readonly asks: Ration;
}

const NOTHING: Ration = { atPriceWh: 0n, filledWh: 0n, settledWh: 0n };
const UNSOLD: Cleared = {
  ...{ lowPrice: 0n, highPrice: 0n, pricePerKwh: 0n, volumeWh: 0n },
  ...{ bids: NOTHING, asks: NOTHING },
};

const byPrice = (a: AuctionOrder, b: AuctionOrder) => compare(a.pricePerKwh, b.pricePerKwh);
const sum = (orders: readonly AuctionOrder[]) => orders.reduce((total, { energyWh }) => total + energyWh, 0n);

/** A step of a book: what changes at a price. */
export interface Level {
  readonly pricePerKwh: bigint;
  /** Energy of the bids, and of the asks, whose price is exactly this. */
  readonly bidWh: bigint;
  readonly askWh: bigint;
  /** Energy that bids at this price or above want, and that asks at this price or below offer. */
  readonly bidFromWh: bigint;
  readonly askUpToWh: bigint;
}

/** The prices of a book's orders, the lowest first, with what is wanted and offered at each. */
export function levelsOf({ bids, asks }: AuctionBook): readonly Level[] {
  const at = new Map<bigint, { bidWh: bigint; askWh: bigint }>();
  const level = (pricePerKwh: bigint) => {
    const known = at.get(pricePerKwh) ?? { bidWh: 0n, askWh: 0n };
    at.set(pricePerKwh, known);
    return known;
  };
  for (const { pricePerKwh, energyWh } of bids) level(pricePerKwh).bidWh += energyWh;
  for (const { pricePerKwh, energyWh } of asks) level(pricePerKwh).askWh += energyWh;
  let [above, upTo] = [sum(bids), 0n];
  return [...at]
    .map(([pricePerKwh, own]) => ({ pricePerKwh, energyWh: 0n, ...own }))
    .sort(byPrice)
    .map(({ pricePerKwh, bidWh, askWh }) => {
      const bidFromWh = above;
      above -= bidWh;
      upTo += askWh;
      return { pricePerKwh, bidWh, askWh, bidFromWh, askUpToWh: upTo };
    });
}

/** Finds the price of a book, the volume, and how the orders at the price are rationed. */
export function clear(book: AuctionBook): Cleared {
  if (sum(book.bids) === 0n || sum(book.asks) === 0n) return UNSOLD;
  const levels = levelsOf(book);
  /** The lowest price at which f is below a limit; f changes at the prices of orders alone. */
  const lowest = (limit: bigint) => {
    if (sum(book.bids.filter(({ pricePerKwh }) => pricePerKwh > 0n)) - sum(atZero(book.asks)) < limit) return 0n;
    const found = levels.find(({ bidWh, bidFromWh, askUpToWh }) => bidFromWh - bidWh - askUpToWh < limit);
    // At the highest price nobody bids more, and all that is offered is counted.
    return found?.pricePerKwh ?? 0n;
  };
  const [lowPrice, highPrice] = [lowest(1n), lowest(0n)];
  const pricePerKwh = lowPrice + (highPrice - lowPrice) / 2n;
  const energy = (orders: readonly AuctionOrder[], is: (price: bigint) => boolean) =>
    sum(orders.filter((order) => is(order.pricePerKwh)));
  const better = {
    bids: energy(book.bids, (price) => price > pricePerKwh),
    asks: energy(book.asks, (price) => price < pricePerKwh),
  };
  const at = {
    bids: energy(book.bids, (price) => price === pricePerKwh),
    asks: energy(book.asks, (price) => price === pricePerKwh),
  };
  const [wanted, offered] = [better.bids + at.bids, better.asks + at.asks];
  const volumeWh = wanted < offered ? wanted : offered;
  const ration = (side: 'bids' | 'asks'): Ration => ({
    atPriceWh: at[side],
    filledWh: volumeWh - better[side],
    settledWh: 0n,
  });
  return { lowPrice, highPrice, pricePerKwh, volumeWh, bids: ration('bids'), asks: ration('asks') };
}

const atZero = (orders: readonly AuctionOrder[]) => orders.filter(({ pricePerKwh }) => pricePerKwh === 0n);

/** What an auction's price decides, for whoever reads it from a capacity or computes it. */
export type Outcome = Pick<Cleared, 'pricePerKwh' | 'volumeWh' | 'bids' | 'asks'>;

/** The outcome that the chain has of a window. */
export function outcomeOf({ auctionPricePerKwh: pricePerKwh, volumeWh, bids, asks }: Capacity): Outcome {
  return { pricePerKwh, volumeWh, bids, asks };
}

/** The side of which some orders at the price get only a part; `undefined` where none do. */
export function rationedOf({ volumeWh, bids, asks }: Outcome): 'bid' | 'ask' | undefined {
  if (volumeWh === 0n) return undefined;
  if (bids.filledWh < bids.atPriceWh) return 'bid';
  return asks.filledWh < asks.atPriceWh ? 'ask' : undefined;
}

/** Whether two outcomes are the same; how far orders are settled does not count, nor the price where nothing is sold. */
export function isSameOutcome(a: Outcome, b: Outcome): boolean {
  if (a.volumeWh === 0n && b.volumeWh === 0n) return true;
  const numbers = ({ pricePerKwh, volumeWh, bids, asks }: Outcome) =>
    [pricePerKwh, volumeWh, bids.atPriceWh, bids.filledWh, asks.atPriceWh, asks.filledWh].join();
  return numbers(a) === numbers(b);
}

/** What an order at the price gets of its side's ration: rounding may make it one Wh more. */
const shareOf = ({ atPriceWh, filledWh }: Ration, energyWh: bigint) =>
  atPriceWh === 0n ? 0n : (filledWh * energyWh) / atPriceWh;

/** What a bid gets. Of those at the price, rounding may give one Wh more. */
export function bidFill({ pricePerKwh, volumeWh, bids }: Outcome, bid: AuctionOrder): bigint {
  if (volumeWh === 0n || bid.pricePerKwh < pricePerKwh) return 0n;
  return bid.pricePerKwh > pricePerKwh ? bid.energyWh : shareOf(bids, bid.energyWh);
}

/** What an ask sells. Of those at the price, rounding may give one Wh more. */
export function askFill({ pricePerKwh, volumeWh, asks }: Outcome, ask: AuctionOrder): bigint {
  if (volumeWh === 0n || ask.pricePerKwh > pricePerKwh) return 0n;
  return ask.pricePerKwh < pricePerKwh ? ask.energyWh : shareOf(asks, ask.energyWh);
}

/** What a buyer pays for energy of an auction, with the grid fee, in base units. */
export function paidFor(energyWh: bigint, fullPricePerKwh: bigint): bigint {
  return ceilDiv(energyWh * fullPricePerKwh, WH_PER_KWH);
}

/** Where the auction of a window stands. */
export type AuctionPhase =
  /** No auction closes the window. */
  | 'off'
  /** Offers and bids come and go. */
  | 'trading'
  /** The last five minutes before the gate: offers and bids are only added or improved. */
  | 'closing'
  /** From the gate on: nothing in the book changes until the price is proven. */
  | 'fixed'
  /** The price is proven; each order is settled alone. */
  | 'cleared'
  /** There is nothing to settle: no bid or no offer at the gate, or no proof in 24 hours. All bids are returned. */
  | 'over';

/** What tells the phase of an auction. */
export type Phased = Pick<Capacity, 'terms' | 'gateClosesAt' | 'clearedAt' | 'openBids' | 'openOffers' | 'isGivenUp'>;

/** When bids and offers can no longer be withdrawn. */
export const closingFrom = (gateClosesAt: number): number => gateClosesAt - Number(AUCTION_CLOSING_SECONDS);

/** Until when the price must be proven: then all bids are returned. */
export const proofUntil = (gateClosesAt: number): number => gateClosesAt + Number(AUCTION_PROOF_SECONDS);

/** Where the auction of a window stands now. */
export function phaseOf(capacity: Phased, now: number): AuctionPhase {
  const { terms, gateClosesAt, clearedAt, openBids, openOffers, isGivenUp } = capacity;
  if (!terms.hasAuction) return 'off';
  if (isGivenUp === true) return 'over';
  if (now < gateClosesAt) return now < closingFrom(gateClosesAt) ? 'trading' : 'closing';
  if (clearedAt !== 0) return 'cleared';
  return openBids === 0 || openOffers === 0 || now >= proofUntil(gateClosesAt) ? 'over' : 'fixed';
}

/** What an offer asks to sell in its window's auction: what is not sold at the gate. Locks have ended by then. */
export function askWh(
  offer: Pick<Offer, 'cancelled' | 'expiresAt' | 'tradesFrom' | 'gateClosesAt' | 'remainingWh'>,
): bigint {
  const { cancelled, expiresAt, tradesFrom, gateClosesAt, remainingWh } = offer;
  return !cancelled && expiresAt >= gateClosesAt && tradesFrom <= gateClosesAt ? remainingWh : 0n;
}

/** Whether an auction can sell part of an offer, and has not settled it yet. */
export function owesAsk(capacity: Capacity, offer: Offer): boolean {
  const { auctionPricePerKwh: price, asks, volumeWh, clearedAt } = capacity;
  const isFilled = offer.pricePerKwh < price || (offer.pricePerKwh === price && asks.filledWh > 0n);
  return clearedAt !== 0 && isFilled && volumeWh > 0n && !offer.isSettled && askWh(offer) > 0n;
}

/** Why an offer cannot be withdrawn now because of its window's auction; `undefined` where that does not stop it. */
export function heldBack(
  capacity: Capacity | undefined,
  offer: Offer,
  now: number,
): 'lastMinutes' | 'fixed' | 'unsettled' | undefined {
  if (capacity === undefined || !offer.isInAuction) return undefined;
  switch (phaseOf(capacity, now)) {
    case 'closing':
      return 'lastMinutes';
    case 'fixed':
      return 'fixed';
    case 'cleared':
      return owesAsk(capacity, offer) ? 'unsettled' : undefined;
    default:
      return undefined;
  }
}

/** Orders of one window. */
export interface WindowOrders {
  readonly bids: readonly Bid[];
  readonly offers: readonly Offer[];
}

/** Bids and offers of a window that are open. */
export function ordersOf(
  { bids, offers }: { readonly bids: ReadonlyMap<Address, Bid>; readonly offers: ReadonlyMap<Address, Offer> },
  capacity: Address,
): WindowOrders {
  return {
    bids: [...bids.values()].filter((bid) => bid.capacity === capacity),
    offers: [...offers.values()].filter((offer) => offer.capacity === capacity),
  };
}

/** The book that the orders of a window make. Settled asks are in it with what they have not sold, so it is told before. */
export function bookOf({ bids, offers }: WindowOrders): AuctionBook {
  return {
    bids,
    asks: offers
      .map((offer) => ({ pricePerKwh: offer.pricePerKwh, energyWh: askWh(offer) }))
      .filter(({ energyWh }) => energyWh > 0n),
  };
}
