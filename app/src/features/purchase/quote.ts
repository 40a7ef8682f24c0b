/** Quotes: which offers are bought within the buyer's limits, and why none are. Pure: no chain, no clock. */

import type { Address } from '@solana/kit';

import { U64_MAX } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { tokensLabel } from '../../amount/token';
import { Refusal } from '../../errors/explain';
import { opensPosition } from '../../market/delivery';
import { freeWh, isLargeEnough, untradable } from '../../market/model';
import type { MarketState } from '../../market/state';
import { t } from '../../words';
import { planItems, type Item, type Plan } from './plan';
import {
  batchLimits,
  quote,
  split,
  type Batch,
  type Quote,
  type Quoted,
  type RouterFill,
  type RouterOffer,
} from './router';

/** What a quote needs to know of the market. */
export type Quotable = Pick<MarketState, 'offers' | 'buses' | 'positions'>;

/** What may be paid above the quote before a purchase is refused, in basis points. */
export const GUARDS = [0, 100, 500] as const;
/** One of {@link GUARDS}. */
export type Guard = (typeof GUARDS)[number];

/** The highest amount that a guard allows above a quoted one: `floor(amount x (1 + guard))`. */
export function guarded(amount: bigint, guard: Guard): bigint {
  const limit = (amount * BigInt(10_000 + guard)) / 10_000n;
  return limit > U64_MAX ? U64_MAX : limit;
}

/** Which offers a best price may be made of. */
export interface Scope {
  readonly mint: Address;
  /** Only these buses. */
  readonly buses: readonly Address[];
  /** Only these delivery windows. */
  readonly windows: ReadonlySet<number> | undefined;
  /** Offers that are left out. */
  readonly without?: ReadonlyMap<Address, unknown>;
}

/** The buyer's limits for a best price. */
export interface BestPrice {
  readonly scope: Scope;
  readonly energyWh: bigint;
  readonly minEnergyWh: bigint;
  readonly maxPricePerKwh: bigint;
  readonly maxTotal: bigint;
}

/** Offers of a scope that a buyer can buy from now. */
export function routable(market: Quotable, scope: Scope, buyer: Address | undefined, now: number): RouterOffer[] {
  const found: RouterOffer[] = [];
  for (const offer of market.offers.values()) {
    const bus = market.buses.get(offer.bus);
    if (bus?.mint !== scope.mint || !scope.buses.includes(offer.bus)) continue;
    if (scope.windows?.has(offer.windowStart) === false) continue;
    if (scope.without?.has(offer.address) === true || untradable(offer, bus, now) !== undefined) continue;
    const { address, vault, wallet, leastWh, book } = offer;
    found.push({
      offer: address,
      bus: bus.address,
      vault,
      seller: wallet,
      freeWh: freeWh(offer),
      pricePerKwh: offer.fullPricePerKwh,
      leastWh,
      book,
      opensPosition: buyer !== undefined && opensPosition(market.positions, offer, buyer),
    });
  }
  return found;
}

/** Quotes a best price from the market as it is known. */
export function quoteBest(market: Quotable, want: BestPrice, buyer: Address | undefined, now: number): Quoted {
  return quote(routable(market, want.scope, buyer, now), {
    energyWh: want.energyWh,
    minEnergyWh: want.minEnergyWh,
    maxPricePerKwh: want.maxPricePerKwh,
    maxTotal: want.maxTotal,
    excludedSellers: buyer === undefined ? [] : [buyer],
  });
}

/** Purchases that are signed together at most: each has a lane and a transaction of its own. */
export const MAX_PURCHASES = 8;

/**
 * The purchases that a quote takes, each all or nothing: one wherever one transaction holds all of it. `lanes` is how
 * many free lanes are open.
 */
export function purchasesOf({ fills }: Quote, lanes: number): readonly Batch[] {
  const batches = split(fills, batchLimits(false));
  return batches.length <= lanes ? batches : split(fills, batchLimits(true));
}

/** Whether purchases buy the same parts of the same offers as those that the buyer saw. */
export function isAsShown(shown: readonly Batch[], now: readonly Batch[]): boolean {
  const parts = (purchases: readonly Batch[]) =>
    purchases.map(({ fills }) => fills.map(({ offer, energyWh }) => `${offer.offer} ${energyWh}`).join()).join(';');
  return parts(shown) === parts(now);
}

/** Why so many purchases cannot be signed together; `undefined` where they can. */
export function tooMany(purchases: readonly Batch[]): string | undefined {
  if (purchases.length <= MAX_PURCHASES) return undefined;
  const energyWh = purchases.slice(0, MAX_PURCHASES).reduce((sum, batch) => sum + batch.energyWh, 0n);
  return t.quote.thisTakesTransactionsAndCan(purchases.length, MAX_PURCHASES, formatEnergy(energyWh));
}

/** The offers and buses behind fills. */
export function itemsOf(market: Quotable, buyer: Address, fills: readonly RouterFill[]): Item[] {
  return fills.map(({ offer: { offer: address, pricePerKwh }, energyWh }) => {
    const offer = market.offers.get(address);
    const bus = offer === undefined ? undefined : market.buses.get(offer.bus);
    if (offer === undefined || bus === undefined) {
      throw new Refusal(t.quote.anOfferClosedWhileIt, undefined, true);
    }
    const opens = opensPosition(market.positions, offer, buyer);
    return { offer, bus, energyWh, maxPricePerKwh: pricePerKwh, opensPosition: opens };
  });
}

/** The plans of a quote's purchases; the limit of a single one is the buyer's, of several what each costs. */
export function plansOf(market: Quotable, buyer: Address, purchases: readonly Batch[], maxTotal: bigint): Plan[] {
  return purchases.map(({ fills, totalCost }) =>
    planItems(buyer, itemsOf(market, buyer, fills), purchases.length === 1 ? maxTotal : totalCost),
  );
}

/** Why there is no best price, with what there is. */
export function refusalOf(market: Quotable, want: BestPrice, quoted: Extract<Quoted, { ok: false }>): string {
  if (quoted.leastWh !== undefined) return t.quote.partsOfAtLeast(formatEnergy(quoted.leastWh));
  const bus = [...market.buses.values()].find(({ mint }) => mint === want.scope.mint) ?? { decimals: 0, token: '' };
  if (quoted.availableWh !== undefined) {
    const [only, ...others] = want.scope.buses.map((address) => market.buses.get(address));
    const { availableWh } = quoted;
    const isLimited = want.maxPricePerKwh < U64_MAX || want.maxTotal < U64_MAX || want.scope.windows !== undefined;
    if (availableWh > 0n) {
      const energy = formatEnergy(availableWh);
      return isLimited ? t.quote.areOnOfferWithinYour(energy) : t.quote.areOnOffer(energy);
    }
    if (others.length === 0 && only?.closing === true) return t.model.thisBusIsClosing;
    if (others.length === 0 && only?.paused === true) return t.model.theOwnersHavePausedThis;
    return isLimited ? t.quote.nothingIsOnOfferWithin : t.quote.nothingThatYouCanBuy;
  }
  if (quoted.leastCost !== undefined) {
    return t.quote.thePriceMovedThisCosts(tokensLabel(quoted.leastCost, bus), tokensLabel(want.maxTotal, bus));
  }
  return quoted.reason;
}

/** Part of an offer that a buyer has chosen. */
export interface Wanted {
  readonly offer: Address;
  readonly energyWh: bigint;
  readonly maxPricePerKwh: bigint;
}

/** Exact parts of known offers; throws a {@link Refusal} where one has moved beyond the buyer's limits. */
export function chosenItems(market: Quotable, buyer: Address, wanted: readonly Wanted[], now: number): Item[] {
  return wanted.map(({ offer: address, energyWh, maxPricePerKwh }) => {
    const offer = market.offers.get(address);
    const bus = offer === undefined ? undefined : market.buses.get(offer.bus);
    if (offer === undefined || bus === undefined) {
      throw new Refusal(t.quote.thisOfferIsGoneIt);
    }
    const why = untradable(offer, bus, now);
    if (why !== undefined) throw new Refusal(t.quote.chooseAnother(why));
    if (offer.fullPricePerKwh > maxPricePerKwh) {
      throw new Refusal(
        t.quote.theSellerChangedThePrice(tokensLabel(offer.fullPricePerKwh, bus), tokensLabel(maxPricePerKwh, bus)),
      );
    }
    if (freeWh(offer) < energyWh) {
      throw new Refusal(t.quote.somebodyWasFasterOfThis(formatEnergy(freeWh(offer)), formatEnergy(energyWh)));
    }
    if (!isLargeEnough(energyWh, offer)) throw new Refusal(t.quote.partsOfAtLeast(formatEnergy(offer.leastWh)));
    return { offer, bus, energyWh, maxPricePerKwh, opensPosition: opensPosition(market.positions, offer, buyer) };
  });
}
