/** The basket: parts of offers, of one bus or many, to buy together. Kept in the browser. */

import { isAddress, type Address } from '@solana/kit';

import { readKept, storage } from '../../state/storage';
import { Store } from '../../state/store';

/** Part of an offer in the basket. */
export interface BasketItem {
  readonly offer: Address;
  readonly energyWh: bigint;
}

const KEY = 'multibus:basket';

/** Reads what was kept; what is no part of an offer is forgotten. */
export function parseBasket(text: string): readonly BasketItem[] {
  const kept: unknown = JSON.parse(text);
  if (!Array.isArray(kept)) throw new Error('the basket is no list');
  return (kept as readonly unknown[]).flatMap((item) => {
    if (typeof item !== 'object' || item === null || !('offer' in item) || !('energyWh' in item)) return [];
    const { offer, energyWh } = item;
    const isPart = typeof offer === 'string' && isAddress(offer) && typeof energyWh === 'string';
    return isPart && /^[1-9]\d{0,19}$/u.test(energyWh) ? [{ offer, energyWh: BigInt(energyWh) }] : [];
  });
}

/** What is in the basket. */
export const basket = new Store<readonly BasketItem[]>(readKept(storage, KEY, parseBasket) ?? []);

basket.subscribe(() => {
  const items = basket.get().map(({ offer, energyWh }) => ({ offer, energyWh: energyWh.toString() }));
  storage.setItem(KEY, JSON.stringify(items));
});

/** How the panel to buy stands: at the best price, at a bid in an auction, or at the basket. */
export const buyTab = new Store<'best' | 'bid' | 'basket'>('best');

/** Puts part of an offer into the basket, in place of what was there of it. */
export function putIntoBasket(item: BasketItem): void {
  basket.update((items) =>
    items.some(({ offer }) => offer === item.offer)
      ? items.map((present) => (present.offer === item.offer ? item : present))
      : [...items, item],
  );
}

/** Takes an offer out of the basket. */
export function takeFromBasket(offer: Address): void {
  basket.update((items) => items.filter((item) => item.offer !== offer));
}

/** Empties the basket of these offers. */
export function emptyBasket(offers: readonly Address[]): void {
  basket.update((items) => items.filter(({ offer }) => !offers.includes(offer)));
}
