/**
 * Whether a purchase happened: looked for by its hash in the receipts on chain, then in the market's transactions, and
 * proven by the history root that its lane keeps on chain.
 */

import { getBase58Encoder, type Address, type Base58EncodedBytes, type Signature } from '@solana/kit';

import { bytesOf, COMMITMENT, type Connection } from '../../chain/connection';
import { decodeTrader, KINDS } from '../../market/decode';
import type { Fill, Trader } from '../../market/model';
import { readTransaction, type ReadTransaction } from '../../market/transactions';
import { PROGRAM } from '../../programs';
import { t } from '../../words';
import { EMPTY_ROOT, nextHistoryRoot } from '../purchase/hash';
import { readLane } from '../trader/lanes';

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
  | { readonly kind: 'closed' };

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
}

/** The answer to a query. */
export type Verdict =
  | { readonly kind: 'processed'; readonly purchases: readonly Processed[] }
  | { readonly kind: 'unprocessed'; readonly why: string };

const PAGE = 1_000;
const READ_AT_ONCE = 8;

/** Answers a query; `onProgress` hears how many transactions were looked at. */
export async function verify(
  connection: Connection,
  query: Query,
  onProgress: (looked: number) => void,
): Promise<Verdict> {
  if (query.kind === 'signature') {
    const transaction = await readTransaction(connection, query.signature);
    if (transaction === undefined) {
      return {
        kind: 'unprocessed',
        why: t.verify.theNodeKnowsNoTransaction,
      };
    }
    if (transaction.failed) {
      return { kind: 'unprocessed', why: t.verify.theTransactionFailedSoThat };
    }
    const purchases = await Promise.all(processedIn(connection, transaction, query.signature, () => true));
    return purchases.length === 0
      ? { kind: 'unprocessed', why: t.verify.theTransactionSucceededAndThere }
      : { kind: 'processed', purchases };
  }
  const lanes = await allLanes(connection);
  const lane = lanes.find(({ receipts }) => receipts.some(({ hash }) => hash === query.hash));
  // The wallet's own lane is the shortest place to look; without a receipt it is everything the market ever did.
  const found = await findTransaction(connection, lane?.address ?? PROGRAM, query.hash, onProgress);
  if (found !== undefined) {
    const purchases = processedIn(connection, found.transaction, found.signature, (hash) => hash === query.hash);
    return { kind: 'processed', purchases: await Promise.all(purchases) };
  }
  const receipt = lane?.receipts.find(({ hash }) => hash === query.hash);
  if (lane === undefined || receipt === undefined) {
    return { kind: 'unprocessed', why: t.verify.noPurchaseWithThisHash };
  }
  const proof = await prove(connection, lane.wallet, lane.lane);
  const { hash, wallet, nonce, purchasedAt: at, energyWh, paid } = receipt;
  const processed = { hash, wallet, lane: lane.lane, nonce, at, energyWh, paid, fills: [], signature: undefined };
  return { kind: 'processed', purchases: [{ ...processed, buses: new Map(), proof }] };
}

function processedIn(
  connection: Connection,
  transaction: ReadTransaction,
  signature: Signature,
  wanted: (hash: string) => boolean,
): Promise<Processed>[] {
  return transaction.events.flatMap((event) => {
    if (event.kind !== 'purchased' || !wanted(event.hash)) return [];
    const { hash, buyer: wallet, lane, nonce, at, fills } = event;
    const energyWh = fills.reduce((sum, fill) => sum + fill.energyWh, 0n);
    const paid = fills.reduce((sum, fill) => sum + fill.cost, 0n);
    return [
      prove(connection, wallet, lane, nonce).then((proof) => ({
        hash,
        wallet,
        lane,
        nonce,
        at,
        energyWh,
        paid,
        fills,
        signature,
        buses: transaction.buses,
        proof,
      })),
    ];
  });
}

async function allLanes({ rpc }: Connection): Promise<Trader[]> {
  const kind = KINDS.find(({ name }) => name === 'trader');
  if (kind === undefined) return [];
  const found = await rpc
    .getProgramAccounts(PROGRAM, {
      commitment: COMMITMENT,
      encoding: 'base64',
      filters: [{ memcmp: { offset: 0n, bytes: kind.discriminator as Base58EncodedBytes, encoding: 'base58' } }],
    })
    .send();
  return found.flatMap(({ pubkey, account }) => {
    const lane = decodeTrader(pubkey, bytesOf(account.data));
    return lane === undefined ? [] : [lane];
  });
}

async function findTransaction(
  connection: Connection,
  mentions: Address,
  hash: string,
  onProgress: (looked: number) => void,
): Promise<{ transaction: ReadTransaction; signature: Signature } | undefined> {
  let looked = 0;
  for await (const page of pages(connection, mentions)) {
    for (let at = 0; at < page.length; at += READ_AT_ONCE) {
      const signatures = page.slice(at, at + READ_AT_ONCE);
      const transactions = await Promise.all(signatures.map((signature) => readTransaction(connection, signature)));
      looked += signatures.length;
      onProgress(looked);
      for (const [index, transaction] of transactions.entries()) {
        const signature = signatures[index];
        const isIt = transaction?.events.some((event) => event.kind === 'purchased' && event.hash === hash);
        if (transaction !== undefined && signature !== undefined && isIt === true) return { transaction, signature };
      }
    }
  }
  return undefined;
}

/** Signatures of what succeeded and mentions an address, newest first. */
async function* pages({ rpc }: Connection, mentions: Address): AsyncGenerator<Signature[]> {
  let before: Signature | undefined;
  for (;;) {
    const page = await rpc
      .getSignaturesForAddress(mentions, {
        limit: PAGE,
        commitment: COMMITMENT,
        ...(before === undefined ? {} : { before }),
      })
      .send();
    yield page.filter(({ err }) => err === null).map(({ signature }) => signature);
    before = page.at(-1)?.signature;
    if (page.length < PAGE) return;
  }
}

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
): Promise<{ readonly purchases: readonly HistoricPurchase[]; readonly proof: Proof }> {
  const found = new Map<bigint, HistoricPurchase>();
  for (const { hash, nonce, purchasedAt: at, energyWh, paid } of lane.receipts) {
    found.set(nonce, { hash, nonce, at, energyWh, paid, fills: [], signature: undefined });
  }
  for await (const page of pages(connection, lane.address)) {
    for (let at = 0; at < page.length; at += READ_AT_ONCE) {
      const signatures = page.slice(at, at + READ_AT_ONCE);
      const transactions = await Promise.all(signatures.map((signature) => readTransaction(connection, signature)));
      for (const [index, transaction] of transactions.entries()) {
        for (const event of transaction?.events ?? []) {
          if (event.kind !== 'purchased' || event.buyer !== lane.wallet || event.lane !== lane.lane) continue;
          if (event.nonce < lane.firstNonce || event.nonce >= lane.nextNonce) continue;
          found.set(event.nonce, {
            hash: event.hash,
            nonce: event.nonce,
            at: event.at,
            energyWh: event.fills.reduce((sum, fill) => sum + fill.energyWh, 0n),
            paid: event.fills.reduce((sum, fill) => sum + fill.cost, 0n),
            fills: event.fills,
            signature: signatures[index],
          });
        }
      }
    }
  }
  const purchases = [...found.values()].sort((a, b) => (a.nonce < b.nonce ? -1 : 1));
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

/** Checks the history of a wallet's lane; `nonce` tells a purchase of an earlier life of the lane. */
async function prove(connection: Connection, wallet: Address, number: number, nonce?: bigint): Promise<Proof> {
  const lane = await readLane(connection, wallet, number);
  if (lane === undefined || (nonce !== undefined && nonce < lane.firstNonce)) return { kind: 'closed' };
  return (await history(connection, lane)).proof;
}
