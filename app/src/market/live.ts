/**
 * The market as it is now: every bus with its offers, sellers, locks, decisions and claims. It is read once and then kept
 * current by subscriptions. What is read again is what is shown to be stale: by a transaction that no subscription told of,
 * by an account that is older than an event which names it, or by a list that has another length than the market counts.
 */

import type { Address, Signature } from '@solana/kit';

import { chainTime, readAccounts, type Connection } from '../chain/connection';
import { cause, Unreachable } from '../errors/explain';
import { chosenBuses } from '../state/chosenBuses';
import { pause } from '../state/retry';
import { Store } from '../state/store';
import { t } from '../words';
import { AccountBook, type Accounts, type Held } from './accounts';
import { Balances } from './balances';
import { BidBook, isOfBid } from './bids';
import { isWantedBook, ofBus, ofSeller, wantedBooks, type WantedBooks } from './books';
import { KINDS } from './decode';
import type { MarketEvent } from './events';
import { follow, type Listener, type Told } from './follow';
import { Gaps } from './gaps';
import { mismatches } from './lengths';
import { isOwner, type Book, type Bus, type Certificate, type Offer, type Position, type Trader } from './model';
import { kindOf, readScope, type Scope } from './read';
import { UNREAD, type MarketState, type Status } from './state';
import { TokenNames } from './tokens';
import { TradeBook } from './trades';
import { readTransaction } from './transactions';

/** Changes are shown together this often at most. */
const FLUSH_MS = 40;
/** How long after a purchase balances are read anew. */
const SETTLE_MS = 400;
const RETRY_MS = [500, 1_000, 2_000, 4_000];
/** How long after an event the accounts that it names may arrive. */
const LATE_MS = 3_000;
/** Delivery books are not subscribed to: they are read soon after an event that names them. */
const BOOK_MS = 300;
/** How often an account is read that a node has not in its new state yet. */
const ATTEMPTS = 3;
const ACCOUNTS_AT_ONCE = 100;
/** So many transactions that nobody told of are read one by one; more than one for so many accounts, and everything is. */
const MISSED_AT_LEAST = 20;
const ACCOUNTS_PER_MISSED = 5;
const READ_AT_ONCE = 8;
/** A node so far behind what was heard before is on another chain: a local network that was started anew. */
const ANOTHER_CHAIN_SLOTS = 500n;
/** How often everything is read where a node lists no transactions, so that nothing else shows what was missed. */
const BLIND_MS = 600_000;

/** Kinds of accounts that are subscribed to: all but delivery books, most of which are of others. */
const SUBSCRIBED = KINDS.filter(({ name }) => name !== 'book');
const PUBLIC: readonly Scope[] = SUBSCRIBED.filter(({ walletAt }) => walletAt === undefined).map((kind) => ({ kind }));

/** Accounts that belong to a wallet. */
function scopesOf(wallet: Address | undefined): readonly Scope[] {
  if (wallet === undefined) return [];
  return SUBSCRIBED.flatMap((kind) => (kind.walletAt === undefined ? [] : [{ kind, at: kind.walletAt, of: wallet }]));
}

/** Keeps the state of one network's market current while it is started. */
export class LiveMarket {
  /** What screens read. */
  readonly state = new Store<MarketState>(UNREAD);
  private readonly book = new AccountBook(
    (kind, held) => (kind === 'book' ? isWantedBook(this.wanted, held as Book) : isOf(this.wallet, kind, held)),
    (kind, held) => this.onAccountChange(kind, held),
  );
  private readonly trades = new TradeBook();
  private readonly bidBook = new BidBook();
  private readonly tokens = new TokenNames();
  private readonly balances = new Balances();
  private wallet: Address | undefined;
  private status: Status = { kind: 'connecting' };
  private slot = 0n;
  private clockOffset = 0;
  private readAt: number | undefined;
  private areLanesRead = false;
  private gaps = new Gaps();
  /** Whether all accounts that belong to no wallet were read; from then on they are kept current. */
  private isRead = false;
  private everythingReadAt = 0;
  /** Accounts that changed at a slot, until they are known as of that slot. */
  private readonly expected = new Map<Address, Expected>();
  private expectTimer: ReturnType<typeof setTimeout> | undefined;
  /** Lists that had another length than the market counts when they were looked at, and those that were read for it. */
  private suspected = new Map<string, string>();
  private readonly settled = new Map<string, string>();
  /** Buses whose books somebody looks at. */
  private readonly looked = new Map<Address, number>();
  private wanted: WantedBooks = { books: new Set(), sellers: new Set(), buses: new Set() };
  /** Books and lists of books that were read, or are being read. */
  private readonly booksRead = new Set<string>();
  private bookBuses: ReadonlySet<Address> = new Set();
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
      clearTimeout(this.expectTimer);
      this.expectTimer = undefined;
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
    this.forgetBooks();
    // Whose buses are the user's own has changed, and with it what tokens are called. Those of another time are not known here.
    if (this.isRead) this.touch('bus');
    // The subscription to the wallet's lanes is part of a round.
    this.round.abort(new WalletChanged());
  }

  /** Shows what was there at another time until it is read, as long as not all of now is known. */
  showLast(last: MarketState): void {
    if (this.lifetime.signal.aborted) return;
    if (this.isRead) this.showOwn(last);
    else this.showAll(last);
  }

  /** Shows what the wallet had at another time, where the market is known and the wallet was changed since. */
  private showOwn({ holdings, positions, certificates, books, balances: units }: MarketState): void {
    const { balances, wallet } = this;
    if (this.areLanesRead || holdings === undefined || holdings.wallet !== wallet) return;
    for (const { name, walletAt } of KINDS) if (walletAt !== undefined) this.dirty.delete(name);
    for (const [account, amount] of units) if (!balances.tokens.has(account)) balances.tokens.set(account, amount);
    balances.lamports ??= holdings.lamports;
    const now = this.state.get();
    this.state.set({ ...now, holdings, positions, certificates, books: new Map([...books, ...now.books]) });
    this.touch('rest');
  }

  private showAll(last: MarketState): void {
    const { balances, trades, wallet } = this;
    this.readAt = last.readAt;
    this.bookBuses = last.bookBuses;
    // What changed until now changed what was shown before: what is shown from here on is not to be emptied by it.
    this.dirty = new Set();
    for (const [account, units] of last.balances)
      if (!balances.tokens.has(account)) balances.tokens.set(account, units);
    for (const [offer, origin] of last.origins) if (!trades.origins.has(offer)) trades.origins.set(offer, origin);
    if (trades.trades.length === 0) trades.trades = last.trades;
    this.bidBook.keep(last.bidTales.values());
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

  /** Keeps all delivery books of a bus until the returned function is called. */
  watchBooks(bus: Address): () => void {
    this.looked.set(bus, (this.looked.get(bus) ?? 0) + 1);
    if (this.status.kind === 'live') void this.readBooks().catch((error: unknown) => this.fail(error));
    return () => {
      const left = (this.looked.get(bus) ?? 1) - 1;
      if (left > 0) this.looked.set(bus, left);
      else this.looked.delete(bus);
    };
  }

  /** Reads accounts now, past what subscriptions have brought, so that a quote is as fresh as can be. */
  async refresh(addresses: readonly Address[]): Promise<void> {
    for (let at = 0; at < addresses.length; at += ACCOUNTS_AT_ONCE) {
      const some = addresses.slice(at, at + ACCOUNTS_AT_ONCE);
      const { slot, accounts } = await readAccounts(this.connection, some);
      for (const [index, address] of some.entries()) this.book.take(address, accounts[index], slot);
    }
    this.flush();
  }

  private async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    const isOver = () => signal.aborted;
    while (!isOver()) {
      this.round = new AbortController();
      try {
        const { wallet, round } = this;
        await follow(
          this.connection,
          [...PUBLIC, ...scopesOf(wallet)],
          round.signal,
          this.listener(wallet, round.signal, () => {
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

  private listener(wallet: Address | undefined, signal: AbortSignal, onCurrent: () => void): Listener {
    return {
      onSlot: (slot) => this.takeSlot(slot),
      onTransaction: (told) => this.takeTransaction(told),
      onAccount: (address, account, slot) => this.book.take(address, account, slot),
      readClock: () => this.readClock(),
      onOpen: async () => {
        await Promise.all([
          this.isRead ? this.catchUp(signal) : this.readEverything(signal),
          ...scopesOf(wallet).map((scope) => this.readList(scope, signal)),
        ]);
        await this.readBooks();
      },
      onCheck: async (isQuiet) => {
        await this.catchUp(signal, isQuiet);
        await this.checkLengths(signal);
      },
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

  private takeSlot(slot: bigint): void {
    if (slot > this.slot) this.slot = slot;
  }

  /** Reads a list; another round may follow another wallet before it is there. */
  private async readList(scope: Scope, signal: AbortSignal): Promise<bigint> {
    const { kind, at, of } = scope;
    const { found, slot } = await readScope(this.connection, scope);
    if (signal.aborted) return slot;
    this.takeSlot(slot);
    const isListed = (held: Held) =>
      at === undefined ||
      (at === kind.walletAt ? true : at === kind.busAt ? busOf(held) === of : sellerOf(held) === of);
    this.book.takeAll(kind.name, found, slot, isListed);
    if (kind.name === 'trader') this.areLanesRead = true;
    return slot;
  }

  /** Reads all that belongs to no wallet. */
  private async readEverything(signal: AbortSignal): Promise<void> {
    const [newest, ...slots] = await Promise.all([
      this.gaps.newest(this.connection),
      ...PUBLIC.map((scope) => this.readList(scope, signal)),
    ]);
    if (signal.aborted) return;
    this.gaps.begin(
      newest ?? [],
      slots.reduce((oldest, slot) => (slot < oldest ? slot : oldest)),
    );
    this.forgetBooks();
    this.everythingReadAt = Date.now();
    this.isRead = true;
  }

  /** Reads what happened and nobody told of; everything where nobody can tell what that is. */
  private async catchUp(signal: AbortSignal, isQuiet = false): Promise<void> {
    const look = await this.gaps.look(this.connection, this.slot, !isQuiet, signal);
    if (signal.aborted) return;
    const most = Math.max(MISSED_AT_LEAST, this.book.size / ACCOUNTS_PER_MISSED);
    if (look.kind === 'found' && look.missed.length <= most) {
      await this.readMissed(look.missed.map(({ signature }) => signature));
      return;
    }
    // A node without a list of transactions is read anew at times, and always after it was away or where it tells nothing.
    const isDue = isQuiet || this.status.kind !== 'live' || Date.now() - this.everythingReadAt > BLIND_MS;
    if (look.kind === 'silent' && !isDue) return;
    await this.readEverything(signal);
    await this.readBooks();
  }

  /** Takes what transactions did of which no subscription told, or not all. */
  private async readMissed(signatures: readonly Signature[]): Promise<void> {
    const changed = new Set<Address>();
    for (let at = 0; at < signatures.length; at += READ_AT_ONCE) {
      const some = signatures.slice(at, at + READ_AT_ONCE);
      const transactions = await Promise.all(some.map((one) => readTransaction(this.connection, one)));
      for (const [index, transaction] of transactions.entries()) {
        const signature = some[index];
        if (signature === undefined || transaction === undefined || transaction.failed) continue;
        this.takeEvents(transaction.events, signature, transaction.slot);
        for (const address of transaction.writable) changed.add(address);
      }
    }
    if (changed.size > 0) await this.refresh([...changed]);
  }

  /** Reads lists that have had another length than the market counts for a while. */
  private async checkLengths(signal: AbortSignal): Promise<void> {
    const found = mismatches(this.book.accounts);
    const suspected = new Map(found.map(({ kind, bus, numbers }) => [`${kind} ${bus}`, numbers]));
    for (const { kind: name, bus, numbers } of found) {
      const key = `${name} ${bus}`;
      // What is on its way has come by the next time; what was read and is as it was is as the market has it.
      if (this.suspected.get(key) !== numbers || this.settled.get(key) === numbers) continue;
      this.settled.set(key, numbers);
      const kind = kindOf(name);
      if (kind.busAt !== undefined) await this.readList({ kind, at: kind.busAt, of: bus }, signal);
    }
    this.suspected = suspected;
  }

  /** Reads the delivery books that are needed and not known yet. */
  private async readBooks(): Promise<void> {
    if (this.round.signal.aborted) return;
    const { accounts } = this.book;
    const wanted = wantedBooks(accounts, this.wallet, this.looked.keys());
    this.wanted = wanted;
    const { signal } = this.round;
    const missing = (key: string) => {
      const isMissing = !this.booksRead.has(key);
      this.booksRead.add(key);
      return isMissing;
    };
    const buses = [...wanted.buses].filter((bus) => missing(`bus:${bus}`));
    const isOfBus = (bus: Address | undefined) => bus !== undefined && wanted.buses.has(bus);
    const sellers = [...wanted.sellers].filter(
      (seller) => !isOfBus(accounts.seller.get(seller)?.bus) && missing(`seller:${seller}`),
    );
    const books = [...wanted.books].filter((book) => !accounts.book.has(book) && missing(`book:${book}`));
    if (buses.length + sellers.length + books.length === 0) return;
    try {
      const lists = [...buses.map(ofBus), ...sellers.map(ofSeller)];
      await Promise.all([this.refresh(books), ...lists.map((scope) => this.readList(scope, signal))]);
    } catch (error) {
      for (const key of this.booksRead) this.booksRead.delete(key);
      throw error;
    }
    if (buses.length === 0 || signal.aborted) return;
    this.bookBuses = new Set([...this.bookBuses, ...buses]);
    this.touch('rest');
  }

  private forgetBooks(): void {
    this.booksRead.clear();
    this.bookBuses = new Set();
  }

  private async readClock(): Promise<void> {
    const { seconds, slot } = await chainTime(this.connection);
    if (slot + ANOTHER_CHAIN_SLOTS < this.slot) this.startOver();
    this.takeSlot(slot);
    this.clockOffset = seconds - Date.now() / 1_000;
    this.touch('rest');
  }

  /** Forgets all of a chain that is no more. */
  private startOver(): void {
    this.book.clear();
    this.gaps = new Gaps();
    this.slot = 0n;
    this.isRead = false;
    this.fail(new Unreachable(t.live.theChainStartedAnew));
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

  /** Takes what a subscription tells of a transaction. */
  private takeTransaction({ signature, slot, hasFailed, events, changes, isCut }: Told): void {
    this.gaps.hear(signature, slot);
    if (hasFailed) return;
    this.takeEvents(events, signature, slot);
    const { offer, book } = this.book.accounts;
    for (const account of changes.accounts) this.expect(account, slot, LATE_MS);
    const ofOffers = changes.accounts.flatMap((account) => offer.get(account)?.book ?? []);
    for (const one of [...changes.books, ...ofOffers]) if (book.has(one)) this.expect(one, slot, BOOK_MS);
    // Whoever fills a log hides what happened in its transaction: the accounts that it names tell.
    if (isCut) this.readMissed([signature]).catch((error: unknown) => this.fail(error));
  }

  /** Reads an account a little later, unless it is known by then as it was at a slot. */
  private expect(address: Address, slot: bigint, ms: number): void {
    this.expected.set(address, { slot, dueAt: Date.now() + ms, attempts: 0 });
    this.expectNext();
  }

  private expectNext(): void {
    clearTimeout(this.expectTimer);
    this.expectTimer = undefined;
    if (this.expected.size === 0 || this.lifetime.signal.aborted) return;
    const dueAt = Math.min(...[...this.expected.values()].map((one) => one.dueAt));
    this.expectTimer = setTimeout(() => void this.readExpected(), Math.max(0, dueAt - Date.now()));
  }

  private async readExpected(): Promise<void> {
    const now = Date.now();
    const stale: Address[] = [];
    for (const [address, one] of this.expected) {
      if (one.dueAt > now) continue;
      const isLate = this.book.isStale(address, one.slot) && one.attempts < ATTEMPTS;
      if (!isLate) this.expected.delete(address);
      // The node that answers may lag behind the one that told.
      else this.expected.set(address, { ...one, dueAt: now + LATE_MS, attempts: one.attempts + 1 });
      if (isLate) stale.push(address);
    }
    this.expectNext();
    try {
      if (stale.length > 0) await this.refresh(stale);
    } catch (error) {
      this.fail(error);
    }
  }

  private takeEvents(events: readonly MarketEvent[], signature: Signature, slot: bigint): void {
    for (const event of events) {
      if (isOfBid(event) && this.bidBook.take(event, signature)) this.touch('rest');
      switch (event.kind) {
        case 'purchased':
          if (!this.trades.add(event, signature, slot)) break;
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
        case 'bookOpened':
          if (this.wanted.sellers.has(event.seller) || this.wanted.buses.has(event.bus)) {
            this.expect(event.book, slot, BOOK_MS);
          }
          break;
        case 'bidCancelled':
          this.book.close(event.bid, slot);
          this.refreshSoon();
          break;
        case 'bidSettled':
          if (event.isClosed) this.book.close(event.bid, slot);
          this.refreshSoon();
          break;
        case 'bidden':
          this.refreshSoon();
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
    const isLive = this.status.kind === 'live';
    if (isLive) this.readAt = Date.now();
    const { dirty, trades, balances, wallet } = this;
    const { accounts } = this.book;
    this.dirty = new Set();
    // Until the wallet's lanes are read, those of another time are shown.
    const last = before.holdings?.wallet === wallet ? before.holdings : undefined;
    const lanes = () => [...accounts.trader.values()].sort((a, b) => a.lane - b.lane);
    this.state.set({
      status: this.status,
      readAt: this.readAt,
      slot: this.slot,
      clockOffset: this.clockOffset,
      buses: dirty.has('bus') ? this.tokens.name(accounts.bus, (bus) => isOwnPlace(bus, wallet)) : before.buses,
      tombstones: dirty.has('tombstone') ? new Map(accounts.tombstone) : before.tombstones,
      ledgers: dirty.has('ledger')
        ? new Map([...accounts.ledger.values()].map((ledger) => [ledger.bus, ledger]))
        : before.ledgers,
      capacities: dirty.has('capacity') ? new Map(accounts.capacity) : before.capacities,
      sellers: dirty.has('seller') ? new Map(accounts.seller) : before.sellers,
      offers: dirty.has('offer') ? new Map(accounts.offer) : before.offers,
      bids: dirty.has('bid') ? new Map(accounts.bid) : before.bids,
      locks: dirty.has('lock') ? new Map(accounts.lock) : before.locks,
      proposals: dirty.has('proposal') ? new Map(accounts.proposal) : before.proposals,
      claims: dirty.has('claim') ? new Map(accounts.claim) : before.claims,
      meters: dirty.has('meter') ? new Map(accounts.meter) : before.meters,
      devices: dirty.has('device') ? new Map(accounts.device) : before.devices,
      books: dirty.has('book') ? new Map(accounts.book) : before.books,
      bookBuses: this.bookBuses,
      positions: dirty.has('position') ? new Map(accounts.position) : before.positions,
      certificates: dirty.has('certificate') ? new Map(accounts.certificate) : before.certificates,
      trades: trades.trades,
      tradesRead: trades.isRead,
      tradesWhole: trades.isWhole,
      tradesMissing: trades.missing,
      origins: dirty.has('rest') || dirty.has('offer') ? new Map(trades.origins) : before.origins,
      bidTales: dirty.has('rest') ? this.bidBook.tales() : before.bidTales,
      balances: dirty.has('rest') ? new Map(balances.tokens) : before.balances,
      holdings:
        wallet === undefined
          ? undefined
          : { wallet, lamports: balances.lamports, traders: this.areLanesRead ? lanes() : last?.traders },
    });
    // At the end, because it may flush again at once.
    const isOfBooks = (['position', 'seller', 'bus', 'bid'] as const).some((kind) => dirty.has(kind));
    if (isLive && isOfBooks) this.readBooks().catch((error: unknown) => this.fail(error));
  }
}

/** Whether a bus is one that its user owns or has chosen to buy from. */
export function isOwnPlace(bus: Bus, wallet: Address | undefined): boolean {
  return isOwner(bus, wallet) || chosenBuses.get().has(bus.address);
}

/** An account that must be known as it was at a slot. */
interface Expected {
  readonly slot: bigint;
  readonly dueAt: number;
  readonly attempts: number;
}

const busOf = (held: Held): Address | undefined => ('bus' in held ? held.bus : undefined);
const sellerOf = (held: Held): Address | undefined => ('seller' in held ? held.seller : undefined);

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
