/** What a wallet bought and sold on delivery terms, by window: what was promised, delivered, held, refunded. Pure. */

import type { Address } from '@solana/kit';

import { plainTokens } from '../../amount/token';
import { paidFor } from '../../market/auction';
import {
  deliveredOf,
  dueOf,
  finalAt,
  poolDueOf,
  refundOf,
  stageOfWindow,
  usedWindows,
  windowStartOf,
  type DeliveryStage,
} from '../../market/delivery';
import type { Book, Bus, Seller } from '../../market/model';
import type { MarketState } from '../../market/state';
import { compare, compareNames } from '../../order';
import { csvText } from '../../ui/csv';
import { heldBy, soldBy } from './delivery';

/** One window of one seller, as its buyer or its seller sees it. */
export interface DeliveryRow {
  readonly key: string;
  readonly side: 'bought' | 'sold';
  readonly bus: Bus;
  readonly book: Book;
  readonly seller: Seller | undefined;
  readonly place: number;
  readonly windowStart: number;
  readonly stage: DeliveryStage;
  /** When it is final, as far as is known now. */
  readonly finalAt: number;
  /** Bought of this seller, or sold to all buyers. */
  readonly promisedWh: bigint;
  /** By the last reading; `undefined` while there is none and one can still come. */
  readonly deliveredWh: bigint | undefined;
  readonly paid: bigint;
  /** In the vault until the window is final, or until somebody presses the button. */
  readonly held: bigint;
  /** What goes back to buyers: of a final window for certain, of one that can be corrected as it stands. */
  readonly back: bigint;
  /** Whether what goes back, or what is due to the seller, has left the vault. */
  readonly isSettled: boolean;
  /** What the seller gets of a window that it sold, without the grid's part; 0 of what was bought. */
  readonly earned: bigint;
  readonly gridFee: bigint;
}

/** Rows of a wallet, the latest window first. */
export function deliveryRows(
  state: Pick<MarketState, 'positions' | 'books' | 'buses' | 'sellers' | 'capacities'>,
  wallet: Address | undefined,
  now: number,
): readonly DeliveryRow[] {
  /** What the auction of a window asks, with the grid fee; 0 where the window is closed by now. */
  const prices = new Map(
    [...state.capacities.values()].map(({ bus, windowStart, auctionPricePerKwh, terms }) => [
      `${bus} ${windowStart}`,
      auctionPricePerKwh + terms.gridFeePerKwh,
    ]),
  );
  const auctionPrice = (book: Book, windowStart: number) => prices.get(`${book.bus} ${windowStart}`) ?? 0n;
  const placed = (book: Book, place: number) => ({
    ...{ book, place, seller: state.sellers.get(book.seller) },
    windowStart: windowStartOf(book, place),
    stage: stageOfWindow(book, place, now),
    finalAt: finalAt(book, place),
  });
  const bought = heldBy(state, wallet).flatMap(({ position, book, bus }) =>
    position.windows.flatMap((own, place): DeliveryRow[] => {
      const window = book.windows[place];
      if (window === undefined || own.energyWh === 0n) return [];
      const at = placed(book, place);
      const isKnown = window.reportedAt !== 0 || at.stage === 'final';
      const back = isKnown ? refundOf(window, own.paid) : 0n;
      return [
        {
          ...at,
          key: `${position.address}:${place}`,
          side: 'bought',
          bus,
          promisedWh: own.energyWh,
          deliveredWh: isKnown ? deliveredOf(window, own.energyWh) : undefined,
          paid: own.paid,
          held: at.stage === 'final' ? (own.isRefunded ? 0n : back) : own.paid,
          back,
          isSettled: own.isRefunded || (at.stage === 'final' && back === 0n),
          earned: 0n,
          gridFee: 0n,
        },
      ];
    }),
  );
  const sold = soldBy(state, wallet).flatMap(({ book, bus }) =>
    usedWindows(book).map(({ place, window }): DeliveryRow => {
      const at = placed(book, place);
      const isKnown = window.reportedAt !== 0 || at.stage === 'final';
      const fee = book.terms.gridFeePerKwh;
      const { due, gridFee } = isKnown ? dueOf(window, fee) : { due: 0n, gridFee: 0n };
      const isReleased = window.state === 'released';
      const price = window.auctionWh === 0n ? 0n : auctionPrice(book, at.windowStart);
      const ofAuction = isKnown && price > 0n ? poolDueOf(window, price, fee) : { due: 0n, gridFee: 0n };
      const auctionPaid = paidFor(window.auctionWh, price);
      // What the auction sold waits in the escrow, and is released when it is counted.
      const auctionHeld = window.isPoolReported ? 0n : at.stage === 'final' ? ofAuction.due : auctionPaid;
      const isAllSettled = isReleased || window.soldWh === 0n;
      return {
        ...at,
        key: `${book.address}:${place}`,
        side: 'sold',
        bus,
        promisedWh: window.soldWh + window.auctionWh,
        deliveredWh: isKnown ? window.deliveredWh : undefined,
        paid: window.paid + auctionPaid,
        held: (isReleased ? 0n : at.stage === 'final' ? due : window.paid) + auctionHeld,
        back: isKnown ? window.paid + auctionPaid - due - ofAuction.due : 0n,
        isSettled: isAllSettled && (window.auctionWh === 0n || window.isPoolReported),
        earned: due - gridFee + ofAuction.due - ofAuction.gridFee,
        gridFee: gridFee + ofAuction.gridFee,
      };
    }),
  );
  return [...bought, ...sold].sort(
    (a, b) =>
      b.windowStart - a.windowStart ||
      compareNames(a.bus.name, b.bus.name) ||
      compare(a.side, b.side) ||
      compare(b.promisedWh, a.promisedWh) ||
      compare(a.key, b.key),
  );
}

/** Sums of rows that settle in one token. */
export interface DeliverySums {
  readonly promisedWh: bigint;
  /** Of windows that are final. */
  readonly deliveredWh: bigint;
  /** Waits for readings, or for the end of corrections. */
  readonly held: bigint;
  /** Goes back to buyers, or is due to the seller, and has not left the vault. */
  readonly due: bigint;
  /** Has gone back to the buyer, or was released to the seller. */
  readonly settled: bigint;
}

/** What rows come to. */
export function sumsOf(rows: readonly DeliveryRow[]): DeliverySums {
  let [promisedWh, deliveredWh, held, due, settled] = [0n, 0n, 0n, 0n, 0n];
  for (const row of rows) {
    promisedWh += row.promisedWh;
    if (row.stage !== 'final') {
      held += row.paid;
      continue;
    }
    deliveredWh += row.deliveredWh ?? 0n;
    const amount = row.side === 'bought' ? row.back : row.earned;
    if (row.isSettled) settled += amount;
    else due += amount;
  }
  return { promisedWh, deliveredWh, held, due, settled };
}

/** Promised and delivered energy of one window, of all sellers and buyers in it. */
export interface DeliveryBar {
  readonly windowStart: number;
  readonly windowSeconds: number;
  readonly promisedWh: bigint;
  /** `undefined` while nothing is known of any part of it. */
  readonly deliveredWh: bigint | undefined;
}

/** Bars of rows, one for each window, in the order of time, the latest so many at most. */
export function barsOf(rows: readonly DeliveryRow[], count: number): readonly DeliveryBar[] {
  const bars = new Map<number, DeliveryBar>();
  for (const { windowStart, book, promisedWh, deliveredWh } of rows) {
    const before = bars.get(windowStart);
    const delivered = deliveredWh === undefined ? before?.deliveredWh : (before?.deliveredWh ?? 0n) + deliveredWh;
    bars.set(windowStart, {
      windowStart,
      windowSeconds: book.terms.windowSeconds,
      promisedWh: (before?.promisedWh ?? 0n) + promisedWh,
      deliveredWh: delivered,
    });
  }
  return [...bars.values()].sort((a, b) => a.windowStart - b.windowStart).slice(-count);
}

/** Rows as a table that spreadsheets read: times in UTC, energy in Wh, money in base units. */
export function deliveriesCsv(rows: readonly DeliveryRow[]): string {
  const head = [
    ...['window_start', 'side', 'bus', 'seller', 'promised_wh', 'delivered_wh', 'paid_base_units'],
    ...['refund_base_units', 'earned_base_units', 'grid_fee_base_units', 'token', 'stage', 'bus_name', 'paid'],
  ];
  const lines = rows.map((row) => {
    // What nobody knows yet is no 0.
    const known = (value: bigint) => (row.deliveredWh === undefined ? '' : value);
    return [
      new Date(row.windowStart * 1_000).toISOString(),
      ...[row.side, row.bus.address, row.seller?.wallet ?? row.book.seller],
      ...[row.promisedWh, row.deliveredWh ?? '', row.paid, known(row.back), known(row.earned), known(row.gridFee)],
      ...[row.bus.mint, row.stage, row.bus.name, plainTokens(row.paid, row.bus.decimals)],
    ];
  });
  return csvText([head, ...lines]);
}
