/**
 * Whether a purchase happened. A hash is looked for where it costs little: among the receipts that lanes keep, among the
 * trades that the page knows, and in the lanes of the connected wallet. All transactions of the market are read only for who
 * asks for it. The history root that a lane keeps on chain proves the purchase.
 */

import { getBase58Decoder, getBase58Encoder, type Address, type Base58EncodedBytes, type Signature } from '@solana/kit';

import { bidAddress, traderAddress } from '../../chain/address';
import { bytesOf, COMMITMENT, type Connection } from '../../chain/connection';
import { unhex } from '../../chain/hex';
import type { BidTale } from '../../market/bids';
import { decodeTrader } from '../../market/decode';
import { isPurchase } from '../../market/events';
import type { Fill, Trade, Trader } from '../../market/model';
import { kindOf } from '../../market/read';
import { listedPages, readTale, readTransaction, type ReadTransaction } from '../../market/transactions';
import { compare } from '../../order';
import { PROGRAM } from '../../programs';
import { t } from '../../words';
import { EMPTY_ROOT, nextHistoryRoot } from '../purchase/hash';
import { MAX_LANES, readLane } from '../trader/lanes';

/** What was pasted. */
export type Query =
  { readonly kind: 'hash'; readonly hash: string } | { readonly kind: 'signature'; readonly signature: Signature };

/** Reads what was pasted, or says why it is neither. */
export function parseQuery(text: string): Query | { readonly reason: string } {
  const compact = text.trim();
  const digits = compact.replace(/^0x/u, '').toLowerCase();
  if (/^[0-9a-f]{64}$/u.test(digits)) return { kind: 'hash', hash: digits };
  if (/^[1-9A-HJ-NP-Za-km-z]{64,88}$/u.test(compact) && getBase58Encoder().encode(compact).length === 64) {
    return { kind: 'signature', signature: compact as Signature };
  }
  return {
    reason: t.verify.thisIsNeitherATransaction,
  };
}

/** The check of a lane's history against the root on chain. */
export type Proof =
  | { readonly kind: 'proven'; readonly root: string; readonly purchases: number }
  | { readonly kind: 'mismatch'; readonly computed: string; readonly root: string }
  | { readonly kind: 'gap'; readonly missing: number; readonly root: string }
  | { readonly kind: 'closed' }
  /** The lane keeps the receipt; its history of so many purchases is not read for that. */
  | { readonly kind: 'receipt'; readonly lane: Trader; readonly purchases: number }
  /** The receipt was replaced by later ones; the lane's history of so many purchases would prove it. */
  | { readonly kind: 'older'; readonly lane: Trader; readonly purchases: number };

/** A purchase that happened. */
export interface Processed {
  readonly hash: string;
  readonly wallet: Address;
  readonly lane: number;
  readonly nonce: bigint;
  readonly at: number;
  readonly energyWh: bigint;
  readonly paid: bigint;
  readonly fills: readonly Fill[];
  readonly signature: Signature | undefined;
  readonly buses: ReadonlyMap<Address, Address>;
  readonly proof: Proof;
  /** Where it is a bid, what became of it. */
  readonly bid?: BidTale | undefined;
}

/** The answer to a query. */
export type Verdict =
  | { readonly kind: 'processed'; readonly purchases: readonly Processed[] }
  | { readonly kind: 'unprocessed'; readonly why: string }
  /** It is in no receipt and nowhere near; only all transactions of the market could tell. */
  | { readonly kind: 'unfound'; readonly hash: string };

/** What is known before the chain is asked. */
export interface Known {
  /** Trades and bids. */
  readonly trades: readonly Pick<Trade, 'hash' | 'signature'>[];
  /** The connected wallet, whose purchases are looked through. */
  readonly wallet: Address | undefined;
}

const READ_AT_ONCE = 8;
/** A block's time may be a second off the time that the program saw. */
const CLOCK_SECONDS = 2;

/** Answers a query; `onProgress` hears how many transactions were looked at. */
export async function verify(
  connection: Connection,
  query: Query,
  known: Known,
  signal: AbortSignal,
  onProgress: (looked: number) => void,
): Promise<Verdict> {
  if (query.kind === 'signature') return verifySignature(connection, query.signature);
  const { hash } = query;
  const trade = known.trades.find((one) => one.hash === hash);
  const [lane, transaction] = await Promise.all([
    laneWithReceipt(connection, hash),
    trade === undefined ? undefined : readTransaction(connection, trade.signature as Signature),
  ]);
  if (trade !== undefined && transaction !== undefined) {
    const purchases = processedIn(connection, transaction, trade.signature as Signature, (one) => one === hash);
    if (purchases.length > 0) return { kind: 'processed', purchases: await Promise.all(purchases) };
  }
  const receipt = lane?.receipts.find((one) => one.hash === hash);
  if (lane !== undefined && receipt !== undefined) {
    const found = await findByTime(connection, lane.address, hash, receipt.purchasedAt, signal);
    if (found !== undefined) {
      const purchases = processedIn(connection, found.transaction, found.signature, (one) => one === hash);
      return { kind: 'processed', purchases: await Promise.all(purchases) };
    }
    const { wallet, nonce, purchasedAt: at, energyWh, paid } = receipt;
    const bought = { hash, wallet, lane: lane.lane, nonce, at, energyWh, paid, fills: [], signature: undefined };
    const proof = await proofOfReceipt(lane, nonce);
    // A bid's account is named by its hash.
    const isBid = energyWh === 0n && paid === 0n;
    const bid = isBid ? await readTale(connection, (await bidAddress(hash)).address, signal) : undefined;
    return { kind: 'processed', purchases: [{ ...bought, buses: new Map(), proof, bid }] };
  }
  const { wallet } = known;
  if (wallet !== undefined) {
    const own = await Promise.all(Array.from({ length: MAX_LANES }, (_, number) => traderAddress(wallet, number)));
    let looked = 0;
    for (const address of own) {
      const found = await findTransaction(connection, address, hash, signal, (count) => onProgress(looked + count));
      looked += found.looked;
      if (found.purchases.length > 0) {
        return { kind: 'processed', purchases: await Promise.all(found.purchases) };
      }
    }
  }
  return { kind: 'unfound', hash };
}

/** Looks through all transactions of the market. */
export async function searchMarket(
  connection: Connection,
  hash: string,
  signal: AbortSignal,
  onProgress: (looked: number) => void,
): Promise<Verdict> {
  const { purchases } = await findTransaction(connection, PROGRAM, hash, signal, onProgress);
  return purchases.length === 0
    ? { kind: 'unprocessed', why: t.verify.noPurchaseWithThisHash }
    : { kind: 'processed', purchases: await Promise.all(purchases) };
}

async function verifySignature(connection: Connection, signature: Signature): Promise<Verdict> {
  const transaction = await readTransaction(connection, signature);
  if (transaction === undefined) return { kind: 'unprocessed', why: t.verify.theNodeKnowsNoTransaction };
  if (transaction.failed) return { kind: 'unprocessed', why: t.verify.theTransactionFailedSoThat };
  const purchases = await Promise.all(processedIn(connection, transaction, signature, () => true));
  return purchases.length === 0
    ? { kind: 'unprocessed', why: t.verify.theTransactionSucceededAndThere }
    : { kind: 'processed', purchases };
}

function processedIn(
  connection: Connection,
  transaction: ReadTransaction,
  signature: Signature,
  wanted: (hash: string) => boolean,
): Promise<Processed>[] {
  return transaction.events.flatMap((event) => {
    if (!isPurchase(event) || !wanted(event.hash)) return [];
    const { hash, buyer: wallet, lane, nonce, at } = event;
    const fills = event.kind === 'purchased' ? event.fills : [];
    const sumOf = (of: (fill: Fill) => bigint) => fills.reduce((sum, fill) => sum + of(fill), 0n);
    const told = event.kind === 'bidden' ? readTale(connection, event.bid, new AbortController().signal) : undefined;
    return [
      Promise.all([prove(connection, wallet, lane, nonce), told]).then(([proof, bid]) => ({
        hash,
        wallet,
        lane,
        nonce,
        at,
        energyWh: bid?.settlement?.allottedWh ?? sumOf(({ energyWh }) => energyWh),
        paid: bid?.settlement?.paid ?? sumOf(({ cost }) => cost),
        fills,
        signature,
        buses: transaction.buses,
        proof,
        bid,
      })),
    ];
  });
}

/** Bytes of a lane before its receipts, and of a receipt; the hash is the first that a receipt holds. */
export const RECEIPTS_AT = 120n;
export const RECEIPT_BYTES = 56n;
const RECEIPTS = 16;

/** The lane that keeps the receipt of a hash: asked for each place that a receipt can have, so that nothing else is sent. */
async function laneWithReceipt({ rpc }: Connection, hash: string): Promise<Trader | undefined> {
  const { discriminator } = kindOf('trader');
  const bytes = getBase58Decoder().decode(unhex(hash)) as Base58EncodedBytes;
  const places = Array.from({ length: RECEIPTS }, (_, place) => RECEIPTS_AT + BigInt(place) * RECEIPT_BYTES);
  const lanes = await Promise.all(
    places.map((offset) =>
      rpc
        .getProgramAccounts(PROGRAM, {
          commitment: COMMITMENT,
          encoding: 'base64',
          filters: [
            { memcmp: { offset: 0n, bytes: discriminator as Base58EncodedBytes, encoding: 'base58' } },
            { memcmp: { offset, bytes, encoding: 'base58' } },
          ],
        })
        .send(),
    ),
  );
  for (const { pubkey, account } of lanes.flat()) {
    const lane = decodeTrader(pubkey, bytesOf(account.data));
    if (lane !== undefined) return lane;
  }
  return undefined;
}

interface Found {
  readonly transaction: ReadTransaction;
  readonly signature: Signature;
}

/** The transaction of a purchase among those of its lane, by its time: one or two are read. */
async function findByTime(
  connection: Connection,
  lane: Address,
  hash: string,
  at: number,
  signal: AbortSignal,
): Promise<Found | undefined> {
  for await (const page of listedPages(connection, lane)) {
    const near = page.filter(({ blockTime }) => blockTime == null || Math.abs(Number(blockTime) - at) <= CLOCK_SECONDS);
    for (const { signature } of near) {
      if (signal.aborted) return undefined;
      const transaction = await readTransaction(connection, signature);
      const isIt = transaction?.events.some((event) => isPurchase(event) && event.hash === hash);
      if (transaction !== undefined && isIt === true) return { transaction, signature };
    }
    // Newest first: what follows is older still.
    const oldest = page.at(-1)?.blockTime;
    if (oldest != null && Number(oldest) < at - CLOCK_SECONDS) return undefined;
  }
  return undefined;
}

/** Looks for a purchase in all transactions that name an address. */
async function findTransaction(
  connection: Connection,
  mentions: Address,
  hash: string,
  signal: AbortSignal,
  onProgress: (looked: number) => void,
): Promise<{ readonly purchases: readonly Promise<Processed>[]; readonly looked: number }> {
  let looked = 0;
  for await (const page of listedPages(connection, mentions)) {
    for (let at = 0; at < page.length && !signal.aborted; at += READ_AT_ONCE) {
      const some = page.slice(at, at + READ_AT_ONCE);
      const transactions = await Promise.all(some.map(({ signature }) => readTransaction(connection, signature)));
      looked += some.length;
      onProgress(looked);
      for (const [index, transaction] of transactions.entries()) {
        const signature = some[index]?.signature;
        if (transaction === undefined || signature === undefined) continue;
        const purchases = processedIn(connection, transaction, signature, (one) => one === hash);
        if (purchases.length > 0) return { purchases, looked };
      }
    }
    if (signal.aborted) break;
  }
  return { purchases: [], looked };
}

/** A transaction that a node lists. */
/** A purchase of a lane's history. */
export interface HistoricPurchase {
  readonly hash: string;
  readonly nonce: bigint;
  readonly at: number;
  readonly energyWh: bigint;
  readonly paid: bigint;
  readonly fills: readonly Fill[];
  readonly signature: Signature | undefined;
}

/** Purchases of a lane since it was opened, from its events and receipts, oldest first. */
export async function history(
  connection: Connection,
  lane: Trader,
  onProgress: (looked: number) => void = () => undefined,
): Promise<{ readonly purchases: readonly HistoricPurchase[]; readonly proof: Proof }> {
  const found = new Map<bigint, HistoricPurchase>();
  for (const { hash, nonce, purchasedAt: at, energyWh, paid } of lane.receipts) {
    found.set(nonce, { hash, nonce, at, energyWh, paid, fills: [], signature: undefined });
  }
  let looked = 0;
  for await (const page of listedPages(connection, lane.address)) {
    for (let at = 0; at < page.length; at += READ_AT_ONCE) {
      looked += Math.min(READ_AT_ONCE, page.length - at);
      onProgress(looked);
      const some = page.slice(at, at + READ_AT_ONCE);
      const transactions = await Promise.all(some.map(({ signature }) => readTransaction(connection, signature)));
      for (const [index, transaction] of transactions.entries()) {
        for (const event of transaction?.events ?? []) {
          if (!isPurchase(event) || event.buyer !== lane.wallet || event.lane !== lane.lane) continue;
          if (event.nonce < lane.firstNonce || event.nonce >= lane.nextNonce) continue;
          // A bid has bought nothing yet.
          const fills = event.kind === 'purchased' ? event.fills : [];
          found.set(event.nonce, {
            hash: event.hash,
            nonce: event.nonce,
            at: event.at,
            energyWh: fills.reduce((sum, fill) => sum + fill.energyWh, 0n),
            paid: fills.reduce((sum, fill) => sum + fill.cost, 0n),
            fills,
            signature: some[index]?.signature,
          });
        }
      }
    }
  }
  const purchases = [...found.values()].sort((a, b) => compare(a.nonce, b.nonce));
  return { purchases, proof: await proofOf(lane, purchases) };
}

/** Holds the hashes of a lane's purchases, oldest first, against the root on chain. */
export async function proofOf(
  lane: Pick<Trader, 'firstNonce' | 'nextNonce' | 'historyRoot'>,
  purchases: readonly { readonly hash: string }[],
): Promise<Proof> {
  const expected = Number(lane.nextNonce - lane.firstNonce);
  if (purchases.length < expected) {
    return { kind: 'gap', missing: expected - purchases.length, root: lane.historyRoot };
  }
  let computed = EMPTY_ROOT;
  for (const { hash } of purchases) computed = await nextHistoryRoot(computed, hash);
  return computed === lane.historyRoot
    ? { kind: 'proven', root: computed, purchases: expected }
    : { kind: 'mismatch', computed, root: lane.historyRoot };
}

/** What a lane on chain says of a purchase of it, without its transactions. */
async function prove(connection: Connection, wallet: Address, number: number, nonce: bigint): Promise<Proof> {
  const lane = await readLane(connection, wallet, number);
  // A nonce before the lane's first one is of an earlier life of the lane.
  return lane === undefined || nonce < lane.firstNonce ? { kind: 'closed' } : proofOfReceipt(lane, nonce);
}

/** The proof by receipts alone: they are the whole history of a lane with few purchases. */
async function proofOfReceipt(lane: Trader, nonce: bigint): Promise<Proof> {
  const purchases = Number(lane.nextNonce - lane.firstNonce);
  if (purchases === lane.receipts.length) return proofOf(lane, lane.receipts.toReversed());
  const isKept = lane.receipts.some((receipt) => receipt.nonce === nonce);
  return { kind: isKept ? 'receipt' : 'older', lane, purchases };
}
