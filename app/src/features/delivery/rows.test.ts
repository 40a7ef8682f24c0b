// @vitest-environment node

import { beforeAll, describe, expect, it } from 'vitest';

import type { Bus, Seller } from '../../market/model';
import {
  byAddress,
  DELIVERY,
  key,
  makeBook,
  makeBus,
  makePosition,
  makeSeller,
  makeWindow,
} from '../../testing/market';
import { readout } from './DeliveryChart';
import { barsOf, deliveriesCsv, deliveryRows, sumsOf } from './rows';

const DAY = 96 * 900;
const FIRST = 10 * DAY;
const BUYER = key(5);
let bus: Bus;
let seller: Seller;
const SELLER = key(9);
/** The first window is final and short by a half, the second was read, the third waits, the fourth is ahead. */
const NOW = FIRST + 900 + 7_200;

beforeAll(async () => {
  ({ bus } = await makeBus(100, { terms: DELIVERY }));
  seller = await makeSeller(bus, SELLER);
});

function state(isSettled = false) {
  const sold = { soldWh: 1_000n, paid: 220_000n };
  const book = makeBook(1, seller, FIRST, {
    0: { ...sold, deliveredWh: 500n, reportedAt: FIRST + 900, state: isSettled ? 'released' : 'listed' },
    5: { ...sold, deliveredWh: 1_200n, reportedAt: FIRST + 5_400 },
    7: sold,
    40: sold,
  });
  const own = { energyWh: 400n, paid: 88_000n };
  const position = makePosition(2, book, BUYER, { 0: { ...own, isRefunded: isSettled }, 5: own, 7: own, 40: own });
  return {
    buses: byAddress([bus]),
    sellers: byAddress([seller]),
    books: byAddress([book]),
    positions: byAddress([position]),
    capacities: new Map(),
  };
}

describe('deliveries', () => {
  it('of a buyer tell what was promised and delivered, held and due back, by window', () => {
    const rows = deliveryRows(state(), BUYER, NOW);
    expect(
      rows.map(({ stage, deliveredWh, held, back, isSettled }) => [stage, deliveredWh, held, back, isSettled]),
    ).toEqual([
      ['ahead', undefined, 88_000n, 0n, false],
      ['waiting', undefined, 88_000n, 0n, false],
      ['read', 400n, 88_000n, 0n, false],
      ['final', 200n, 44_000n, 44_000n, false],
    ]);
    expect(sumsOf(rows)).toEqual({
      promisedWh: 1_600n,
      deliveredWh: 200n,
      held: 264_000n,
      due: 44_000n,
      settled: 0n,
    });
    const settled = deliveryRows(state(true), BUYER, NOW);
    expect(sumsOf(settled)).toMatchObject({ due: 0n, settled: 44_000n });
    expect(settled.at(-1)).toMatchObject({ held: 0n, isSettled: true });
  });

  it('of a seller tell what it earned, without the grid’s part', () => {
    const rows = deliveryRows(state(), SELLER, NOW);
    expect(rows.map(({ side, earned, gridFee, back }) => [side, earned, gridFee, back]).at(-1)).toEqual([
      ...['sold', 100_000n, 10_000n, 110_000n],
    ]);
    expect(sumsOf(rows)).toMatchObject({ promisedWh: 4_000n, deliveredWh: 500n, held: 660_000n, due: 100_000n });
    expect(sumsOf(deliveryRows(state(true), SELLER, NOW))).toMatchObject({ due: 0n, settled: 100_000n });
    expect(deliveryRows(state(), key(77), NOW)).toEqual([]);
  });

  it('are drawn as one bar for each window, in the order of time', () => {
    const rows = deliveryRows(state(), BUYER, NOW);
    const bars = barsOf([...rows, ...rows], 3);
    expect(bars.map(({ promisedWh, deliveredWh }) => [promisedWh, deliveredWh])).toEqual([
      [800n, 800n],
      [800n, undefined],
      [800n, undefined],
    ]);
    expect(bars[0]?.windowStart).toBe(FIRST + 5 * 900);
    expect(bars.map(readout)).toEqual([
      expect.stringContaining('800\u00a0Wh promised, 800\u00a0Wh delivered'),
      expect.stringContaining('800\u00a0Wh promised, no reading yet'),
      expect.stringContaining('no reading yet'),
    ]);
  });

  it('are exported as a table', () => {
    const [head, ...lines] = deliveriesCsv(deliveryRows(state(), BUYER, NOW)).split('\r\n');
    expect(head).toBe(
      'window_start,side,bus,seller,promised_wh,delivered_wh,paid_base_units,refund_base_units,earned_base_units,grid_fee_base_units,token,stage,bus_name,paid',
    );
    const start = new Date(FIRST * 1_000).toISOString();
    expect(lines.at(-1)).toBe(
      `${start},bought,${bus.address},${SELLER},400,200,88000,44000,0,0,${bus.mint},final,${bus.name},0.088`,
    );
    // What is not known yet is no 0.
    expect(lines[0]).toContain(`,400,,88000,,,,${bus.mint},ahead`);
  });

  it('of a seller have what the auction of a window sold, at its price, held until it is counted', async () => {
    const window = await makeWindow(bus, FIRST, { auctionPricePerKwh: 200_000n });
    const sold = { soldWh: 1_000n, paid: 220_000n, auctionWh: 3_000n, deliveredWh: 2_000n, reportedAt: FIRST + 900 };
    const of = (change: object) =>
      deliveryRows(
        {
          ...{ buses: byAddress([bus]), sellers: byAddress([seller]), positions: new Map() },
          books: byAddress([makeBook(1, seller, FIRST, { 0: { ...sold, ...change } })]),
          capacities: byAddress([window]),
        },
        SELLER,
        NOW,
      )[0];
    // Half of 4 kWh was delivered, at 0.22 with a grid fee of 0.02.
    expect(of({})).toMatchObject({
      ...{
        promisedWh: 4_000n,
        deliveredWh: 2_000n,
        paid: 880_000n,
        back: 440_000n,
        earned: 400_000n,
        gridFee: 40_000n,
      },
      ...{ held: 440_000n, isSettled: false, stage: 'final' },
    });
    expect(of({ state: 'released' })).toMatchObject({ held: 330_000n, isSettled: false });
    expect(of({ state: 'released', isPoolReported: true })).toMatchObject({ held: 0n, isSettled: true });
    expect(of({ unsettledOffers: 1 })).toMatchObject({ stage: 'auction' });
  });
});
