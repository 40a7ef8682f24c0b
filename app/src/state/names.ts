/** Names that the user gives to addresses, kept in this browser: "Anna, no. 4". */

import { isAddress } from '@solana/kit';

import { readKept, storage } from './storage';
import { Store } from './store';

const KEY = 'multibus:names';
/** Letters of a name at most. */
export const NAME_LETTERS = 40;

/** Reads names as they are kept and exported: `{"address": "name"}`. What is none is left out. */
export function parseNames(text: string): ReadonlyMap<string, string> {
  const kept: unknown = JSON.parse(text);
  if (typeof kept !== 'object' || kept === null || Array.isArray(kept))
    throw new Error('the names are no list of names');
  return new Map(
    Object.entries(kept).flatMap(([address, name]: [string, unknown]) => {
      const trimmed = typeof name === 'string' ? name.trim() : '';
      const isName = trimmed !== '' && Array.from(trimmed).length <= NAME_LETTERS;
      return isAddress(address) && isName ? [[address, trimmed] as const] : [];
    }),
  );
}

/** Names as text, to keep and to export. */
export function writeNames(names: ReadonlyMap<string, string>): string {
  return JSON.stringify(Object.fromEntries(names), undefined, 2);
}

/** The names, by address. */
export const names = new Store<ReadonlyMap<string, string>>(readKept(storage, KEY, parseNames) ?? new Map());

names.subscribe(() => storage.setItem(KEY, writeNames(names.get())));

/** Names an address; an empty name forgets it. */
export function nameAddress(address: string, name: string): void {
  names.update((before) => {
    const after = new Map(before);
    const trimmed = Array.from(name.trim()).slice(0, NAME_LETTERS).join('');
    if (trimmed === '') after.delete(address);
    else after.set(address, trimmed);
    return after;
  });
}

/**
 * Adds exported names to those that are there, in place of older ones; how many there were. The wallet's own address has
 * none: it is called "You".
 */
export function importNames(text: string, wallet: string | undefined): number {
  const added = new Map([...parseNames(text)].filter(([address]) => address !== wallet));
  names.update((before) => new Map([...before, ...added]));
  return added.size;
}
