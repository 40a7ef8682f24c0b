/** What screens read: the market and the connected wallet at one moment. */

import type { Address } from '@solana/kit';

import type { Bus, Capacity, Lock, Offer, OfferOrigin, Proposal, Trade, Trader } from './model';

/** How the connection stands. */
export type Status =
  { readonly kind: 'connecting' } | { readonly kind: 'live' } | { readonly kind: 'lost'; readonly cause: string };

/** What the connected wallet has. */
export interface Holdings {
  readonly wallet: Address;
  readonly lamports: bigint;
  /** Nonce lanes, by lane. */
  readonly traders: readonly Trader[];
}

/** Everything that screens show. */
export interface MarketState {
  readonly status: Status;
  readonly slot: bigint;
  /** Chain time minus this machine's time, in seconds. */
  readonly clockOffset: number;
  readonly buses: ReadonlyMap<Address, Bus>;
  readonly capacities: ReadonlyMap<Address, Capacity>;
  readonly offers: ReadonlyMap<Address, Offer>;
  readonly locks: ReadonlyMap<Address, Lock>;
  readonly proposals: ReadonlyMap<Address, Proposal>;
  /** Newest first. */
  readonly trades: readonly Trade[];
  /** Why older trades could not be read. */
  readonly tradesMissing: string | undefined;
  readonly origins: ReadonlyMap<Address, OfferOrigin>;
  /** Token accounts that somebody watches, in base units. */
  readonly balances: ReadonlyMap<Address, bigint>;
  readonly holdings: Holdings | undefined;
}

/** The state before anything was read. */
export const UNREAD: MarketState = {
  status: { kind: 'connecting' },
  slot: 0n,
  clockOffset: 0,
  buses: new Map(),
  capacities: new Map(),
  offers: new Map(),
  locks: new Map(),
  proposals: new Map(),
  trades: [],
  tradesMissing: undefined,
  origins: new Map(),
  balances: new Map(),
  holdings: undefined,
};
