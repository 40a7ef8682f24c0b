/** Whether the user wants to be told of what waits, and what was told already; kept in this browser. */

import { readKept, storage } from './storage';
import { Store } from './store';

const KEY = 'multibus:notices';

/** What is kept of notices. */
export interface Notices {
  readonly isOn: boolean;
  /** Keys of what was told, so that nothing is told twice. */
  readonly told: ReadonlySet<string>;
}

const NONE: Notices = { isOn: false, told: new Set() };

function parse(text: string): Notices {
  const kept: unknown = JSON.parse(text);
  if (typeof kept !== 'object' || kept === null) throw new Error('the notices are no object');
  const { isOn, told } = kept as { readonly isOn?: unknown; readonly told?: unknown };
  if (!Array.isArray(told)) throw new Error('what was told is no list');
  return { isOn: isOn === true, told: new Set(told.filter((one) => typeof one === 'string')) };
}

/** The notices. */
export const notices = new Store<Notices>(readKept(storage, KEY, parse) ?? NONE);

notices.subscribe(() => {
  const { isOn, told } = notices.get();
  storage.setItem(KEY, JSON.stringify({ isOn, told: [...told] }));
});

/** Keys of what waits and was not told; from now on all of it counts as told, and what waits no more is forgotten. */
export function untold(keys: readonly string[]): readonly string[] {
  const { told } = notices.get();
  const fresh = keys.filter((key) => !told.has(key));
  const isSame = fresh.length === 0 && keys.length === told.size;
  if (!isSame) notices.update((before) => ({ ...before, told: new Set(keys) }));
  return fresh;
}
