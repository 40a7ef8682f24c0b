/**
 * The market as it is now: every bus, capacity, offer, lock and proposal, kept current by subscriptions. Whatever
 * breaks, a lost connection or a silent node, is shown in `status`, and everything is read anew when the node is back.
 */

import type { Address, Base58EncodedBytes, Signature } from '@solana/kit';

import { PROGRAM } from '../chain/address';
import {
  bytesOf,
  chainTime,
  COMMITMENT,
  readAccounts,
  tokenBalance,
  type Connection,
  type RawAccount,
} from '../chain/connection';
import { KINDS, WALLET_OFFSET, type Kind } from '../chain/decode';
import { eventsOf, type MarketEvent } from '../chain/events';
import { symbolOf, tokenName } from '../chain/mint';
import { Store } from '../chain/store';
import { cause } from '../errors/explain';
import {
  SOURCES,
  type Bus,
  type Capacity,
  type Lock,
  type Offer,
  type OfferOrigin,
  type Proposal,
  type Trade,
  type Trader,
} from './model';

/** How the connection stands. */
export type Status =
  { readonly kind: 'connecting' } | { readonly kind: 'live' } | { readonly kind: 'lost'; readonly cause: string };

/** What the connected wallet has. */
export interface Holdings {
  readonly wallet: Address;
  readonly lamports: bigint;
  /** Nonce lanes, by lane. */
  readonly traders: readonly Trader[];
}

/** Everything that screens show. */
export interface MarketState {
  readonly status: Status;
  readonly slot: bigint;
  /** Chain time minus this machine's time, in seconds. */
  readonly clockOffset: number;
  readonly buses: ReadonlyMap<Address, Bus>;
  readonly capacities: ReadonlyMap<Address, Capacity>;
  readonly offers: ReadonlyMap<Address, Offer>;
  readonly locks: ReadonlyMap<Address, Lock>;
  readonly proposals: ReadonlyMap<Address, Proposal>;
  /** Newest first. */
  readonly trades: readonly Trade[];
  /** Why older trades could not be read. */
  readonly tradesMissing: string | undefined;
  readonly origins: ReadonlyMap<Address, OfferOrigin>;
  /** Token accounts that somebody watches, in base units. */
  readonly balances: ReadonlyMap<Address, bigint>;
  readonly holdings: Holdings | undefined;
}

type Accounts = {
  bus: Map<Address, Bus>;
  capacity: Map<Address, Capacity>;
  offer: Map<Address, Offer>;
  lock: Map<Address, Lock>;
  proposal: Map<Address, Proposal>;
  trader: Map<Address, Trader>;
};

const empty = (): Accounts => ({
  bus: new Map(),
  capacity: new Map(),
  offer: new Map(),
  lock: new Map(),
  proposal: new Map(),
  trader: new Map(),
});

/** Trades that are kept, and those that are read from the past when the page opens. */
const TRADES_KEPT = 500;
const TRADES_READ = 60;
const READ_AT_ONCE = 6;
const SIGNATURES_AT_ONCE = 1_000;
const ACCOUNTS_AT_ONCE = 100;
/** A node that says nothing for this long is taken for lost. */
const SILENCE_MS = 15_000;
/** Changes are shown together this often at most. */
const FLUSH_MS = 40;
const CLOCK_MS = 10_000;
/** Everything is read anew this often, in case a node has lost a notification or cut a log. */
const RESYNC_MS = 60_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000];

/** Keeps the state of one network's market current until it is closed. */
export class LiveMarket {
  /** What screens read. */
  readonly state: Store<MarketState>;
  private accounts = empty();
  private closed = new Map<Address, bigint>();
  private slots = new Map<Address, bigint>();
  private trades: Trade[] = [];
  private origins = new Map<Address, OfferOrigin>();
  /** Buses as read, with what screens see of them. */
  private readonly named = new WeakMap<Bus, Bus>();
  /** Symbols of the settlement tokens that were looked up. */
  private symbols = new Map<Address, string | undefined>();
  private balances = new Map<Address, bigint>();
  private watched = new Map<Address, number>();
  private wallet: Address | undefined;
  private lamports = 0n;
  private status: Status = { kind: 'connecting' };
  private slot = 0n;
  private clockOffset = 0;
  private tradesMissing: string | undefined;
  private dirty = new Set<keyof Accounts | 'rest'>();
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly lifetime = new AbortController();
  private round = new AbortController();

  constructor(readonly connection: Connection) {
    this.state = new Store<MarketState>({
      status: this.status,
      slot: 0n,
      clockOffset: 0,
      buses: new Map(),
      capacities: new Map(),
      offers: new Map(),
      locks: new Map(),
      proposals: new Map(),
      trades: [],
      tradesMissing: undefined,
      origins: new Map(),
      balances: new Map(),
      holdings: undefined,
    });
    void this.run();
  }

  /** Stops everything. */
  close(): void {
    this.lifetime.abort();
    this.round.abort();
    clearTimeout(this.flushTimer);
  }

  /** Chain time in unix seconds, to the second. */
  now(): number {
    return Math.floor(Date.now() / 1_000 + this.clockOffset);
  }

  /** Follows a wallet's lanes and SOL from now on. */
  setWallet(wallet: Address | undefined): void {
    if (wallet === this.wallet) return;
    this.wallet = wallet;
    this.lamports = 0n;
    this.accounts.trader = new Map();
    this.touch('trader');
    // The subscription to the wallet's lanes is part of a round.
    this.round.abort(new WalletChanged());
  }

  /** Keeps the balance of a token account current until the returned function is called. */
  watchBalance(account: Address): () => void {
    this.watched.set(account, (this.watched.get(account) ?? 0) + 1);
    void this.refreshBalances();
    return () => {
      const left = (this.watched.get(account) ?? 1) - 1;
      if (left > 0) this.watched.set(account, left);
      else this.watched.delete(account);
    };
  }

  /** Reads balances anew, for instance after a transaction of the wallet. */
  async refreshBalances(): Promise<void> {
    const wanted = [...this.watched.keys()].slice(0, 100);
    const addresses = this.wallet === undefined ? wanted : [...wanted, this.wallet];
    if (addresses.length === 0) return;
    try {
      const wallet = this.wallet;
      const [{ accounts }, lamports] = await Promise.all([
        readAccounts(this.connection, wanted.length === 0 ? addresses : wanted),
        wallet === undefined ? undefined : this.connection.rpc.getBalance(wallet, { commitment: COMMITMENT }).send(),
      ]);
      for (const [index, account] of wanted.entries()) this.balances.set(account, tokenBalance(accounts[index]));
      if (wallet === this.wallet && lamports !== undefined) this.lamports = lamports.value;
      this.touch('rest');
    } catch (error) {
      this.fail(error);
    }
  }

  /** Reads accounts now, past what subscriptions have brought, so that a quote is as fresh as can be. */
  async refresh(addresses: readonly Address[]): Promise<void> {
    const { slot, accounts } = await readAccounts(this.connection, addresses);
    for (const [index, account] of accounts.entries()) {
      const key = addresses[index];
      if (key !== undefined) this.take(key, account, slot);
    }
    this.flush();
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.lifetime.signal.aborted) {
      this.round = new AbortController();
      try {
        await this.follow(this.round.signal, () => {
          failures = 0;
          this.setStatus({ kind: 'live' });
        });
      } catch (error) {
        if (this.lifetime.signal.aborted) return;
        this.round.abort();
        if (error instanceof WalletChanged) continue;
        this.setStatus({ kind: 'lost', cause: cause(error) });
        const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 4_000;
        failures += 1;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  /** One round: subscribes, reads everything, and follows until something breaks, which it throws. */
  private follow(signal: AbortSignal, onLive: () => void): Promise<never> {
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      let heard = Date.now();
      const each = async <T>(open: () => Promise<AsyncIterable<T>>, handle: (value: T) => void): Promise<void> => {
        const values = await open();
        const pump = async () => {
          for await (const value of values) {
            heard = Date.now();
            handle(value);
          }
          throw new Error('the node ended a subscription');
        };
        pump().catch(reject);
      };
      const watchdog = setInterval(() => {
        if (Date.now() - heard > SILENCE_MS) reject(new Error('the node has been silent for 15 seconds'));
      }, 1_000);
      const clock = setInterval(() => void this.readClock().catch(reject), CLOCK_MS);
      const { subscriptions } = this.connection;
      const kinds = KINDS.filter(({ name }) => name !== 'trader' || this.wallet !== undefined);
      const readEverything = () => Promise.all(kinds.map((kind) => this.readAll(kind)));
      const resync = setInterval(() => void readEverything().catch(reject), RESYNC_MS);
      signal.addEventListener('abort', () => {
        clearInterval(watchdog);
        clearInterval(clock);
        clearInterval(resync);
      });
      const open = async () => {
        await Promise.all([
          each(
            () => subscriptions.slotNotifications().subscribe({ abortSignal: signal }),
            ({ slot }) => {
              this.slot = slot;
            },
          ),
          each(
            () =>
              subscriptions
                .logsNotifications({ mentions: [PROGRAM] }, { commitment: COMMITMENT })
                .subscribe({ abortSignal: signal }),
            ({ context, value }) => {
              if (value.err === null) this.takeEvents(eventsOf(value.logs ?? []), value.signature, context.slot);
            },
          ),
          ...kinds.map((kind) =>
            each(
              () =>
                subscriptions
                  .programNotifications(PROGRAM, {
                    commitment: COMMITMENT,
                    encoding: 'base64',
                    filters: this.filters(kind),
                  })
                  .subscribe({ abortSignal: signal }),
              ({ context, value }) => {
                const { owner, data } = value.account;
                this.take(value.pubkey, { owner, data: bytesOf(data) }, context.slot);
              },
            ),
          ),
        ]);
        await Promise.all([readEverything(), this.readClock()]);
        await this.readSymbols();
        onLive();
        this.flush();
        void this.refreshBalances();
        await this.readTrades();
      };
      open().catch(reject);
    });
  }

  private filters(kind: Kind) {
    const kindFilter = {
      memcmp: { offset: 0n, bytes: kind.discriminator as Base58EncodedBytes, encoding: 'base58' as const },
    };
    if (kind.name !== 'trader' || this.wallet === undefined) return [kindFilter];
    const wallet = this.wallet as unknown as Base58EncodedBytes;
    return [kindFilter, { memcmp: { offset: WALLET_OFFSET, bytes: wallet, encoding: 'base58' as const } }];
  }

  private async readAll(kind: Kind): Promise<void> {
    const { context, value } = await this.connection.rpc
      .getProgramAccounts(PROGRAM, {
        commitment: COMMITMENT,
        encoding: 'base64',
        filters: this.filters(kind),
        withContext: true,
      })
      .send();
    const found = new Set<Address>();
    for (const { pubkey, account } of value) {
      found.add(pubkey);
      this.take(pubkey, { owner: account.owner, data: bytesOf(account.data) }, context.slot);
    }
    // What is not there any more closed while nobody listened.
    for (const known of [...this.accounts[kind.name].keys()]) {
      if (!found.has(known) && (this.slots.get(known) ?? 0n) <= context.slot) this.drop(known, context.slot);
    }
  }

  private async readClock(): Promise<void> {
    const chain = await chainTime(this.connection);
    this.clockOffset = chain - Date.now() / 1_000;
    this.touch('rest');
  }

  /** Looks up what the tokens of the market are called. */
  private async readSymbols(): Promise<void> {
    const mints = new Set([...this.accounts.bus.values()].map(({ mint }) => mint));
    const wanted = [...mints].filter((mint) => !this.symbols.has(mint)).slice(0, ACCOUNTS_AT_ONCE);
    if (wanted.length === 0) return;
    const { accounts } = await readAccounts(this.connection, wanted);
    for (const [index, mint] of wanted.entries()) {
      const data = accounts[index]?.data;
      this.symbols.set(mint, data === undefined ? undefined : symbolOf(data));
    }
    this.touch('bus');
  }

  /** Buses, with what their tokens are called; the same objects as before where nothing of them has changed. */
  private namedBuses(): Map<Address, Bus> {
    const mints = new Set([...this.accounts.bus.values()].map(({ mint }) => mint));
    const named = (bus: Bus): Bus => {
      const token = tokenName(bus.mint, this.symbols, mints);
      const known = this.named.get(bus);
      const next = known?.token === token ? known : { ...bus, token };
      this.named.set(bus, next);
      return next;
    };
    return new Map([...this.accounts.bus].map(([address, bus]) => [address, named(bus)]));
  }

  private async readTrades(): Promise<void> {
    const { rpc } = this.connection;
    try {
      const known = new Set(this.trades.map((trade) => trade.signature));
      const page = await rpc.getSignaturesForAddress(PROGRAM, { limit: TRADES_READ, commitment: COMMITMENT }).send();
      const wanted = page.filter(({ err, signature }) => err === null && !known.has(signature));
      for (let at = 0; at < wanted.length; at += READ_AT_ONCE) {
        await Promise.all(
          wanted.slice(at, at + READ_AT_ONCE).map(async ({ signature, slot }) => {
            const transaction = await readTransaction(this.connection, signature);
            if (transaction === undefined) return;
            for (const [offer, bus] of transaction.buses) {
              if (!this.origins.has(offer)) this.origins.set(offer, { bus, windowStart: undefined, source: undefined });
            }
            this.takeEvents(transaction.events, signature, slot);
          }),
        );
        if (this.lifetime.signal.aborted) return;
      }
      await this.placeTrades();
      this.tradesMissing = undefined;
    } catch (error) {
      this.tradesMissing = cause(error);
    }
    this.touch('rest');
  }

  /**
   * Finds out the delivery windows of offers that were bought and have closed: a purchase does not name its window, the
   * creation of its offer does, which is the first thing that ever happened to the offer.
   */
  private async placeTrades(): Promise<void> {
    const offers = new Set(this.trades.flatMap(({ fills }) => fills.map(({ offer }) => offer)));
    const unplaced = [...offers].filter((offer) => {
      const origin = this.origins.get(offer);
      return origin !== undefined && origin.windowStart === undefined;
    });
    for (let at = 0; at < unplaced.length; at += READ_AT_ONCE) {
      await Promise.all(unplaced.slice(at, at + READ_AT_ONCE).map((offer) => this.placeOffer(offer)));
      if (this.lifetime.signal.aborted) return;
    }
  }

  private async placeOffer(offer: Address): Promise<void> {
    let before: Signature | undefined;
    for (;;) {
      const page = await this.connection.rpc
        .getSignaturesForAddress(offer, {
          limit: SIGNATURES_AT_ONCE,
          commitment: COMMITMENT,
          ...(before === undefined ? {} : { before }),
        })
        .send();
      const oldest = page.at(-1)?.signature;
      if (page.length < SIGNATURES_AT_ONCE) {
        const first = oldest ?? before;
        const created = first === undefined ? undefined : await readTransaction(this.connection, first);
        for (const event of created?.events ?? []) {
          if (event.kind === 'listed' && event.offer === offer) this.takeListed(event);
        }
        return;
      }
      before = oldest;
    }
  }

  /** Takes what an account holds at a slot, unless something newer is known. */
  private take(address: Address, account: RawAccount | undefined, slot: bigint): void {
    const newest = this.slots.get(address) ?? -1n;
    const closedAt = this.closed.get(address);
    if (slot < newest || (closedAt !== undefined && slot <= closedAt)) return;
    if (account === undefined || account.owner !== PROGRAM || account.data.length === 0) {
      this.drop(address, slot);
      return;
    }
    const kind = KINDS.find((candidate) => candidate.matches(account.data));
    if (kind === undefined) return;
    const decoded = kind.decode(address, account.data);
    if (decoded === undefined) return;
    if (kind.name === 'trader' && (decoded as Trader).wallet !== this.wallet) return;
    this.closed.delete(address);
    this.slots.set(address, slot);
    (this.accounts[kind.name] as Map<Address, unknown>).set(address, decoded);
    if (kind.name === 'offer') {
      const { bus, windowStart, source } = decoded as Offer;
      this.origins.set(address, { bus, windowStart, source });
    }
    if (kind.name === 'bus' && !this.symbols.has((decoded as Bus).mint) && this.status.kind === 'live') {
      void this.readSymbols().catch((error: unknown) => this.fail(error));
    }
    this.touch(kind.name);
  }

  private drop(address: Address, slot: bigint): void {
    this.closed.set(address, slot);
    this.slots.delete(address);
    for (const name of Object.keys(this.accounts) as (keyof Accounts)[]) {
      if (this.accounts[name].delete(address)) this.touch(name);
    }
  }

  private takeEvents(events: readonly MarketEvent[], signature: Signature, slot: bigint): void {
    for (const event of events) {
      switch (event.kind) {
        case 'purchased': {
          if (this.trades.some((trade) => trade.hash === event.hash)) break;
          const { fills, hash, buyer, lane, nonce, at, purchase } = event;
          this.trades.push({ signature, hash, buyer, lane, nonce, kind: purchase, at, fills });
          this.trades.sort((a, b) => b.at - a.at || (b.nonce > a.nonce ? 1 : -1));
          this.trades.length = Math.min(this.trades.length, TRADES_KEPT);
          if (purchase === 'lock') {
            for (const lock of [...this.accounts.lock.values()]) {
              // Reading the past must not close a lock that was taken since.
              const isOlder = (this.slots.get(lock.address) ?? 0n) <= slot;
              if (isOlder && lock.buyer === buyer && lock.offer === fills[0]?.offer) this.drop(lock.address, slot);
            }
          }
          this.touch('rest');
          break;
        }
        case 'closed':
          // Reading the past must not close what has been opened again since.
          if ((this.slots.get(event.account) ?? 0n) <= slot) this.drop(event.account, slot);
          break;
        case 'listed':
          this.takeListed(event);
          break;
        case 'claimed':
          void this.refreshBalances();
          break;
      }
      if (event.kind === 'purchased' || event.kind === 'closed') void this.refreshSoon();
    }
  }

  private takeListed({ offer, bus, windowStart, source }: Extract<MarketEvent, { kind: 'listed' }>): void {
    this.origins.set(offer, { bus, windowStart, source: SOURCES[source] });
    this.touch('rest');
  }

  private refreshPending = false;
  private async refreshSoon(): Promise<void> {
    if (this.refreshPending) return;
    this.refreshPending = true;
    await new Promise((resolve) => setTimeout(resolve, 400));
    this.refreshPending = false;
    await this.refreshBalances();
  }

  private fail(error: unknown): void {
    this.round.abort(error instanceof Error ? error : new Error(cause(error)));
  }

  private setStatus(status: Status): void {
    this.status = status;
    this.touch('rest');
    this.flush();
  }

  private touch(what: keyof Accounts | 'rest'): void {
    this.dirty.add(what);
    this.flushTimer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  private flush(): void {
    clearTimeout(this.flushTimer);
    this.flushTimer = undefined;
    if (this.lifetime.signal.aborted) return;
    const before = this.state.get();
    const { dirty, accounts } = this;
    this.dirty = new Set();
    const wallet = this.wallet;
    const traders = () => [...accounts.trader.values()].sort((a, b) => a.lane - b.lane);
    this.state.set({
      status: this.status,
      slot: this.slot,
      clockOffset: this.clockOffset,
      buses: dirty.has('bus') ? this.namedBuses() : before.buses,
      capacities: dirty.has('capacity') ? new Map(accounts.capacity) : before.capacities,
      offers: dirty.has('offer') ? new Map(accounts.offer) : before.offers,
      locks: dirty.has('lock') ? new Map(accounts.lock) : before.locks,
      proposals: dirty.has('proposal') ? new Map(accounts.proposal) : before.proposals,
      trades: dirty.has('rest') ? [...this.trades] : before.trades,
      tradesMissing: this.tradesMissing,
      origins: dirty.has('rest') || dirty.has('offer') ? new Map(this.origins) : before.origins,
      balances: dirty.has('rest') ? new Map(this.balances) : before.balances,
      holdings: wallet === undefined ? undefined : { wallet, lamports: this.lamports, traders: traders() },
    });
  }
}

/** The wallet changed, so that the round starts anew; nothing is wrong. */
class WalletChanged extends Error {}

/** A transaction that succeeded: its market events, and the bus of each offer that it names. */
export interface ReadTransaction {
  readonly events: readonly MarketEvent[];
  readonly buses: ReadonlyMap<Address, Address>;
  readonly slot: bigint;
  readonly failed: boolean;
  readonly at: number | undefined;
  readonly fee: bigint;
}

/** Reads a transaction; `undefined` where the node has none of this signature. */
export async function readTransaction({ rpc }: Connection, signature: Signature): Promise<ReadTransaction | undefined> {
  const found = await rpc
    .getTransaction(signature, { commitment: COMMITMENT, encoding: 'json', maxSupportedTransactionVersion: 0 })
    .send();
  if (found === null || found.meta === null) return undefined;
  const { meta, transaction, slot, blockTime } = found;
  const loaded = 'loadedAddresses' in meta ? meta.loadedAddresses : undefined;
  const keys = [...transaction.message.accountKeys, ...(loaded?.writable ?? []), ...(loaded?.readonly ?? [])];
  const events = meta.err === null ? eventsOf(meta.logMessages ?? []) : [];
  const offers = new Set(
    events.flatMap((event) => (event.kind === 'purchased' ? event.fills.map((fill) => fill.offer) : [])),
  );
  // In every instruction that buys, an offer's bus is the account right before it.
  const buses = new Map<Address, Address>();
  for (const instruction of transaction.message.instructions) {
    const accounts = instruction.accounts.map((index) => keys[index]);
    for (const [index, account] of accounts.entries()) {
      const before = accounts[index - 1];
      if (account !== undefined && before !== undefined && offers.has(account)) buses.set(account, before);
    }
  }
  return {
    events,
    buses,
    slot,
    failed: meta.err !== null,
    at: blockTime === null ? undefined : Number(blockTime),
    fee: meta.fee,
  };
}
