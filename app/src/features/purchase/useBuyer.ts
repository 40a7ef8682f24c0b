/** How components buy: the connection, wallet and journal of the session, and the user's limits. */

import type { Address } from '@solana/kit';
import { useCallback, useEffect, useMemo, useState } from 'react';

import { U64_MAX } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { formatSol, formatTokens } from '../../amount/token';
import { tokenAccountAddress, traderAddress } from '../../chain/address';
import { rentOf, type Connection } from '../../chain/connection';
import { prepare, type PurchaseStage } from '../../chain/send';
import { useStore } from '../../state/store';
import { Refusal, sentence } from '../../errors/explain';
import { getTraderSize } from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { MarketState } from '../../market/state';
import { freeWh, untradable, type Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { byPreference, nextNonce, openLanes } from '../trader/lanes';
import {
  planBatch,
  planSingle,
  purchase,
  purchaseAll,
  type Item,
  type Plan,
  type Purchased,
  type PurchaseContext,
} from './purchase';
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
    const { address, payout, seller, pricePerKwh } = offer;
    found.push({ offer: address, bus: bus.address, payout, seller, freeWh: freeWh(offer), pricePerKwh });
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

/** Why so many purchases cannot be signed together; `undefined` where they can. */
export function tooMany(purchases: readonly Batch[]): string | undefined {
  if (purchases.length <= MAX_PURCHASES) return undefined;
  const energyWh = purchases.slice(0, MAX_PURCHASES).reduce((sum, batch) => sum + batch.energyWh, 0n);
  return `This takes ${purchases.length} transactions, and ${MAX_PURCHASES} can be signed at once; buy less, such as ${formatEnergy(energyWh)}.`;
}

/** The offers and buses behind fills. */
export function itemsOf(state: MarketState, fills: readonly RouterFill[]): Item[] {
  return fills.map(({ offer: { offer: address, pricePerKwh }, energyWh }) => {
    const offer = state.offers.get(address);
    const bus = offer === undefined ? undefined : state.buses.get(offer.bus);
    if (offer === undefined || bus === undefined) {
      throw new Refusal('An offer closed while it was quoted; quote it again.', undefined, true);
    }
    return { offer, bus, energyWh, maxPricePerKwh: pricePerKwh };
  });
}

/** The plans of a quote's purchases; the limit of a single one is the buyer's, of several what each costs. */
export function plansOf(state: MarketState, buyer: Address, purchases: readonly Batch[], maxTotal: bigint): Plan[] {
  return purchases.map(({ fills, totalCost }) =>
    planItems(buyer, itemsOf(state, fills), purchases.length === 1 ? maxTotal : totalCost),
  );
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
export async function freshBest(live: LiveMarket, want: BestPrice, buyer: Address, lanes: number): Promise<Plan[]> {
  const before = quoteBest(live.state.get(), want, buyer, live.now());
  if (before.ok) await live.refresh(before.quote.fills.map(({ offer }) => offer.offer));
  const state = live.state.get();
  const quoted = quoteBest(state, want, buyer, live.now());
  if (!quoted.ok) throw new Refusal(refusalOf(state, want, quoted));
  const purchases = purchasesOf(quoted.quote, lanes);
  const refused = tooMany(purchases);
  if (refused !== undefined) throw new Refusal(refused);
  return plansOf(state, buyer, purchases, want.maxTotal);
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

/** The session as a purchase needs it; throws where something is missing. */
function usePurchaseContext(): (onStage: (stage: PurchaseStage) => void) => PurchaseContext {
  const { live, genesis, signer, journal } = useSession();
  return useCallback(
    (onStage) => {
      if (signer === undefined) throw new Refusal('Connect a wallet that signs for this network first.');
      if (genesis === undefined) throw new Refusal('The network does not answer yet; try again in a moment.');
      return { connection: live.connection, genesis, signer, journal, onStage };
    },
    [live, genesis, signer, journal],
  );
}

/** Buys with the session's wallet. */
export function useBuy(): (quoted: () => Promise<Plan>, onStage: (stage: PurchaseStage) => void) => Promise<Purchased> {
  const context = usePurchaseContext();
  return useCallback(async (quoted, onStage) => purchase(context(onStage), quoted), [context]);
}

/** Buys several at once with the session's wallet. */
export function useBuyAll(): (
  quoted: () => Promise<readonly Plan[]>,
  onStage: (stage: PurchaseStage) => void,
) => ReturnType<typeof purchaseAll> {
  const context = usePurchaseContext();
  return useCallback(async (quoted, onStage) => purchaseAll(context(onStage), quoted), [context]);
}

/** Lanes of the wallet with a purchase of unknown fate. */
function useBusyLanes(): ReadonlySet<number> {
  const { wallet, genesis, journal } = useSession();
  const pending = useStore(journal.pending);
  return useMemo(() => journal.busyLanes(wallet, genesis), [journal, pending, wallet, genesis]);
}

/** How many lanes of the wallet are open and free. */
export function useFreeLanes(): number {
  const busy = useBusyLanes();
  const { holdings } = useMarket();
  return (holdings?.traders ?? []).filter(({ lane }) => !busy.has(lane)).length;
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

/** What something would cost the network, and whether it would go through now. */
export type Preview =
  | { readonly kind: 'none' }
  | { readonly kind: 'checking' }
  | ({ readonly kind: 'good' } & Fees)
  | { readonly kind: 'refused'; readonly reason: string };

/** What the network takes, in lamports. */
export interface Fees {
  readonly fee: bigint;
  /** Rent of accounts that are opened; it comes back when they close. */
  readonly rent: bigint;
}

/** Finds out fees while the buyer still looks at something. `key` tells when that has changed. */
export function usePreview(key: string, fees: ((wallet: Address) => Promise<Fees>) | undefined): Preview {
  const { live, wallet } = useSession();
  const [preview, setPreview] = useState<{ readonly key: string; readonly preview: Preview }>();
  useEffect(() => {
    if (wallet === undefined || fees === undefined) return undefined;
    let isOver = false;
    const show = (found: Preview) => {
      if (!isOver) setPreview({ key, preview: found });
    };
    const timer = setTimeout(() => {
      fees(wallet).then(
        (found) => show(affordable(found, live.state.get().holdings?.lamports ?? 0n)),
        (error: unknown) => show({ kind: 'refused', reason: sentence(error) }),
      );
    }, 300);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
    // The key stands for what is looked at.
  }, [live, wallet, key, fees === undefined]);
  if (wallet === undefined || fees === undefined) return { kind: 'none' };
  return preview?.key === key ? preview.preview : { kind: 'checking' };
}

function affordable({ fee, rent }: Fees, lamports: bigint): Preview {
  if (lamports >= fee + rent) return { kind: 'good', fee, rent };
  const reason = `Your wallet has ${formatSol(lamports)}; fee and rent take ${formatSol(fee + rent)}. Add SOL.`;
  return { kind: 'refused', reason };
}

/** Simulates purchases; the rent is that of the lanes that they open. */
export function usePurchasePreview(key: string, plans: (() => readonly Plan[]) | undefined): Preview {
  const { live } = useSession();
  const busy = useBusyLanes();
  return usePreview(
    key,
    plans === undefined ? undefined : (wallet) => feesOfPlans(live.connection, wallet, busy, plans()),
  );
}

async function feesOfPlans(
  connection: Connection,
  wallet: Address,
  busy: ReadonlySet<number>,
  plans: readonly Plan[],
): Promise<Fees> {
  const open = await openLanes(connection, wallet);
  const lanes = byPreference(open, busy);
  const [rent, ...parts] = await Promise.all([
    rentOf(connection, getTraderSize()),
    ...plans.map(async (plan, index) => {
      const lane = lanes[index] ?? 0;
      const { nonce, opening } = await nextNonce(connection, wallet, lane, open.get(lane));
      const instruction = await plan.build(await traderAddress(wallet, lane), nonce);
      const { fee } = await prepare(connection, wallet, [...opening, instruction]);
      return { fee, opened: BigInt(opening.length) };
    }),
  ]);
  const opened = parts.reduce((sum, part) => sum + part.opened, 0n);
  return { fee: parts.reduce((sum, part) => sum + part.fee, 0n), rent: opened * rent };
}
