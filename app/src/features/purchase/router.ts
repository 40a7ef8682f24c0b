/**
 * Fills a wanted amount of energy at the lowest total cost from many offers: the same plan, to the base unit, as
 * `client/src/router.rs` makes (whose page explains the bound and the search). Pure: no chain, no clock.
 */

import type { Address } from '@solana/kit';

import { ceilDiv, cost, U64_MAX } from '../../amount/cost';
import { TRANSACTION_ACCOUNTS, TRANSACTION_BYTES, WALLET_BYTES } from '../../chain/limits';
import { MAX_BATCH_ITEMS, WH_PER_KWH } from '../../generated/constants';
import type { Offer } from '../../market/model';
import { t } from '../../words';

/** Nodes that the search for a cheaper rounding visits at most. */
export const SEARCH_NODES = 50_000;

/** What the router needs to know of an offer. */
export interface RouterOffer {
  readonly offer: Address;
  readonly bus: Address;
  /** The seller's vault, which is paid. */
  readonly vault: Address;
  /** The seller's wallet. */
  readonly seller: Address;
  /** Energy that can be bought, in Wh. */
  readonly freeWh: bigint;
  /** In base units per kWh, with the grid fee. */
  readonly pricePerKwh: bigint;
  /** Least energy that can be bought of it, in Wh, but for all that is free. */
  readonly leastWh: bigint;
  /** The seller's delivery book, where it is paid for what is delivered. */
  readonly book?: Address | undefined;
  /** Whether buying opens the buyer's position book on it, in the same transaction. */
  readonly opensPosition?: boolean;
}

/** What a buyer wants. */
export interface Want {
  readonly energyWh: bigint;
  /** Smallest amount that is acceptable where there is not enough; `energyWh` for all or nothing. */
  readonly minEnergyWh: bigint;
  readonly maxPricePerKwh: bigint;
  readonly maxTotal: bigint;
  /** Whose offers must not be bought: the buyer's own are refused by the program. */
  readonly excludedSellers: readonly Address[];
}

/** Part of an offer to buy. */
export interface RouterFill {
  readonly offer: RouterOffer;
  readonly energyWh: bigint;
  readonly cost: bigint;
}

/** Which part of which offers to buy, in order of price. */
export interface Quote {
  readonly fills: readonly RouterFill[];
  readonly energyWh: bigint;
  readonly totalCost: bigint;
  /** No plan costs less; equal to `totalCost` where that is proven. */
  readonly lowerBound: bigint;
}

/** A plan, or the sentence that says why there is none. */
export type Quoted =
  | { readonly ok: true; readonly quote: Quote }
  | {
      readonly ok: false;
      readonly reason: string;
      readonly availableWh?: bigint;
      readonly leastCost?: bigint;
      /** The largest least size of the offers, where the amount cannot be divided into parts that they sell. */
      readonly leastWh?: bigint;
    };

/** Exactly `energyWh`, at any price, from anyone. */
export function exactly(energyWh: bigint): Want {
  return { energyWh, minEnergyWh: energyWh, maxPricePerKwh: U64_MAX, maxTotal: U64_MAX, excludedSellers: [] };
}

const byBigint = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);
/** The order of the addresses' bytes, which their base58 text has where it is equally long without leading ones. */
const byAddress = (a: Address, b: Address) => {
  const [left, right] = [a.replace(/^1+/, ''), b.replace(/^1+/, '')];
  return left.length - right.length || (left < right ? -1 : left > right ? 1 : 0);
};
const least = (a: bigint, b: bigint) => (a < b ? a : b);
const most = (a: bigint, b: bigint) => (a > b ? a : b);

/** Finds the cheapest way to buy what is wanted. */
export function quote(offers: readonly RouterOffer[], want: Want): Quoted {
  const { energyWh, minEnergyWh, maxTotal } = want;
  if (energyWh <= 0n) return { ok: false, reason: t.router.askForAtLeast1 };
  if (minEnergyWh <= 0n || minEnergyWh > energyWh) {
    return { ok: false, reason: t.router.theSmallestAcceptableAmountMust };
  }
  const usable = offers
    .filter(
      (offer) =>
        offer.freeWh > 0n && offer.pricePerKwh <= want.maxPricePerKwh && !want.excludedSellers.includes(offer.seller),
    )
    .sort(
      (a, b) =>
        byBigint(a.pricePerKwh, b.pricePerKwh) ||
        byBigint(b.freeWh, a.freeWh) ||
        byAddress(a.seller, b.seller) ||
        byAddress(a.offer, b.offer),
    );
  const availableWh = usable.reduce((sum, offer) => sum + offer.freeWh, 0n);
  if (availableWh < minEnergyWh) {
    return { ok: false, reason: t.router.thereIsNotEnoughEnergy, availableWh };
  }
  const tooSmall: Quoted = {
    ok: false,
    reason: t.router.thePartsAreTooSmall,
    leastWh: usable.reduce((largest, offer) => most(offer.leastWh, largest), 0n),
  };
  let wanted = least(availableWh, energyWh);
  let best = cheapest(usable, wanted);
  if ('mostWh' in best) {
    if (best.mostWh < minEnergyWh) return tooSmall;
    wanted = best.mostWh;
    best = cheapest(usable, wanted);
  }
  if ('mostWh' in best) return tooSmall;
  if ('fills' in best && best.totalCost <= maxTotal) return { ok: true, quote: best };
  const smallest = smallestPlan(usable, minEnergyWh, wanted);
  if ('mostWh' in smallest) return tooSmall;
  if (!('fills' in smallest)) return { ok: false, reason: t.router.theCostExceedsWhat64 };
  if (smallest.totalCost > maxTotal) {
    return {
      ok: false,
      reason: t.router.evenTheSmallestAcceptableAmount,
      leastCost: smallest.totalCost,
    };
  }
  // The lowest cost never falls with the amount, so the largest amount within the total is found by halving.
  let within = smallest;
  let above = wanted;
  while (above - within.energyWh > 1n) {
    const middle = within.energyWh + (above - within.energyWh) / 2n;
    const plan = cheapest(usable, middle);
    if ('fills' in plan && plan.totalCost <= maxTotal) within = plan;
    else above = middle;
  }
  return { ok: true, quote: within };
}

/** Why an amount has no plan: its cost exceeds 64 bits, or it would need a part that is too small for its offer. */
type NoPlan = { readonly exceeds: '64 bits' } | { /** This much can be bought. */ readonly mostWh: bigint };

const EXCEEDS: NoPlan = { exceeds: '64 bits' };

/** Whether the program sells this much of an offer at once. */
const sells = ({ leastWh, freeWh }: RouterOffer, energyWh: bigint) =>
  energyWh === 0n || energyWh >= leastWh || energyWh === freeWh;

/** Offers whose smallest part is tried where the smallest acceptable amount cannot be bought. */
const SMALL_PARTS = 16;

/** Cheapest plan for the smallest amount from `minEnergyWh` to `wanted` that the offers sell. */
function smallestPlan(offers: readonly RouterOffer[], minEnergyWh: bigint, wanted: bigint): Quote | NoPlan {
  const refused = cheapest(offers, minEnergyWh);
  if (!('mostWh' in refused)) return refused;
  // The smallest part of one offer alone, at the lowest prices first.
  const parts = offers
    .slice(0, SMALL_PARTS)
    .map(({ leastWh, freeWh }) => least(leastWh, freeWh))
    .filter((part) => part >= minEnergyWh && part <= wanted)
    .sort(byBigint);
  for (const part of parts) {
    const plan = cheapest(offers, part);
    if ('fills' in plan) return plan;
  }
  return refused;
}

/**
 * The cheapest energy first, up to `wanted` Wh, in parts that the offers sell: a part below the least size gets what it
 * lacks from the parts before it, or is left out.
 */
function greedyAmounts(offers: readonly RouterOffer[], wanted: bigint): bigint[] {
  let amounts = offers.map(() => 0n);
  let left = wanted;
  for (const [index, offer] of offers.entries()) {
    if (left === 0n) break;
    const amount = least(offer.freeWh, left);
    if (sells(offer, amount)) {
      amounts[index] = amount;
      left -= amount;
      continue;
    }
    const smallest = least(offer.leastWh, offer.freeWh);
    let lacking = smallest - left;
    const lent = [...amounts];
    for (let earlier = index - 1; earlier >= 0; earlier -= 1) {
      const [lender, held] = [offers[earlier], lent[earlier]];
      if (lender === undefined || held === undefined) continue;
      const part = least(most(held - lender.leastWh, 0n), lacking);
      lent[earlier] = held - part;
      lacking -= part;
    }
    if (lacking === 0n) {
      amounts = lent;
      amounts[index] = smallest;
      left = 0n;
    }
  }
  return amounts;
}

/** Cheapest plan for exactly `wanted` Wh from offers sorted by price, which hold them. */
function cheapest(offers: readonly RouterOffer[], wanted: bigint): Quote | NoPlan {
  const amounts = greedyAmounts(offers, wanted);
  const mostWh = amounts.reduce((sum, amount) => sum + amount, 0n);
  if (mostWh !== wanted) return { mostWh };
  // The floor and the last price are those of the cheapest energy, whatever part of it the offers sell.
  let left = wanted;
  let lastPrice = 0n;
  let floorMilli = 0n;
  for (const offer of offers) {
    if (left === 0n) break;
    const amount = least(offer.freeWh, left);
    left -= amount;
    lastPrice = offer.pricePerKwh;
    floorMilli += amount * offer.pricePerKwh;
  }
  const lowerBound = ceilDiv(floorMilli, WH_PER_KWH);
  if (lowerBound > U64_MAX) return EXCEEDS;
  const search = new Search(offers, wanted, lastPrice, floorMilli, amounts);
  if (search.bestRank.cost > U64_MAX) return EXCEEDS;
  search.run();
  const fills: RouterFill[] = [];
  for (const [index, offer] of offers.entries()) {
    const energyWh = search.best[index] ?? 0n;
    if (energyWh === 0n) continue;
    const units = cost(energyWh, offer.pricePerKwh);
    if (units === undefined) return EXCEEDS;
    fills.push({ offer, energyWh, cost: units });
  }
  const totalCost = search.bestRank.cost;
  const proven = search.nodesLeft > 0;
  return { fills, energyWh: wanted, totalCost, lowerBound: proven ? totalCost : least(lowerBound, totalCost) };
}

/** What a fill's rounding wastes, in thousandths of a base unit. */
function waste(energyWh: bigint, offer: RouterOffer): bigint {
  return (1_000n - ((energyWh * offer.pricePerKwh) % 1_000n)) % 1_000n;
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

interface Rank {
  readonly cost: bigint;
  readonly fills: number;
}

const isBelow = (a: Rank, b: Rank) => a.cost < b.cost || (a.cost === b.cost && a.fills < b.fills);

interface Candidate {
  readonly index: number;
  /** Difference to the price of the last Wh, in base units per kWh. */
  readonly distance: bigint;
  readonly cheaper: boolean;
  /** Free energy of this candidate and of all after it, and the largest of them, in Wh. */
  freeFromHere: bigint;
  largestFromHere: bigint;
}

/** Branch and bound over the few offers whose amounts can matter to the rounding. */
class Search {
  best: bigint[];
  bestRank: Rank;
  nodesLeft = SEARCH_NODES;
  private current: bigint[] = [];
  private readonly candidates: Candidate[] = [];

  constructor(
    private readonly offers: readonly RouterOffer[],
    private readonly wanted: bigint,
    private readonly lastPrice: bigint,
    private readonly floorMilli: bigint,
    greedy: bigint[],
  ) {
    this.best = greedy;
    this.bestRank = this.rank(greedy);
    const aligned = this.aligned();
    const rank = this.rank(aligned);
    const isSold = offers.every((offer, index) => sells(offer, aligned[index] ?? 0n));
    if (isSold && isBelow(rank, this.bestRank)) {
      this.best = aligned;
      this.bestRank = rank;
    }
  }

  run(): void {
    const free = this.offers.map((offer) => offer.freeWh).sort((a, b) => byBigint(b, a));
    let covered = 0n;
    let fewest = 0;
    for (const amount of free) {
      if (covered >= this.wanted) break;
      covered += amount;
      fewest += 1;
    }
    if (!isBelow({ cost: ceilDiv(this.floorMilli, WH_PER_KWH), fills: fewest }, this.bestRank)) return;
    const budget = this.budget();
    let penalty = 0n;
    let fills = 0;
    let left = this.wanted;
    this.current = this.offers.map(() => 0n);
    for (const [index, offer] of this.offers.entries()) {
      const cheaper = offer.pricePerKwh < this.lastPrice;
      const distance = cheaper ? this.lastPrice - offer.pricePerKwh : offer.pricePerKwh - this.lastPrice;
      if (distance <= budget) {
        this.candidates.push({ index, distance, cheaper, freeFromHere: 0n, largestFromHere: 0n });
      } else if (cheaper) {
        // Not even one Wh of it can be left out.
        this.current[index] = offer.freeWh;
        penalty += waste(offer.freeWh, offer);
        fills += 1;
        left -= offer.freeWh;
      }
    }
    let freeFromHere = 0n;
    let largestFromHere = 0n;
    for (const candidate of this.candidates.toReversed()) {
      const amount = this.offers[candidate.index]?.freeWh ?? 0n;
      freeFromHere += amount;
      largestFromHere = most(amount, largestFromHere);
      candidate.freeFromHere = freeFromHere;
      candidate.largestFromHere = largestFromHere;
    }
    this.visit(0, left, penalty, fills);
  }

  private rank(amounts: readonly bigint[]): Rank {
    let total = 0n;
    let fills = 0;
    for (const [index, offer] of this.offers.entries()) {
      const amount = amounts[index] ?? 0n;
      total += ceilDiv(amount * offer.pricePerKwh, WH_PER_KWH);
      fills += amount > 0n ? 1 : 0;
    }
    return { cost: total, fills };
  }

  /** Among the offers at the last price, amounts that round without waste, the rest in one. */
  private aligned(): bigint[] {
    const amounts = [...this.best];
    const last = this.offers.flatMap((offer, index) =>
      offer.pricePerKwh === this.lastPrice ? [{ index, freeWh: offer.freeWh }] : [],
    );
    let left = 0n;
    for (const { index } of last) {
      left += amounts[index] ?? 0n;
      amounts[index] = 0n;
    }
    const period = 1_000n / gcd(1_000n, this.lastPrice);
    for (const { index, freeWh } of last) {
      const whole = (least(freeWh, left) / period) * period;
      amounts[index] = whole;
      left -= whole;
    }
    for (const { index, freeWh } of last) {
      const more = least(left, freeWh - (amounts[index] ?? 0n));
      amounts[index] = (amounts[index] ?? 0n) + more;
      left -= more;
    }
    return amounts;
  }

  /** Thousandths of a base unit that a plan may lose against the floor and still be better than the best. */
  private budget(): bigint {
    return this.bestRank.cost * 1_000n - this.floorMilli;
  }

  private visit(depth: number, left: bigint, penalty: bigint, fills: number): void {
    if (this.nodesLeft === 0) return;
    this.nodesLeft -= 1;
    const costAtLeast = ceilDiv(this.floorMilli + penalty, WH_PER_KWH);
    const candidate = this.candidates[depth];
    if (candidate === undefined) {
      const rank = { cost: costAtLeast, fills };
      if (left === 0n && isBelow(rank, this.bestRank)) {
        this.bestRank = rank;
        this.best = [...this.current];
      }
      return;
    }
    const { index, distance, cheaper, freeFromHere, largestFromHere } = candidate;
    const moreFills = left === 0n ? 0 : Number(ceilDiv(left, largestFromHere));
    const atLeast = { cost: costAtLeast, fills: fills + moreFills };
    const offer = this.offers[index];
    if (offer === undefined || left > freeFromHere || !isBelow(atLeast, this.bestRank)) return;
    const later = freeFromHere - offer.freeWh;
    let lowest = most(left - later, 0n);
    let highest = least(offer.freeWh, left);
    // What may be moved against the price, in Wh.
    const spare = most(this.budget() - penalty, 0n);
    if (distance > 0n) {
      const movable = spare / distance;
      if (cheaper) lowest = most(lowest, most(offer.freeWh - movable, 0n));
      else highest = least(highest, movable);
    }
    if (lowest > highest) return;
    // Whole amounts first, which rarely waste; then every other one that the offer sells.
    for (const amount of amountsOf(offer, lowest, highest)) {
      if (this.nodesLeft === 0) return;
      const moved = cheaper ? offer.freeWh - amount : amount;
      this.current[index] = amount;
      const worse = penalty + moved * distance + waste(amount, offer);
      this.visit(depth + 1, left - amount, worse, fills + (amount > 0n ? 1 : 0));
    }
    this.current[index] = 0n;
  }
}

/** Every amount from `lowest` to `highest` that an offer sells, the largest first. */
function* amountsOf({ leastWh, freeWh }: RouterOffer, lowest: bigint, highest: bigint): Generator<bigint> {
  for (let amount = highest, end = most(most(lowest, leastWh), 1n); amount >= end; amount -= 1n) yield amount;
  if (freeWh > 0n && freeWh < leastWh && freeWh >= lowest && freeWh <= highest) yield freeWh;
  if (lowest === 0n) yield 0n;
}

/** What limits a batch. */
export interface BatchLimits {
  /** Items, 1 to 32. */
  readonly items: number;
  /** Bytes on the wire. */
  readonly bytes: number;
  /** Accounts that the transaction locks. */
  readonly accounts: number;
}

/** System program; the instruction that opens a lane: program, three accounts, discriminator, lane, first slot. */
const BYTES_OPENING = 32 + (1 + 1 + 3 + 1 + 1 + 2 + 8);

/** The instruction that opens a position book: program, five accounts, discriminator, buyer. */
const BYTES_POSITION_OPENING = 1 + 1 + 5 + 1 + (1 + 32);

/** Limits of a transaction, with room for what wallets add and, where the lane is not open yet, for its opening. */
export function batchLimits(opensLane: boolean): BatchLimits {
  return {
    items: Number(MAX_BATCH_ITEMS),
    bytes: TRANSACTION_BYTES - WALLET_BYTES - (opensLane ? BYTES_OPENING : 0),
    accounts: TRANSACTION_ACCOUNTS - (opensLane ? 1 : 0),
  };
}

/** Signature count, signature, version, header, key count, blockhash, instruction count, lookup count. */
const BYTES_FIXED = 1 + 64 + 1 + 3 + 1 + 32 + 1 + 1;
/** Buyer, trader lane, payment account, token program; then the programs of market and compute budget. */
const KEYS_FIXED = 6;
/** Compute unit limit (5 bytes of data) and price (9 bytes), each with program, no accounts and data length. */
const BYTES_COMPUTE_BUDGET = 3 + 5 + (3 + 9);
/** Program index, two length prefixes of up to two bytes, four accounts; discriminator, nonce, total, item count. */
const BYTES_INSTRUCTION = 1 + 2 + 2 + 4 + (1 + 8 + 8 + 4);
/** Two account indices; Wh, price limit, version. */
const BYTES_ITEM = 2 + 8 + 8 + 4;
/** The account indices of the two books of an item on delivery terms. */
const BYTES_BOOKS = 2;
/** The account index of a bus, which stands once before its items. */
const BYTES_BUS = 1;
const BYTES_KEY = 32;
/** Keys of an item of a bus and a seller of its own, on purchase and on delivery terms: offer, bus, vault; two books. */
const KEYS_ITEM = 3;
const KEYS_DELIVERY_ITEM = KEYS_ITEM + 2;

/** Accounts that one item brings along. */
export type ItemAccounts = Pick<RouterOffer, 'offer' | 'bus' | 'vault' | 'book' | 'opensPosition'>;

/** Accounts of items that buy from these offers; `opens` says whether buying from one opens a position book. */
export function accountsOf(
  offers: readonly Pick<Offer, 'address' | 'bus' | 'vault' | 'book'>[],
  opens: (offer: Pick<Offer, 'book'>) => boolean,
): ItemAccounts[] {
  return offers.map((offer) => ({
    offer: offer.address,
    bus: offer.bus,
    vault: offer.vault,
    book: offer.book,
    opensPosition: opens(offer),
  }));
}

const busesOf = (items: readonly ItemAccounts[]) => new Set(items.map(({ bus }) => bus)).size;
const booksOf = (items: readonly ItemAccounts[]) =>
  new Set(items.flatMap(({ book, opensPosition }) => (book !== undefined && opensPosition === true ? [book] : [])));

/** Keys of items beside the fixed ones: each book has a position book; opening one names the system program. */
function keysOf(items: readonly ItemAccounts[]): number {
  const shared = new Set(items.flatMap(({ offer, bus, vault }) => [bus, offer, vault])).size;
  const books = new Set(items.flatMap(({ book }) => book ?? [])).size;
  return shared + 2 * books + (booksOf(items).size > 0 ? 1 : 0);
}

/**
 * Bytes of a batch's transaction, counted from above, without a lane's opening: by a few bytes at most, and by a key where a
 * position book is opened as well as a lane.
 */
export function wireBytes(items: readonly ItemAccounts[]): number {
  const keys = KEYS_FIXED + keysOf(items);
  const onDelivery = items.filter(({ book }) => book !== undefined).length;
  const named = busesOf(items) * BYTES_BUS + items.length * BYTES_ITEM + onDelivery * BYTES_BOOKS;
  const openings = booksOf(items).size * BYTES_POSITION_OPENING;
  return BYTES_FIXED + BYTES_COMPUTE_BUDGET + BYTES_INSTRUCTION + keys * BYTES_KEY + named + openings;
}

/** Whether items fit into one transaction. */
export function fits(items: readonly ItemAccounts[], limits: BatchLimits): boolean {
  return (
    items.length <= limits.items && wireBytes(items) <= limits.bytes && KEYS_FIXED + keysOf(items) <= limits.accounts
  );
}

/**
 * How many more items on terms like theirs fit beside these for certain, whatever their buses and sellers: on delivery terms
 * each may open a position book.
 */
export function roomFor(items: readonly ItemAccounts[], limits: BatchLimits): number {
  const isOnDelivery = items.some(({ book }) => book !== undefined);
  const keys = isOnDelivery ? KEYS_DELIVERY_ITEM : KEYS_ITEM;
  const each = BYTES_BUS + BYTES_ITEM + keys * BYTES_KEY + (isOnDelivery ? BYTES_BOOKS + BYTES_POSITION_OPENING : 0);
  // The first opening names the system program as well.
  const once = isOnDelivery && booksOf(items).size === 0 ? 1 : 0;
  const bytes = Math.floor((limits.bytes - wireBytes(items) - once * BYTES_KEY) / each);
  const accounts = Math.floor((limits.accounts - KEYS_FIXED - keysOf(items) - once) / keys);
  return Math.max(0, Math.min(bytes, accounts, limits.items - items.length));
}

/** Fills of one transaction. */
export interface Batch {
  readonly fills: readonly RouterFill[];
  readonly energyWh: bigint;
  readonly totalCost: bigint;
}

/**
 * Splits fills into as few batches as the limits allow, each one transaction. Fills of one bus and one seller stay
 * together, since they share accounts; within that, each goes to the first batch that has room.
 */
export function split(fills: readonly RouterFill[], limits: BatchLimits): Batch[] {
  const order = [...fills].sort(({ offer: a }, { offer: b }) => byAddress(a.bus, b.bus) || byAddress(a.vault, b.vault));
  const batches: RouterFill[][] = [];
  for (const fill of order) {
    const roomy = batches.find((batch) =>
      fits(
        [...batch, fill].map(({ offer }) => offer),
        limits,
      ),
    );
    if (roomy === undefined) batches.push([fill]);
    else roomy.push(fill);
  }
  return batches.map((batch) => ({
    fills: batch,
    energyWh: batch.reduce((sum, { energyWh }) => sum + energyWh, 0n),
    totalCost: batch.reduce((sum, fill) => sum + fill.cost, 0n),
  }));
}
