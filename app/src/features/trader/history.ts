/**
 * Everything that a wallet has bought, from the chain: beyond the sixteen receipts that a lane keeps, and in lanes that
 * were closed since.
 */

import type { Address } from '@solana/kit';

import { plainTokens } from '../../amount/token';
import { traderAddress } from '../../chain/address';
import { COMMITMENT, type Connection } from '../../chain/connection';
import type { BidTale } from '../../market/bids';
import type { Bus, Fill, Receipt, Trade } from '../../market/model';
import { readTale, readTransaction, signaturesOf } from '../../market/transactions';
import { compare } from '../../order';
import { Store } from '../../state/store';
import { csvText } from '../../ui/csv';
import { MAX_LANES } from './lanes';

/** A purchase, as far as it is known. */
export interface Bought {
  readonly hash: string;
  readonly at: number;
  readonly lane: number;
  /** Of its lane: grows with every purchase, also where the lane is closed and opened again. */
  readonly nonce: bigint;
  readonly energyWh: bigint;
  readonly paid: bigint;
  /** Empty where only the receipt is known. */
  readonly fills: readonly Fill[];
  /** The bid, where it is one: energy and payment are what the auction made of it. */
  readonly bid?: BidTale;
}

/** Whether a purchase is a bid, also where only its receipt is known: that says that nothing is bought yet. */
export function isBid({ bid, energyWh, paid, fills }: Bought): boolean {
  return bid !== undefined || (energyWh === 0n && paid === 0n && fills.length === 0);
}

/** Whether it is known what came of a purchase: an auction has decided on it, where it is a bid that was not withdrawn. */
function isDecided(purchase: Bought): boolean {
  const { bid } = purchase;
  return bid === undefined ? !isBid(purchase) : bid.isCancelled || bid.settlement !== undefined;
}

/** Whether all purchases are wanted, from the chain: asked for, or a lane was closed and its receipts went with it. */
export const isHistoryWanted = new Store(false);

const READ_AT_ONCE = 8;

/** Purchases and bids from receipts and from events that are known already, newest first. */
export function knownPurchases(
  wallet: Address,
  receipts: readonly Receipt[],
  trades: readonly Trade[],
  tales: Iterable<BidTale>,
): Bought[] {
  const found = new Map<string, Bought>();
  for (const { hash, purchasedAt: at, lane, nonce, energyWh, paid } of receipts) {
    found.set(hash, { hash, at, lane, nonce, energyWh, paid, fills: [] });
  }
  for (const trade of trades) if (trade.buyer === wallet) found.set(trade.hash, bought(trade));
  for (const tale of tales) {
    // Where only the account of a bid is known, its receipt tells the nonce.
    const { lane, nonce } = (tale.signature === '' ? found.get(tale.hash) : undefined) ?? tale;
    if (tale.buyer === wallet) found.set(tale.hash, { ...bidden(tale), lane, nonce });
  }
  return newestFirst(found.values());
}

/** A bid as a purchase: of what the auction gave it. */
function bidden(bid: BidTale): Bought {
  const { hash, at, lane, nonce, settlement } = bid;
  const { allottedWh: energyWh, paid } = settlement ?? { allottedWh: 0n, paid: 0n };
  return { hash, at, lane, nonce, energyWh, paid, fills: [], bid };
}

/** Bids whose end is read, at most: the newest. */
const BIDS_READ = 60;

/** The same with purchases that were read from the chain. */
export function withOlder(known: readonly Bought[], older: readonly Bought[]): Bought[] {
  const found = new Map(known.map((one) => [one.hash, one]));
  for (const one of older) {
    // What became of a bid may be known better than it was when the chain was read.
    if (found.get(one.hash)?.bid?.settlement?.isClosed !== true) found.set(one.hash, one);
  }
  return newestFirst(found.values());
}

/** Those of one second as their lanes have them: no other order of them is known. */
function newestFirst(purchases: Iterable<Bought>): Bought[] {
  return [...purchases].sort((a, b) => b.at - a.at || a.lane - b.lane || compare(b.nonce, a.nonce));
}

function bought({ hash, at, lane, nonce, fills }: Pick<Trade, 'hash' | 'at' | 'lane' | 'nonce' | 'fills'>): Bought {
  return {
    ...{ hash, at, lane, nonce },
    energyWh: fills.reduce((sum, fill) => sum + fill.energyWh, 0n),
    paid: fills.reduce((sum, fill) => sum + fill.cost, 0n),
    fills,
  };
}

/** All purchases of a wallet, read from the chain; `onProgress` hears of how many transactions were read, and of all. */
export async function readPurchases(
  connection: Connection,
  wallet: Address,
  signal: AbortSignal,
  onProgress: (read: number, all: number) => void,
): Promise<{ readonly purchases: readonly Bought[]; readonly buses: ReadonlyMap<Address, Address> }> {
  const lanes = await Promise.all(Array.from({ length: MAX_LANES }, (_, lane) => traderAddress(wallet, lane)));
  const pages = await Promise.all(lanes.map((lane) => signaturesOf(connection, lane, signal)));
  const signatures = [...new Set(pages.flat())];
  const purchases: Bought[] = [];
  const bids: Address[] = [];
  const buses = new Map<Address, Address>();
  for (let at = 0; at < signatures.length && !signal.aborted; at += READ_AT_ONCE) {
    onProgress(at, signatures.length);
    const some = signatures.slice(at, at + READ_AT_ONCE);
    for (const transaction of await Promise.all(some.map((one) => readTransaction(connection, one)))) {
      for (const [offer, bus] of transaction?.buses ?? []) buses.set(offer, bus);
      for (const event of transaction?.events ?? []) {
        if (event.kind === 'purchased' && event.buyer === wallet) {
          purchases.push(bought(event));
        }
        if (event.kind === 'bidden' && event.buyer === wallet) bids.push(event.bid);
      }
    }
  }
  for (let at = 0; at < Math.min(bids.length, BIDS_READ) && !signal.aborted; at += READ_AT_ONCE) {
    const some = bids.slice(at, at + READ_AT_ONCE);
    const tales = await Promise.all(some.map((bid) => readTale(connection, bid, signal)));
    purchases.push(...tales.flatMap((tale) => (tale === undefined ? [] : [bidden(tale)])));
  }
  return { purchases: newestFirst(purchases), buses };
}

/** What was bought from offers whose sellers have these vaults: the newest so many transactions of each. */
export async function readSales(
  connection: Connection,
  vaults: readonly Address[],
  count: number,
  signal: AbortSignal,
): Promise<readonly Trade[]> {
  const found = new Map<string, Trade>();
  for (const vault of vaults) {
    const page = await connection.rpc
      .getSignaturesForAddress(vault, { limit: count, commitment: COMMITMENT })
      .send({ abortSignal: signal });
    const signatures = page.filter(({ err }) => err === null).map(({ signature }) => signature);
    for (let at = 0; at < signatures.length && !signal.aborted; at += READ_AT_ONCE) {
      const some = signatures.slice(at, at + READ_AT_ONCE);
      const read = await Promise.all(some.map((one) => readTransaction(connection, one)));
      for (const [index, transaction] of read.entries()) {
        for (const event of transaction?.events ?? []) {
          if (event.kind !== 'purchased') continue;
          const { purchase: kind, ...trade } = event;
          found.set(event.hash, { ...trade, kind, signature: some[index] ?? '', slot: transaction?.slot ?? 0n });
        }
      }
    }
  }
  return [...found.values()];
}

/** Purchases as a table that spreadsheets read: times in UTC, energy in Wh, money in base units. What is unknown is empty. */
export function csvOf(
  purchases: readonly Bought[],
  busOf: (offer: Address) => Address | undefined,
  windowOf: (offer: Address) => number | undefined,
  named: (bus: Address) => Pick<Bus, 'mint' | 'decimals' | 'name'> | undefined,
): string {
  const time = (seconds: number) => new Date(seconds * 1_000).toISOString();
  /** The token's mint, and at the end for people the bus's name and the money in tokens. */
  const ends = (address: Address | undefined, cost: bigint | '') => {
    const bus = address === undefined ? undefined : named(address);
    return bus === undefined ? ['', '', ''] : [bus.mint, bus.name, cost === '' ? '' : plainTokens(cost, bus.decimals)];
  };
  const rows = purchases.flatMap((purchase) => {
    const { hash, at, fills, bid } = purchase;
    const [energyWh, paid] = isDecided(purchase) ? [purchase.energyWh, purchase.paid] : (['', ''] as const);
    return fills.length === 0
      ? [
          bid === undefined
            ? [time(at), hash, '', '', '', energyWh, '', paid, ...ends(undefined, paid)]
            : [
                time(at),
                hash,
                bid.capacity,
                bid.bus,
                time(bid.windowStart),
                energyWh,
                '',
                paid,
                ...ends(bid.bus, paid),
              ],
        ]
      : fills.map((fill) => {
          const start = windowOf(fill.offer);
          const delivery = start === undefined || start === 0 ? '' : time(start);
          const bus = busOf(fill.offer);
          const sold = [fill.energyWh, fill.pricePerKwh, fill.cost, ...ends(bus, fill.cost)];
          return [time(at), hash, fill.offer, bus ?? '', delivery, ...sold];
        });
  });
  const head = [
    ...['time', 'transaction_hash', 'offer', 'bus', 'delivery_start', 'energy_wh'],
    ...['price_per_kwh_base_units', 'cost_base_units', 'token', 'bus_name', 'cost'],
  ];
  return csvText([head, ...rows]);
}
