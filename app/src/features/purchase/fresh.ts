/** Quotes made afresh: from accounts that are read at the moment when somebody buys. */

import type { Address } from '@solana/kit';

import { positionAddress } from '../../chain/address';
import { Refusal } from '../../errors/explain';
import type { LiveMarket } from '../../market/live';
import { t } from '../../words';
import type { Item, Plan } from './plan';
import {
  chosenItems,
  isAsShown,
  plansOf,
  purchasesOf,
  quoteBest,
  refusalOf,
  type BestPrice,
  type Wanted,
} from './quote';
import type { Batch } from './router';

/** What is said where a fresh quote is not what the buyer saw. */
const CHANGED = t.fresh.theOffersHaveChangedSince;

/**
 * A best price made afresh within the buyer's limits, or a refusal that says how the market stands now. It buys what
 * the buyer saw, `shown`, or nothing: only prices may have moved, within the limits.
 */
export async function freshBest(
  live: LiveMarket,
  want: BestPrice,
  shown: readonly Batch[],
  buyer: Address,
  lanes: number,
): Promise<Plan[]> {
  await refresh(
    live,
    buyer,
    shown.flatMap(({ fills }) => fills.map(({ offer }) => offer.offer)),
  );
  const state = live.state.get();
  const quoted = quoteBest(state, want, buyer, live.now());
  if (!quoted.ok) throw new Refusal(refusalOf(state, want, quoted));
  const purchases = purchasesOf(quoted.quote, lanes);
  if (!isAsShown(shown, purchases)) throw new Refusal(CHANGED);
  return plansOf(state, buyer, purchases, want.maxTotal);
}

/** Exact parts of known offers, made afresh: refused where one has moved beyond the buyer's limits. */
export async function freshItems(live: LiveMarket, buyer: Address, wanted: readonly Wanted[]): Promise<Item[]> {
  await refresh(
    live,
    buyer,
    wanted.map(({ offer }) => offer),
  );
  return chosenItems(live.state.get(), buyer, wanted, live.now());
}

/** Reads offers, and the buyer's position books that buying from them needs. */
async function refresh(live: LiveMarket, buyer: Address, offers: readonly Address[]): Promise<void> {
  const { offers: known } = live.state.get();
  const books = new Set(offers.flatMap((offer) => known.get(offer)?.book ?? []));
  const positions = await Promise.all([...books].map((book) => positionAddress(book, buyer)));
  await live.refresh([...offers, ...positions]);
}
