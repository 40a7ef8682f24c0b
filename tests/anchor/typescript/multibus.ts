/**
 * What Anchor's IDL does not say about MultiBus, for users of Anchor's TypeScript client:
 *
 * - addresses whose seeds are not in the IDL,
 * - the accounts that follow those of the IDL (`.remainingAccounts`),
 * - the events of a transaction, which are in its log,
 * - the error in a refusal, which Anchor's client does not find in what web3.js throws,
 * - the address of a bid, and what it takes to prove the price of an auction.
 *
 * docs/anchor.md explains each.
 */

import { BN, EventParser, Program, type IdlAccounts, type IdlTypes, type Provider } from '@anchor-lang/core';
import { PublicKey, type AccountMeta } from '@solana/web3.js';

import idl from '../../../idl/multibus.json';
import type { Multibus } from './types/multibus';

export type { Multibus };

/** The program of the IDL, at the IDL's address. */
export function multibus(provider: Provider): Program<Multibus> {
  return new Program(idl as unknown as Multibus, provider);
}

/** An account with its address, as `program.account.offer.all()` gives it. */
export interface Found<T> {
  publicKey: PublicKey;
  account: T;
}

type Offer = IdlAccounts<Multibus>['offer'];
type Capacity = IdlAccounts<Multibus>['capacity'];
type Bid = IdlAccounts<Multibus>['bid'];

const PROGRAM = new PublicKey(idl.address);

/** The value of a constant of the IDL. */
function constant(name: string): unknown {
  const found = idl.constants.find((constant) => constant.name === name);
  if (found === undefined) throw new Error(`the IDL has no constant ${name}`);
  return JSON.parse(found.value);
}

/** Derives an address and its bump. The IDL has the seed as a constant, such as `LOCK_SEED`. */
function deriveWithBump(seed: string, ...parts: (PublicKey | Uint8Array)[]): [PublicKey, number] {
  const seeds: Uint8Array[] = [Buffer.from(constant(seed) as number[])];
  for (const part of parts) seeds.push(part instanceof PublicKey ? part.toBuffer() : part);
  return PublicKey.findProgramAddressSync(seeds, PROGRAM);
}

const derive = (seed: string, ...parts: (PublicKey | Uint8Array)[]) => deriveWithBump(seed, ...parts)[0];

const u8 = (number: number) => Buffer.from([number]);
const u16 = (number: number) => new BN(number).toArrayLike(Buffer, 'le', 2);
const u64 = (number: BN) => number.toArrayLike(Buffer, 'le', 8);
/** Also of a negative number, as times before 1970 are. */
const i64 = (number: BN) => number.toTwos(64).toArrayLike(Buffer, 'le', 8);

/** Every address that the market derives. */
export const addresses = {
  creator: (wallet: PublicKey) => derive('CREATOR_SEED', wallet),
  bus: (creator: PublicKey, busSeq: BN) => derive('BUS_SEED', creator, u64(busSeq)),
  ledger: (bus: PublicKey) => derive('LEDGER_SEED', bus),
  /** Window start 0 is the general capacity. */
  capacity: (bus: PublicKey, windowStart: BN) => derive('CAPACITY_SEED', bus, i64(windowStart)),
  treasury: (bus: PublicKey) => derive('TREASURY_SEED', bus),
  unclaimed: (bus: PublicKey) => derive('UNCLAIMED_SEED', bus),
  escrow: (bus: PublicKey) => derive('ESCROW_SEED', bus),
  /** The seller account of the bus itself is that of the wallet `bus`. */
  seller: (bus: PublicKey, wallet: PublicKey) => derive('SELLER_SEED', bus, wallet),
  vault: (seller: PublicKey) => derive('VAULT_SEED', seller),
  offer: (seller: PublicKey, number: BN) => derive('OFFER_SEED', seller, u64(number)),
  /** `place` is 0 to 7: a buyer has eight locks on an offer. */
  lock: (offer: PublicKey, buyer: PublicKey, place: number) => derive('LOCK_SEED', offer, buyer, u8(place)),
  trader: (wallet: PublicKey, lane: number) => derive('TRADER_SEED', wallet, u16(lane)),
  proposal: (bus: PublicKey, proposer: PublicKey, number: BN) => derive('PROPOSAL_SEED', bus, proposer, u64(number)),
  claim: (bus: PublicKey, wallet: PublicKey) => derive('CLAIM_SEED', bus, wallet),
  meter: (seller: PublicKey) => derive('METER_SEED', seller),
  device: (key: PublicKey) => derive('DEVICE_SEED', key),
  book: (seller: PublicKey, firstWindow: BN) => derive('BOOK_SEED', seller, i64(firstWindow)),
  position: (book: PublicKey, buyer: PublicKey) => derive('POSITION_SEED', book, buyer),
  certificate: (seller: PublicKey, windowStart: BN, rangeStart: BN) =>
    derive('CERTIFICATE_SEED', seller, i64(windowStart), u64(rangeStart)),
  /** Of the bid's transaction hash; `bidOf` computes both. */
  bid: (transactionHash: Uint8Array) => derive('BID_SEED', transactionHash),
  clearing: (capacity: PublicKey, clearer: PublicKey) => derive('CLEARING_SEED', capacity, clearer),
};

const readonly = (pubkey: PublicKey): AccountMeta => ({ pubkey, isSigner: false, isWritable: false });
const writable = (pubkey: PublicKey): AccountMeta => ({ pubkey, isSigner: false, isWritable: true });

/**
 * The accounts that follow in `purchase` and `lockSettle`: nothing on purchase terms; on delivery terms the seller's delivery
 * book and the buyer's position book, which `positionOpen` opens.
 */
export function bookAccounts(offer: Offer, buyer: PublicKey): AccountMeta[] {
  return offer.onDelivery === 0 ? [] : [writable(offer.book), ...positionAccount(offer, buyer)];
}

/** The account that follows in `lockTake` and `lockRelease`: on delivery terms the buyer's position book. */
export function positionAccount(offer: Offer, buyer: PublicKey): AccountMeta[] {
  return offer.onDelivery === 0 ? [] : [writable(addresses.position(offer.book, buyer))];
}

/**
 * The accounts that follow in `purchaseBatch`, for its items in their order: each item's offer and vault and its books, and a bus
 * before the first of its items.
 */
export function batchAccounts(offers: readonly Found<Offer>[], buyer: PublicKey): AccountMeta[] {
  return offers.flatMap(({ publicKey, account }, index) => {
    const before = offers[index - 1]?.account.bus;
    const bus = before?.equals(account.bus) ? [] : [readonly(account.bus)];
    return [...bus, writable(publicKey), writable(account.vault), ...bookAccounts(account, buyer)];
  });
}

/**
 * The accounts that follow in `offerCreate`: nothing on purchase terms; on delivery terms the seller's meter, and its delivery book of
 * 96 windows, which the first listing opens.
 */
export function listingAccounts(seller: PublicKey, { terms, windowStart }: Capacity): AccountMeta[] {
  if (terms.settlement === 0) return [];
  const length = new BN(terms.windowSeconds * (constant('BOOK_WINDOWS') as number));
  const firstWindow = terms.from.add(windowStart.sub(terms.from).div(length).mul(length));
  return [writable(addresses.meter(seller)), writable(addresses.book(seller, firstWindow))];
}

/** The account that follows in `offerCancel` and `askSettle`: on delivery terms the seller's delivery book. */
export function bookAccount(offer: Offer): AccountMeta[] {
  return offer.onDelivery === 0 ? [] : [writable(offer.book)];
}

/** What a purchase buys of an offer, or what a bid bids for in a window, whose capacity is then named in place of the offer. */
export interface Order {
  offer: PublicKey;
  energyWh: BN;
  /** In base units per kWh, grid fee included. */
  maxPricePerKwh: BN;
}

/** Number of a bid in the IDL's enum `PurchaseKind`. */
const BID = 3;

/** The hash that identifies a purchase or a bid, which the buyer knows before sending it. `kind` is of the IDL's `PurchaseKind`. */
export async function transactionHash(
  kind: number,
  buyer: PublicKey,
  lane: number,
  nonce: BN,
  orders: readonly Order[],
): Promise<Uint8Array> {
  const tag = Buffer.from(constant('TRANSACTION_HASH_TAG') as number[]);
  const head = [tag, PROGRAM.toBuffer(), buyer.toBuffer(), u8(kind), u16(lane), u64(nonce)];
  const parts = orders.flatMap((order) => [order.offer.toBuffer(), u64(order.energyWh), u64(order.maxPricePerKwh)]);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', Buffer.concat([...head, ...parts])));
}

/** The address and the bump that `bidCreate` wants: the address is of the bid's hash. */
export async function bidOf(
  capacity: PublicKey,
  buyer: PublicKey,
  lane: number,
  nonce: BN,
  energyWh: BN,
  maxPricePerKwh: BN,
): Promise<{ bid: PublicKey; bump: number }> {
  const hash = await transactionHash(BID, buyer, lane, nonce, [{ offer: capacity, energyWh, maxPricePerKwh }]);
  const [bid, bump] = deriveWithBump('BID_SEED', hash);
  return { bid, bump };
}

/** Where `capacity` stands in a bid and in an offer, in bytes. */
const CAPACITY_IN_BID = 128;
const CAPACITY_IN_OFFER = 168;

/** The bids and offers of a window: what a clearing counts. */
export interface WindowOrders {
  bids: Found<Bid>[];
  offers: Found<Offer>[];
}

export async function ordersOf(program: Program<Multibus>, capacity: PublicKey): Promise<WindowOrders> {
  const at = (offset: number) => [{ memcmp: { offset, bytes: capacity.toBase58() } }];
  const bids = await program.account.bid.all(at(CAPACITY_IN_BID));
  return { bids, offers: await program.account.offer.all(at(CAPACITY_IN_OFFER)) };
}

/** What an offer asks for in the auction of its window, in Wh: offers that end before the gate ask for nothing. */
function askedWh(offer: Offer): BN {
  const isAsked =
    offer.cancelled === 0 && offer.expiresAt.gte(offer.gateClosesAt) && offer.tradesFrom.lte(offer.gateClosesAt);
  return isAsked ? offer.remainingWh : new BN(0);
}

/**
 * The prices that `clearingOpen` names, without the grid fee. `low` is the first price at which what is bid above it is not more than
 * what is asked for at or below it; `high` the first at which it is less. The auction's price is in the middle, rounded down. Where one
 * side has no energy, nothing is sold, and any prices do.
 */
export function clearingPrices({ bids, offers }: WindowOrders): { low: BN; high: BN } {
  const bid = bids.map(({ account }) => ({ price: account.pricePerKwh, wh: account.energyWh }));
  const asked = offers.map(({ account }) => ({ price: account.pricePerKwh, wh: askedWh(account) }));
  const sum = (orders: { wh: BN }[]) => orders.reduce((total, { wh }) => total.add(wh), new BN(0));
  /** What is bid above a price, less what is asked for up to it. It changes at the prices of orders alone. */
  const missing = (price: BN) =>
    sum(bid.filter((order) => order.price.gt(price))).sub(sum(asked.filter((order) => order.price.lte(price))));
  const prices = [new BN(0), ...[...bid, ...asked].map(({ price }) => price)].sort((a, b) => a.cmp(b));
  const low = prices.find((price) => missing(price).lten(0)) ?? new BN(0);
  return { low, high: prices.find((price) => missing(price).ltn(0)) ?? low };
}

/**
 * The accounts that follow in `clearingTally`: bids and offers of the window, in ascending order of their addresses as bytes. One
 * transaction holds about 28 of them; tally the rest in further ones, in the same order.
 */
export function tallyAccounts({ bids, offers }: WindowOrders): AccountMeta[] {
  const orders = [...bids, ...offers].map(({ publicKey }) => publicKey);
  return orders.sort((a, b) => Buffer.compare(a.toBuffer(), b.toBuffer())).map(readonly);
}

type EventName = Multibus['events'][number]['name'];

/** The data of each event. Anchor's `IdlEvents` gives up on an IDL with more than 48 events ("excessively deep"). */
export type MarketEvents = Pick<IdlTypes<Multibus>, EventName>;

/** An event with its name, so that a `switch` over the name knows the data. */
export type MarketEvent = { [Name in EventName]: { name: Name; data: MarketEvents[Name] } }[EventName];

/**
 * The events that the market logged in a transaction, in their order. The log of a transaction that calls much can be cut off: then
 * events may be missing, and the accounts alone tell what happened.
 */
export async function eventsOf(program: Program<Multibus>, signature: string): Promise<MarketEvent[]> {
  const transaction = await program.provider.connection.getTransaction(signature, {
    commitment: 'confirmed',
    maxSupportedTransactionVersion: 0,
  });
  const log = transaction?.meta?.logMessages;
  if (!log) throw new Error(`the node does not know the log of ${signature}; ask again once it is confirmed`);
  if (log.includes('Log truncated')) throw new Error(`the log of ${signature} is cut off; read the accounts instead`);
  return [...new EventParser(program.programId, program.coder).parseLogs(log)] as MarketEvent[];
}

/**
 * Calls back with each event of a name as it happens, until `program.removeEventListener` gets the number that is returned. The types
 * of `program.addEventListener` give up on an IDL with more than 48 events, as `IdlEvents` do.
 */
export function onEvent<Name extends EventName>(
  program: Program<Multibus>,
  name: Name,
  callback: (event: MarketEvents[Name], slot: number, signature: string) => void,
): number {
  return (program as unknown as Program).addEventListener(name, callback);
}

/** An error of the IDL. */
export type MarketError = Program<Multibus>['idl']['errors'][number];

/**
 * The market's error in what `.rpc()` or `.simulate()` threw; `undefined` where it is none of the market's.
 *
 * Programs of Anchor 2 do not log an `AnchorError`, and `ProgramError.parse` gives up on errors of web3.js that quote the log, because
 * the number stands in them twice.
 */
export function errorOf(program: Program<Multibus>, thrown: unknown): MarketError | undefined {
  const log = (thrown as { logs?: string[] } | undefined)?.logs ?? [];
  const failed = `Program ${program.programId.toBase58()} failed: custom program error: `;
  const line = log.find((text) => text.startsWith(failed));
  const code = line === undefined ? undefined : Number(line.slice(failed.length));
  return program.idl.errors.find((error) => error.code === code);
}
