/** What this browser keeps: settings, the basket, purchases of unknown fate. A browser may refuse to keep anything. */

import { Store } from './store';

/** What of a browser's storage is used. */
export type Keeper = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** A browser's storage that never throws: what it does not keep lasts as long as the page. */
export class BrowserStorage implements Keeper {
  /** Whether something is kept by this page alone. */
  readonly isFailing = new Store(false);
  private readonly unkept = new Map<string, string | undefined>();

  /** @param open The browser's storage; throws where it is blocked. */
  constructor(private readonly open: () => Keeper) {}

  getItem(key: string): string | null {
    if (this.unkept.has(key)) return this.unkept.get(key) ?? null;
    try {
      return this.open().getItem(key);
    } catch {
      this.isFailing.set(true);
      return null;
    }
  }

  setItem(key: string, value: string): void {
    try {
      this.open().setItem(key, value);
      this.unkept.delete(key);
    } catch {
      this.unkept.set(key, value);
      this.isFailing.set(true);
    }
  }

  removeItem(key: string): void {
    this.unkept.delete(key);
    try {
      this.open().removeItem(key);
    } catch {
      this.unkept.set(key, undefined);
      this.isFailing.set(true);
    }
  }

  /** Calls a listener when another page changes what is kept under a key. */
  onChange(key: string, listener: () => void): () => void {
    const hear = (event: StorageEvent) => {
      if (event.key === key || event.key === null) listener();
    };
    window.addEventListener('storage', hear);
    return () => window.removeEventListener('storage', hear);
  }
}

/** The storage of this browser. */
export const storage = new BrowserStorage(() => window.localStorage);

/** What is kept under a key, or nothing where it cannot be read: then it is forgotten. */
export function readKept<T>(keeper: Keeper, key: string, parse: (text: string) => T): T | undefined {
  const text = keeper.getItem(key);
  if (text === null) return undefined;
  try {
    return parse(text);
  } catch {
    keeper.removeItem(key);
    return undefined;
  }
}

/** Forgets what the user has set and collected; purchases of unknown fate are still watched. */
export function forgetSettings(): void {
  for (const key of [
    'multibus:basket',
    'multibus:buses',
    'multibus:language',
    'multibus:network',
    'multibus:notices',
    'multibus:places',
    'multibus:rates',
    'multibus:theme',
    'multibus:wallet',
    'multibus:welcome',
  ]) {
    storage.removeItem(key);
  }
}
