// @vitest-environment node

import { beforeAll, describe, expect, it } from 'vitest';

import { DELIVERY, key, makeBook, makeBus, makePosition, makeSeller, NO_WINDOWS } from '../testing/market';
import {
  bookClosesAt,
  bookFor,
  certifiableForBids,
  certifiableOf,
  certifiableSurplus,
  deadlineOf,
  deliveredOf,
  deliveredParts,
  dueOf,
  finalAt,
  firstWindowOf,
  heldFor,
  highestReadingWh,
  lastGateOf,
  missingReadings,
  mayChangeRefund,
  mostWh,
  opensPosition,
  placeOf,
  poolDueOf,
  poolWork,
  positionClosesAt,
  refundable,
  refundOf,
  releasable,
  stageOfWindow,
  surplusOf,
  unrefunded,
  windowStartOf,
} from './delivery';
import type { Book, BookWindow, Bus, Seller } from './model';

const DAY = 96 * 900;
const FIRST = 10 * DAY;
const BUYER = key(5);
let bus: Bus;
let seller: Seller;

beforeAll(async () => {
  ({ bus } = await makeBus(100, { terms: DELIVERY }));
  seller = await makeSeller(bus, key(9));
});

const window = (soldWh: bigint, paid: bigint, deliveredWh: bigint) =>
  ({ soldWh, paid, deliveredWh, auctionWh: 0n }) as BookWindow;

describe('windows of a book', () => {
  it('are counted from the first window of their terms', () => {
    const terms = { ...DELIVERY, from: 900_000 };
    const firsts = [0, 95, 96, 191, 200].map((place) => firstWindowOf(terms, 900_000 + place * 900));
    expect(firsts).toEqual([900_000, 900_000, 900_000 + DAY, 900_000 + DAY, 900_000 + 2 * DAY]);
    const book = makeBook(1, seller, FIRST, {});
    expect([windowStartOf(book, 0), windowStartOf(book, 95)]).toEqual([FIRST, FIRST + 95 * 900]);
    expect([FIRST, FIRST + 95 * 900, FIRST + DAY, FIRST - 900, FIRST + 1].map((at) => placeOf(book, at))).toEqual([
      ...[0, 95],
      ...[undefined, undefined, undefined],
    ]);
    expect(bookFor([book], seller.address, DELIVERY, FIRST + 900)).toBe(book);
    expect(bookFor([book], seller.address, DELIVERY, FIRST + DAY)).toBeUndefined();
    expect(bookFor([book], key(8), DELIVERY, FIRST)).toBeUndefined();
    // Windows of later terms are in a book of their own.
    const later = { ...DELIVERY, from: FIRST + 900 };
    expect(bookFor([book], seller.address, later, FIRST + 900)).toBeUndefined();
  });

  it('are final after their deadline, or the correction time after their first reading', () => {
    const end = FIRST + 900;
    const silent = makeBook(1, seller, FIRST, { 0: { soldWh: 1n } });
    expect([deadlineOf(silent, 0), finalAt(silent, 0)]).toEqual([end + 3_600, end + 3_600]);
    const stages = (book: Book, ...times: readonly number[]) => times.map((now) => stageOfWindow(book, 0, now));
    expect(stages(silent, FIRST - 1, FIRST, end, end + 3_599, end + 3_600)).toEqual([
      ...['ahead', 'running', 'waiting', 'waiting', 'final'],
    ]);
    const read = makeBook(1, seller, FIRST, { 0: { soldWh: 1n, reportedAt: end + 3_599 } });
    expect(stages(read, end + 3_600, end + 10_798, end + 10_799)).toEqual(['read', 'read', 'final']);
  });

  it('hold no more than their device delivers, and believe a tenth more', () => {
    expect([mostWh(8_000n, 900), highestReadingWh(8_000n, 900)]).toEqual([2_000n, 2_200n]);
    expect([mostWh(3n, 900), highestReadingWh(3n, 900)]).toEqual([0n, 0n]);
  });
});

describe('money of a window', () => {
  it('goes where the reading says, to the base unit', () => {
    // 1 kWh at 0.000333 with a fee of 0.02 per kWh, in base units.
    expect(dueOf(window(1_000n, 333n, 1_000n), 20n)).toEqual({ due: 333n, gridFee: 20n });
    expect(dueOf(window(1_000n, 333n, 500n), 20n)).toEqual({ due: 166n, gridFee: 10n });
    expect(dueOf(window(1_000n, 333n, 0n), 20n)).toEqual({ due: 0n, gridFee: 0n });
    // What is delivered beyond what was sold is not paid for.
    expect(dueOf(window(1_000n, 333n, 2_000n), 20n)).toEqual({ due: 333n, gridFee: 20n });
    expect(dueOf(window(0n, 0n, 5n), 20n)).toEqual({ due: 0n, gridFee: 0n });
    expect([1_000n, 500n, 0n].map((delivered) => refundOf(window(1_000n, 333n, delivered), 333n))).toEqual([
      ...[0n, 166n, 333n],
    ]);
  });

  it('is never paid out twice: due and refunds make at most what was paid', () => {
    for (const [sold, paid, delivered] of [
      [7n, 100n, 3n],
      [1_000n, 999n, 1n],
      [3n, 1n, 2n],
    ] as const) {
      const parts = [1n, 2n].map((part) => (paid * part) / 3n);
      parts.push(paid - parts.reduce((sum, part) => sum + part, 0n));
      const of = window(sold, paid, delivered);
      const back = parts.reduce((sum, part) => sum + refundOf(of, part), 0n);
      const { due } = dueOf(of, 0n);
      expect(due + back).toBeLessThanOrEqual(paid);
      expect(paid - due - back).toBeLessThanOrEqual(BigInt(parts.length));
    }
  });

  it('is counted for all final windows of a book, and for no other', () => {
    const book = makeBook(
      1,
      seller,
      FIRST,
      {
        0: { soldWh: 1_000n, paid: 220_000n, deliveredWh: 500n, reportedAt: FIRST + 900 },
        1: { soldWh: 1_000n, paid: 220_000n, deliveredWh: 1_000n, reportedAt: FIRST + 1_800, state: 'released' },
        2: { soldWh: 1_000n, paid: 220_000n },
      },
      { settled: 220_000n },
    );
    const position = makePosition(2, book, BUYER, {
      0: { energyWh: 400n, paid: 88_000n },
      1: { energyWh: 1_000n, paid: 220_000n, isRefunded: true },
      2: { energyWh: 1_000n, paid: 220_000n },
    });
    const now = FIRST + 900 + 7_200;
    // Window 2 was silent until its deadline.
    expect(now).toBeGreaterThan(deadlineOf(book, 2));
    expect(releasable(book, now)).toEqual({ amount: 100_000n, gridFee: 10_000n, windows: 2 });
    expect(refundable(book, position, now)).toEqual({ amount: 44_000n + 220_000n, windows: 2 });
    expect(releasable(book, FIRST + 900)).toEqual({ amount: 0n, gridFee: 0n, windows: 0 });
    expect(refundable(book, position, FIRST + 900)).toEqual({ amount: 0n, windows: 0 });
    expect(heldFor(book)).toBe(440_000n);
    // Half of the first window and all of the silent one, as long as nobody was paid back.
    const open = { ...book, openPositions: 2 };
    expect(unrefunded(open, now)).toBe(110_000n + 220_000n);
    expect(unrefunded(open, FIRST + 900)).toBe(0n);
    expect(unrefunded({ ...open, settled: 220_000n + 330_000n }, now)).toBe(0n);
    // What rounding leaves is nobody's.
    expect(unrefunded({ ...open, settled: 220_000n + 329_994n }, now)).toBe(0n);
    expect(unrefunded({ ...open, settled: 220_000n + 329_993n }, now)).toBe(7n);
  });
});

describe('a window that an auction closed', () => {
  /** 2 kWh were bought before the gate, and 4 kWh in the auction, at 0.22 with the grid fee. */
  const auctioned = (deliveredWh: bigint) => ({
    ...{ soldWh: 2_000n, paid: 440_000n, auctionWh: 4_000n, deliveredWh },
    reportedAt: FIRST + 90_000,
  });
  const whole = (deliveredWh: bigint) => ({ ...window(2_000n, 440_000n, deliveredWh), auctionWh: 4_000n });

  it('divides what was delivered between trade and auction', () => {
    for (const [delivered, traded, ofAuction, surplus] of [
      [0n, 0n, 0n, 0n],
      // 2 of 3 Wh are the auction's, rounded down.
      [5n, 2n, 3n, 0n],
      [3_000n, 1_000n, 2_000n, 0n],
      [6_000n, 2_000n, 4_000n, 0n],
      [7_000n, 2_000n, 4_000n, 1_000n],
    ] as const) {
      expect(deliveredParts(whole(delivered))).toEqual({ tradedWh: traded, auctionWh: ofAuction });
      expect(surplusOf(whole(delivered))).toBe(surplus);
    }
    const half = whole(3_000n);
    expect(dueOf(half, 20_000n)).toEqual({ due: 220_000n, gridFee: 20_000n });
    expect(poolDueOf(half, 220_000n, 20_000n)).toEqual({ due: 440_000n, gridFee: 40_000n });
    expect([refundOf(half, 440_000n), deliveredOf(half, 2_000n)]).toEqual([220_000n, 1_000n]);
    expect(certifiableForBids({ ...half, auctionCertifiedWh: 500n })).toBe(1_500n);
  });

  it('is final only once the auction has settled its offers, and its times run from when the auction can be over', () => {
    const terms = { ...DELIVERY, hasAuction: true };
    const end = FIRST + 900;
    const silent = makeBook(1, seller, FIRST, { 0: { soldWh: 1n, unsettledOffers: 1 } }, { terms });
    expect(finalAt(silent, 0)).toBe(Number.POSITIVE_INFINITY);
    expect([FIRST, end, end + 999_999].map((now) => stageOfWindow(silent, 0, now))).toEqual([
      ...['running', 'auction', 'auction'],
    ]);
    expect(missingReadings([silent], bus.address, end)).toEqual([]);
    const settled = makeBook(1, seller, FIRST, { 0: { auctionWh: 1n } }, { terms });
    // A day after the gate, and the hour for the reading.
    expect(deadlineOf(settled, 0)).toBe(FIRST - 60 + 86_400 + 3_600);
    expect(missingReadings([settled], bus.address, end)).toHaveLength(1);
  });

  it('is counted in the pool once, and its book stays open for that', () => {
    const terms = { ...DELIVERY, hasAuction: true };
    const book = makeBook(
      1,
      seller,
      FIRST,
      { 0: auctioned(3_000n), 1: { ...auctioned(0n), isPoolReported: true } },
      { terms },
    );
    const final = FIRST + 90_000 + 7_200;
    expect([final - 1, final].map((now) => poolWork(book, now))).toEqual([[], [FIRST]]);
    expect(bookClosesAt(book, bus, true, final)).toBeUndefined();
    const counted = { ...book, windows: book.windows.map((one) => ({ ...one, isPoolReported: true })) };
    expect(poolWork(counted, final)).toEqual([]);
    expect(bookClosesAt(counted, bus, true, final)).toBeDefined();
    // What a frozen vault could not get waits, and is asked for with any of its windows.
    expect(poolWork({ ...counted, poolDue: 5n }, final)).toEqual([FIRST]);
    expect(bookClosesAt({ ...counted, poolDue: 5n }, bus, true, final)).toBeUndefined();
    // Bids have a month for their certificates, from when every seller of the auction must be counted.
    const bidders = deadlineOf(book, 0) + 7_200 + 2_592_000;
    expect(bookClosesAt(counted, bus, true, final)).toBe(bidders);
    expect(bookClosesAt(counted, bus, false, final)).toBe(final + 2_592_000);
    const taken = counted.windows.map((one) => ({ ...one, auctionCertifiedWh: deliveredParts(one).auctionWh }));
    expect(bookClosesAt({ ...counted, windows: taken }, bus, true, final)).toBeLessThan(bidders);
    // The vault holds nothing of the auction's part.
    expect(heldFor(book)).toBe(880_000n);
  });
});

describe('certificates', () => {
  it('are of what was delivered: to each buyer its part, to the seller what it did not sell', () => {
    expect([deliveredOf(window(1_000n, 1n, 500n), 3n), deliveredOf(window(1_000n, 1n, 1_500n), 3n)]).toEqual([1n, 3n]);
    expect([surplusOf(window(1_000n, 1n, 999n)), surplusOf(window(1_000n, 1n, 1_200n))]).toEqual([0n, 200n]);
    const read = { soldWh: 1_000n, paid: 1n, deliveredWh: 1_200n, reportedAt: FIRST + 900 };
    const book = makeBook(1, seller, FIRST, { 0: read, 1: { ...read, isSurplusCertified: true } });
    const own = { energyWh: 600n, paid: 1n, isRefunded: false, isCertified: false };
    const final = FIRST + 900 + 7_200;
    expect([final - 1, final].map((now) => certifiableOf(book, 0, own, now))).toEqual([0n, 600n]);
    expect(certifiableOf(book, 0, { ...own, isCertified: true }, final)).toBe(0n);
    expect(certifiableOf(book, 0, { ...own, energyWh: 0n }, final)).toBe(0n);
    expect([0, 1, 2].map((place) => certifiableSurplus(book, place, final))).toEqual([200n, 0n, 0n]);
  });
});

describe('records', () => {
  const MONTH = 2_592_000;

  it('of a seller close after the last gate and the last reading; others wait a month more', () => {
    const book = makeBook(1, seller, FIRST, { 95: { soldWh: 1n } });
    const final = FIRST + DAY + 3_600;
    const closes = (of: Book, on: Bus, isSeller: boolean, now = 0) => bookClosesAt(of, on, isSeller, now);
    expect(lastGateOf(book, bus)).toBe(FIRST + 95 * 900 - 60);
    // Nothing was delivered, so that nothing is certified.
    expect([true, false].map((isSeller) => closes(book, bus, isSeller))).toEqual([final, final]);
    const reading = { soldWh: 1n, deliveredWh: 1n, reportedAt: FIRST + DAY };
    const read = makeBook(1, seller, FIRST, { 95: reading });
    const corrected = FIRST + DAY + 7_200;
    expect([true, false].map((isSeller) => closes(read, bus, isSeller))).toEqual([corrected, corrected + MONTH]);
    expect(closes({ ...book, openOffers: 1 }, bus, true)).toBeUndefined();
    expect(closes({ ...book, openPositions: 1 }, bus, true)).toBeUndefined();
    // A change of terms cuts it short.
    const cut = { ...bus, nextTerms: { ...NO_WINDOWS, from: FIRST + 9_000 } };
    expect(lastGateOf(book, cut)).toBe(FIRST + 9_000 - 900 - 60);
    // On a closing bus nothing trades any more.
    const closing = { ...bus, closing: true };
    expect(closes({ ...book, firstWindow: 0 }, closing, true)).toBe(DAY + 3_600);
    expect(lastGateOf(book, closing)).toBe(0);
    // Nor does it wait for a window of which nothing was sold, before its gate.
    const unsold = makeBook(1, seller, FIRST, { 95: { listedWh: 1n } });
    const gate = FIRST + 95 * 900 - 60;
    expect([gate - 1, gate].map((now) => closes(unsold, closing, true, now))).toEqual([0, final]);
  });

  it('of a buyer keep their refund account once anybody may close them', () => {
    const book = makeBook(1, seller, FIRST, {
      0: { soldWh: 1_000n, paid: 1n, deliveredWh: 500n, reportedAt: FIRST + 900 },
    });
    const idle = makePosition(2, book, BUYER, {}, { openLocks: 1 });
    const bought = makePosition(2, book, BUYER, { 0: { energyWh: 1_000n, paid: 1n } }, { openLocks: 1 });
    const [gate, others] = [lastGateOf(book, bus), FIRST + 900 + 7_200 + MONTH];
    expect([gate - 1, gate].map((now) => mayChangeRefund(book, bus, idle, now))).toEqual([true, false]);
    expect([others - 1, others].map((now) => mayChangeRefund(book, bus, bought, now))).toEqual([true, false]);
    expect(mayChangeRefund(book, { ...bus, closing: true }, idle, 1)).toBe(false);
  });

  it('of a buyer close once they are final and certified; an empty one when nothing can be bought any more', () => {
    const book = makeBook(1, seller, FIRST, {
      0: { soldWh: 1_000n, paid: 1n, deliveredWh: 500n, reportedAt: FIRST + 900 },
    });
    const final = FIRST + 900 + 7_200;
    const closes = (windows: Parameters<typeof makePosition>[3], isBuyer: boolean, openLocks = 0) =>
      positionClosesAt(book, bus, makePosition(2, book, BUYER, windows, { openLocks }), isBuyer, 0);
    const own = { energyWh: 1_000n, paid: 1n };
    expect([true, false].map((isBuyer) => closes({ 0: own }, isBuyer))).toEqual([final, final + MONTH]);
    const gate = lastGateOf(book, bus);
    expect(closes({ 0: { ...own, isCertified: true } }, false)).toBe(gate);
    // Nothing of a single Wh was delivered, so that nothing is left to certify.
    expect(closes({ 0: { energyWh: 1n, paid: 1n } }, false)).toBe(gate);
    expect([true, false].map((isBuyer) => closes({}, isBuyer))).toEqual([0, lastGateOf(book, bus)]);
    expect(closes({}, true, 1)).toBeUndefined();
  });
});

describe('readings', () => {
  it('are missing where something was sold in a window that is over, the most urgent first', () => {
    const one = makeBook(1, seller, FIRST, { 3: { soldWh: 1n }, 1: { soldWh: 1n }, 2: { listedWh: 5n } });
    const two = makeBook(2, seller, FIRST, { 0: { soldWh: 1n }, 1: { soldWh: 1n, reportedAt: FIRST + 1_800 } });
    const foreign = { ...one, bus: key(999) };
    const found = missingReadings([one, two, foreign], bus.address, FIRST + 3_600);
    expect(found.map(({ book, place }) => [book.address, place])).toEqual([
      [two.address, 0],
      [one.address, 1],
      [one.address, 3],
    ]);
    expect(missingReadings([one], bus.address, FIRST)).toEqual([]);
  });
});

describe('a position', () => {
  it('is opened where the buyer has none on the book', () => {
    const book = makeBook(1, seller, FIRST, {});
    const held = makePosition(2, book, BUYER, {});
    const positions = new Map([[held.address, held]]);
    expect(opensPosition(positions, { book: book.address }, BUYER)).toBe(false);
    expect(opensPosition(positions, { book: book.address }, key(6))).toBe(true);
    expect(opensPosition(positions, { book: key(7) }, BUYER)).toBe(true);
    expect(opensPosition(positions, { book: undefined }, BUYER)).toBe(false);
  });
});
