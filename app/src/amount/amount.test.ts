import { describe, expect, it } from 'vitest';

import { SIGNS } from '../words/language';
import { cost, priceLimit, shareOf, U64_MAX } from './cost';
import { formatDecimal, parseDecimal, plainDecimal } from './decimal';
import { formatEnergy, parseEnergy, plainEnergy } from './energy';
import { formatBps, formatTokens, parseBps, parsePrice, parseTokens, plainTokens } from './token';

const reason = (parsed: { ok: boolean; reason?: string }) => (parsed.ok ? undefined : parsed.reason);

describe('cost', () => {
  it('rounds up to a whole base unit', () => {
    expect(cost(1n, 1n)).toBe(1n);
    expect(cost(1_000n, 200_000n)).toBe(200_000n);
    expect(cost(1_001n, 200_001n)).toBe(200_202n);
    expect(cost(0n, 5n)).toBe(0n);
  });

  it('is exact up to 64 bits and refuses beyond', () => {
    expect(cost(U64_MAX, 1_000n)).toBe(U64_MAX);
    expect(cost(U64_MAX, 1_001n)).toBeUndefined();
    expect(cost(U64_MAX, 999n)).toBe((U64_MAX * 999n + 999n) / 1000n);
  });

  it('keeps the cost within a total by its price limit', () => {
    for (const energy of [1n, 7n, 999n, 1_000n, 12_345n]) {
      for (const total of [0n, 1n, 17n, 9_999n, 1_000_000n]) {
        const limit = priceLimit(energy, total);
        expect(cost(energy, limit)).toBeLessThanOrEqual(total);
        expect(cost(energy, limit + 1n)).toBeGreaterThan(total);
      }
    }
  });

  it('divides shares downwards', () => {
    expect(shareOf(999n, 3_333)).toBe(332n);
    expect(shareOf(U64_MAX, 10_000)).toBe(U64_MAX);
  });
});

describe('decimals', () => {
  it('read and write without losing a digit', () => {
    for (const [text, wh] of [
      ['2.5', 2_500n],
      ['0.001', 1n],
      ['.5', 500n],
      ['12.', 12_000n],
      ['1 000', 1_000_000n],
    ] as const) {
      expect(parseEnergy(text, 'kWh')).toEqual({ ok: true, value: wh });
    }
    expect(reason(parseTokens('9007199254740993.000001', 6))).toContain('64 bits');
    expect(parseTokens('9007199254.740993', 6)).toEqual({ ok: true, value: 9007199254740993n });
    for (const value of [0n, 1n, 10n, 999_999n, 1_000_000n, 123_456_789_012_345n]) {
      expect(parseTokens(plainTokens(value, 6), 6)).toEqual({ ok: true, value });
    }
    expect(plainEnergy(2_500n, 'kWh')).toBe('2.5');
    expect(plainEnergy(2_500n, 'Wh')).toBe('2500');
  });

  it('take a unit that is typed along', () => {
    expect(parseEnergy('350 Wh', 'kWh')).toEqual({ ok: true, value: 350n });
    expect(parseEnergy('2kwh', 'Wh')).toEqual({ ok: true, value: 2_000n });
  });

  it('refuse what is not exact, and say why', () => {
    expect(reason(parseEnergy('1.5', 'Wh'))).toContain('whole number');
    expect(reason(parseEnergy('1.0005', 'kWh'))).toContain('at most 3 decimals');
    expect(reason(parseEnergy('2,5', 'kWh'))).toContain('point');
    expect(reason(parseEnergy('-1', 'kWh'))).toContain('above zero');
    expect(reason(parseEnergy('0', 'kWh'))).toContain('at least 1\u00a0Wh');
    expect(reason(parseEnergy('1e3', 'kWh'))).toContain('not a number');
    expect(reason(parseEnergy('', 'kWh'))).toContain('Type an amount');
    expect(reason(parseEnergy('99999999999999999999', 'Wh'))).toContain('64 bits');
    expect(reason(parsePrice('0', 6))).toContain('above zero');
    expect(reason(parseBps('100.01'))).toContain('100\u00a0%');
  });

  it('are grouped for reading', () => {
    expect(formatDecimal(1_234_567_890n, 6)).toBe('1\u00a0234.56789');
    expect(formatTokens(200_000n, 6)).toBe('0.20');
    expect(formatTokens(5n, 0)).toBe('5');
    expect(formatEnergy(12_345n)).toBe('12.345\u00a0kWh');
    expect(formatEnergy(999n)).toBe('999\u00a0Wh');
    expect(formatBps(250)).toBe('2.5\u00a0%');
    expect(parseBps('33.33%')).toEqual({ ok: true, value: 3_333 });
  });
});

describe('a number as a language writes it', () => {
  const read = (text: string, tongue: 'en' | 'de') => {
    const parsed = parseDecimal(text, { decimals: 3, noun: 'x', unit: 'kWh' }, SIGNS[tongue]);
    return parsed.ok ? parsed.value : undefined;
  };

  it('is read with its sign for decimals, and with its sign for thousands only where it groups them', () => {
    for (const [text, en, de] of [
      ['2.5', 2_500n, undefined],
      ['2,5', undefined, 2_500n],
      ['1.000', 1_000n, 1_000_000n],
      ['1,000', 1_000_000n, 1_000n],
      ['1.234.567', undefined, 1_234_567_000n],
      ['1,234,567', 1_234_567_000n, undefined],
      ['1,234.5', 1_234_500n, undefined],
      ['1.234,5', undefined, 1_234_500n],
      ['12 345,5', undefined, 12_345_500n],
      // A group that begins with zero is a decimal of somebody who writes the other sign.
      ['0.250', 250n, undefined],
      ['0,250', undefined, 250n],
      ['1,00', undefined, 1_000n],
      ['1.2.3', undefined, undefined],
      ['1,2,3', undefined, undefined],
      ['1.000,', undefined, 1_000_000n],
      [',5', undefined, 500n],
      ['.5', 500n, undefined],
    ] as const) {
      expect([text, read(text, 'en'), read(text, 'de')]).toEqual([text, en, de]);
    }
  });

  it('is written so that it is read as what it was', () => {
    for (const value of [0n, 1n, 250n, 1_000n, 1_234n, 1_000_000n, 123_456_789n]) {
      for (const tongue of ['en', 'de'] as const) {
        expect(read(plainDecimal(value, 3, SIGNS[tongue]), tongue)).toBe(value);
        expect(read(formatDecimal(value, 3, 2, SIGNS[tongue]), tongue)).toBe(value);
      }
    }
    expect(formatDecimal(1_234_500n, 3, 0, SIGNS.de)).toBe('1\u00a0234,5');
  });
});
