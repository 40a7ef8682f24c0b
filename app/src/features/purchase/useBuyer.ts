/** How components buy: the connection, wallet and journal of the session, and the user's limits. */

import type { Address } from '@solana/kit';
import { useCallback, useEffect, useState } from 'react';

import { cost, U64_MAX } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { formatTokens } from '../../amount/token';
import { tokenAccountAddress, traderAddress } from '../../chain/address';
import { prepare, sizeOf, TRANSACTION_BYTES } from '../../chain/send';
import { MAX_BATCH_ITEMS } from '../../generated';
import { Refusal, sentence } from '../../errors/explain';
import type { LiveMarket, MarketState } from '../../market/live';
import { freeWh, untradable, type Bus, type Offer } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { readLane } from '../trader/lanes';
import { planBatch, planSingle, purchase, type Item, type Plan, type Purchased, type PurchaseStage } from './purchase';
import { quote, type Quote, type Quoted, type RouterOffer } from './router';

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
  /** Only this bus; `undefined` for every bus with the mint. */
  readonly bus: Address | undefined;
  /** Only this delivery window. */
  readonly windowStart: number | undefined;
}

/** The buyer's limits for a best price. */
export interface BestPrice {
  readonly scope: Scope;
  readonly energyWh: bigint;
  readonly minEnergyWh: bigint;
  readonly maxPricePerKwh: bigint;
  readonly maxTotal: bigint;
}

/** Offers of a scope that can be bought now. */
export function routable(state: MarketState, scope: Scope, now: number): RouterOffer[] {
  const found: RouterOffer[] = [];
  for (const offer of state.offers.values()) {
    const bus = state.buses.get(offer.bus);
    if (bus === undefined || bus.mint !== scope.mint) continue;
    if (scope.bus !== undefined && offer.bus !== scope.bus) continue;
    if (scope.windowStart !== undefined && offer.windowStart !== scope.windowStart) continue;
    if (untradable(offer, bus, now) !== undefined) continue;
    found.push({ offer: offer.address, seller: offer.seller, freeWh: freeWh(offer), pricePerKwh: offer.pricePerKwh });
  }
  return found;
}

/** Quotes a best price from the market as it is known. */
export function quoteBest(state: MarketState, want: BestPrice, buyer: Address | undefined, now: number): Quoted {
  return quote(routable(state, want.scope, now), {
    energyWh: want.energyWh,
    minEnergyWh: want.minEnergyWh,
    maxPricePerKwh: want.maxPricePerKwh,
    maxTotal: want.maxTotal,
    excludedSellers: buyer === undefined ? [] : [buyer],
  });
}

/** The offers and buses behind a quote. */
export function itemsOf(state: MarketState, { fills }: Quote): Item[] {
  return fills.map(({ offer: { offer: address, pricePerKwh }, energyWh }) => {
    const offer = state.offers.get(address);
    const bus = offer === undefined ? undefined : state.buses.get(offer.bus);
    if (offer === undefined || bus === undefined) {
      throw new Refusal('An offer closed while it was quoted; quote it again.', undefined, true);
    }
    return { offer, bus, energyWh, maxPricePerKwh: pricePerKwh };
  });
}

/** The plan of a quote: one purchase, or one batch. */
export function planItems(buyer: Address, items: readonly Item[], maxTotal: bigint): Plan {
  const energy = items.reduce((sum, { energyWh }) => sum + energyWh, 0n);
  const names = [...new Set(items.map(({ bus }) => bus.name))];
  const title = `${formatEnergy(energy)} on ${names.join(', ')}`;
  const [only] = items;
  return items.length === 1 && only !== undefined
    ? planSingle(buyer, only, only.energyWh, title)
    : planBatch(buyer, items, maxTotal, title);
}

/** A best price made afresh within the buyer's limits, or a refusal that says how the market stands now. */
export async function freshBest(live: LiveMarket, want: BestPrice, buyer: Address): Promise<Plan> {
  const before = quoteBest(live.state.get(), want, buyer, live.now());
  if (before.ok) await live.refresh(before.quote.fills.map(({ offer }) => offer.offer));
  const state = live.state.get();
  const quoted = quoteBest(state, want, buyer, live.now());
  if (!quoted.ok) throw new Refusal(refusalOf(state, want, quoted));
  return planItems(buyer, itemsOf(state, quoted.quote), want.maxTotal);
}

/** Why there is no best price, with what there is. */
export function refusalOf(state: MarketState, want: BestPrice, quoted: Extract<Quoted, { ok: false }>): string {
  const decimals = [...state.buses.values()].find(({ mint }) => mint === want.scope.mint)?.decimals ?? 0;
  if (quoted.availableWh !== undefined) {
    return quoted.availableWh === 0n
      ? 'Nothing is on offer within your limits now.'
      : `${formatEnergy(quoted.availableWh)} are on offer within your limits now; buy less, or raise the limits.`;
  }
  if (quoted.leastCost !== undefined) {
    return `The price moved: this costs ${formatTokens(quoted.leastCost, decimals)} now, and your limit is ${formatTokens(want.maxTotal, decimals)}.`;
  }
  return quoted.reason;
}

/** Exact parts of known offers, made afresh: refused where one has moved beyond the buyer's limits. */
export async function freshItems(
  live: LiveMarket,
  wanted: readonly { readonly offer: Address; readonly energyWh: bigint; readonly maxPricePerKwh: bigint }[],
): Promise<Item[]> {
  await live.refresh(wanted.map(({ offer }) => offer));
  const state = live.state.get();
  return wanted.map(({ offer: address, energyWh, maxPricePerKwh }) => {
    const offer = state.offers.get(address);
    const bus = offer === undefined ? undefined : state.buses.get(offer.bus);
    if (offer === undefined || bus === undefined)
      throw new Refusal('This offer is gone: it was sold out or withdrawn.');
    const why = untradable(offer, bus, live.now());
    if (why !== undefined) throw new Refusal(`${why} Choose another.`);
    if (offer.pricePerKwh > maxPricePerKwh) {
      throw new Refusal(
        `The seller changed the price to ${formatTokens(offer.pricePerKwh, bus.decimals)} per kWh, above your limit of ${formatTokens(maxPricePerKwh, bus.decimals)}.`,
      );
    }
    if (freeWh(offer) < energyWh) {
      throw new Refusal(
        `Somebody was faster: ${formatEnergy(freeWh(offer))} of this offer are left, and you want ${formatEnergy(energyWh)}.`,
      );
    }
    return { offer, bus, energyWh, maxPricePerKwh };
  });
}

/** What an item costs at its present price; `undefined` beyond 64 bits. */
export function costOf(items: readonly { readonly energyWh: bigint; readonly offer: Offer }[]): bigint | undefined {
  let total = 0n;
  for (const { energyWh, offer } of items) {
    const units = cost(energyWh, offer.pricePerKwh);
    if (units === undefined) return undefined;
    total += units;
  }
  return total > U64_MAX ? undefined : total;
}

/** Buys with the session's wallet. */
export function useBuy(): (quoted: () => Promise<Plan>, onStage: (stage: PurchaseStage) => void) => Promise<Purchased> {
  const { live, genesis, signer, journal } = useSession();
  return useCallback(
    async (quoted, onStage) => {
      if (signer === undefined) throw new Refusal('Connect a wallet that signs for this network first.');
      if (genesis === undefined) throw new Refusal('The network does not answer yet; try again in a moment.');
      return purchase({ connection: live.connection, genesis, signer, journal, onStage }, quoted);
    },
    [live, genesis, signer, journal],
  );
}

/** The wallet's balance of a bus's token, in base units; kept current. */
export function useBalance(bus: Pick<Bus, 'mint' | 'tokenProgram'> | undefined): bigint | undefined {
  const { live, wallet } = useSession();
  const { balances } = useMarket();
  const [account, setAccount] = useState<Address | undefined>();
  const mint = bus?.mint;
  const tokenProgram = bus?.tokenProgram;
  useEffect(() => {
    if (wallet === undefined || mint === undefined || tokenProgram === undefined) {
      setAccount(undefined);
      return undefined;
    }
    let isOver = false;
    let stop: (() => void) | undefined;
    void tokenAccountAddress(wallet, mint, tokenProgram).then((found) => {
      if (isOver) return;
      setAccount(found);
      stop = live.watchBalance(found);
    });
    return () => {
      isOver = true;
      stop?.();
    };
  }, [live, wallet, mint, tokenProgram]);
  return account === undefined ? undefined : balances.get(account);
}

/** What a purchase would cost the network, and whether it would go through now. */
export type Preview =
  | { readonly kind: 'none' }
  | { readonly kind: 'checking' }
  | { readonly kind: 'good'; readonly fee: bigint }
  /** The wallet has no lane yet, so that two transactions are signed. */
  | { readonly kind: 'first' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Simulates a plan while the buyer still looks at it. `key` tells when it has changed. */
export function usePreview(key: string, plan: (() => Plan) | undefined): Preview {
  const { live, wallet } = useSession();
  const [preview, setPreview] = useState<{ readonly key: string; readonly preview: Preview }>();
  useEffect(() => {
    if (wallet === undefined || plan === undefined) return undefined;
    let isOver = false;
    const timer = setTimeout(() => {
      previewOf(live, wallet, plan).then(
        (found) => {
          if (!isOver) setPreview({ key, preview: found });
        },
        (error: unknown) => {
          if (!isOver) setPreview({ key, preview: { kind: 'refused', reason: sentence(error) } });
        },
      );
    }, 300);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
    // The key stands for the plan.
  }, [live, wallet, key]);
  if (wallet === undefined || plan === undefined) return { kind: 'none' };
  return preview?.key === key ? preview.preview : { kind: 'checking' };
}

async function previewOf(live: LiveMarket, wallet: Address, plan: () => Plan): Promise<Preview> {
  const lane = await readLane(live.connection, wallet, 0);
  if (lane === undefined) return { kind: 'first' };
  const { fee } = await prepare(live.connection, wallet, [await plan().build(lane.address, lane.nextNonce)]);
  return { kind: 'good', fee };
}

/** Whether a plan fits into one transaction. */
export async function fits(plan: Plan, buyer: Address): Promise<boolean> {
  if (plan.orders.length > MAX_BATCH_ITEMS) return false;
  return sizeOf(buyer, [await plan.build(await traderAddress(buyer, 0), 0n)]) <= TRANSACTION_BYTES;
}
