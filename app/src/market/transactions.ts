/** Transactions that have landed, and what they say of the market. */

import { getBase58Encoder, type Address, type Signature } from '@solana/kit';

import { COMMITMENT, type Connection } from '../chain/connection';
import { PURCHASE_BATCH_DISCRIMINATOR, PURCHASE_DISCRIMINATOR } from '../generated';
import { PROGRAM } from '../programs';
import { BidBook, isOfBid, type BidTale } from './bids';
import { eventsOf, isCut, rawEventsOf, type MarketEvent, type RawEvent } from './events';

/** A transaction that succeeded: its market events, and the bus of each offer that it names. */
export interface ReadTransaction {
  readonly events: readonly MarketEvent[];
  readonly buses: ReadonlyMap<Address, Address>;
  /** Accounts that it may have changed. */
  readonly writable: readonly Address[];
  /** Whether its log was cut, so that events may be missing. */
  readonly isCut: boolean;
  readonly slot: bigint;
  readonly failed: boolean;
  readonly at: number | undefined;
  readonly fee: bigint;
}

const BATCH_FIXED_ACCOUNTS = 4;

/** The buses of the offers that an instruction buys from. The settlement of a lock names no bus. */
export function busesOf(
  accounts: readonly Address[],
  data: Uint8Array,
  offers: ReadonlySet<Address>,
): readonly (readonly [Address, Address])[] {
  const is = (discriminator: ArrayLike<number>) => data[0] === discriminator[0];
  if (is(PURCHASE_DISCRIMINATOR)) {
    const [, , bus, offer] = accounts;
    return bus !== undefined && offer !== undefined && offers.has(offer) ? [[offer, bus]] : [];
  }
  if (!is(PURCHASE_BATCH_DISCRIMINATOR)) return [];
  // An offer is followed by its vault, and on delivery terms by two books; before it stands its bus, where that is another
  // one than before. So an odd number of accounts between a vault and the next offer ends with a bus.
  const found: [Address, Address][] = [];
  let bus: Address | undefined;
  let between: Address[] = [];
  for (let at = BATCH_FIXED_ACCOUNTS; at < accounts.length; at += 1) {
    const account = accounts[at];
    if (account === undefined) continue;
    if (!offers.has(account)) {
      between.push(account);
      continue;
    }
    if (between.length % 2 === 1) bus = between.at(-1);
    if (bus !== undefined) found.push([account, bus]);
    between = [];
    at += 1;
  }
  return found;
}

/** Accounts of a message that its transaction may change: of those that sign and of the others, all but the last few. */
function writableOf({
  accountKeys,
  header: { numRequiredSignatures: signed, numReadonlySignedAccounts, numReadonlyUnsignedAccounts },
}: {
  readonly accountKeys: readonly Address[];
  readonly header: {
    readonly numRequiredSignatures: number;
    readonly numReadonlySignedAccounts: number;
    readonly numReadonlyUnsignedAccounts: number;
  };
}): readonly Address[] {
  return accountKeys.filter((_, index) =>
    index < signed
      ? index < signed - numReadonlySignedAccounts
      : index < accountKeys.length - numReadonlyUnsignedAccounts,
  );
}

/** Reads a transaction; `undefined` where the node has none of this signature. */
export async function readTransaction({ rpc }: Connection, signature: Signature): Promise<ReadTransaction | undefined> {
  const found = await rpc
    .getTransaction(signature, { commitment: COMMITMENT, encoding: 'json', maxSupportedTransactionVersion: 0 })
    .send();
  if (found?.meta == null) return undefined;
  const { meta, transaction, slot, blockTime } = found;
  const loaded = 'loadedAddresses' in meta ? meta.loadedAddresses : undefined;
  const keys = [...transaction.message.accountKeys, ...(loaded?.writable ?? []), ...(loaded?.readonly ?? [])];
  const events = meta.err === null ? eventsOf(meta.logMessages) : [];
  const offers = new Set(
    events.flatMap((event) => (event.kind === 'purchased' ? event.fills.map((fill) => fill.offer) : [])),
  );
  const buses = new Map<Address, Address>();
  for (const { programIdIndex, accounts, data } of transaction.message.instructions) {
    if (keys[programIdIndex] !== PROGRAM) continue;
    const named = accounts.flatMap((index) => keys[index] ?? []);
    for (const [offer, bus] of busesOf(named, new Uint8Array(getBase58Encoder().encode(data)), offers)) {
      buses.set(offer, bus);
    }
  }
  return {
    events,
    buses,
    writable: [...writableOf(transaction.message), ...(loaded?.writable ?? [])],
    isCut: isCut(meta.logMessages),
    slot,
    failed: meta.err !== null,
    at: blockTime === null ? undefined : Number(blockTime),
    fee: meta.fee,
  };
}

/** What the program logged in a transaction that succeeded, as it has it; nothing where the node does not tell. */
export async function readRawEvents({ rpc }: Connection, signature: Signature): Promise<readonly RawEvent[]> {
  const found = await rpc
    .getTransaction(signature, { commitment: COMMITMENT, encoding: 'json', maxSupportedTransactionVersion: 0 })
    .send();
  return found?.meta?.err === null ? rawEventsOf(found.meta.logMessages) : [];
}

/** What became of a bid, from the few transactions that name its account; `undefined` where the node tells none. */
export async function readTale(
  connection: Connection,
  bid: Address,
  signal: AbortSignal,
): Promise<BidTale | undefined> {
  const told = new BidBook();
  for (const signature of await signaturesOf(connection, bid, signal)) {
    const transaction = await readTransaction(connection, signature);
    for (const event of transaction?.events ?? []) {
      if (isOfBid(event) && event.bid === bid) told.take(event, signature);
    }
  }
  return told.tales().get(bid);
}

/** Signatures that a node lists at once. */
const PAGE = 1_000;

/** A transaction that a node lists. */
interface Listed {
  readonly signature: Signature;
  /** In unix seconds; `null` where the node does not tell. */
  readonly blockTime: bigint | null;
}

/** Transactions that succeeded and name an account, newest first, as many at once as a node lists. */
export async function* listedPages(
  { rpc }: Connection,
  account: Address,
  signal?: AbortSignal,
): AsyncGenerator<readonly Listed[]> {
  let before: Signature | undefined;
  for (;;) {
    const page = await rpc
      .getSignaturesForAddress(account, {
        limit: PAGE,
        commitment: COMMITMENT,
        ...(before === undefined ? {} : { before }),
      })
      .send(signal === undefined ? {} : { abortSignal: signal });
    yield page.filter(({ err }) => err === null);
    before = page.at(-1)?.signature;
    if (page.length < PAGE) return;
  }
}

/** Signatures of all transactions that succeeded and name an account, newest first. */
export async function signaturesOf(
  connection: Connection,
  account: Address,
  signal: AbortSignal,
): Promise<readonly Signature[]> {
  const found: Signature[] = [];
  for await (const page of listedPages(connection, account, signal))
    found.push(...page.map(({ signature }) => signature));
  return found;
}
