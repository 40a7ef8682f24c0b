/** The basket: parts of offers, of one bus or many, to buy together. Kept in the browser. */

import type { Address } from '@solana/kit';

import { Store } from '../../state/store';

/** Part of an offer in the basket. */
export interface BasketItem {
  readonly offer: Address;
  readonly energyWh: bigint;
}

const KEY = 'multibus:basket';

function load(): readonly BasketItem[] {
  const text = localStorage.getItem(KEY);
  if (text === null) return [];
  return (JSON.parse(text) as { offer: Address; energyWh: string }[]).map(({ offer, energyWh }) => ({
    offer,
    energyWh: BigInt(energyWh),
  }));
}

/** What is in the basket. */
export const basket = new Store<readonly BasketItem[]>(load());

basket.subscribe(() => {
  localStorage.setItem(
    KEY,
    JSON.stringify(basket.get().map(({ offer, energyWh }) => ({ offer, energyWh: energyWh.toString() }))),
  );
});

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
