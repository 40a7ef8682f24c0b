/** Comparators of what screens list. Equal values compare as 0, so that the next criterion decides and not chance. */

import { locale } from './words/language';

/** The smaller first; texts in the order of their code units. */
export function compare<T extends bigint | number | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Names in the order of the page's language; one comparer for all of them is far quicker than one for each pair. */
export const { compare: compareNames } = new Intl.Collator(locale);

/** The older first; what was made in the same second by address, so that the order is the same everywhere. */
export function compareAges(
  a: { readonly createdAt: number; readonly address: string },
  b: { readonly createdAt: number; readonly address: string },
): number {
  return a.createdAt - b.createdAt || compare(a.address, b.address);
}
