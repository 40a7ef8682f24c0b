/**
 * Purchases whose fate is not known yet, kept in the browser so that a closed tab or a lost connection ends in the true
 * state: the hash of a purchase is known before it is sent, and its lane tells whether it happened.
 */

import type { Address, Signature } from '@solana/kit';

import { Store } from './store';

/** A purchase that may have been sent. */
export interface Pending {
  readonly hash: string;
  readonly wallet: Address;
  readonly lane: number;
  readonly nonce: bigint;
  /** Genesis hash of the chain it is on. */
  readonly genesis: string;
  /** What is bought, for the reader: `2.5 kWh on Sunny Street`. */
  readonly title: string;
  /** What was signed for it. */
  readonly signature: Signature | undefined;
  /** Last block in which it can land. */
  readonly lastValidBlockHeight: bigint;
}

const KEY = 'multibus:pending';

const replacer = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);
const reviver = (_: string, value: unknown) =>
  typeof value === 'string' && /^\d+n$/u.test(value) ? BigInt(value.slice(0, -1)) : value;

function read(storage: Storage): readonly Pending[] {
  const text = storage.getItem(KEY);
  return text === null ? [] : (JSON.parse(text, reviver) as Pending[]);
}

/** The journal of this browser. */
export class Journal {
  readonly pending: Store<readonly Pending[]>;

  constructor(private readonly storage: Storage) {
    this.pending = new Store(read(storage));
    // Other tabs write it too.
    window.addEventListener('storage', ({ key }) => {
      if (key === KEY) this.pending.set(read(storage));
    });
  }

  /** Notes a purchase before it is sent. */
  note(entry: Pending): void {
    this.write((entries) => [...entries.filter(({ hash }) => hash !== entry.hash), entry]);
  }

  /** Forgets a purchase whose fate is known. */
  forget(hash: string): void {
    this.write((entries) => entries.filter((entry) => entry.hash !== hash));
  }

  private write(change: (entries: readonly Pending[]) => readonly Pending[]): void {
    const entries = change(read(this.storage));
    this.storage.setItem(KEY, JSON.stringify(entries, replacer));
    this.pending.set(entries);
  }
}

/** Lanes of a wallet on a chain with purchases whose fate is not known yet. */
export function busyLanes(
  pending: readonly Pending[],
  wallet: Address | undefined,
  genesis: string | undefined,
): ReadonlySet<number> {
  const own = pending.filter((entry) => entry.wallet === wallet && entry.genesis === genesis);
  return new Set(own.map(({ lane }) => lane));
}
