/** Buses that the user likes to see first, and the one where the market begins; kept in this browser. */

import { isAddress, type Address } from '@solana/kit';

import { readKept, storage } from './storage';
import { Store } from './store';

const KEY = 'multibus:places';

/** What is kept of buses. */
export interface Places {
  /** Where the market begins: the user's neighbourhood. */
  readonly home: Address | undefined;
  readonly favourites: ReadonlySet<Address>;
}

function parse(text: string): Places {
  const kept: unknown = JSON.parse(text);
  if (typeof kept !== 'object' || kept === null) throw new Error('the places are no object');
  const { home, favourites } = kept as { readonly home?: unknown; readonly favourites?: unknown };
  if (!Array.isArray(favourites)) throw new Error('the favourites are no list');
  const isOne = (one: unknown): one is Address => typeof one === 'string' && isAddress(one);
  return { home: isOne(home) ? home : undefined, favourites: new Set(favourites.filter(isOne)) };
}

/** The places. */
export const places = new Store<Places>(readKept(storage, KEY, parse) ?? { home: undefined, favourites: new Set() });

places.subscribe(() => {
  const { home, favourites } = places.get();
  storage.setItem(KEY, JSON.stringify({ home, favourites: [...favourites] }));
});

/** Makes a bus a favourite, or not any more. */
export function like(bus: Address, isLiked: boolean): void {
  places.update(({ home, favourites }) => {
    const after = new Set(favourites);
    if (isLiked) after.add(bus);
    else after.delete(bus);
    return { home, favourites: after };
  });
}

/** Lets the market begin at a bus; at none where it is `undefined`. */
export function beginAt(home: Address | undefined): void {
  places.update((before) => ({ ...before, home }));
}
