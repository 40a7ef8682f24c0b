/** Delivery windows as a day has them, and which of them somebody means. Pure: no chain, no clock. */

import { freeWh, type Bus, type Capacity, type Offer } from '../../market/model';
import { gateClosesAt, hasWindows, termsAt, type Terms } from '../../market/terms';

/** A delivery window, and what can be bought in it now. */
export interface DeliveryWindow {
  /** Its first second. */
  readonly start: number;
  readonly seconds: number;
  readonly terms: Terms;
  /** Energy that can be bought now, in Wh. */
  readonly freeWh: bigint;
  /** Lowest price of it with the grid fee, in base units per kWh; `undefined` where nothing can be bought. */
  readonly lowest: bigint | undefined;
  /** Whether it still trades. */
  readonly isOpen: boolean;
}

/** When somebody needs energy: `now` is the next window that trades; who picks one has not done so yet. */
export type When =
  { readonly kind: 'any' | 'now' | 'hour' | 'tonight' | 'pick' } | { readonly kind: 'window'; readonly start: number };

/** Windows that are shown at most: a day of quarters of an hour, and a little more. */
const SHOWN = 120;
/** When the evening begins, by the clock of this machine. */
const EVENING_HOUR = 18;

/**
 * Windows of a bus that are not over, in their order: those that were opened or have offers, and those between them,
 * where there is nothing.
 */
export function deliveryWindows(
  bus: Bus,
  capacities: readonly Capacity[],
  tradable: readonly Offer[],
  now: number,
): readonly DeliveryWindow[] {
  if (!hasWindows(bus)) return [];
  const opened = new Map<number, Capacity>();
  for (const capacity of capacities) {
    const { windowStart, terms } = capacity;
    if (windowStart !== 0 && windowStart + terms.windowSeconds > now) opened.set(windowStart, capacity);
  }
  const starts = [...opened.keys()].sort((a, b) => a - b);
  const [first, last] = [starts[0], starts.at(-1)];
  if (first === undefined || last === undefined) return [];
  const all = new Set(starts);
  const termsOf = (start: number) => opened.get(start)?.terms ?? termsAt(bus, start);
  for (let start = first; start < last && all.size < SHOWN; start += termsOf(start).windowSeconds || last)
    all.add(start);
  return [...all]
    .sort((a, b) => a - b)
    .map((start) => {
      const own = tradable.filter((offer) => offer.windowStart === start);
      return {
        start,
        seconds: termsOf(start).windowSeconds,
        terms: termsOf(start),
        freeWh: own.reduce((sum, offer) => sum + freeWh(offer), 0n),
        lowest: own.reduce<bigint | undefined>(
          (least, { fullPricePerKwh: price }) => (least === undefined || price < least ? price : least),
          undefined,
        ),
        // Each window has the gate that it was opened with.
        isOpen: now < (opened.get(start)?.gateClosesAt ?? gateClosesAt(bus, start)),
      };
    });
}

/** Starts of the windows that somebody means; `undefined` for all of them. */
export function startsOf(when: When, windows: readonly DeliveryWindow[], now: number): ReadonlySet<number> | undefined {
  const open = windows.filter(({ isOpen }) => isOpen);
  const those = (wanted: (window: DeliveryWindow) => boolean) => new Set(open.filter(wanted).map(({ start }) => start));
  switch (when.kind) {
    case 'any':
    case 'pick':
      return undefined;
    case 'now':
      return new Set(open.slice(0, 1).map(({ start }) => start));
    case 'hour':
      return those(({ start }) => start < now + 3_600);
    case 'tonight': {
      const evening = new Date(now * 1_000);
      evening.setHours(EVENING_HOUR, 0, 0, 0);
      const from = evening.getTime() / 1_000;
      return those(({ start }) => start >= from && start < from + (24 - EVENING_HOUR) * 3_600);
    }
    case 'window':
      return windows.some(({ start }) => start === when.start) ? new Set([when.start]) : undefined;
  }
}
