import { getAddressDecoder, type Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { ceilDiv, cost, U64_MAX } from '../../amount/cost';
import { TRANSACTION_BYTES } from '../../chain/limits';
import { sizeOf } from '../../chain/send';
import type { Bus, Offer } from '../../market/model';
import { traderOpen } from '../trader/lanes';
import { planBatch } from './plan';
import {
  accountsOf,
  batchLimits,
  exactly,
  fits,
  quote,
  roomFor,
  split,
  wireBytes,
  type RouterFill,
  type RouterOffer,
} from './router';

const offer = (number: number, freeWh: bigint, pricePerKwh: bigint): RouterOffer => ({
  offer: `offer${number}` as Address,
  bus: 'bus' as Address,
  vault: `vault${number}` as Address,
  seller: `seller${number}` as Address,
  freeWh,
  pricePerKwh,
  leastWh: 1n,
});

/** Lowest cost and fewest fills over every way to divide the amount. */
function bruteForce(offers: readonly RouterOffer[], wanted: bigint): { total: bigint; fills: number } | undefined {
  let best: { total: bigint; fills: number } | undefined;
  const visit = (index: number, left: bigint, total: bigint, fills: number): void => {
    const here = offers[index];
    if (here === undefined) {
      const isBetter = best === undefined || total < best.total || (total === best.total && fills < best.fills);
      if (left === 0n && isBetter) best = { total, fills };
      return;
    }
    for (let amount = 0n; amount <= here.freeWh && amount <= left; amount += 1n) {
      if (amount > 0n && amount < here.leastWh && amount !== here.freeWh) continue;
      visit(
        index + 1,
        left - amount,
        total + ceilDiv(amount * here.pricePerKwh, 1_000n),
        fills + (amount > 0n ? 1 : 0),
      );
    }
  };
  visit(0, wanted, 0n, 0);
  return best;
}

/** The same pseudo-random numbers at every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('router', () => {
  it('finds the optimum that trying everything finds', () => {
    const next = random(7);
    for (let round = 0; round < 300; round += 1) {
      const prices = [200n + BigInt(next(40)), 200_000n + BigInt(next(9)), 1_000n * BigInt(1 + next(4))] as const;
      const offers = Array.from({ length: 1 + next(4) }, (_, index) =>
        offer(index, BigInt(1 + next(9)), prices[next(3)] ?? 1n),
      );
      const total = offers.reduce((sum, { freeWh }) => sum + freeWh, 0n);
      const wanted = 1n + BigInt(next(Number(total)));
      const found = quote(offers, exactly(wanted));
      if (!found.ok) throw new Error(found.reason);
      const { fills, totalCost, lowerBound } = found.quote;
      expect({ total: totalCost, fills: fills.length }).toEqual(bruteForce(offers, wanted));
      expect(lowerBound).toBe(totalCost);
      expect(fills.reduce((sum, fill) => sum + fill.energyWh, 0n)).toBe(wanted);
      expect(fills.reduce((sum, fill) => sum + fill.cost, 0n)).toBe(totalCost);
      for (const fill of fills) {
        expect(fill.energyWh <= fill.offer.freeWh).toBe(true);
        expect(fill.cost).toBe(cost(fill.energyWh, fill.offer.pricePerKwh));
      }
    }
  });

  it('takes no part below the least size of its bus, unless it is all that is free', () => {
    const of = (number: number, freeWh: bigint, pricePerKwh: bigint, leastWh: bigint) => ({
      ...offer(number, freeWh, pricePerKwh),
      leastWh,
    });
    const offers = [of(1, 2_000n, 100_000n, 1_000n), of(2, 5_000n, 200_000n, 1_000n), of(3, 300n, 300_000n, 1_000n)];
    const bought = (energyWh: bigint, minEnergyWh = energyWh) => {
      const found = quote(offers, { ...exactly(energyWh), minEnergyWh });
      return found.ok ? found.quote.fills.map((fill) => fill.energyWh) : found.leastWh;
    };
    // The dearer part gets what it lacks from the cheaper one.
    expect(bought(2_500n)).toEqual([1_500n, 1_000n]);
    expect(bought(7_300n)).toEqual([2_000n, 5_000n, 300n]);
    expect(bought(7_200n)).toEqual([2_000n, 4_900n, 300n]);
    // The rest of an offer is sold, however small.
    expect(bought(300n)).toEqual([300n]);
    expect(bought(200n)).toBe(1_000n);
    expect(bought(999n, 300n)).toEqual([300n]);
    const next = random(19);
    for (let round = 0; round < 200; round += 1) {
      const some = Array.from({ length: 1 + next(3) }, (_, index) =>
        of(index, BigInt(1 + next(9)), 200n + BigInt(next(40)), BigInt(1 + next(4))),
      );
      const total = some.reduce((sum, { freeWh }) => sum + freeWh, 0n);
      const wanted = 1n + BigInt(next(Number(total)));
      const found = quote(some, exactly(wanted));
      if (!found.ok) continue;
      for (const { offer: from, energyWh } of found.quote.fills) {
        expect(energyWh >= from.leastWh || energyWh === from.freeWh).toBe(true);
      }
      expect(found.quote.fills.reduce((sum, fill) => sum + fill.energyWh, 0n)).toBe(wanted);
      expect(found.quote.totalCost).toBe(bruteForce(some, wanted)?.total);
    }
  });

  it('keeps to the limits of price, total and sellers', () => {
    const offers = [offer(1, 1_000n, 200_000n), offer(2, 1_000n, 260_000n), offer(3, 1_000n, 100_000n)];
    const want = { ...exactly(1_500n), excludedSellers: ['seller3' as Address] };
    const plain = quote(offers, want);
    expect(plain).toMatchObject({ ok: true, quote: { totalCost: 330_000n } });
    const priced = quote(offers, { ...want, minEnergyWh: 1n, maxPricePerKwh: 200_000n });
    expect(priced).toMatchObject({ ok: true, quote: { energyWh: 1_000n, totalCost: 200_000n } });
    const capped = quote(offers, { ...want, minEnergyWh: 1n, maxTotal: 226_000n });
    expect(capped).toMatchObject({ ok: true, quote: { energyWh: 1_100n, totalCost: 226_000n } });
  });

  it('says what is missing', () => {
    const offers = [offer(1, 1_000n, 200_000n)];
    expect(quote(offers, exactly(1_001n))).toMatchObject({ ok: false, availableWh: 1_000n });
    expect(quote(offers, { ...exactly(10n), maxTotal: 1n })).toMatchObject({ ok: false, leastCost: 2_000n });
    expect(quote(offers, exactly(0n))).toMatchObject({ ok: false });
    expect(quote([offer(1, U64_MAX, U64_MAX)], exactly(U64_MAX))).toMatchObject({ ok: false });
  });

  it('plans over a thousand offers without delay', () => {
    const next = random(11);
    const offers = Array.from({ length: 1_000 }, (_, index) =>
      offer(index, BigInt(1 + next(20_000)), BigInt(100_000 + next(300_000))),
    );
    const started = performance.now();
    const found = quote(offers, exactly(2_000_000n));
    expect(found.ok).toBe(true);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

/** An address that stands for a number. */
const key = (number: number) => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  bytes[31] = 1;
  return getAddressDecoder().decode(bytes);
};

const BUYER = key(1);
const listed = (number: number, bus: number, seller: number) =>
  ({ address: key(1_000 + number), bus: key(100 + bus), vault: key(10_000 + seller) }) as Offer;
/** The same on delivery terms: each seller has a book. */
const booked = (number: number, bus: number, seller: number) =>
  ({ ...listed(number, bus, seller), book: key(20_000 + seller) }) as Offer;
const opensAll = ({ book }: Pick<Offer, 'book'>) => book !== undefined;
const opensNone = () => false;
const busOf = ({ bus }: Offer) => ({ address: bus, name: '', mint: key(2), tokenProgram: key(3) }) as Bus;
const fillOf = (offer: Offer): RouterFill => ({
  offer: {
    ...accountsOf([offer], opensAll)[0],
    seller: offer.vault,
    freeWh: 5n,
    pricePerKwh: 1n,
    leastWh: 1n,
  } as RouterOffer,
  energyWh: 2n,
  cost: 3n,
});

/** Bytes of the transaction that buys from these offers, as the wallet gets it. */
async function actualBytes(offers: readonly Offer[], opensLane: boolean, opens = opensAll): Promise<number> {
  const items = offers.map((offer) => ({
    ...{ offer, bus: busOf(offer), energyWh: 1n, maxPricePerKwh: 1n },
    opensPosition: opens(offer),
  }));
  const batch = await planBatch(BUYER, items, 1n, '').build(key(4), 5n, '');
  return sizeOf(BUYER, [...(opensLane ? [traderOpen(BUYER, key(4), 0, 6n)] : []), ...batch]);
}

describe('a batch', () => {
  it('is as large as it is counted', async () => {
    const next = random(3);
    for (let round = 0; round < 60; round += 1) {
      const offers = Array.from({ length: 2 + next(9) }, (_, index) => listed(index, next(3), next(6)));
      const counted = wireBytes(accountsOf(offers, opensAll));
      const opening = batchLimits(false).bytes - batchLimits(true).bytes;
      for (const [opensLane, bytes] of [
        [false, counted],
        [true, counted + opening],
      ] as const) {
        const actual = await actualBytes(offers, opensLane);
        expect(actual).toBeLessThanOrEqual(bytes);
        expect(bytes - actual).toBeLessThanOrEqual(4);
      }
    }
  });

  it('on delivery terms is as large as it is counted, with the records that it opens and without', async () => {
    const next = random(4);
    for (let round = 0; round < 60; round += 1) {
      const offers = Array.from({ length: 2 + next(4) }, (_, index) =>
        (next(3) === 0 ? listed : booked)(index, next(3), next(4)),
      );
      const opening = batchLimits(false).bytes - batchLimits(true).bytes;
      for (const opens of [opensAll, opensNone]) {
        const items = accountsOf(offers, opens);
        // The system program opens lanes and records: it is counted for each.
        const twice = items.some(({ opensPosition }) => opensPosition === true) ? 32 : 0;
        for (const [opensLane, bytes, above] of [
          [false, wireBytes(items), 4],
          [true, wireBytes(items) + opening, 4 + twice],
        ] as const) {
          const actual = await actualBytes(offers, opensLane, opens);
          expect(actual).toBeLessThanOrEqual(bytes);
          expect(bytes - actual).toBeLessThanOrEqual(above);
        }
      }
    }
  });

  it('on delivery terms holds so many offers', () => {
    const most = (seller: (index: number) => number, opens: (offer: Pick<Offer, 'book'>) => boolean) => {
      const offers = Array.from({ length: 40 }, (_, index) => booked(index, 0, seller(index)));
      const fills = accountsOf(offers, opens).map((offer) => ({
        offer: { ...offer, seller: offer.vault, freeWh: 5n, pricePerKwh: 1n, leastWh: 1n },
        energyWh: 2n,
        cost: 3n,
      }));
      return split(fills, batchLimits(false))[0]?.fills.length;
    };
    const [same, other] = [() => 0, (index: number) => index];
    // Of as many sellers, of one; with records that are open, and with those that are opened.
    expect([most(other, opensNone), most(other, opensAll)]).toEqual([4, 3]);
    expect([most(same, opensNone), most(same, opensAll)]).toEqual([11, 10]);
  });

  it('holds so many offers', () => {
    const most = (bus: (index: number) => number, seller: (index: number) => number, opensLane: boolean) => {
      const offers = Array.from({ length: 40 }, (_, index) => listed(index, bus(index), seller(index)));
      return split(offers.map(fillOf), batchLimits(opensLane))[0]?.fills.length;
    };
    const same = () => 0;
    const other = (index: number) => index;
    // Of one bus: of as many sellers, of one seller; then of as many buses and sellers. With open and new lane.
    expect([most(same, other, false), most(same, other, true)]).toEqual([8, 8]);
    expect([most(same, same, false), most(same, same, true)]).toEqual([13, 12]);
    expect([most(other, other, false), most(other, other, true)]).toEqual([6, 6]);
  });

  it('after batch buys everything that was quoted, each within one transaction', async () => {
    const next = random(5);
    for (let round = 0; round < 40; round += 1) {
      const offers = Array.from({ length: 1 + next(50) }, (_, index) => listed(index, next(4), next(20)));
      const opensLane = next(2) === 1;
      const limits = batchLimits(opensLane);
      const batches = split(offers.map(fillOf), limits);
      const bought = batches.flatMap(({ fills }) => fills.map(({ offer }) => offer.offer));
      expect(bought.toSorted()).toEqual(offers.map(({ address }) => address).toSorted());
      expect(batches.reduce((sum, { totalCost }) => sum + totalCost, 0n)).toBe(3n * BigInt(offers.length));
      for (const { fills, energyWh } of batches) {
        expect(energyWh).toBe(2n * BigInt(fills.length));
        const own = offers.filter(({ address }) => fills.some(({ offer }) => offer.offer === address));
        expect(await actualBytes(own, opensLane)).toBeLessThanOrEqual(TRANSACTION_BYTES);
      }
    }
  });

  it.each([
    ['purchase', listed],
    ['delivery', booked],
  ] as const)('has room for as many more on %s terms as it says, whoever sells them', (_, make) => {
    const limits = batchLimits(false);
    const items = [make(0, 0, 0)];
    for (let added = 0; ; added += 1) {
      const room = roomFor(accountsOf(items, opensAll), limits);
      items.push(make(items.length, 50 + added, 50 + added));
      expect(fits(accountsOf(items, opensAll), limits)).toBe(room > 0);
      if (room === 0) break;
    }
    expect(roomFor(accountsOf(items, opensAll), limits)).toBe(0);
  });
});
