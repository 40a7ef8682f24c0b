// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { DELIVERY, NO_WINDOWS, QUARTERS } from '../testing/market';
import {
  areTermsFixed,
  deliveryTime,
  earliestTerms,
  gateClosesAt,
  generalEndsAt,
  operatorNeededUntil,
  settledBy,
  termsAt,
  upcomingWindows,
  windowSecondsOf,
} from './terms';

const HOURS = { ...QUARTERS, from: 36_000, windowSeconds: 3_600, gateClosureSeconds: 300 };

describe('terms', () => {
  const bus = { terms: QUARTERS, nextTerms: HOURS, horizonSeconds: 7_200 };

  it('of a window are those of its start', () => {
    expect(termsAt(bus, 35_100)).toBe(QUARTERS);
    expect(termsAt(bus, 36_000)).toBe(HOURS);
    expect([gateClosesAt(bus, 35_100), gateClosesAt(bus, 36_000)]).toEqual([35_040, 35_700]);
    expect(gateClosesAt(bus, 0)).toBe(Number.POSITIVE_INFINITY);
    expect([windowSecondsOf(bus, 35_100), windowSecondsOf(bus, 39_600)]).toEqual([900, 3_600]);
  });

  it('of a window that is older than all that are known are unknown, not those of today', () => {
    const later = { terms: HOURS, nextTerms: undefined };
    expect(windowSecondsOf(later, 35_100)).toBeUndefined();
    // Its start alone is shown.
    expect(deliveryTime(later, 35_100)).not.toContain('–');
    expect(deliveryTime(later, 36_000)).toContain('–');
    expect(deliveryTime(later, 0)).toBe('any time');
  });

  it('change between windows: those that can be chosen have the length of their own terms', () => {
    expect(upcomingWindows(bus, 33_000, 99)).toEqual([33_300, 34_200, 35_100, 36_000, 39_600]);
    // A window whose gate has closed is not among them; nor one beyond the horizon.
    expect(upcomingWindows(bus, 33_241, 99)[0]).toBe(34_200);
    expect(upcomingWindows(bus, 28_000, 99).at(-1)).toBe(35_100);
    expect(upcomingWindows(bus, 33_000, 2)).toEqual([33_300, 34_200]);
    expect(upcomingWindows({ ...bus, terms: NO_WINDOWS }, 33_000, 99)).toEqual([36_000, 39_600]);
    expect(upcomingWindows({ ...bus, terms: NO_WINDOWS, nextTerms: undefined }, 33_000, 99)).toEqual([]);
  });

  it('with windows end what is offered at any time', () => {
    expect(generalEndsAt({ terms: NO_WINDOWS, nextTerms: HOURS }, 35_999)).toBe(36_000);
    expect(generalEndsAt({ terms: NO_WINDOWS, nextTerms: HOURS }, 36_000)).toBe(36_000);
    expect(generalEndsAt({ terms: NO_WINDOWS, nextTerms: undefined }, 0)).toBe(Number.POSITIVE_INFINITY);
    const off = { ...NO_WINDOWS, from: 36_000 };
    expect(generalEndsAt({ terms: NO_WINDOWS, nextTerms: off }, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('that are next start at the earliest more than one horizon ahead, at the start of windows of both lengths', () => {
    for (const now of [0, 1, 28_799, 28_800, 28_801]) {
      const from = earliestTerms({ ...bus, nextTerms: undefined }, 3_600, now);
      expect(from).toBeGreaterThan(now + 7_200);
      expect([from % 900, from % 3_600]).toEqual([0, 0]);
      expect(from - 3_600).toBeLessThanOrEqual(now + 7_200);
    }
    expect(earliestTerms({ ...bus, nextTerms: undefined }, 1_500, 0) % 4_500).toBe(0);
    expect(earliestTerms({ terms: NO_WINDOWS, nextTerms: undefined, horizonSeconds: 60 }, 0, 0)).toBe(120);
  });

  it('that wait stay once windows can be open under them, until they hold', () => {
    const fixed = [28_799, 28_800, 35_999, 36_000].map((now) => areTermsFixed(bus, now));
    expect(fixed).toEqual([false, true, true, false]);
    expect(areTermsFixed({ ...bus, nextTerms: undefined }, 0)).toBe(false);
  });

  it('on delivery settle at the latest when the last reading can be corrected no more', () => {
    expect(settledBy(DELIVERY, 9_000)).toBe(9_000 + 900 + 3_600 + 7_200);
  });

  it('on delivery need the operator until all readings of their windows are final', () => {
    const purchase = { ...QUARTERS, from: 36_000 };
    const needed = (terms: typeof DELIVERY, nextTerms: typeof DELIVERY | undefined, readingsUntil = 0) =>
      operatorNeededUntil({ terms, nextTerms, readingsUntil });
    expect(needed(DELIVERY, undefined)).toBe(Number.POSITIVE_INFINITY);
    expect(needed(QUARTERS, { ...DELIVERY, from: 36_000 })).toBe(Number.POSITIVE_INFINITY);
    expect(needed(DELIVERY, purchase)).toBe(36_000 + 3_600 + 7_200);
    expect(needed(purchase, undefined, 46_800)).toBe(46_800);
    // Earlier terms may have had longer times.
    expect(needed(DELIVERY, purchase, 99_999)).toBe(99_999);
    expect(needed(QUARTERS, purchase)).toBe(0);
  });
});
