/** What the settlement tokens of the market are called. */

import type { Address } from '@solana/kit';

import { readAccounts, type Connection } from '../chain/connection';
import { symbolOf, tokenName } from '../chain/mint';
import { compareAges } from '../order';
import type { Bus } from './model';

const ACCOUNTS_AT_ONCE = 100;

/** Looks tokens up, and names them in buses. */
export class TokenNames {
  /** Symbols of the mints that were looked up. */
  private readonly symbols = new Map<Address, string | undefined>();
  /** Buses as read, with what screens see of them. */
  private readonly named = new WeakMap<Bus, Bus>();

  /** Whether a mint was looked up. */
  knows(mint: Address): boolean {
    return this.symbols.has(mint);
  }

  /** Looks up what is not known yet; whether there was anything. */
  async read(connection: Connection, buses: Iterable<Bus>): Promise<boolean> {
    const wanted = [...mintsOf(buses)].filter((mint) => !this.symbols.has(mint)).slice(0, ACCOUNTS_AT_ONCE);
    if (wanted.length === 0) return false;
    const { accounts } = await readAccounts(connection, wanted);
    for (const [index, mint] of wanted.entries()) {
      const data = accounts[index]?.data;
      this.symbols.set(mint, data === undefined ? undefined : symbolOf(data));
    }
    return true;
  }

  /**
   * Buses, the oldest first, with what their tokens are called; the same objects as before where nothing of them has changed. Where two tokens
   * are called alike, that of the user's own buses has the name for itself, then that of the oldest bus.
   */
  name(buses: ReadonlyMap<Address, Bus>, isOwn: (bus: Bus) => boolean): Map<Address, Bus> {
    const ranked = [...buses.values()].sort((a, b) => Number(isOwn(b)) - Number(isOwn(a)) || compareAges(a, b));
    const mints = mintsOf(ranked);
    const named = (bus: Bus): Bus => {
      const token = tokenName(bus.mint, this.symbols, mints);
      const known = this.named.get(bus);
      const next = known?.token === token ? known : { ...bus, token };
      this.named.set(bus, next);
      return next;
    };
    return new Map([...buses.values()].toSorted(compareAges).map((bus) => [bus.address, named(bus)]));
  }
}

function mintsOf(buses: Iterable<Bus>): Set<Address> {
  return new Set([...buses].map(({ mint }) => mint));
}
