/** Token amounts as people type and read them; a `bigint` of base units everywhere else. */

import { t } from '../words';
import { formatDecimal, grouped, parseDecimal, plainDecimal, type Parsed } from './decimal';

/** Reads an amount of tokens with `decimals` digits after the point into base units. */
export function parseTokens(text: string, decimals: number, noun = t.token.anAmount): Parsed<bigint> {
  return parseDecimal(text, { decimals, noun, unit: t.token.theseTokens });
}

/** Reads a price per kWh into base units; zero is none. */
export function parsePrice(text: string, decimals: number): Parsed<bigint> {
  const parsed = parseTokens(text, decimals, t.token.aPricePerKwh);
  return parsed.ok && parsed.value === 0n ? { ok: false, reason: t.token.typeAPriceAboveZero } : parsed;
}

/** Tokens, exact, with at least two decimals where the token has them: `0.26`. */
export function formatTokens(units: bigint, decimals: number): string {
  return formatDecimal(units, decimals, 2);
}

/** Tokens with their name, which stays with them where lines break: `0.26 tokens`. */
export function tokensLabel(units: bigint, of: { readonly decimals: number; readonly token: string }): string {
  return `${formatTokens(units, of.decimals)}\u00a0${of.token}`;
}

/** Tokens as an input box shows them. */
export function plainTokens(units: bigint, decimals: number): string {
  return plainDecimal(units, decimals);
}

/** Base units: `260 000`. */
export function formatUnits(units: bigint): string {
  return grouped(units);
}

/** SOL from lamports, exact. */
export function formatSol(lamports: bigint): string {
  return t.token.sol(formatDecimal(lamports, 9));
}

/** Basis points as a percentage, exact: `2.5 %`. */
export function formatBps(bps: number): string {
  return `${formatDecimal(BigInt(bps), 2)}\u00a0%`;
}

/** Reads a percentage into basis points, at most 100 %. */
export function parseBps(text: string): Parsed<number> {
  const parsed = parseDecimal(text.replace(/%\s*$/u, ''), {
    decimals: 2,
    noun: t.token.aPercentage,
    unit: t.token.percentages,
  });
  if (!parsed.ok) return parsed;
  if (parsed.value > 10_000n) return { ok: false, reason: t.token.atMost100 };
  return { ok: true, value: Number(parsed.value) };
}
