// @vitest-environment node

import { readdirSync, readFileSync } from 'node:fs';

import { beforeAll, describe, expect, it } from 'vitest';

import { AUCTION, key, makeBid, makeBus, makeOffer, makeSeller, makeWindow, NOW, QUARTERS } from '../testing/market';
import {
  askFill,
  askWh,
  bidFill,
  bookOf,
  clear,
  heldBack,
  isSameOutcome,
  levelsOf,
  ordersOf,
  outcomeOf,
  owesAsk,
  paidFor,
  phaseOf,
  rationedOf,
  type AuctionBook,
  type AuctionOrder,
} from './auction';
import type { Bus, Capacity, Seller } from './model';

const order = (pricePerKwh: number | bigint, energyWh: number | bigint): AuctionOrder => ({
  pricePerKwh: BigInt(pricePerKwh),
  energyWh: BigInt(energyWh),
});
const sum = (orders: readonly AuctionOrder[], is: (price: bigint) => boolean) =>
  orders.reduce((total, { pricePerKwh, energyWh }) => (is(pricePerKwh) ? total + energyWh : total), 0n);

/** The rules as they are written, for one price. They share no code with what is tested. */
function rulesAt({ bids, asks }: AuctionBook, price: bigint) {
  const above = sum(bids, (other) => other > price);
  const from = sum(bids, (other) => other >= price);
  const below = sum(asks, (other) => other < price);
  const upTo = sum(asks, (other) => other <= price);
  return {
    isLow: above <= upTo && (price === 0n || from > below),
    isHigh: below <= from && upTo > above,
    volume: from < upTo ? from : upTo,
  };
}

const folder = new URL('../../../data/auction/', import.meta.url);
const linesOf = (file: string) =>
  readFileSync(new URL(file, folder), 'utf8')
    .trim()
    .split(/\r?\n/u)
    .slice(1)
    .map((line) => line.split(','));

/** A book from its file: side, party, energy, price. */
function readBook(file: string): AuctionBook {
  const lines = linesOf(file);
  const side = (name: string) =>
    lines
      .filter(([what]) => what === name)
      .map(([, , energy = '', price = '']) => order(BigInt(price), BigInt(energy)));
  return { bids: side('bid'), asks: side('ask') };
}

describe('the price of a book', () => {
  const expected = linesOf('expected.csv');

  it('has 16 books to be tried on', () => {
    expect(expected).toHaveLength(16);
    expect(readdirSync(folder).filter((name) => name.startsWith('book-'))).toHaveLength(16);
  });

  it.each(expected)(
    '%s: low %s, high %s, price %s, volume %s, rationed %s',
    (file, low, high, price, volume, rationed) => {
      const cleared = clear(readBook(file));
      expect(cleared.volumeWh).toBe(BigInt(volume));
      if (cleared.volumeWh === 0n) return;
      expect([cleared.lowPrice, cleared.highPrice, cleared.pricePerKwh].map(String)).toEqual([low, high, price]);
      expect(rationedOf(cleared) ?? '').toBe(rationed);
    },
  );

  it('is the one that the rules single out, of every price of random small books, and sells the most', () => {
    let seed = 42;
    const below = (limit: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % limit;
    };
    for (let number = 0; number < 1_500; number += 1) {
      const side = () => Array.from({ length: below(6) }, () => order(below(14), below(40)));
      const book = { bids: side(), asks: side() };
      const cleared = clear(book);
      const isEmpty = [book.bids, book.asks].some((orders) => sum(orders, () => true) === 0n);
      if (isEmpty) {
        expect(cleared).toMatchObject({ volumeWh: 0n, pricePerKwh: 0n });
        continue;
      }
      const prices = Array.from({ length: 17 }, (_, price) => BigInt(price));
      const rules = prices.map((price) => rulesAt(book, price));
      expect(prices.filter((_, price) => rules[price]?.isLow)).toEqual([cleared.lowPrice]);
      expect(prices.filter((_, price) => rules[price]?.isHigh)).toEqual([cleared.highPrice]);
      expect(cleared.pricePerKwh).toBe((cleared.lowPrice + cleared.highPrice) / 2n);
      const volumes = rules.map(({ volume }) => volume);
      expect(cleared.volumeWh).toBe(volumes.reduce((a, b) => (a > b ? a : b)));
      expect(cleared.volumeWh).toBe(rulesAt(book, cleared.pricePerKwh).volume);
      // Strictly better orders are filled in full, so that what is left is at the price.
      for (const [side, better] of [
        ['bids', sum(book.bids, (price) => price > cleared.pricePerKwh)],
        ['asks', sum(book.asks, (price) => price < cleared.pricePerKwh)],
      ] as const) {
        expect(cleared[side].filledWh + better).toBe(cleared.volumeWh);
        expect(cleared[side].filledWh).toBeGreaterThanOrEqual(0n);
        expect(cleared[side].filledWh).toBeLessThanOrEqual(cleared[side].atPriceWh);
      }
      // Two prices of which neither is better than the other are the same to the chain.
      expect(isSameOutcome(cleared, { ...cleared, bids: { ...cleared.bids, settledWh: 9n } })).toBe(true);
    }
  });

  it('counts beyond what a float holds', () => {
    const most = (1n << 40n) * (1n << 20n);
    const cleared = clear({ bids: [order(U64, most)], asks: [order(1, most)] });
    expect(cleared).toMatchObject({ lowPrice: 1n, highPrice: U64, pricePerKwh: 1n << 63n, volumeWh: most });
    expect(clear({ bids: [order(0, 5)], asks: [order(0, 3)] })).toMatchObject({ pricePerKwh: 0n, volumeWh: 3n });
  });
});

const U64 = (1n << 64n) - 1n;

describe('what an order gets', () => {
  const book = {
    bids: [order(30, 100), order(20, 300), order(20, 100), order(10, 50)],
    asks: [order(5, 200), order(20, 100)],
  };

  it('is all of it where it is better than the price, a part at the price, and else nothing', () => {
    const cleared = clear(book);
    expect(cleared).toMatchObject({ pricePerKwh: 20n, volumeWh: 300n });
    expect(book.bids.map((bid) => bidFill(cleared, bid))).toEqual([100n, 150n, 50n, 0n]);
    expect(book.asks.map((ask) => askFill(cleared, ask))).toEqual([200n, 100n]);
    expect(rationedOf(cleared)).toBe('bid');
    expect(rationedOf(clear({ bids: [order(20, 100)], asks: [order(20, 300)] }))).toBe('ask');
    expect(rationedOf(clear({ bids: [order(20, 100)], asks: [order(20, 100)] }))).toBeUndefined();
    expect(askFill(clear({ bids: [order(20, 100)], asks: [order(20, 300)] }), order(20, 30))).toBe(10n);
    expect(askFill(cleared, order(21, 5))).toBe(0n);
    const unsold = clear({ bids: [order(1, 5)], asks: [order(9, 5)] });
    expect([bidFill(unsold, order(99, 5)), askFill(unsold, order(1, 5))]).toEqual([0n, 0n]);
    expect([paidFor(1_000n, 333n), paidFor(1n, 1n), paidFor(0n, 9n)]).toEqual([333n, 1n, 0n]);
  });

  it('stands in the book as two curves', () => {
    expect(levelsOf(book).map(({ pricePerKwh, bidFromWh, askUpToWh }) => [pricePerKwh, bidFromWh, askUpToWh])).toEqual([
      [5n, 550n, 200n],
      [10n, 550n, 200n],
      [20n, 500n, 300n],
      [30n, 100n, 300n],
    ]);
  });
});

describe('an auction', () => {
  const START = NOW + 1_800;
  const GATE = START - 60;
  let bus: Bus;
  let seller: Seller;
  let window: Capacity;

  beforeAll(async () => {
    ({ bus } = await makeBus(100, { terms: AUCTION }));
    seller = await makeSeller(bus, key(9));
    window = await makeWindow(bus, START, { openBids: 1, openOffers: 1 });
  });

  it('goes through its phases', () => {
    const at = (now: number, change: Partial<Capacity> = {}) => phaseOf({ ...window, ...change }, now);
    expect([GATE - 301, GATE - 300, GATE - 1].map((now) => at(now))).toEqual(['trading', 'closing', 'closing']);
    expect([GATE, GATE + 86_399, GATE + 86_400].map((now) => at(now))).toEqual(['fixed', 'fixed', 'over']);
    expect([at(GATE, { openBids: 0 }), at(GATE, { openOffers: 0 })]).toEqual(['over', 'over']);
    expect([GATE - 3_600, GATE].map((now) => at(now, { isGivenUp: true }))).toEqual(['over', 'over']);
    expect(at(GATE + 99_999, { clearedAt: GATE })).toBe('cleared');
    expect(at(GATE, { terms: QUARTERS })).toBe('off');
  });

  it('takes of an offer what is not sold at the gate, where it trades then', () => {
    const asked = (change: Parameters<typeof makeOffer>[2]) =>
      askWh(makeOffer(200, seller, { gateClosesAt: GATE, expiresAt: GATE, reservedWh: 40n, ...change }));
    expect(asked({ remainingWh: 70n })).toBe(70n);
    expect([asked({ expiresAt: GATE - 1 }), asked({ tradesFrom: GATE + 1 }), asked({ cancelled: true })]).toEqual([
      ...[0n, 0n, 0n],
    ]);
    expect(asked({ tradesFrom: GATE, remainingWh: 7n })).toBe(7n);
  });

  it('holds offers back while it needs them', () => {
    const cleared = {
      ...{ clearedAt: GATE, auctionPricePerKwh: 200_000n, volumeWh: 10n },
      asks: { atPriceWh: 20n, filledWh: 10n, settledWh: 0n },
    };
    const ask = makeOffer(200, seller, { gateClosesAt: GATE, expiresAt: GATE, isInAuction: true });
    const held = (now: number, change: Partial<Capacity> = {}, offer = ask) =>
      heldBack({ ...window, ...change }, offer, now);
    expect([GATE - 301, GATE - 300, GATE].map((now) => held(now))).toEqual([undefined, 'lastMinutes', 'fixed']);
    expect(held(GATE, cleared)).toBe('unsettled');
    expect(held(GATE, cleared, { ...ask, isSettled: true })).toBeUndefined();
    expect(held(GATE, cleared, { ...ask, pricePerKwh: 200_001n })).toBeUndefined();
    expect(held(GATE, { ...cleared, asks: { ...cleared.asks, filledWh: 0n } })).toBeUndefined();
    expect(held(GATE, cleared, { ...ask, pricePerKwh: 199_999n })).toBe('unsettled');
    expect(held(GATE, {}, { ...ask, isInAuction: false })).toBeUndefined();
    expect(heldBack(undefined, ask, GATE)).toBeUndefined();
    expect(owesAsk({ ...window, ...cleared, clearedAt: 0 }, ask)).toBe(false);
    expect(outcomeOf({ ...window, ...cleared })).toMatchObject({ pricePerKwh: 200_000n, volumeWh: 10n });
  });

  it('has the orders of its window and of no other', () => {
    const own = [makeBid(300, window, key(5)), makeBid(310, window, key(6), { energyWh: 5n })];
    const other = makeBid(320, { ...window, address: key(41) }, key(5));
    const offers = [
      makeOffer(200, seller, { capacity: window.address, gateClosesAt: GATE, expiresAt: GATE }),
      makeOffer(201, seller, { capacity: window.address, gateClosesAt: GATE, expiresAt: GATE - 1 }),
      makeOffer(202, seller),
    ];
    const byAddress = <T extends { readonly address: string }>(all: readonly T[]) =>
      new Map(all.map((one) => [one.address as never, one]));
    const orders = ordersOf({ bids: byAddress([...own, other]), offers: byAddress(offers) }, window.address);
    expect([orders.bids.length, orders.offers.length]).toEqual([2, 2]);
    const book = bookOf(orders);
    expect(book.asks).toEqual([{ pricePerKwh: 200_000n, energyWh: 5_000n }]);
    expect(book.bids.map(({ pricePerKwh }) => pricePerKwh)).toEqual([300_000n, 300_000n]);
  });
});
