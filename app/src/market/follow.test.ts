// @vitest-environment node

import { getAddressDecoder, type Address, type Signature } from '@solana/kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Connection } from '../chain/connection';
import { customNetwork } from '../chain/network';
import {
  getBookOpenedEncoder,
  getBusDecoder,
  getBusEncoder,
  getCapacityDecoder,
  getCapacityEncoder,
  getDeliveryBookDecoder,
  getDeliveryBookEncoder,
  getLedgerDecoder,
  getLedgerEncoder,
  getLockDecoder,
  getLockEncoder,
  getOfferDecoder,
  getOfferEncoder,
  getOfferRepricedEncoder,
  LAYOUT_VERSION,
} from '../generated';
import { PROGRAM } from '../programs';
import { key } from '../testing/market';
import { KINDS } from './decode';
import { LiveMarket } from './live';
import type { Position } from './model';
import { kindOf } from './read';
import type { MarketState } from './state';

interface Account {
  readonly owner: string;
  readonly data: Uint8Array;
}

interface Happening {
  readonly signature: Signature;
  readonly slot: bigint;
  readonly accounts: readonly string[];
  readonly logs: readonly string[];
}

const signature = (number: number) => String(10_000 + number).padStart(88, '2') as Signature;
const zero = <T>(decoder: { decode(bytes: Uint8Array): T; readonly fixedSize: number }): T =>
  decoder.decode(new Uint8Array(decoder.fixedSize));
const dataOf = (bytes: ArrayLike<number>) => Uint8Array.from(bytes);

/** A log of the program that tells an event. */
const logOf = (event: ArrayLike<number>) => [
  `Program ${PROGRAM} invoke [1]`,
  `Program data: ${Buffer.from(dataOf(event)).toString('base64')}`,
  `Program ${PROGRAM} success`,
];

/** A provider: what it does with subscriptions, and what was asked of it. */
class Provider {
  slot = 1_000n;
  isAway = false;
  /** Whether it takes subscriptions. */
  isTaking = true;
  /** Whether it lists transactions. */
  hasHistory = true;
  readonly accounts = new Map<string, Account>();
  /** Newest first. */
  history: Happening[] = [];
  /** How often each method was asked. */
  asked: Record<string, number> = {};
  private readonly slots: ((value: { slot: bigint }) => void)[] = [];
  private readonly logs: ((value: object) => void)[] = [];
  private readonly programs: ((value: object) => void)[] = [];

  /** Tells of a slot. */
  tell(slot: bigint): void {
    for (const next of this.slots.splice(0)) next({ slot });
  }

  /** A transaction lands that changed accounts; it is told of where `isTold`. */
  land(accounts: readonly string[], logs: readonly string[] = [], isTold = false): void {
    this.slot += 1n;
    const happening = { signature: signature(this.history.length + 1), slot: this.slot, accounts, logs };
    this.history = [happening, ...this.history];
    if (!isTold) return;
    const value = { signature: happening.signature, err: null, logs };
    for (const next of this.logs.splice(0)) next({ context: { slot: this.slot }, value });
  }

  /** What was asked since this was called last. */
  since(): Record<string, number> {
    const { asked } = this;
    this.asked = {};
    return asked;
  }

  readonly connection: Connection = (() => {
    const answer = <T>(method: string, value: () => T) => ({
      send: async () => {
        if (this.isAway) throw new TypeError('Failed to fetch');
        this.asked[method] = (this.asked[method] ?? 0) + 1;
        return value();
      },
    });
    const clock = new Uint8Array(40);
    const base64 = (data: Uint8Array) => [Buffer.from(data).toString('base64'), 'base64'];
    const context = () => ({ slot: this.slot });
    const rpc = {
      getProgramAccounts: (
        _: Address,
        { filters }: { filters: readonly { memcmp: { offset: bigint; bytes: string } }[] },
      ) =>
        answer('getProgramAccounts', () => ({
          context: context(),
          value: [...this.accounts]
            .filter(([, { data }]) => {
              const kind = KINDS.find(({ discriminator }) => discriminator === filters[0]?.memcmp.bytes);
              const [, scope] = filters;
              const at = Number(scope?.memcmp.offset ?? 0n);
              return (
                kind?.matches(data) === true && (scope === undefined || addressAt(data, at) === scope.memcmp.bytes)
              );
            })
            .map(([pubkey, { owner, data }]) => ({ pubkey, account: { owner, data: base64(data) } })),
        })),
      getMultipleAccounts: (addresses: readonly string[]) => {
        const isClock = addresses[0]?.startsWith('Sysvar') === true;
        return answer(isClock ? 'clock' : 'getMultipleAccounts', () => ({
          context: context(),
          value: addresses.map((address) => {
            if (address.startsWith('Sysvar')) return { owner: 'Sysvar', data: base64(clock) };
            const found = this.accounts.get(address);
            return found === undefined ? null : { owner: found.owner, data: base64(found.data) };
          }),
        }));
      },
      getBalance: () => answer('getBalance', () => ({ value: 0n })),
      getSignaturesForAddress: (_: Address, { limit, until }: { limit: number; until?: Signature }) =>
        answer('getSignaturesForAddress', () => {
          if (!this.hasHistory) throw new Error('Transaction history is not available from this node');
          const end = this.history.findIndex((one) => one.signature === until);
          const page = this.history.slice(0, end === -1 ? undefined : end).slice(0, limit);
          return page.map((one) => ({ ...one, err: null }));
        }),
      getSignatureStatuses: ([wanted]: readonly Signature[]) =>
        answer('getSignatureStatuses', () => ({
          value: [this.history.some((one) => one.signature === wanted) ? {} : null],
        })),
      getTransaction: (wanted: Signature) =>
        answer('getTransaction', () => {
          const found = this.history.find((one) => one.signature === wanted);
          if (found === undefined) return null;
          const accountKeys = [...found.accounts, PROGRAM];
          const header = { numRequiredSignatures: 0, numReadonlySignedAccounts: 0, numReadonlyUnsignedAccounts: 1 };
          return {
            slot: found.slot,
            blockTime: 0n,
            meta: { err: null, fee: 5_000n, logMessages: found.logs },
            transaction: { message: { accountKeys, header, instructions: [] } },
          };
        }),
    };
    const from =
      <T>(waiting: ((value: T) => void)[]) =>
      () => ({
        subscribe: () => this.take(() => new Promise<T>((resolve) => waiting.push(resolve))),
      });
    const subscriptions = {
      slotNotifications: from(this.slots),
      logsNotifications: from(this.logs),
      programNotifications: from(this.programs),
    };
    return { network: customNetwork('http://127.0.0.1:8899'), rpc, subscriptions } as unknown as Connection;
  })();

  private take<T>(next: () => Promise<T>): Promise<AsyncIterable<T>> {
    if (!this.isTaking) return new Promise(() => undefined);
    return Promise.resolve({
      [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false, value: await next() }) }),
    });
  }
}

const addressAt = (data: Uint8Array, at: number) => getAddressDecoder().decode(data.subarray(at, at + 32));

const [BUS, LEDGER, CAPACITY, SELLER, OFFER, BOOK, WALLET] = [1, 2, 3, 4, 5, 6, 7].map(key) as [
  Address,
  Address,
  Address,
  Address,
  Address,
  Address,
  Address,
];

let provider: Provider;
let stop: () => void;
let live: LiveMarket;
const status = () => live.state.get().status;
const hold = (address: Address, data: ArrayLike<number>) =>
  provider.accounts.set(address, { owner: PROGRAM, data: dataOf(data) });

/** A bus with one offer at a price; the market counts `openOffers`. */
function market({ openOffers = 1, operator }: { openOffers?: number; operator?: Address } = {}): void {
  const layoutVersion = LAYOUT_VERSION;
  hold(
    BUS,
    getBusEncoder().encode({ ...zero(getBusDecoder()), layoutVersion, seller: SELLER, ...(operator && { operator }) }),
  );
  hold(LEDGER, getLedgerEncoder().encode({ ...zero(getLedgerDecoder()), layoutVersion, bus: BUS }));
  hold(CAPACITY, getCapacityEncoder().encode({ ...zero(getCapacityDecoder()), layoutVersion, bus: BUS, openOffers }));
  offerAt(200n);
}

function offerAt(pricePerKwh: bigint, address = OFFER): void {
  hold(
    address,
    getOfferEncoder().encode({
      ...zero(getOfferDecoder()),
      ...{ layoutVersion: LAYOUT_VERSION, bus: BUS, capacity: CAPACITY, seller: SELLER, pricePerKwh },
    }),
  );
}

function book(settled: bigint, seller = SELLER): void {
  const own = { layoutVersion: LAYOUT_VERSION, bus: BUS, seller, settled };
  hold(BOOK, getDeliveryBookEncoder().encode({ ...zero(getDeliveryBookDecoder()), ...own }));
}

const price = () => live.state.get().offers.get(OFFER)?.pricePerKwh;

/** Lets time pass in which the node tells of slots. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    provider.tell(provider.slot);
    await vi.advanceTimersByTimeAsync(Math.min(left, 1_000));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  provider = new Provider();
  live = new LiveMarket(provider.connection);
  stop = live.start();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

/** Starts anew with what the provider has now. */
async function start(): Promise<void> {
  stop();
  live = new LiveMarket(provider.connection);
  stop = live.start();
  await pass(2_000);
  expect(status()).toEqual({ kind: 'live' });
  provider.since();
}

describe('a market in which nothing happens', () => {
  it('is read once: later the clock is read, and whether anything was missed', async () => {
    market();
    await start();
    await pass(600_000);
    expect(provider.since()).toEqual({ clock: 60, getSignaturesForAddress: 10 });
    expect(price()).toBe(200n);
  });

  it('is read once by a provider that tells of no slots, too', async () => {
    market();
    await start();
    stop();
    live = new LiveMarket(provider.connection);
    stop = live.start();
    await vi.advanceTimersByTimeAsync(100);
    provider.since();
    const seen = new Set<string>();
    live.state.subscribe(() => seen.add(status().kind));
    await vi.advanceTimersByTimeAsync(300_000);
    expect([...seen]).toEqual(['live']);
    expect(provider.since()).toEqual({ clock: 30, getSignaturesForAddress: 20 });
  });
});

describe('a chain whose time leaps', () => {
  it('has its clock read at once, and not again before its turn', async () => {
    market();
    await start();
    await pass(3_000);
    provider.since();
    provider.slot += 300n;
    provider.tell(provider.slot);
    await vi.advanceTimersByTimeAsync(100);
    expect(provider.since()).toEqual({ clock: 1 });
    provider.slot += 2n;
    provider.tell(provider.slot);
    await vi.advanceTimersByTimeAsync(100);
    expect(provider.since()).toEqual({});
  });
});

describe('what subscriptions did not bring', () => {
  it('is found among the transactions, and only the accounts that they name are read', async () => {
    market();
    await start();
    offerAt(300n);
    provider.land([OFFER]);
    await pass(70_000);
    expect(price()).toBe(300n);
    const { clock: _, ...asked } = provider.since();
    expect(asked).toMatchObject({ getTransaction: 1, getMultipleAccounts: 1 });
    expect(asked).not.toHaveProperty('getProgramAccounts');
    // It is read once.
    await pass(120_000);
    expect(provider.since()).toEqual({ clock: 12, getSignaturesForAddress: 2 });
  });

  it('while the connection was lost is found the same way', async () => {
    market();
    await start();
    provider.isAway = true;
    await pass(12_000);
    expect(status()).toMatchObject({ kind: 'lost' });
    offerAt(400n);
    provider.land([OFFER]);
    provider.isAway = false;
    await pass(12_000);
    expect(status()).toEqual({ kind: 'live' });
    expect(price()).toBe(400n);
    expect(provider.since()).not.toHaveProperty('getProgramAccounts');
  });

  it('is everything where the node has forgotten what it listed last, or lists more than can be looked at', async () => {
    market();
    provider.land([OFFER]);
    await start();
    offerAt(500n);
    provider.history = [];
    provider.land(['elsewhere']);
    provider.history = provider.history.map((one) => ({ ...one, signature: signature(77) }));
    await pass(70_000);
    expect(price()).toBe(500n);
    expect(provider.since().getProgramAccounts).toBeGreaterThan(5);
    offerAt(600n);
    for (let count = 0; count < 30; count += 1) provider.land([OFFER]);
    await pass(70_000);
    expect(price()).toBe(600n);
    const asked = provider.since();
    expect(asked.getProgramAccounts).toBeGreaterThan(5);
    expect(asked.getTransaction ?? 0).toBe(0);
  });

  it('is read every ten minutes where the node lists no transactions', async () => {
    market();
    provider.hasHistory = false;
    await start();
    offerAt(700n);
    await pass(590_000);
    expect(price()).toBe(200n);
    await pass(90_000);
    expect(price()).toBe(700n);
  });

  it('in a log that was cut is read from the accounts that the transaction names, not from everything', async () => {
    market();
    await start();
    offerAt(800n);
    provider.land([OFFER], ['Log truncated'], true);
    await pass(1_000);
    expect(price()).toBe(800n);
    expect(provider.since()).not.toHaveProperty('getProgramAccounts');
  });

  it('of an account that an event names is seen by its slot', async () => {
    market();
    await start();
    offerAt(900n);
    const event = { offer: OFFER, pricePerKwh: 900n, tradesFrom: 0n, version: 2, padding: new Uint8Array(4) };
    provider.land([OFFER], logOf(getOfferRepricedEncoder().encode(event)), true);
    await pass(2_000);
    expect(price()).toBe(200n);
    await pass(2_000);
    expect(price()).toBe(900n);
    const { clock: _, ...asked } = provider.since();
    expect(asked).toEqual({ getMultipleAccounts: 1 });
  });

  it('of a list is seen by its length: that list of that bus is read, once', async () => {
    market({ openOffers: 2 });
    await start();
    const second = key(8);
    offerAt(150n, second);
    await pass(70_000);
    expect(live.state.get().offers.has(second)).toBe(false);
    // What may still be on its way is given a minute.
    await pass(60_000);
    expect(live.state.get().offers.get(second)?.pricePerKwh).toBe(150n);
    expect(provider.since().getProgramAccounts).toBe(1);
    provider.accounts.delete(second);
    await pass(300_000);
    expect(provider.since()).not.toHaveProperty('getProgramAccounts');
  });
});

describe('delivery books', () => {
  it('of others are not read, and those of the wallet are: once, and when an event names them', async () => {
    market();
    book(1n);
    await start();
    expect(live.state.get().books.size).toBe(0);
    stop();
    market({ operator: WALLET });
    live = new LiveMarket(provider.connection);
    live.setWallet(WALLET);
    stop = live.start();
    await pass(2_000);
    expect(live.state.get().books.get(BOOK)?.settled).toBe(1n);
    expect(live.state.get().bookBuses.has(BUS)).toBe(true);
    provider.since();
    await pass(300_000);
    expect(provider.since()).toEqual({ clock: 30, getSignaturesForAddress: 5 });
    // A new one is opened.
    const opened = {
      ...{ bus: BUS, seller: SELLER, book: BOOK, rentPayer: WALLET, meter: WALLET, firstWindow: 0n },
      terms: zero(getDeliveryBookDecoder()).terms,
    };
    book(2n);
    provider.land([BOOK], logOf(getBookOpenedEncoder().encode(opened)), true);
    await pass(2_000);
    expect(live.state.get().books.get(BOOK)?.settled).toBe(2n);
  });

  it('that are read because of news do not hide the news', async () => {
    market();
    await start();
    live.setWallet(WALLET);
    await pass(3_000);
    market({ operator: WALLET });
    offerAt(77n);
    provider.slot += 1n;
    await live.refresh([BUS, OFFER]);
    await pass(2_000);
    expect(live.state.get().bookBuses.has(BUS)).toBe(true);
    expect(price()).toBe(77n);
  });

  it('of a bus are read while a screen looks at it', async () => {
    market();
    book(3n);
    await start();
    const away = live.watchBooks(BUS);
    await pass(1_000);
    expect(live.state.get().books.get(BOOK)?.settled).toBe(3n);
    expect(provider.since().getProgramAccounts).toBe(1);
    away();
  });
});

describe('a wallet', () => {
  it('that connects has its own accounts read, and the market is not read anew', async () => {
    market();
    await start();
    live.setWallet(WALLET);
    await pass(3_000);
    expect(status()).toEqual({ kind: 'live' });
    expect(live.state.get().holdings?.traders).toEqual([]);
    expect(provider.since().getProgramAccounts).toBe(KINDS.filter(({ walletAt }) => walletAt !== undefined).length);
  });
});

describe('what was there at another time', () => {
  /** The state of a market that was read for a wallet. */
  async function lastOf(wallet: Address | undefined): Promise<MarketState> {
    market();
    live.setWallet(wallet);
    stop();
    live = new LiveMarket(provider.connection);
    live.setWallet(wallet);
    stop = live.start();
    await pass(3_000);
    expect(status()).toEqual({ kind: 'live' });
    return live.state.get();
  }
  /** A page that opens without a network. */
  function opened(wallet: Address | undefined): void {
    stop();
    provider = new Provider();
    provider.isAway = true;
    live = new LiveMarket(provider.connection);
    live.setWallet(wallet);
    stop = live.start();
  }
  const holdings = (wallet: Address, lamports: bigint) => ({ wallet, lamports, traders: [] });

  it('is shown until the market is read, with its time and with what the connection is like now', async () => {
    const last = { ...(await lastOf(WALLET)), holdings: holdings(WALLET, 7n), readAt: 123 };
    opened(WALLET);
    live.showLast(last);
    expect(price()).toBe(200n);
    expect(live.state.get()).toMatchObject({ readAt: 123, holdings: { wallet: WALLET, lamports: 7n } });
    await pass(2_000);
    expect(status()).toMatchObject({ kind: 'lost' });
    expect(price()).toBe(200n);
    expect(live.state.get().holdings).toMatchObject({ lamports: 7n, traders: [] });
    // Once there is a network, what is there now takes its place.
    market();
    offerAt(444n);
    provider.isAway = false;
    await pass(12_000);
    expect(status()).toEqual({ kind: 'live' });
    expect(price()).toBe(444n);
    expect(live.state.get().readAt).toBeGreaterThan(123);
    live.showLast(last);
    expect(price()).toBe(444n);
  });

  it('tells nothing of a wallet that it is not of', async () => {
    const last = { ...(await lastOf(WALLET)), holdings: holdings(WALLET, 7n) };
    opened(key(78));
    live.showLast(last);
    expect(price()).toBe(200n);
    expect(live.state.get().holdings).toBeUndefined();
  });

  it('is shown of another wallet, too, that connects while there is no network', async () => {
    const other = key(78);
    const own = { ...(await lastOf(other)), holdings: holdings(other, 9n) };
    const position = { address: key(79), buyer: other } as Position;
    const kept = { ...own, positions: new Map([[position.address, position]]), balances: new Map([[key(80), 5n]]) };
    market();
    await start();
    live.setWallet(WALLET);
    await pass(3_000);
    provider.isAway = true;
    await pass(12_000);
    expect(status()).toMatchObject({ kind: 'lost' });
    offerAt(300n);
    live.setWallet(other);
    live.showLast(kept);
    await pass(2_000);
    // The market stays as it was read; of the wallet it is what was there last.
    expect(price()).toBe(200n);
    expect(live.state.get().holdings).toEqual(holdings(other, 9n));
    expect(live.state.get().positions.get(position.address)).toBe(position);
    expect(live.state.get().balances.get(key(80))).toBe(5n);
    provider.isAway = false;
    await pass(20_000);
    expect(live.state.get().positions.size).toBe(0);
    expect(live.state.get().holdings).toMatchObject({ wallet: other, traders: [] });
  });
});

describe('a chain', () => {
  it('that started anew at the same address is read from its beginning', async () => {
    market();
    await start();
    provider.slot = 10n;
    provider.accounts.clear();
    offerAt(42n);
    await pass(15_000);
    expect(status()).toEqual({ kind: 'live' });
    expect(price()).toBe(42n);
    expect(live.state.get().buses.size).toBe(0);
  });
});

describe('a provider', () => {
  it('that tells of slots and then says nothing is lost, and what was read stays with its time', async () => {
    await vi.advanceTimersByTimeAsync(100);
    provider.tell(1_010n);
    await vi.advanceTimersByTimeAsync(100);
    const { readAt } = live.state.get();
    expect(readAt).toBeDefined();
    await vi.advanceTimersByTimeAsync(16_000);
    expect(status()).toEqual({ kind: 'lost', cause: 'the node has been silent for 15\u00a0seconds' });
    expect(live.state.get().readAt).toBeLessThanOrEqual(Date.now() - 5_000);
    // It is followed again.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(status()).toEqual({ kind: 'live' });
  });

  it('that takes no subscription is lost, and nothing is shown as if it were read', async () => {
    stop();
    provider = new Provider();
    provider.isTaking = false;
    live = new LiveMarket(provider.connection);
    stop = live.start();
    await vi.advanceTimersByTimeAsync(16_000);
    expect(status()).toEqual({ kind: 'lost', cause: 'the node has taken no subscription in 15\u00a0seconds' });
    expect(live.state.get().readAt).toBeUndefined();
  });

  it('that is quiet and then away is lost', async () => {
    await vi.advanceTimersByTimeAsync(100);
    provider.isAway = true;
    await vi.advanceTimersByTimeAsync(10_500);
    expect(status()).toEqual({ kind: 'lost', cause: 'the node takes no connection' });
  });
});

describe('accounts of a bus', () => {
  it('name it where they are looked for', () => {
    const encoded = new Map<string, ArrayLike<number>>([
      ['offer', getOfferEncoder().encode({ ...zero(getOfferDecoder()), bus: BUS })],
      ['lock', getLockEncoder().encode({ ...zero(getLockDecoder()), bus: BUS })],
      ['capacity', getCapacityEncoder().encode({ ...zero(getCapacityDecoder()), bus: BUS })],
      ['book', getDeliveryBookEncoder().encode({ ...zero(getDeliveryBookDecoder()), bus: BUS })],
    ]);
    for (const [name, bytes] of encoded) {
      expect(addressAt(dataOf(bytes), Number(kindOf(name as never).busAt ?? 0n))).toBe(BUS);
    }
  });
});
