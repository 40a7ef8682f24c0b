import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { ceilDiv, cost, U64_MAX } from '../../amount/cost';
import { exactly, quote, type RouterOffer } from './router';

const offer = (number: number, freeWh: bigint, pricePerKwh: bigint): RouterOffer => ({
  offer: `offer${number}` as Address,
  seller: `seller${number}` as Address,
  freeWh,
  pricePerKwh,
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
