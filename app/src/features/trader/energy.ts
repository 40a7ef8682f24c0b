/** What a wallet bought and sold, by day, week and month: energy, money, sources, and with whom. Pure. */

import type { Address } from '@solana/kit';

import { plainTokens } from '../../amount/token';
import { WH_PER_KWH } from '../../generated';
import { SOURCES, type Source, type Trade } from '../../market/model';
import type { MarketState } from '../../market/state';
import { termsAt, windowSecondsOf } from '../../market/terms';
import { compare } from '../../order';
import { csvText } from '../../ui/csv';
import { tokenPaidOn, type PaidToken } from '../claim/claim';
import type { DeliveryRow } from '../delivery/rows';
import type { Bought } from './history';

/** One part of a trade, as its buyer or its seller counts it. */
export interface Entry {
  readonly key: string;
  readonly side: 'bought' | 'sold';
  /** When it is delivered, or where it has no window, when it was traded. */
  readonly at: number;
  readonly energyWh: bigint;
  /** What the buyer paid, or what the seller gets without the grid fee, in base units. */
  readonly units: bigint;
  /** `undefined` where nobody tells the bus, and so the token. */
  readonly bus: PaidToken | undefined;
  readonly source: Source | undefined;
  /** The other side: the seller, or the buyer. */
  readonly who: Address | undefined;
  readonly hash: string;
  /** Whether the seller is paid for what is delivered: what it earned is then told by deliveries. */
  readonly isOnDelivery: boolean;
}

type Known = Pick<MarketState, 'buses' | 'tombstones' | 'origins' | 'sellers'> & {
  /** The wallet's accounts as a seller, also those that have closed. */
  readonly own: ReadonlySet<Address>;
};

/** Parts of purchases and sales, which are given newest first; those of each side oldest first. `busOf` tells the bus of an offer that is not known otherwise. */
export function entriesOf(
  { buses, tombstones, origins, sellers, own }: Known,
  wallet: Address,
  purchases: readonly Bought[],
  sales: readonly Trade[],
  busOf: (offer: Address) => Address | undefined,
): readonly Entry[] {
  const entry = (
    side: Entry['side'],
    trade: Pick<Trade, 'hash' | 'at' | 'buyer'>,
    index: number,
    fill: Bought['fills'][number],
  ): Entry => {
    const origin = origins.get(fill.offer);
    const place = origin?.bus ?? busOf(fill.offer);
    const bus = place === undefined ? undefined : buses.get(place);
    const windowStart = origin?.windowStart ?? 0;
    const gridFee = (fill.energyWh * (origin?.gridFeePerKwh ?? 0n)) / WH_PER_KWH;
    const isWindow = windowStart !== 0;
    return {
      key: `${side} ${trade.hash} ${index}`,
      side,
      at: isWindow ? windowStart : trade.at,
      energyWh: fill.energyWh,
      units: side === 'bought' ? fill.cost : fill.cost - gridFee,
      bus: tokenPaidOn({ buses, tombstones }, place),
      source: origin?.source,
      who: side === 'bought' ? sellerOf(sellers, origin?.seller) : trade.buyer,
      hash: trade.hash,
      isOnDelivery:
        isWindow &&
        bus !== undefined &&
        windowSecondsOf(bus, windowStart) !== undefined &&
        termsAt(bus, windowStart).isOnDelivery,
    };
  };
  /** What an auction sold to a bid; the other side of an auction is everybody. */
  const auctioned = ({ hash, energyWh, paid, bid }: Bought): readonly Entry[] =>
    bid === undefined || energyWh === 0n
      ? []
      : [
          {
            ...{ key: ['bid', hash].join(' '), side: 'bought', at: bid.windowStart, hash },
            ...{
              energyWh,
              units: paid,
              bus: tokenPaidOn({ buses, tombstones }, bid.bus),
              source: undefined,
              who: undefined,
              isOnDelivery: false,
            },
          },
        ];
  const [boughtInOrder, soldInOrder] = [purchases.toReversed(), sales.toReversed()];
  return [
    ...boughtInOrder.flatMap(auctioned),
    ...boughtInOrder.flatMap((one) =>
      one.fills.map((fill, index) => entry('bought', { ...one, buyer: wallet }, index, fill)),
    ),
    ...soldInOrder.flatMap((trade) =>
      trade.fills.flatMap((fill, index) => {
        const seller = origins.get(fill.offer)?.seller;
        return seller !== undefined && own.has(seller) ? [entry('sold', trade, index, fill)] : [];
      }),
    ),
  ];
}

/** A seller's wallet, or its account where that has closed. */
function sellerOf(sellers: Known['sellers'], seller: Address | undefined): Address | undefined {
  return seller === undefined ? undefined : (sellers.get(seller)?.wallet ?? seller);
}

/**
 * Entries, and what the records of deliveries tell besides: what an auction sold, and what the node has no history of any
 * more. Nobody knows of that with whom it was sold.
 */
export function withRecords(entries: readonly Entry[], rows: readonly DeliveryRow[]): readonly Entry[] {
  const more = rows.flatMap((row): readonly Entry[] => {
    const { key, side, bus, windowStart: at, book, place } = row;
    const who = side === 'bought' ? (row.seller?.wallet ?? book.seller) : undefined;
    const known = entries.filter(
      (one) =>
        one.side === side &&
        one.at === at &&
        one.bus === bus &&
        (side === 'sold' || one.who === who) &&
        one.isOnDelivery,
    );
    const energyWh = row.promisedWh - sum(known.map((one) => one.energyWh));
    if (energyWh <= 0n) return [];
    // What is known of a sale is without the grid's part.
    const gridFee = side === 'sold' ? (row.promisedWh * book.terms.gridFeePerKwh) / WH_PER_KWH : 0n;
    const units = row.paid - sum(known.map((one) => one.units)) - gridFee;
    const source = book.devices[book.windows[place]?.device ?? -1]?.source;
    return [{ key, side, at, energyWh, units, bus, source, who, hash: '', isOnDelivery: true }];
  });
  return [...entries, ...more];
}

/** Lengths of time that are looked at. */
export type Span = 'day' | 'week' | 'month';

/** A stretch of time, by the clock of this machine; `bars` are its hours or its days. */
export interface Period {
  readonly from: number;
  readonly to: number;
  readonly bars: readonly { readonly from: number; readonly to: number }[];
}

/** The day, week or month that a second is in, or one that lies so many further on. Weeks begin on Monday. */
export function periodOf(span: Span, second: number, ahead = 0): Period {
  const date = new Date(second * 1_000);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  const at = (y: number, m: number, d: number, h = 0) => Math.floor(new Date(y, m, d, h).getTime() / 1_000);
  const edges = (count: number, edge: (index: number) => number) => {
    // In the hours in which clocks change, two edges may be the same.
    const all = [...new Set(Array.from({ length: count + 1 }, (_, index) => edge(index)))];
    const bars = all.slice(0, -1).map((from, index) => ({ from, to: all[index + 1] ?? from }));
    return { from: all[0] ?? second, to: all.at(-1) ?? second, bars };
  };
  switch (span) {
    case 'day':
      return edges(24, (hour) => at(year, month, day + ahead, hour));
    case 'week': {
      const monday = day - ((date.getDay() + 6) % 7) + 7 * ahead;
      return edges(7, (index) => at(year, month, monday + index));
    }
    case 'month': {
      const days = new Date(year, month + ahead + 1, 0).getDate();
      return edges(days, (index) => at(year, month + ahead, 1 + index));
    }
  }
}

const within = ({ from, to }: Pick<Period, 'from' | 'to'>, second: number) => second >= from && second < to;

/** Energy of one bar by source, in the order of {@link SOURCES}. */
export interface EnergyBarOf {
  readonly from: number;
  readonly to: number;
  readonly totalWh: bigint;
  readonly bySource: readonly { readonly source: Source; readonly wh: bigint }[];
}

/** Energy of one side in each bar of a period. */
export function barsOf(entries: readonly Entry[], side: Entry['side'], period: Period): readonly EnergyBarOf[] {
  return period.bars.map((bar) => {
    const own = entries.filter((one) => one.side === side && within(bar, one.at));
    const bySource = SOURCES.flatMap((source) => {
      const wh = sum(own.filter((one) => (one.source ?? 'unspecified') === source).map(({ energyWh }) => energyWh));
      return wh === 0n ? [] : [{ source, wh }];
    });
    return { ...bar, totalWh: sum(own.map(({ energyWh }) => energyWh)), bySource };
  });
}

const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);

/** Figures of a period, of one token. */
export interface Figures {
  readonly bus: PaidToken;
  readonly boughtWh: bigint;
  /** Paid, less what came back since it was not delivered. */
  readonly spent: bigint;
  readonly soldWh: bigint;
  readonly earned: bigint;
  /** What came back, or was released, of deliveries in the period. */
  readonly released: bigint;
  /** What waits for readings of deliveries in the period. */
  readonly held: bigint;
}

/** Figures of a period, for each token. */
export function figuresOf(entries: readonly Entry[], rows: readonly DeliveryRow[], period: Period): readonly Figures[] {
  const own = entries.filter(({ at }) => within(period, at));
  const deliveries = rows.filter(({ windowStart }) => within(period, windowStart));
  const buses = new Map<string, PaidToken>();
  for (const { bus } of [...own, ...deliveries]) if (bus !== undefined) buses.set(bus.mint, buses.get(bus.mint) ?? bus);
  return [...buses.values()].map((bus) => {
    const rowsOf = (side: Entry['side']) => deliveries.filter((row) => row.side === side && row.bus.mint === bus.mint);
    const final = (side: Entry['side']) => rowsOf(side).filter(({ stage }) => stage === 'final');
    // What is on delivery terms and whose records are there is told by the records, also where no trade is known.
    const isTold = (one: Entry) =>
      one.isOnDelivery && rowsOf(one.side).some((row) => row.windowStart === one.at && row.bus === one.bus);
    const of = (side: Entry['side']) =>
      own.filter((one) => one.side === side && one.bus?.mint === bus.mint && !isTold(one));
    const energy = (side: Entry['side']) =>
      sum(of(side).map(({ energyWh }) => energyWh)) + sum(rowsOf(side).map(({ promisedWh }) => promisedWh));
    const units = (side: Entry['side']) => sum(of(side).map((one) => one.units));
    const bought = rowsOf('bought');
    const settled = (side: Entry['side']) => final(side).filter((row) => row.isSettled);
    return {
      bus,
      boughtWh: energy('bought'),
      spent: units('bought') + sum(bought.map(({ paid }) => paid)) - sum(final('bought').map(({ back }) => back)),
      soldWh: energy('sold'),
      earned: units('sold') + sum(final('sold').map(({ earned }) => earned)),
      released: sum(settled('bought').map(({ back }) => back)) + sum(settled('sold').map(({ earned }) => earned)),
      held: sum([...bought, ...rowsOf('sold')].filter(({ stage }) => stage !== 'final').map(({ paid }) => paid)),
    };
  });
}

/** What was traded with somebody. */
export interface Partner {
  readonly who: Address | undefined;
  readonly energyWh: bigint;
  readonly units: bigint;
  readonly bus: PaidToken | undefined;
}

/**
 * With whom one side of a period was, the most energy first, and then whoever was there first. What a seller gave back,
 * since it was not delivered, is not spent, as in {@link figuresOf}.
 */
export function partnersOf(
  entries: readonly Entry[],
  rows: readonly DeliveryRow[],
  side: Entry['side'],
  period: Period,
): readonly Partner[] {
  const found = new Map<string, Partner>();
  const count = ({ who, bus, energyWh, units }: Partner) => {
    const key = `${who ?? ''} ${bus?.mint ?? ''}`;
    const before = found.get(key) ?? { energyWh: 0n, units: 0n };
    found.set(key, { who, bus, energyWh: before.energyWh + energyWh, units: before.units + units });
  };
  for (const one of entries) if (one.side === side && within(period, one.at)) count(one);
  if (side === 'bought') {
    for (const { side: of, stage, windowStart, seller, book, bus, back } of rows) {
      if (of !== 'bought' || stage !== 'final' || back === 0n || !within(period, windowStart)) continue;
      count({ who: seller?.wallet ?? book.seller, bus, energyWh: 0n, units: -back });
    }
  }
  return [...found.values()].toSorted((a, b) => compare(b.energyWh, a.energyWh));
}

/**
 * Entries as a table that spreadsheets read: times in UTC, energy in Wh, money in base units, and at the end for people the
 * bus's name and the money in tokens.
 */
export function energyCsv(entries: readonly Entry[], nameOf: (bus: Address) => string | undefined): string {
  const head = [
    ...['time', 'side', 'energy_wh', 'paid_base_units', 'token', 'bus', 'with', 'source', 'transaction_hash'],
    ...['bus_name', 'paid'],
  ];
  const lines = entries
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, side, energyWh, units, bus, who, source, hash }) => [
      ...[new Date(at * 1_000).toISOString(), side, energyWh, units],
      ...[bus?.mint ?? '', bus?.address ?? '', who ?? '', source ?? '', hash],
      ...(bus === undefined ? ['', ''] : [nameOf(bus.address) ?? '', plainTokens(units, bus.decimals)]),
    ]);
  return csvText([head, ...lines]);
}
