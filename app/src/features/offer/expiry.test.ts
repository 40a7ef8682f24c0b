import { describe, expect, it } from 'vitest';

import type { Bus, Offer } from '../../market/model';
import { longestExpiry, readExpiry } from './ExpiryField';
import { checkedPrice, expiryRefusal } from './OwnOffers';

const NOW = 1_000_000;
const bus = { horizonSeconds: 7_200, basePricePerKwh: 100n, reservePricePerKwh: 200n, decimals: 2 } as Bus;

describe('an offer’s end', () => {
  it('is at the latest its gate, or a little less than one horizon ahead', () => {
    expect(longestExpiry(bus, Number.POSITIVE_INFINITY, NOW)).toBe(NOW + 7_140);
    expect(longestExpiry(bus, NOW + 600, NOW)).toBe(NOW + 600);
  });

  it('is what was chosen, and never later than it can be', () => {
    const read = (kind: 'longest' | '2h' | '12h' | 'own', text = '', longest = NOW + 9_000) =>
      readExpiry({ kind, text }, NOW, longest);
    expect(read('longest')).toEqual({ ok: true, value: NOW + 9_000 });
    expect(read('2h')).toEqual({ ok: true, value: NOW + 7_200 });
    expect(read('12h')).toEqual({ ok: true, value: NOW + 9_000 });
    const at = (seconds: number) => new Date(seconds * 1_000).toISOString();
    expect(read('own', at(NOW + 60))).toEqual({ ok: true, value: NOW + 60 });
    expect(read('own', at(NOW - 60))).toMatchObject({ ok: false });
    expect(read('own', at(NOW + 9_001))).toMatchObject({ ok: false });
    expect(read('own', 'nonsense')).toMatchObject({ ok: false });
  });

  it('is not before its locks need it, nor later on a closing bus', () => {
    const offer = { openLocks: 1, lockedUntil: NOW, expiresAt: NOW + 5_000 } as Offer;
    expect(expiryRefusal(offer, bus, NOW + 299)).toContain('locks');
    expect(expiryRefusal(offer, bus, NOW + 300)).toBeUndefined();
    expect(expiryRefusal({ ...offer, openLocks: 0 }, bus, NOW + 1)).toBeUndefined();
    const closing = { ...bus, closing: true };
    expect(expiryRefusal(offer, closing, NOW + 5_001)).toContain('only end earlier');
    expect(expiryRefusal(offer, closing, NOW + 4_999)).toBeUndefined();
  });
});

describe('a price', () => {
  it('is at least the base price, and for the bus’s own offers what its owners have decided', () => {
    expect(checkedPrice('1', bus, false)).toEqual({ ok: true, value: 100n });
    expect(checkedPrice('0.99', bus, false)).toMatchObject({ ok: false });
    expect(checkedPrice('1.99', bus, true)).toMatchObject({ ok: false });
    expect(checkedPrice('2', bus, true)).toEqual({ ok: true, value: 200n });
  });
});
