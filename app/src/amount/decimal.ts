/**
 * Decimal numbers between the input box and a `bigint` of smallest units, exact in both directions: a digit that does
 * not fit the unit is refused, never rounded.
 */

import { t } from '../words';
import { language, SIGNS, type Signs } from '../words/language';
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

/**
 * Reads a decimal number into its smallest units, as the page's language writes it: spaces between digits are allowed,
 * and so is the language's sign for thousands where it groups thousands; signs and exponents are not.
 */
export function parseDecimal(
  text: string,
  { decimals, noun, unit }: DecimalRules,
  signs = SIGNS[language],
): Parsed<bigint> {
  const spaceless = text.replace(/[\s_'’\u00a0\u2009\u202f]/gu, '');
  const refuse = (reason: string): Parsed<bigint> => ({ ok: false, reason });
  if (spaceless === '') return refuse(t.decimal.type(noun));
  const compact = ungrouped(spaceless, signs);
  if (compact === undefined) return refuse(t.decimal.useAPointForDecimals);
  if (compact.startsWith('-')) return refuse(t.decimal.typeAboveZero(noun));
  const match = /^(\d*)(?:\.(\d*))?$/u.exec(compact);
  if (match === null || compact === '.') return refuse(t.decimal.isNotANumberType(text.trim()));
  const whole = match[1] ?? '';
  const fraction = match[2] ?? '';
  const significant = fraction.replace(/0+$/u, '');
  if (significant.length > decimals) {
    return refuse(
      decimals === 0
        ? t.decimal.haveNoDecimalsTypeA(unit)
        : t.decimal.haveAtMostDecimalsHas(unit, decimals, spaceless, significant.length),
    );
  }
  const value = BigInt(`${whole}${significant.padEnd(decimals, '0')}` || '0');
  if (value > U64_MAX) return refuse(t.decimal.isMoreThan64Bits(spaceless));
  return { ok: true, value };
}

/** A number without signs for thousands and with a point before its decimals; `undefined` where its signs are mixed up. */
function ungrouped(text: string, { decimal, group }: Signs): string | undefined {
  const [whole = '', ...rest] = text.split(decimal);
  if (rest.length > 1 || rest.some((part) => part.includes(group))) return undefined;
  const groups = whole.split(group);
  // A group that begins with zero is a decimal of somebody who writes the other sign.
  const isGrouped =
    groups.length === 1 || (/^[1-9]\d{0,2}$/u.test(groups[0] ?? '') && groups.slice(1).every(isThousand));
  return isGrouped ? [groups.join(''), ...rest].join('.') : undefined;
}

const isThousand = (digits: string) => /^\d{3}$/u.test(digits);

/** Writes smallest units as a decimal number: all digits that matter, thousands grouped by a space that does not break. */
export function formatDecimal(value: bigint, decimals: number, minimumDecimals = 0, signs = SIGNS[language]): string {
  const digits = value.toString().padStart(decimals + 1, '0');
  const whole = decimals === 0 ? digits : digits.slice(0, -decimals);
  const fraction = decimals === 0 ? '' : digits.slice(-decimals);
  const shown = fraction.replace(/0+$/u, '').padEnd(Math.min(minimumDecimals, decimals), '0');
  return shown === '' ? grouped(whole) : `${grouped(whole)}${signs.decimal}${shown}`;
}

/** The same without grouping, as an input box shows it. */
export function plainDecimal(value: bigint, decimals: number, signs = SIGNS[language]): string {
  return formatDecimal(value, decimals, 0, signs).replaceAll('\u00a0', '');
}

/** Thousands grouped, as people read sizes. */
export function grouped(digits: string | bigint): string {
  return digits.toString().replace(/\B(?=(\d{3})+(?!\d))/gu, '\u00a0');
}
