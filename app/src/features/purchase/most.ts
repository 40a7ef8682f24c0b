/** The most that somebody can buy. Pure. */

import { WH_PER_KWH } from '../../generated';
import { freeWh, type Offer } from '../../market/model';
import { compare } from '../../order';

/** Energy of offers that a balance pays for, from the cheapest and among those from the largest; all of it where the balance is not known. */
export function mostOf(offers: readonly Offer[], balance: bigint | undefined): bigint {
  const sorted = offers.toSorted(
    (a, b) =>
      compare(a.fullPricePerKwh, b.fullPricePerKwh) || compare(freeWh(b), freeWh(a)) || compare(a.address, b.address),
  );
  let [most, left] = [0n, balance ?? 0n];
  for (const offer of sorted) {
    const { fullPricePerKwh: price, leastWh } = offer;
    const free = freeWh(offer);
    const paid = balance === undefined || price === 0n ? free : (left * WH_PER_KWH) / price;
    const taken = paid < free ? paid : free;
    // A part that is too small is not sold.
    if (taken < free && taken < leastWh) break;
    most += taken;
    // A cost is rounded up.
    left -= (taken * price + WH_PER_KWH - 1n) / WH_PER_KWH;
    if (taken < free) break;
  }
  return most;
}
