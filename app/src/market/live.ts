/**
 * The market as it is now: every bus with its offers, sellers, locks, decisions and claims, kept current by subscriptions. Whatever
 * breaks, a lost connection or a silent node, is shown in `status`, and everything is read anew when the node is back.
 */

import type { Address, Signature } from '@solana/kit';

import { chainTime, readAccounts, type Connection } from '../chain/connection';
import { cause } from '../errors/explain';
import { pause } from '../state/retry';
import { Store } from '../state/store';
import { AccountBook, type Accounts, type Held } from './accounts';
import { Balances } from './balances';
import { KINDS } from './decode';
import type { MarketEvent } from './events';
import { follow, type Listener } from './follow';
import type { Bus, Certificate, Offer, Position, Trader } from './model';
import { UNREAD, type MarketState, type Status } from './state';
import { TokenNames } from './tokens';
import { TradeBook } from './trades';

/** Changes are shown together this often at most. */
const FLUSH_MS = 40;
/** How long after a purchase balances are read anew. */
const SETTLE_MS = 400;
const RETRY_MS = [500, 1_000, 2_000, 4_000];

/** Keeps the state of one network's market current while it is started. */
export class LiveMarket {
  /** What screens read. */
  readonly state = new Store<MarketState>(UNREAD);
  private readonly book = new AccountBook(
    (kind, held) => isOf(this.wallet, kind, held),
    (kind, held) => this.onAccountChange(kind, held),
  );
  private readonly trades = new TradeBook();
  private readonly tokens = new TokenNames();
  private readonly balances = new Balances();
  private wallet: Address | undefined;
  private status: Status = { kind: 'connecting' };
  private slot = 0n;
  private clockOffset = 0;
  private readAt: number | undefined;
  private areLanesRead = false;
  private dirty = new Set<keyof Accounts | 'rest'>();
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private settleTimer: ReturnType<typeof setTimeout> | undefined;
  private lifetime = new AbortController();
  private round = new AbortController();

  constructor(readonly connection: Connection) {}

  /** Follows the market until the returned function is called. */
  start(): () => void {
    const lifetime = new AbortController();
    this.lifetime = lifetime;
    void this.run(lifetime.signal);
    return () => {
      lifetime.abort();
      this.round.abort();
      clearTimeout(this.flushTimer);
      clearTimeout(this.settleTimer);
      this.flushTimer = undefined;
      this.settleTimer = undefined;
    };
  }

  /** Chain time in unix seconds, to the second. */
  now(): number {
    return Math.floor(Date.now() / 1_000 + this.clockOffset);
  }

  /** Follows a wallet's lanes and SOL from now on. */
  setWallet(wallet: Address | undefined): void {
    if (wallet === this.wallet) return;
    this.wallet = wallet;
    this.balances.setWallet(wallet);
    this.areLanesRead = false;
    for (const { name, walletAt } of KINDS) if (walletAt !== undefined) this.book.forget(name);
    // The subscription to the wallet's lanes is part of a round.
    this.round.abort(new WalletChanged());
  }

  /** Shows what was there at another time until everything is read, as long as nothing of now is known. */
  showLast(last: MarketState): void {
    if (this.status.kind === 'live' || this.lifetime.signal.aborted) return;
    const { balances, trades, wallet } = this;
    this.readAt ??= last.readAt;
    for (const [account, units] of last.balances)
      if (!balances.tokens.has(account)) balances.tokens.set(account, units);
    for (const [offer, origin] of last.origins) if (!trades.origins.has(offer)) trades.origins.set(offer, origin);
    if (trades.trades.length === 0) trades.trades = last.trades;
    const holdings = last.holdings?.wallet === wallet ? last.holdings : undefined;
    balances.lamports ??= holdings?.lamports;
    this.state.set({ ...last, status: this.status, readAt: this.readAt, holdings, clockOffset: this.clockOffset });
  }

  /** Keeps the balance of a token account current until the returned function is called. */
  watchBalance(account: Address): () => void {
    const stop = this.balances.watch(account);
    void this.refreshBalances();
    return stop;
  }

  /** Reads balances anew, for instance after a transaction of the wallet. */
  async refreshBalances(): Promise<void> {
    try {
      await this.balances.read(this.connection);
      this.touch('rest');
    } catch (error) {
      this.fail(error);
    }
  }

  /** Reads accounts now, past what subscriptions have brought, so that a quote is as fresh as can be. */
  async refresh(addresses: readonly Address[]): Promise<void> {
    const { slot, accounts } = await readAccounts(this.connection, addresses);
    for (const [index, address] of addresses.entries()) this.book.take(address, accounts[index], slot);
    this.flush();
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    const isOver = () => signal.aborted;
    while (!isOver()) {
      this.round = new AbortController();
      try {
        await follow(
          this.connection,
          this.wallet,
          this.round.signal,
          this.listener(() => {
            failures = 0;
          }),
        );
      } catch (error) {
        if (isOver()) return;
        this.round.abort();
        if (error instanceof WalletChanged) continue;
        this.setStatus({ kind: 'lost', cause: cause(error) });
        const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 4_000;
        failures += 1;
        await pause(wait, signal);
      }
    }
  }

  private listener(onCurrent: () => void): Listener {
    return {
      onSlot: (slot) => {
        this.slot = slot;
      },
      onEvents: (events, signature, slot) => this.takeEvents(events, signature, slot),
      onAccount: (address, account, slot) => this.book.take(address, account, slot),
      onAccounts: (kind, found, slot) => {
        if (slot > this.slot) this.slot = slot;
        this.book.takeAll(kind, found, slot);
        if (kind === 'trader') this.areLanesRead = true;
      },
      readClock: () => this.readClock(),
      readTrades: () => this.readTrades(),
      onCurrent: async () => {
        await this.readTokens();
        onCurrent();
        // What is shown of another time goes, also where there is nothing now.
        for (const { name } of KINDS) this.touch(name);
        this.setStatus({ kind: 'live' });
        void this.refreshBalances();
        await this.readTrades();
      },
    };
  }

  private async readClock(): Promise<void> {
    const chain = await chainTime(this.connection);
    this.clockOffset = chain - Date.now() / 1_000;
    this.touch('rest');
  }

  private async readTrades(): Promise<void> {
    await this.trades.readPast(this.connection, this.lifetime.signal, (events, signature, slot) =>
      this.takeEvents(events, signature, slot),
    );
    this.touch('rest');
  }

  private async readTokens(): Promise<void> {
    if (await this.tokens.read(this.connection, this.book.accounts.bus.values())) this.touch('bus');
  }

  private onAccountChange(kind: keyof Accounts, held: Held | undefined): void {
    if (kind === 'offer' && held !== undefined) this.trades.see(held as Offer);
    if (kind === 'bus' && held !== undefined && !this.tokens.knows((held as Bus).mint) && this.status.kind === 'live') {
      this.readTokens().catch((error: unknown) => this.fail(error));
    }
    this.touch(kind);
  }

  private takeEvents(events: readonly MarketEvent[], signature: Signature, slot: bigint): void {
    for (const event of events) {
      switch (event.kind) {
        case 'purchased':
          if (!this.trades.add(event, signature)) break;
          if (event.purchase === 'lock') this.closeSettled(event, slot);
          this.touch('rest');
          this.refreshSoon();
          break;
        case 'closed':
          this.book.close(event.account, slot);
          this.refreshSoon();
          break;
        case 'listed':
          this.trades.list(event);
          this.touch('rest');
          break;
        case 'busClosed':
          this.closeBus(event.bus, slot);
          this.refreshSoon();
          break;
        case 'given':
          // Whoever it was given to hears of it by itself.
          if (event.to !== this.wallet) this.book.close(event.certificate, slot);
          break;
        case 'paidOut':
          void this.refreshBalances();
          break;
      }
    }
  }

  /** Closes the lock that a purchase settled. Where it may be one of several, they are read. */
  private closeSettled({ buyer, fills }: Extract<MarketEvent, { kind: 'purchased' }>, slot: bigint): void {
    const [fill] = fills;
    const settled = [...this.book.accounts.lock.values()]
      .filter((lock) => lock.buyer === buyer && lock.offer === fill?.offer && lock.energyWh === fill.energyWh)
      .map(({ address }) => address);
    if (settled.length > 1) this.refresh(settled).catch((error: unknown) => this.fail(error));
    else for (const lock of settled) this.book.close(lock, slot);
  }

  /** Closes what closes with a bus; its tombstone is heard of like every account. */
  private closeBus(bus: Address, slot: bigint): void {
    const { ledger, capacity } = this.book.accounts;
    for (const account of [...ledger.values(), ...capacity.values()]) {
      if (account.bus === bus) this.book.close(account.address, slot);
    }
  }

  private refreshSoon(): void {
    this.settleTimer ??= setTimeout(() => {
      this.settleTimer = undefined;
      void this.refreshBalances();
    }, SETTLE_MS);
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
    if (this.status.kind === 'live') this.readAt = Date.now();
    const { dirty, trades, balances, wallet } = this;
    const { accounts } = this.book;
    this.dirty = new Set();
    const lanes = () => [...accounts.trader.values()].sort((a, b) => a.lane - b.lane);
    this.state.set({
      status: this.status,
      readAt: this.readAt,
      slot: this.slot,
      clockOffset: this.clockOffset,
      buses: dirty.has('bus') ? this.tokens.name(accounts.bus) : before.buses,
      tombstones: dirty.has('tombstone') ? new Map(accounts.tombstone) : before.tombstones,
      ledgers: dirty.has('ledger')
        ? new Map([...accounts.ledger.values()].map((ledger) => [ledger.bus, ledger]))
        : before.ledgers,
      capacities: dirty.has('capacity') ? new Map(accounts.capacity) : before.capacities,
      sellers: dirty.has('seller') ? new Map(accounts.seller) : before.sellers,
      offers: dirty.has('offer') ? new Map(accounts.offer) : before.offers,
      locks: dirty.has('lock') ? new Map(accounts.lock) : before.locks,
      proposals: dirty.has('proposal') ? new Map(accounts.proposal) : before.proposals,
      claims: dirty.has('claim') ? new Map(accounts.claim) : before.claims,
      meters: dirty.has('meter') ? new Map(accounts.meter) : before.meters,
      devices: dirty.has('device') ? new Map(accounts.device) : before.devices,
      books: dirty.has('book') ? new Map(accounts.book) : before.books,
      positions: dirty.has('position') ? new Map(accounts.position) : before.positions,
      certificates: dirty.has('certificate') ? new Map(accounts.certificate) : before.certificates,
      trades: trades.trades,
      tradesRead: trades.isRead,
      tradesMissing: trades.missing,
      origins: dirty.has('rest') || dirty.has('offer') ? new Map(trades.origins) : before.origins,
      balances: dirty.has('rest') ? new Map(balances.tokens) : before.balances,
      holdings:
        wallet === undefined
          ? undefined
          : { wallet, lamports: balances.lamports, traders: this.areLanesRead ? lanes() : undefined },
    });
  }
}

/** Whether an account is kept: of kinds that belong to wallets, only those of the connected one. */
function isOf(wallet: Address | undefined, kind: keyof Accounts, held: Held): boolean {
  switch (kind) {
    case 'trader':
      return (held as Trader).wallet === wallet;
    case 'position':
      return (held as Position).buyer === wallet;
    case 'certificate':
      return (held as Certificate).owner === wallet;
    default:
      return true;
  }
}

/** The wallet changed, so that the round starts anew; nothing is wrong. */
class WalletChanged extends Error {}
