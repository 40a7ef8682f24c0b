import { describe, expect, it } from 'vitest';

import type { Bus, Offer, Seller } from '../../market/model';
import { NO_WINDOWS, QUARTERS } from '../../testing/market';
import { longestExpiry, readExpiry } from './ExpiryField';
import { checkedPrice, expiryRefusal } from './OwnOffers';

const NOW = 1_000_000;
const bus = {
  terms: NO_WINDOWS,
  horizonSeconds: 7_200,
  basePricePerKwh: 100n,
  reservePricePerKwh: 200n,
  decimals: 2,
} as Bus;

describe('an offer’s end', () => {
  it('is at the latest its gate, or a little less than one horizon ahead', () => {
    expect(longestExpiry(bus, Number.POSITIVE_INFINITY, NOW)).toBe(NOW + 7_140);
    expect(longestExpiry(bus, NOW + 600, NOW)).toBe(NOW + 600);
    // Outside windows also when windows start.
    const nextTerms = { ...QUARTERS, from: NOW + 900 };
    expect(longestExpiry({ ...bus, nextTerms }, Number.POSITIVE_INFINITY, NOW)).toBe(NOW + 900);
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

  const offer = {
    openLocks: 1,
    lockedUntil: NOW,
    expiresAt: NOW + 5_000,
    pricePerKwh: 100n,
    wallet: 'sam',
    ownedByBus: false,
  } as Offer;
  const open = { ...bus, listing: 'open', owners: [] } as unknown as Bus;
  const refused = (change: Partial<Offer>, of: Bus, expiresAt: number, seller?: Seller) =>
    expiryRefusal({ ...offer, ...change }, of, seller, expiresAt, NOW);

  it('is not before its locks need it, and what has ended stays so', () => {
    expect(refused({}, open, NOW + 299)).toContain('Buyers hold energy');
    expect(refused({}, open, NOW + 300)).toBeUndefined();
    expect(refused({ openLocks: 0 }, open, NOW + 1)).toBeUndefined();
    expect(refused({ expiresAt: NOW }, open, NOW + 5_000)).toContain('expired');
  });

  it('is later only under the rules of today', () => {
    const later = NOW + 5_001;
    expect(refused({}, open, later)).toBeUndefined();
    expect(refused({}, { ...open, closing: true }, later)).toContain('only end earlier');
    expect(refused({}, { ...open, closing: true }, NOW + 4_999)).toBeUndefined();
    expect(refused({ pricePerKwh: 99n }, open, later)).toContain('at least 1.00');
    expect(refused({ pricePerKwh: 199n, ownedByBus: true }, open, later)).toContain('at least 2.00');
    expect(refused({}, open, later, { suspended: true } as Seller)).toContain('suspended');
    expect(refused({}, { ...open, listing: 'owners' }, later)).toContain('Only owners');
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
