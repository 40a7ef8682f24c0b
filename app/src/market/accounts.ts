/** The program's accounts as last heard of, whatever the order in which a node tells. */

import type { Address } from '@solana/kit';

import type { RawAccount } from '../chain/connection';
import { PROGRAM } from '../programs';
import { KINDS, type Held as HeldByKind, type Kind } from './decode';

/** Accounts of each kind. */
export type Accounts = { readonly [K in Kind['name']]: Map<Address, HeldByKind[K]> };

/** What an account holds. */
export type Held = HeldByKind[Kind['name']];

/** Keeps the newest of each account. */
export class AccountBook {
  readonly accounts: Accounts = {
    bus: new Map(),
    tombstone: new Map(),
    ledger: new Map(),
    capacity: new Map(),
    seller: new Map(),
    offer: new Map(),
    bid: new Map(),
    lock: new Map(),
    proposal: new Map(),
    claim: new Map(),
    meter: new Map(),
    device: new Map(),
    book: new Map(),
    position: new Map(),
    certificate: new Map(),
    trader: new Map(),
  };
  /** Slots at which accounts were last read, and at which they were seen to be closed. */
  private readonly slots = new Map<Address, bigint>();
  private readonly closed = new Map<Address, bigint>();

  /**
   * @param isWanted Whether an account is kept.
   * @param onChange Told which kind of account has changed, and what the account holds where it is there.
   */
  constructor(
    private readonly isWanted: (kind: Kind['name'], held: Held) => boolean,
    private readonly onChange: (kind: Kind['name'], held: Held | undefined) => void,
  ) {}

  /** Takes what an account holds at a slot, unless something newer is known. */
  take(address: Address, account: RawAccount | undefined, slot: bigint): void {
    const newest = this.slots.get(address) ?? -1n;
    const closedAt = this.closed.get(address);
    if (slot < newest || (closedAt !== undefined && slot <= closedAt)) return;
    if (account?.owner !== PROGRAM || account.data.length === 0) {
      this.drop(address, slot);
      return;
    }
    const kind = KINDS.find((candidate) => candidate.matches(account.data));
    const held = kind?.decode(address, account.data);
    if (kind === undefined || held === undefined || !this.isWanted(kind.name, held)) return;
    this.closed.delete(address);
    this.slots.set(address, slot);
    // A bus that closes leaves a tombstone at its address.
    for (const { name } of KINDS) {
      if (name !== kind.name && this.accounts[name].delete(address)) this.onChange(name, undefined);
    }
    (this.accounts[kind.name] as Map<Address, Held>).set(address, held);
    this.onChange(kind.name, held);
  }

  /**
   * Takes a complete list of the accounts of a kind at a slot, or of those that `isListed`: what is not in it closed while
   * nobody listened.
   */
  takeAll(
    kind: Kind['name'],
    found: readonly (readonly [Address, RawAccount])[],
    slot: bigint,
    isListed: (held: Held) => boolean = () => true,
  ): void {
    for (const [address, account] of found) this.take(address, account, slot);
    const there = new Set(found.map(([address]) => address));
    for (const [address, held] of [...(this.accounts[kind] as Map<Address, Held>)]) {
      if (there.has(address) || !isListed(held)) continue;
      // A bus that closed leaves a tombstone at its address, which may be read at the same slot.
      if (kind === 'bus') this.leaveBus(address, slot);
      else this.close(address, slot);
    }
  }

  /** Notes that an account closed at a slot, unless it is known to have been opened again since. */
  close(address: Address, slot: bigint): void {
    if ((this.slots.get(address) ?? 0n) <= slot) this.drop(address, slot);
  }

  /** Whether an account changed at a slot that what is known of it is older than. */
  isStale(address: Address, slot: bigint): boolean {
    return (this.slots.get(address) ?? -1n) < slot && (this.closed.get(address) ?? -1n) < slot;
  }

  private leaveBus(address: Address, slot: bigint): void {
    if ((this.slots.get(address) ?? 0n) > slot) return;
    this.slots.delete(address);
    if (this.accounts.bus.delete(address)) this.onChange('bus', undefined);
  }

  /** Forgets all accounts of a kind. */
  forget(kind: Kind['name']): void {
    for (const address of this.accounts[kind].keys()) {
      this.slots.delete(address);
      this.closed.delete(address);
    }
    this.accounts[kind].clear();
    this.onChange(kind, undefined);
  }

  /** How many accounts are known. */
  get size(): number {
    return this.slots.size;
  }

  /** Forgets everything. */
  clear(): void {
    this.slots.clear();
    this.closed.clear();
    for (const { name } of KINDS) {
      this.accounts[name].clear();
      this.onChange(name, undefined);
    }
  }

  private drop(address: Address, slot: bigint): void {
    this.closed.set(address, slot);
    this.slots.delete(address);
    for (const { name } of KINDS) {
      if (this.accounts[name].delete(address)) this.onChange(name, undefined);
    }
  }
}
