// @vitest-environment node

import { describe, expect, it } from 'vitest';

import type { OfferOrigin, Trade } from '../../market/model';
import { byAddress, DELIVERY, key, makeBook, makeBus, makePosition, makeSeller, QUARTERS } from '../../testing/market';
import { deliveryRows } from '../delivery/rows';
import { barsOf, energyCsv, entriesOf, figuresOf, partnersOf, periodOf, withRecords } from './energy';

const ME = key(7);
const OTHER = key(8);
const monday = new Date(2026, 5, 1).getTime() / 1_000;
const DAY = 86_400;

describe('a period', () => {
  it('is a day of hours, a week from Monday, a month of days, by the clock of this machine', () => {
    const noon = monday + 2 * DAY + 43_200;
    const day = periodOf('day', noon);
    expect([day.from, day.to, day.bars.length]).toEqual([monday + 2 * DAY, monday + 3 * DAY, 24]);
    const week = periodOf('week', noon, -1);
    expect([week.from, week.to, week.bars.length]).toEqual([monday - 7 * DAY, monday, 7]);
    const month = periodOf('month', noon, 1);
    expect(month.bars).toHaveLength(31);
    expect(new Date(month.from * 1_000).getMonth()).toBe(6);
  });
});

describe('what was bought and sold', () => {
  /** Where the bus has closed, nothing is left of it but its tombstone, and nothing of the sellers. */
  async function traded(isClosed = false) {
    const { bus } = await makeBus(100, { terms: { ...QUARTERS, gridFeePerKwh: 20_000n } });
    const [mine, theirs] = [await makeSeller(bus, ME), await makeSeller(bus, OTHER)];
    const origin = (seller: typeof mine, windowStart: number, source: OfferOrigin['source']): OfferOrigin => ({
      ...{ bus: bus.address, seller: seller.address, windowStart, source, gridFeePerKwh: 20_000n },
    });
    const origins = new Map([
      [key(300), origin(theirs, monday + 3_600, 'solar')],
      [key(301), origin(theirs, monday + DAY, 'wind')],
      [key(302), origin(mine, monday + DAY, 'hydro')],
    ]);
    const fill = (offer: number, energyWh: bigint, cost: bigint) => ({
      ...{ offer: key(offer), energyWh, pricePerKwh: 220_000n, cost },
    });
    const bought = { hash: 'aa', at: monday, lane: 0, nonce: 1n, energyWh: 3_000n, paid: 660_000n };
    const purchases = [{ ...bought, fills: [fill(300, 1_000n, 220_000n), fill(301, 2_000n, 440_000n)] }];
    const sale: Trade = {
      ...{ signature: 's', slot: 1n, hash: 'bb', buyer: OTHER, lane: 0, nonce: 1n, kind: 'batch', at: monday },
      fills: [fill(302, 1_000n, 220_000n), fill(300, 500n, 110_000n)],
    };
    const { address, creator, mint, tokenProgram, decimals } = bus;
    const rest = { unclaimed: key(400), openClaims: 0, closedAt: monday };
    const stone = { address, creator, mint, tokenProgram, decimals, ...rest };
    const open = { buses: byAddress([bus]), tombstones: new Map(), sellers: byAddress([mine, theirs]) };
    const closed = { buses: byAddress([]), tombstones: byAddress([stone]), sellers: byAddress([]) };
    const state = { ...(isClosed ? closed : open), origins, own: new Set([mine.address]) };
    return { bus, entries: entriesOf(state, ME, purchases, [sale], () => undefined) };
  }

  it('counts when it is delivered, with whom, and what the seller gets without the grid’s part', async () => {
    const { entries } = await traded();
    expect(
      entries.map(({ side, at, energyWh, units, source, who }) => [side, at, energyWh, units, source, who]),
    ).toEqual([
      ['bought', monday + 3_600, 1_000n, 220_000n, 'solar', OTHER],
      ['bought', monday + DAY, 2_000n, 440_000n, 'wind', OTHER],
      // What somebody else sold in the same purchase is not the wallet's.
      ['sold', monday + DAY, 1_000n, 200_000n, 'hydro', OTHER],
    ]);
  });

  it('makes figures, bars with the mix of sources, and partners of a period', async () => {
    const { bus, entries } = await traded();
    const week = periodOf('week', monday);
    expect(figuresOf(entries, [], week)).toEqual([
      { bus, boughtWh: 3_000n, spent: 660_000n, soldWh: 1_000n, earned: 200_000n, released: 0n, held: 0n },
    ]);
    const [first, second] = barsOf(entries, 'bought', week);
    expect([first?.bySource, second?.bySource]).toEqual([
      [{ source: 'solar', wh: 1_000n }],
      [{ source: 'wind', wh: 2_000n }],
    ]);
    expect(partnersOf(entries, [], 'bought', week)).toMatchObject([{ who: OTHER, energyWh: 3_000n, units: 660_000n }]);
    const tuesday = periodOf('day', monday + DAY);
    expect(figuresOf(entries, [], tuesday)).toMatchObject([{ boughtWh: 2_000n, spent: 440_000n }]);
    expect(figuresOf(entries, [], periodOf('day', monday + 5 * DAY))).toEqual([]);
  });

  it('still counts once a bus and its sellers have closed', async () => {
    const { bus, entries } = await traded(true);
    const [figures] = figuresOf(entries, [], periodOf('week', monday));
    expect(figures).toMatchObject({ boughtWh: 3_000n, spent: 660_000n, soldWh: 1_000n, earned: 200_000n });
    expect(figures?.bus).toMatchObject({ mint: bus.mint, decimals: bus.decimals });
    expect(partnersOf(entries, [], 'bought', periodOf('week', monday))).toMatchObject([{ units: 660_000n }]);
  });

  it('goes out as a table', async () => {
    const { entries } = await traded();
    const [head, ...lines] = energyCsv(entries, () => 'Mill').split('\r\n');
    expect(head).toBe('time,side,energy_wh,paid_base_units,token,bus,with,source,transaction_hash,bus_name,paid');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('bought,1000,220000,');
    expect(lines[0]).toMatch(/,Mill,0\.22$/u);
  });
});

describe('records of deliveries', () => {
  it('tell what the history does not, so that bars and sums agree', async () => {
    const { bus } = await makeBus(100, { terms: DELIVERY });
    const [mine, theirs] = [await makeSeller(bus, ME), await makeSeller(bus, OTHER)];
    const first = monday - (monday % (96 * 900));
    const at = first + 3_600;
    const sold = { soldWh: 1_000n, paid: 220_000n };
    const [bought, own] = [makeBook(1, theirs, first, { 4: sold }), makeBook(2, mine, first, { 4: sold })];
    const position = makePosition(3, bought, ME, { 4: { energyWh: 1_000n, paid: 220_000n } });
    const state = {
      ...{ buses: byAddress([bus]), sellers: byAddress([mine, theirs]), books: byAddress([bought, own]) },
      ...{ positions: byAddress([position]), capacities: new Map() },
    };
    const rows = deliveryRows(state, ME, at);
    const day = periodOf('day', at);
    const all = withRecords([], rows);
    const [figures] = figuresOf([], rows, day);
    for (const [side, wh] of [
      ['bought', figures?.boughtWh],
      ['sold', figures?.soldWh],
    ] as const) {
      expect(barsOf(all, side, day).reduce((sum, { totalWh }) => sum + totalWh, 0n)).toBe(wh);
    }
    expect(partnersOf(all, rows, 'bought', day)).toMatchObject([{ who: OTHER, energyWh: 1_000n, units: 220_000n }]);
    // Without the grid's part, as all that is earned; to whom, nobody knows.
    expect(partnersOf(all, rows, 'sold', day)).toMatchObject([{ who: undefined, energyWh: 1_000n, units: 200_000n }]);
    // Never read, so all of it came back: nothing was spent, and that is the sum of what was spent with each.
    const final = deliveryRows(state, ME, at + 30 * DAY);
    expect(figuresOf([], final, day)).toMatchObject([{ boughtWh: 1_000n, spent: 0n }]);
    expect(partnersOf(withRecords([], final), final, 'bought', day)).toMatchObject([
      { who: OTHER, energyWh: 1_000n, units: 0n },
    ]);
    // What the history tells is not counted again.
    const known = all.map((one) => ({ ...one, energyWh: 400n, units: 80_000n }));
    expect(withRecords(known, rows).map(({ energyWh }) => energyWh)).toEqual([400n, 400n, 600n, 600n]);
  });
});
