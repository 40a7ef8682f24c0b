import { describe, expect, it } from 'vitest';

import { rates, setRate, worthOf } from './rates';
import { storage } from './storage';

const MINT = 'Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi';

describe('a rate', () => {
  it('is worth nothing until it is given, and is kept', () => {
    expect(worthOf(rates.get(), MINT, 1_000_000n, 6)).toBeUndefined();
    setRate(MINT, 920_000n);
    expect(JSON.parse(storage.getItem('multibus:rates') ?? '')).toEqual({
      currency: 'EUR',
      perToken: { [MINT]: '920000' },
    });
    // 1.5 tokens at 0.92, in cents; and half a cent is rounded up.
    expect(worthOf(rates.get(), MINT, 1_500_000n, 6)).toBe(138n);
    setRate(MINT, 5_000n);
    expect(worthOf(rates.get(), MINT, 1_000_000n, 6)).toBe(1n);
    setRate(MINT, undefined);
    expect(worthOf(rates.get(), MINT, 1n, 6)).toBeUndefined();
  });
});
