/**
 * Exact money, the same integers as the program's `math.rs`: energy in Wh, prices in token base units per kWh, amounts
 * in token base units. Everything is a `bigint`; what exceeds 64 bits is `undefined`, as the program refuses it.
 */

/** Wh in a kWh: prices are per kWh, energy is in Wh. */
export const WH_PER_KWH = 1_000n;
/** 100 % in basis points. */
export const FULL_SHARE_BPS = 10_000n;
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
  return (amount * BigInt(bps)) / FULL_SHARE_BPS;
}

/**
 * Highest price that keeps the cost of `energyWh` within `maxTotal`: `floor(1000 x maxTotal / energyWh)`, at most 64
 * bits.
 */
export function priceLimit(energyWh: bigint, maxTotal: bigint): bigint {
  const limit = (maxTotal * WH_PER_KWH) / (energyWh > 0n ? energyWh : 1n);
  return limit > U64_MAX ? U64_MAX : limit;
}
