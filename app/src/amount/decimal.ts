/**
 * Decimal numbers between the input box and a `bigint` of smallest units, exact in both directions: a digit that does
 * not fit the unit is refused, never rounded.
 */

import { U64_MAX } from './cost';

/** A value, or the reason why the text has none, as a sentence for the one who types. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** What a decimal text means to its reader. */
export interface DecimalRules {
  /** Digits after the point that the unit has. */
  readonly decimals: number;
  /** What is typed: "an amount", "a price". */
  readonly noun: string;
  /** The unit in messages, such as `kWh` or `tokens`. */
  readonly unit: string;
}

/** Reads a decimal number into its smallest units. Spaces between digits are allowed, signs and exponents are not. */
export function parseDecimal(text: string, { decimals, noun, unit }: DecimalRules): Parsed<bigint> {
  const compact = text.replace(/[\s_\u00a0\u2009\u202f]/gu, '');
  const refuse = (reason: string): Parsed<bigint> => ({ ok: false, reason });
  if (compact === '') return refuse(`Type ${noun}.`);
  if (compact.includes(',')) return refuse('Use a point for decimals, as in 2.5, and no commas.');
  if (compact.startsWith('-')) return refuse(`Type ${noun} above zero.`);
  const match = /^(\d*)(?:\.(\d*))?$/u.exec(compact);
  if (match === null || compact === '.') return refuse(`“${text.trim()}” is not a number; type digits, as in 2.5.`);
  const whole = match[1] ?? '';
  const fraction = match[2] ?? '';
  const significant = fraction.replace(/0+$/u, '');
  if (significant.length > decimals) {
    return refuse(
      decimals === 0
        ? `${unit} have no decimals; type a whole number.`
        : `${unit} have at most ${decimals} decimals; “${compact}” has ${significant.length}.`,
    );
  }
  const value = BigInt(`${whole}${significant.padEnd(decimals, '0')}` || '0');
  if (value > U64_MAX) return refuse(`“${compact}” does not fit 64 bits; type less.`);
  return { ok: true, value };
}

/** Writes smallest units as a decimal number: all digits that matter, thousands grouped by a space that does not break. */
export function formatDecimal(value: bigint, decimals: number, minimumDecimals = 0): string {
  const digits = value.toString().padStart(decimals + 1, '0');
  const whole = decimals === 0 ? digits : digits.slice(0, -decimals);
  const fraction = decimals === 0 ? '' : digits.slice(-decimals);
  const shown = fraction.replace(/0+$/u, '').padEnd(Math.min(minimumDecimals, decimals), '0');
  return shown === '' ? grouped(whole) : `${grouped(whole)}.${shown}`;
}

/** The same without grouping, as an input box shows it. */
export function plainDecimal(value: bigint, decimals: number): string {
  return formatDecimal(value, decimals).replaceAll('\u00a0', '');
}

/** Thousands grouped, as people read sizes. */
export function grouped(digits: string | bigint): string {
  return digits.toString().replace(/\B(?=(\d{3})+(?!\d))/gu, '\u00a0');
}
