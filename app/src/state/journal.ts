/**
 * Purchases whose fate is not known yet, kept in the browser so that a closed tab or a lost connection ends in the true
 * state: the hash of a purchase is known before it is sent, and its lane tells whether it happened.
 */

import { isAddress, isSignature, type Address, type Signature } from '@solana/kit';

import { readKept, type BrowserStorage } from './storage';
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
  /**
   * Whether its owner was told that it did not happen, by a wallet that sends itself: the next purchase takes the same
   * nonce, so that one of them happens at most, and this one is spoken of only if it did.
   */
  readonly isDenied?: boolean;
  /** Whether it is a bid: it buys nothing yet. */
  readonly isBid?: boolean;
}

const KEY = 'multibus:pending';

const replacer = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);
const reviver = (_: string, value: unknown) =>
  typeof value === 'string' && /^\d+n$/u.test(value) ? BigInt(value.slice(0, -1)) : value;

/** Whether something that was kept is an entry of this version. */
function isPending(kept: unknown): kept is Pending {
  if (typeof kept !== 'object' || kept === null) return false;
  const { hash, wallet, lane, nonce, genesis, title, signature, lastValidBlockHeight } = kept as Partial<Pending>;
  return (
    typeof hash === 'string' &&
    /^[0-9a-f]{64}$/u.test(hash) &&
    typeof wallet === 'string' &&
    isAddress(wallet) &&
    Number.isInteger(lane) &&
    typeof nonce === 'bigint' &&
    typeof genesis === 'string' &&
    typeof title === 'string' &&
    (signature === undefined || (typeof signature === 'string' && isSignature(signature))) &&
    typeof lastValidBlockHeight === 'bigint'
  );
}

/** Entries that can be read; what cannot is forgotten. */
function parse(text: string): readonly Pending[] {
  const kept: unknown = JSON.parse(text, reviver);
  if (!Array.isArray(kept)) throw new Error('the journal is no list');
  return kept.filter(isPending);
}

/** The journal of this browser. */
export class Journal {
  readonly pending: Store<readonly Pending[]>;

  constructor(private readonly storage: BrowserStorage) {
    this.pending = new Store(this.read());
    // Other tabs write it too.
    storage.onChange(KEY, () => this.pending.set(this.read()));
  }

  /** Notes a purchase before it is sent. */
  note(entry: Pending): void {
    this.write((entries) => [...entries.filter(({ hash }) => hash !== entry.hash), entry]);
  }

  /** Forgets a purchase whose fate is known. */
  forget(hash: string): void {
    this.write((entries) => entries.filter((entry) => entry.hash !== hash));
  }

  /** Purchases of a wallet on a chain that its wallet is said not to have sent. */
  denied(wallet: Address, genesis: string): readonly Pending[] {
    return ownOf(this.pending.get(), wallet, genesis).filter(({ isDenied }) => isDenied === true);
  }

  private read(): readonly Pending[] {
    return readKept(this.storage, KEY, parse) ?? [];
  }

  private write(change: (entries: readonly Pending[]) => readonly Pending[]): void {
    const entries = change(this.read());
    this.storage.setItem(KEY, JSON.stringify(entries, replacer));
    this.pending.set(entries);
  }
}

const ownOf = (pending: readonly Pending[], wallet: Address | undefined, genesis: string | undefined) =>
  pending.filter((entry) => entry.wallet === wallet && entry.genesis === genesis);

/** Lanes of a wallet on a chain with purchases whose fate is not known yet. */
export function busyLanes(
  pending: readonly Pending[],
  wallet: Address | undefined,
  genesis: string | undefined,
): ReadonlySet<number> {
  const open = ownOf(pending, wallet, genesis).filter(({ isDenied }) => isDenied !== true);
  return new Set(open.map(({ lane }) => lane));
}
