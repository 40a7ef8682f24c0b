/**
 * Exact money, the same integers as the program's `math.rs`: energy in Wh, prices in token base units per kWh, amounts
 * in token base units. Everything is a `bigint`; what exceeds 64 bits is `undefined`, as the program refuses it.
 */

import { FULL_SHARE_BPS, WH_PER_KWH } from '../generated/constants';

/** Largest unsigned 64-bit number. */
export const U64_MAX = (1n << 64n) - 1n;

/** `ceil(a / b)` for `a >= 0`, `b > 0`. */
export function ceilDiv(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

/** Cost of a fill: `ceil(energyWh x pricePerKwh / 1000)`; `undefined` where it exceeds 64 bits. */
export function cost(energyWh: bigint, pricePerKwh: bigint): bigint | undefined {
  const units = ceilDiv(energyWh * pricePerKwh, WH_PER_KWH);
  return units > U64_MAX ? undefined : units;
}

/** `floor(amount x bps / 10000)`. */
export function shareOf(amount: bigint, bps: number): bigint {
  return (amount * BigInt(bps)) / BigInt(FULL_SHARE_BPS);
}

/**
 * Highest price that keeps the cost of `energyWh` within `maxTotal`: `floor(1000 x maxTotal / energyWh)`, at most 64
 * bits.
 */
export function priceLimit(energyWh: bigint, maxTotal: bigint): bigint {
  const limit = (maxTotal * WH_PER_KWH) / (energyWh > 0n ? energyWh : 1n);
  return limit > U64_MAX ? U64_MAX : limit;
}
