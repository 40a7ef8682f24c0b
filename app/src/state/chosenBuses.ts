/** Buses from which the user has chosen to buy: from no other one is bought without being asked. */

import { isAddress, type Address } from '@solana/kit';

import { readKept, storage } from './storage';
import { Store } from './store';

const KEY = 'multibus:buses';

function parse(text: string): ReadonlySet<Address> {
  const kept: unknown = JSON.parse(text);
  if (!Array.isArray(kept)) throw new Error('the chosen buses are no list');
  return new Set(kept.filter((one): one is Address => typeof one === 'string' && isAddress(one)));
}

/** The chosen buses. */
export const chosenBuses = new Store<ReadonlySet<Address>>(readKept(storage, KEY, parse) ?? new Set());

chosenBuses.subscribe(() => storage.setItem(KEY, JSON.stringify([...chosenBuses.get()])));

/** Chooses a bus, or not any more. */
export function chooseBus(bus: Address, isChosen: boolean): void {
  chosenBuses.update((before) => {
    const after = new Set(before);
    if (isChosen) after.add(bus);
    else after.delete(bus);
    return after;
  });
}
