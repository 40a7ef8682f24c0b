/** The program's accounts as last heard of, whatever the order in which a node tells. */

import type { Address } from '@solana/kit';

import type { RawAccount } from '../chain/connection';
import { PROGRAM } from '../programs';
import { KINDS, type Kind } from './decode';
import type { Bus, Capacity, Lock, Offer, Proposal, Trader } from './model';

/** Accounts of each kind. */
export interface Accounts {
  readonly bus: Map<Address, Bus>;
  readonly capacity: Map<Address, Capacity>;
  readonly offer: Map<Address, Offer>;
  readonly lock: Map<Address, Lock>;
  readonly proposal: Map<Address, Proposal>;
  readonly trader: Map<Address, Trader>;
}

/** What an account holds. */
export type Held = Bus | Capacity | Offer | Lock | Proposal | Trader;

/** Keeps the newest of each account. */
export class AccountBook {
  readonly accounts: Accounts = {
    bus: new Map(),
    capacity: new Map(),
    offer: new Map(),
    lock: new Map(),
    proposal: new Map(),
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
    (this.accounts[kind.name] as Map<Address, Held>).set(address, held);
    this.onChange(kind.name, held);
  }

  /** Takes a complete list of the accounts of a kind at a slot: what is not in it closed while nobody listened. */
  takeAll(kind: Kind['name'], found: readonly (readonly [Address, RawAccount])[], slot: bigint): void {
    for (const [address, account] of found) this.take(address, account, slot);
    const there = new Set(found.map(([address]) => address));
    for (const address of [...this.accounts[kind].keys()]) {
      if (!there.has(address)) this.close(address, slot);
    }
  }

  /** Notes that an account closed at a slot, unless it is known to have been opened again since. */
  close(address: Address, slot: bigint): void {
    if ((this.slots.get(address) ?? 0n) <= slot) this.drop(address, slot);
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

  private drop(address: Address, slot: bigint): void {
    this.closed.set(address, slot);
    this.slots.delete(address);
    for (const { name } of KINDS) {
      if (this.accounts[name].delete(address)) this.onChange(name, undefined);
    }
  }
}
