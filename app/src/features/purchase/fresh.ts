/** Quotes made afresh: from accounts that are read at the moment when somebody buys. */

import type { Address } from '@solana/kit';

import { Refusal } from '../../errors/explain';
import type { LiveMarket } from '../../market/live';
import type { Item, Plan } from './plan';
import { chosenItems, plansOf, purchasesOf, quoteBest, refusalOf, tooMany, type BestPrice, type Wanted } from './quote';

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

/** Exact parts of known offers, made afresh: refused where one has moved beyond the buyer's limits. */
export async function freshItems(live: LiveMarket, wanted: readonly Wanted[]): Promise<Item[]> {
  await live.refresh(wanted.map(({ offer }) => offer));
  return chosenItems(live.state.get(), wanted, live.now());
}
