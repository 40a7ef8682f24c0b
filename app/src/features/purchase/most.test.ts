// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { cost } from '../../amount/cost';
import { key, makeBus, makeOffer, makeSeller } from '../../testing/market';
import { mostOf } from './most';

describe('the most that can be bought', () => {
  it('is all that is free, or what the balance pays for from the cheapest', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, key(3));
    const offers = [
      makeOffer(301, seller, { pricePerKwh: 300_000n, remainingWh: 5_000n }),
      makeOffer(300, seller, { pricePerKwh: 100_001n, remainingWh: 2_000n, reservedWh: 500n }),
    ];
    expect(mostOf(offers, undefined)).toBe(6_500n);
    expect(mostOf(offers, 10_000_000n)).toBe(6_500n);
    expect(mostOf(offers, 0n)).toBe(0n);
    const balance = 200_000n;
    const most = mostOf(offers, balance);
    expect(most).toBe(1_666n);
    const paid = (cost(1_500n, 100_001n) ?? 0n) + (cost(most - 1_500n, 300_000n) ?? 0n);
    expect(paid).toBeLessThanOrEqual(balance);
    const coarse = offers.map((offer) => ({ ...offer, leastWh: 1_000n }));
    expect(mostOf(coarse, balance)).toBe(1_500n);
    // Of one price, the largest first, in whatever order they are known: the part that is paid for is large enough.
    const alike = [
      makeOffer(302, seller, { pricePerKwh: 100_000n, remainingWh: 1_000n, leastWh: 500n }),
      makeOffer(303, seller, { pricePerKwh: 100_000n, remainingWh: 3_000n, leastWh: 2_900n }),
    ];
    for (const some of [alike, alike.toReversed()]) expect(mostOf(some, 370_000n)).toBe(3_700n);
  });
});
