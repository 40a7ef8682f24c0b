/**
 * Events of the market, read from transaction logs. Only what the program itself logged is believed: lines of other
 * programs, of programs that it calls or that call it, are not its events.
 */

import { getBase64Encoder, type Address } from '@solana/kit';

import { cost } from '../amount/cost';
import { hex } from '../chain/hex';
import { BidState, decodeMultibusEvent, PurchaseKind, RefundOutcome } from '../generated';
import { PROGRAM } from '../programs';
import type { Bidden, BidSettlement } from './bids';
import { sourceOf, type Fill, type Source, type Trade } from './model';

/** What screens need to know of what happened. */
export type MarketEvent =
  | {
      readonly kind: 'purchased';
      readonly hash: string;
      readonly buyer: Address;
      readonly lane: number;
      readonly nonce: bigint;
      readonly at: number;
      readonly purchase: Trade['kind'];
      readonly fills: readonly Fill[];
    }
  /** A bid was made for energy of a window. */
  | ({ readonly kind: 'bidden' } & Bidden)
  /** A bid was filled, returned or refunded. */
  | ({ readonly kind: 'bidSettled'; readonly bid: Address; readonly hash: string } & BidSettlement)
  /** A bid was withdrawn; its account is closed. */
  | { readonly kind: 'bidCancelled'; readonly bid: Address }
  /** An account closed: of an offer, a lock, a seller, a meter, a book, a certificate or whatever else. */
  | { readonly kind: 'closed'; readonly account: Address }
  | {
      readonly kind: 'listed';
      readonly offer: Address;
      readonly bus: Address;
      readonly seller: Address;
      readonly windowStart: number;
      readonly source: Source | undefined;
      readonly gridFeePerKwh: bigint;
    }
  /** All of a certificate was given to another wallet. */
  | { readonly kind: 'given'; readonly certificate: Address; readonly to: Address }
  /** A bus closed, with its ledger and its general capacity; it has become a tombstone. */
  | { readonly kind: 'busClosed'; readonly bus: Address }
  /** A delivery book was opened. */
  | { readonly kind: 'bookOpened'; readonly book: Address; readonly bus: Address; readonly seller: Address }
  /** Tokens left an account of a bus. */
  | { readonly kind: 'paidOut' };

/** Whether an event tells of what spent a nonce: a purchase, or a bid. */
export function isPurchase(event: MarketEvent): event is Extract<MarketEvent, { kind: 'purchased' | 'bidden' }> {
  return event.kind === 'purchased' || event.kind === 'bidden';
}

/** The market's events in the log of a transaction that succeeded. */
export function eventsOf(logs: readonly string[] | null | undefined): MarketEvent[] {
  return dataOf(logs).flatMap((base64) => read(base64) ?? []);
}

/** Every event in the log of a transaction that succeeded, as the program has it. */
export function rawEventsOf(logs: readonly string[] | null | undefined): readonly RawEvent[] {
  return dataOf(logs).flatMap((base64) => decoded(base64) ?? []);
}

/** Accounts that changed in a transaction. */
export interface Changes {
  /** Those of kinds that are subscribed to. */
  readonly accounts: readonly Address[];
  /** Delivery books, which are not. */
  readonly books: readonly Address[];
}

/** What changed in a transaction that succeeded, as far as its log tells. */
export function changesOf(logs: readonly string[] | null | undefined): Changes {
  const events = rawEventsOf(logs);
  return { accounts: events.flatMap(accountsChangedBy), books: events.flatMap(booksChangedBy) };
}

/** What the program itself logged, in base64. */
function dataOf(logs: readonly string[] | null | undefined): string[] {
  const found: string[] = [];
  const stack: string[] = [];
  for (const line of logs ?? []) {
    // Later lines may be missing, so nobody could tell any more whose they are.
    if (line === 'Log truncated') break;
    if (!line.startsWith('Program ')) continue;
    const rest = line.slice('Program '.length);
    if (rest.startsWith('log: ')) continue;
    if (rest.startsWith('data: ')) {
      if (stack.at(-1) !== PROGRAM) continue;
      found.push(rest.slice('data: '.length).split(' ')[0] ?? '');
      continue;
    }
    const [program = '', ...words] = rest.split(' ');
    const what = words.join(' ');
    if (what.startsWith('invoke [')) stack.push(program);
    // Real logs never close a frame with a different program.
    else if ((what === 'success' || what.startsWith('failed')) && stack.pop() !== program) break;
  }
  return found;
}

/** An event of the program; `undefined` for what is none. */
function decoded(base64: string): ReturnType<typeof decodeMultibusEvent> {
  try {
    return decodeMultibusEvent(new Uint8Array(getBase64Encoder().encode(base64)));
  } catch {
    return undefined;
  }
}

/** Whether a log was cut, so that events may be missing from it. */
export function isCut(logs: readonly string[] | null | undefined): boolean {
  return logs?.includes('Log truncated') === true;
}

/** An event; `undefined` for what is none, or what the program cannot have said: it sells at the exact cost. */
function read(base64: string): MarketEvent | undefined {
  const event = toldBy(decoded(base64));
  if (event?.kind !== 'purchased') return event;
  const sold = ({ energyWh, pricePerKwh, cost: paid }: Fill) => energyWh > 0n && cost(energyWh, pricePerKwh) === paid;
  return event.fills.length > 0 && event.fills.every(sold) ? event : undefined;
}

const UNPAID: number = RefundOutcome.Unpaid;
const REFUNDED: number = BidState.Refunded;

const PURCHASES: Readonly<Partial<Record<number, Trade['kind']>>> = {
  [PurchaseKind.Single]: 'single',
  [PurchaseKind.Batch]: 'batch',
  [PurchaseKind.LockSettlement]: 'lock',
} satisfies Record<Exclude<PurchaseKind, PurchaseKind.Bid>, Trade['kind']>;

/** What an event tells screens; `undefined` for what they read from accounts. */
function toldBy(event: RawEvent | undefined): MarketEvent | undefined {
  switch (event?.__kind) {
    case 'EnergyPurchased': {
      const { data } = event;
      return {
        kind: 'purchased',
        hash: hex(data.transactionHash),
        buyer: data.buyer,
        lane: data.lane,
        nonce: data.nonce,
        at: Number(data.purchasedAt),
        purchase: PURCHASES[data.kind] ?? 'single',
        fills: data.fills.map(({ offer, energyWh, pricePerKwh, cost }) => ({ offer, energyWh, pricePerKwh, cost })),
      };
    }
    case 'BidCreated': {
      const { bid, bus, capacity, buyer, lane, nonce, energyWh, maxPricePerKwh, deposit } = event.data;
      return {
        ...{ kind: 'bidden', bid, bus, capacity, buyer, lane, nonce, energyWh, maxPricePerKwh, deposit },
        hash: hex(event.data.transactionHash),
        windowStart: Number(event.data.windowStart),
        at: Number(event.data.createdAt),
      };
    }
    case 'BidSettled': {
      const { bid, allottedWh, paid, returned, deliveredWh, closed } = event.data;
      const isFinal = closed === 1 || event.data.state === REFUNDED;
      const settlement = { allottedWh, paid, returned, deliveredWh, isFinal, isClosed: closed === 1 };
      return { kind: 'bidSettled', bid, hash: hex(event.data.transactionHash), ...settlement };
    }
    case 'BidCancelled':
      return { kind: 'bidCancelled', bid: event.data.bid };
    case 'OfferCreated': {
      const { offer, bus, seller, windowStart, source, gridFeePerKwh } = event.data;
      const from = { source: sourceOf(source), windowStart: Number(windowStart), gridFeePerKwh };
      return { kind: 'listed', offer, bus, seller, ...from };
    }
    case 'BookOpened': {
      const { book, bus, seller } = event.data;
      return { kind: 'bookOpened', book, bus, seller };
    }
    case 'OfferCancelled':
      return event.data.closed === 1 ? { kind: 'closed', account: event.data.offer } : undefined;
    case 'LockReleased':
      // A lock whose refund cannot be paid yet stays.
      return event.data.outcome === UNPAID ? { kind: 'paidOut' } : { kind: 'closed', account: event.data.lock };
    case 'SellerClosed':
      return { kind: 'closed', account: event.data.seller };
    case 'ClaimPaid':
      return { kind: 'closed', account: event.data.claim };
    case 'BusClosed':
      return { kind: 'busClosed', bus: event.data.bus };
    case 'ProposalClosed':
      return { kind: 'closed', account: event.data.proposal };
    case 'CapacityClosed':
      return { kind: 'closed', account: event.data.capacity };
    case 'TraderClosed':
      return { kind: 'closed', account: event.data.trader };
    case 'MeterClosed':
      return { kind: 'closed', account: event.data.meter };
    case 'DeviceClosed':
      return { kind: 'closed', account: event.data.device };
    case 'BookClosed':
      return { kind: 'closed', account: event.data.book };
    case 'PositionClosed':
      return { kind: 'closed', account: event.data.position };
    case 'CertificateRetired':
      return { kind: 'closed', account: event.data.certificate };
    case 'CertificateTransferred': {
      const { certificate, transferred, to } = event.data;
      return transferred === certificate ? { kind: 'given', certificate, to } : undefined;
    }
    case 'DeliveryRefunded':
    case 'GridFeesSwept':
    case 'TreasuryClaimed':
    case 'SellerWithdrawn':
    case 'ProposalExecuted':
      return { kind: 'paidOut' };
    default:
      return undefined;
  }
}

/** An event of the program. */
export type RawEvent = NonNullable<ReturnType<typeof decodeMultibusEvent>>;

/** Delivery books that an event tells the change of. */
function booksChangedBy(event: RawEvent): readonly Address[] {
  switch (event.__kind) {
    case 'DeliveryReported':
    case 'DeliveryReleased':
    case 'DeliveryRefunded':
    case 'CertificateTaken':
    case 'PoolReported':
      return [event.data.book];
    default:
      return [];
  }
}

/** Accounts of kinds that are subscribed to that an event tells the change of. What closed, the event itself tells. */
function accountsChangedBy(event: RawEvent): readonly Address[] {
  switch (event.__kind) {
    case 'EnergyPurchased':
      return event.data.fills.map(({ offer }) => offer);
    case 'OfferCreated':
    case 'OfferRepriced':
    case 'OfferExpirySet':
      return [event.data.offer];
    case 'OfferCancelled':
      return event.data.closed === 1 ? [] : [event.data.offer];
    case 'OfferCollected':
      return [event.data.offer, event.data.seller];
    case 'LockTaken':
      return [event.data.lock, event.data.offer];
    case 'LockReleased':
      return event.data.outcome === UNPAID ? [event.data.lock] : [];
    case 'SellerOpened':
    case 'SellerAdmitted':
    case 'SellerSuspended':
    case 'SellerWithdrawn':
    case 'GridFeesSwept':
      return [event.data.seller];
    case 'ProposalCreated':
    case 'ProposalApproved':
    case 'ProposalRevoked':
    case 'ProposalExecuted':
      return [event.data.proposal];
    case 'BusCreated':
      return [event.data.bus, event.data.ledger, event.data.capacity];
    case 'CapacityOpened':
    case 'AuctionCleared':
      return [event.data.capacity];
    case 'BidCreated':
      return [event.data.bid, event.data.capacity];
    case 'BidCancelled':
      return [event.data.capacity];
    case 'BidSettled':
      return event.data.closed === 1 ? [event.data.capacity] : [event.data.bid, event.data.capacity];
    case 'AskSettled':
      return [event.data.offer, event.data.capacity];
    case 'PoolReported':
      return event.data.windowStart === 0n ? [event.data.seller] : [event.data.seller, event.data.capacity];
    case 'ClaimOwed':
      return [event.data.claim];
    case 'MeterRegistered':
    case 'MeterReplaced':
      return [event.data.meter];
    default:
      return [];
  }
}
