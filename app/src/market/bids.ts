/** What became of bids, as events tell it: their accounts close once nothing more can come of them. */

import type { Address } from '@solana/kit';

import type { MarketEvent } from './events';
import type { Bid } from './model';

/** A bid that was made. */
export interface Bidden {
  readonly bid: Address;
  readonly hash: string;
  readonly buyer: Address;
  readonly lane: number;
  readonly nonce: bigint;
  readonly at: number;
  readonly bus: Address;
  /** The window's capacity. */
  readonly capacity: Address;
  readonly windowStart: number;
  readonly energyWh: bigint;
  /** With the grid fee. */
  readonly maxPricePerKwh: bigint;
  readonly deposit: bigint;
}

/** What a settlement made of a bid. */
export interface BidSettlement {
  readonly allottedWh: bigint;
  /** What it has paid, less what came back since it was not delivered. */
  readonly paid: bigint;
  /** What went back to the buyer with this settlement. */
  readonly returned: bigint;
  readonly deliveredWh: bigint;
  /** Whether what it paid is final: nothing waits for a reading. */
  readonly isFinal: boolean;
  readonly isClosed: boolean;
}

/** A bid, and what became of it as far as events told. */
export interface BidTale extends Bidden {
  readonly signature: string;
  readonly isCancelled: boolean;
  /** `undefined` before it was settled. */
  readonly settlement: BidSettlement | undefined;
}

/** Tales of bids, with what the accounts say of those that are open: they are fresher, and tell of what no event was heard. */
export function talesWith(accounts: Iterable<Bid>, tales: ReadonlyMap<Address, BidTale>): readonly BidTale[] {
  const all = new Map(tales);
  for (const account of accounts) {
    const { address: bid, hash, buyer, createdAt: at, bus, capacity, windowStart, energyWh, maxPricePerKwh } = account;
    const { deposit, state, allottedWh, paid, deliveredWh } = account;
    const told = tales.get(bid) ?? {
      ...{ bid, hash, buyer, at, bus, capacity, windowStart, energyWh, maxPricePerKwh, deposit },
      ...{ lane: 0, nonce: 0n, signature: '', isCancelled: false, settlement: undefined },
    };
    const isFinal = state === 'refunded';
    const settlement = { allottedWh, paid, returned: 0n, deliveredWh, isFinal, isClosed: false };
    if (!told.isCancelled && told.settlement?.isClosed !== true) {
      all.set(bid, { ...told, settlement: state === 'open' ? undefined : settlement });
    }
  }
  return [...all.values()];
}

/** How far a settlement is: a bid is filled, then refunded, then closed. */
const rank = ({ isFinal, isClosed }: BidSettlement) => Number(isFinal) + Number(isClosed);

type Told = Extract<MarketEvent, { kind: 'bidden' | 'bidSettled' | 'bidCancelled' }>;

/** Whether an event tells of a bid. */
export function isOfBid(event: MarketEvent): event is Told {
  return event.kind === 'bidden' || event.kind === 'bidSettled' || event.kind === 'bidCancelled';
}

/** Collects what events tell of bids, in whatever order they come. */
export class BidBook {
  private readonly made = new Map<Address, Bidden & { readonly signature: string }>();
  private readonly cancelled = new Set<Address>();
  private readonly settlements = new Map<Address, BidSettlement>();

  /** Takes an event; whether it told something new. */
  take(event: Told, signature: string): boolean {
    switch (event.kind) {
      case 'bidden': {
        if (this.made.has(event.bid)) return false;
        const { kind: _, ...bidden } = event;
        this.made.set(event.bid, { ...bidden, signature });
        return true;
      }
      case 'bidCancelled': {
        const isNew = !this.cancelled.has(event.bid);
        this.cancelled.add(event.bid);
        return isNew;
      }
      case 'bidSettled': {
        const { kind: _, bid, hash: __, ...settlement } = event;
        const known = this.settlements.get(bid);
        if (known !== undefined && rank(known) >= rank(settlement)) return false;
        this.settlements.set(bid, settlement);
        return true;
      }
    }
  }

  /** Takes what was known at another time. */
  keep(tales: Iterable<BidTale>): void {
    for (const { isCancelled, settlement, ...bidden } of tales) {
      if (!this.made.has(bidden.bid)) this.made.set(bidden.bid, bidden);
      if (isCancelled) this.cancelled.add(bidden.bid);
      if (settlement !== undefined && !this.settlements.has(bidden.bid)) this.settlements.set(bidden.bid, settlement);
    }
  }

  /** Bids of which the beginning is known. */
  tales(): ReadonlyMap<Address, BidTale> {
    return new Map(
      [...this.made].map(([bid, bidden]) => [
        bid,
        { ...bidden, isCancelled: this.cancelled.has(bid), settlement: this.settlements.get(bid) },
      ]),
    );
  }
}
