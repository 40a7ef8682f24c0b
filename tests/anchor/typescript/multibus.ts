/**
 * What Anchor's IDL does not say about MultiBus, for users of Anchor's TypeScript client:
 *
 * - addresses whose seeds are not in the IDL,
 * - the accounts that follow those of the IDL (`.remainingAccounts`),
 * - the events of a transaction, which are in its log,
 * - the error in a refusal, which Anchor's client does not find in what web3.js throws.
 *
 * docs/anchor.md explains each.
 */

import { BN, EventParser, Program, type IdlAccounts, type IdlEvents, type Provider } from '@anchor-lang/core';
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

const PROGRAM = new PublicKey(idl.address);

/** Derives an address. The IDL has the seed as a constant, such as `LOCK_SEED`. */
function derive(constant: string, ...parts: (PublicKey | Buffer)[]): PublicKey {
  const seed = idl.constants.find(({ name }) => name === constant);
  if (seed === undefined) throw new Error(`the IDL has no constant ${constant}`);
  const seeds: Uint8Array[] = [Buffer.from(JSON.parse(seed.value) as number[])];
  for (const part of parts) seeds.push(part instanceof PublicKey ? part.toBuffer() : part);
  return PublicKey.findProgramAddressSync(seeds, PROGRAM)[0];
}

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

type EventName = keyof IdlEvents<Multibus>;

/** An event with its name, so that a `switch` over the name knows the data. */
export type MarketEvent = { [Name in EventName]: { name: Name; data: IdlEvents<Multibus>[Name] } }[EventName];

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
