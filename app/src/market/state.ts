/** What screens read: the market and the connected wallet at one moment. */

import type { Address } from '@solana/kit';

import type { BidTale } from './bids';
import type {
  Bid,
  Book,
  Bus,
  Capacity,
  Certificate,
  Claim,
  Device,
  Ledger,
  Lock,
  Meter,
  Offer,
  OfferOrigin,
  Position,
  Proposal,
  Seller,
  Tombstone,
  Trade,
  Trader,
} from './model';

/** How the connection stands. */
export type Status =
  { readonly kind: 'connecting' } | { readonly kind: 'live' } | { readonly kind: 'lost'; readonly cause: string };

/** What the connected wallet has. */
export interface Holdings {
  readonly wallet: Address;
  /** `undefined` until it is read. */
  readonly lamports: bigint | undefined;
  /** Nonce lanes, by lane; `undefined` until they are read. */
  readonly traders: readonly Trader[] | undefined;
}

/** Everything that screens show. */
export interface MarketState {
  readonly status: Status;
  /** When all of it was current last, in milliseconds of this machine; `undefined` until everything was read once. */
  readonly readAt: number | undefined;
  readonly slot: bigint;
  /** Chain time minus this machine's time, in seconds. */
  readonly clockOffset: number;
  readonly buses: ReadonlyMap<Address, Bus>;
  /** What is left of closed buses, by the bus's address. */
  readonly tombstones: ReadonlyMap<Address, Tombstone>;
  /** By the bus's address. */
  readonly ledgers: ReadonlyMap<Address, Ledger>;
  readonly capacities: ReadonlyMap<Address, Capacity>;
  readonly sellers: ReadonlyMap<Address, Seller>;
  readonly offers: ReadonlyMap<Address, Offer>;
  readonly bids: ReadonlyMap<Address, Bid>;
  readonly locks: ReadonlyMap<Address, Lock>;
  readonly proposals: ReadonlyMap<Address, Proposal>;
  readonly claims: ReadonlyMap<Address, Claim>;
  readonly meters: ReadonlyMap<Address, Meter>;
  readonly devices: ReadonlyMap<Address, Device>;
  /** Those of the connected wallet's purchases and sales, and those of buses that somebody looks at. */
  readonly books: ReadonlyMap<Address, Book>;
  /** Buses of which all books are known. */
  readonly bookBuses: ReadonlySet<Address>;
  /** Those of the connected wallet. */
  readonly positions: ReadonlyMap<Address, Position>;
  /** Those of the connected wallet. */
  readonly certificates: ReadonlyMap<Address, Certificate>;
  /** Newest first. */
  readonly trades: readonly Trade[];
  /** Whether older trades were read, or why they could not be. */
  readonly tradesRead: boolean;
  /** Whether they are all that there ever were. */
  readonly tradesWhole: boolean;
  readonly tradesMissing: string | undefined;
  readonly origins: ReadonlyMap<Address, OfferOrigin>;
  /** Bids of which events told, also those that are closed; by their addresses. */
  readonly bidTales: ReadonlyMap<Address, BidTale>;
  /** Token accounts that somebody watches, in base units. */
  readonly balances: ReadonlyMap<Address, bigint>;
  readonly holdings: Holdings | undefined;
}

/** The state before anything was read. */
export const UNREAD: MarketState = {
  status: { kind: 'connecting' },
  readAt: undefined,
  slot: 0n,
  clockOffset: 0,
  buses: new Map(),
  tombstones: new Map(),
  ledgers: new Map(),
  capacities: new Map(),
  sellers: new Map(),
  offers: new Map(),
  bids: new Map(),
  locks: new Map(),
  proposals: new Map(),
  claims: new Map(),
  meters: new Map(),
  devices: new Map(),
  books: new Map(),
  bookBuses: new Set(),
  positions: new Map(),
  certificates: new Map(),
  trades: [],
  tradesRead: false,
  tradesWhole: false,
  tradesMissing: undefined,
  origins: new Map(),
  bidTales: new Map(),
  balances: new Map(),
  holdings: undefined,
};

/** A wallet's seller account on a bus, once it is open. */
export function sellerOf(
  { sellers }: Pick<MarketState, 'sellers'>,
  bus: Address,
  wallet: Address | undefined,
): Seller | undefined {
  for (const seller of sellers.values()) if (seller.wallet === wallet && seller.bus === bus) return seller;
  return undefined;
}
