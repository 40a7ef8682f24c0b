// @vitest-environment node

import { describe, expect, it } from 'vitest';

import type { Bus, Capacity } from '../../market/model';
import { key, makeBus, NOW, QUARTERS } from '../../testing/market';
import { isClosable } from './capacity';

const [PAYER, OWNER, OPERATOR, STRANGER] = [key(31), key(1), key(32), key(33)];

describe('a window', () => {
  const open = (change: Partial<Capacity> = {}) =>
    ({
      windowStart: NOW + 600,
      terms: QUARTERS,
      gateClosesAt: NOW + 300,
      committedWh: 0n,
      openOffers: 0,
      rentPayer: PAYER,
      ...change,
    }) as Capacity;
  const by = (bus: Bus, capacity: Capacity, now: number) =>
    [PAYER, OWNER, OPERATOR, STRANGER].map((wallet) => isClosable(capacity, bus, wallet, now));

  it('that nobody used is closed by who paid for it, owners and operator, and by anyone from its gate on', async () => {
    const { bus } = await makeBus(100, { operator: OPERATOR });
    expect(by(bus, open(), NOW)).toEqual([true, true, true, false]);
    expect(by(bus, open(), NOW + 300)).toEqual([true, true, true, true]);
    expect(by({ ...bus, closing: true }, open(), NOW)).toEqual([true, true, true, true]);
  });

  it('in which something was sold is closed by anyone once it is over, and the general capacity never', async () => {
    const { bus } = await makeBus(100, { operator: OPERATOR });
    const sold = open({ committedWh: 1n });
    expect(by(bus, sold, NOW + 1_499)).toEqual([false, false, false, false]);
    expect(by(bus, sold, NOW + 1_500)).toEqual([true, true, true, true]);
    expect(by({ ...bus, closing: true }, sold, NOW)).toEqual([true, true, true, true]);
    expect(by(bus, open({ windowStart: 0 }), NOW + 9_999)).toEqual([false, false, false, false]);
  });
});
