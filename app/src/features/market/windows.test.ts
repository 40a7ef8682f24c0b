// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import type { Bus, Capacity, Offer } from '../../market/model';
import type { Terms } from '../../market/terms';
import { NO_WINDOWS, QUARTERS } from '../../testing/market';
import { deliveryWindows, startsOf, type DeliveryWindow, type When } from './windows';

const terms: Terms = { ...QUARTERS, gateClosureSeconds: 300 };
const bus = { terms } as Bus;
const capacity = (windowStart: number, windowSeconds = 900) =>
  ({ windowStart, terms: { ...terms, windowSeconds } }) as Capacity;
const offer = (windowStart: number, kWh: bigint, pricePerKwh: bigint) =>
  ({
    address: '' as Address,
    windowStart,
    remainingWh: kWh * 1_000n,
    reservedWh: 0n,
    pricePerKwh: pricePerKwh - 5n,
    fullPricePerKwh: pricePerKwh,
  }) as Offer;

describe('the windows of a bus', () => {
  it('are those that are not over, with those between them in which there is nothing', () => {
    const found = deliveryWindows(
      bus,
      [capacity(0, 0), capacity(900), capacity(1_800), capacity(4_500)],
      [offer(1_800, 2n, 30n), offer(1_800, 3n, 20n), offer(4_500, 1n, 50n)],
      1_801,
    );
    expect(found.map(({ start, freeWh, lowest, isOpen }) => [start, freeWh, lowest, isOpen])).toEqual([
      [1_800, 5_000n, 20n, false],
      [2_700, 0n, undefined, true],
      [3_600, 0n, undefined, true],
      [4_500, 1_000n, 50n, true],
    ]);
  });

  it('keep their own length where the bus has changed its', () => {
    const found = deliveryWindows(bus, [capacity(3_600, 3_600)], [], 0);
    expect(found).toMatchObject([{ start: 3_600, seconds: 3_600 }]);
  });

  it('are none where a bus has none, and not more than a day has', () => {
    expect(deliveryWindows({ ...bus, terms: NO_WINDOWS }, [capacity(900)], [], 0)).toEqual([]);
    expect(deliveryWindows(bus, [], [], 0)).toEqual([]);
    const minutes = { ...bus, terms: { ...terms, windowSeconds: 60 } };
    expect(deliveryWindows(minutes, [capacity(60, 60), capacity(864_000, 60)], [], 0)).toHaveLength(120);
  });
});

describe('when somebody needs energy', () => {
  // Noon of a day, by the clock of this machine.
  const noon = new Date(2_026, 5, 1, 12, 0, 0).getTime() / 1_000;
  const windows: readonly DeliveryWindow[] = [0, 1, 3, 7, 11, 13].map((hours) => ({
    start: noon + hours * 3_600,
    seconds: 3_600,
    terms,
    freeWh: 0n,
    lowest: undefined,
    isOpen: hours > 0,
  }));
  const hours = (when: When, now = noon) => {
    const starts = startsOf(when, windows, now);
    return starts === undefined ? undefined : [...starts].map((start) => (start - noon) / 3_600);
  };

  it('is said in words', () => {
    expect(hours({ kind: 'any' })).toBeUndefined();
    expect(hours({ kind: 'pick' })).toBeUndefined();
    expect(hours({ kind: 'now' })).toEqual([1]);
    expect(hours({ kind: 'hour' }, noon + 1)).toEqual([1]);
    expect(hours({ kind: 'tonight' })).toEqual([7, 11]);
    expect(hours({ kind: 'window', start: noon + 3 * 3_600 })).toEqual([3]);
    // A window that is over since it was chosen.
    expect(hours({ kind: 'window', start: noon - 3_600 })).toBeUndefined();
  });
});
