/** The terms of delivery windows: their length and gate, when sellers are paid, and the grid fee. Pure: no chain, no clock. */

import { deliveryLabel } from '../amount/time';
import { AUCTION_PROOF_SECONDS } from '../generated/constants';

/** Terms that hold from a window on. */
export interface Terms {
  /** Start of the first window that they hold for; 0 for those that a bus was created with. */
  readonly from: number;
  /** 0 where the bus has no delivery windows. */
  readonly windowSeconds: number;
  readonly gateClosureSeconds: number;
  /** Whether sellers are paid for what a meter says was delivered; else as soon as somebody buys. */
  readonly isOnDelivery: boolean;
  /** What a buyer pays to the grid on top of the price, in base units per kWh. */
  readonly gridFeePerKwh: bigint;
  /** How long after a window's end its first reading can come; 0 where sellers are paid on purchase. */
  readonly readingDeadlineSeconds: number;
  /** How long after the first reading of a window another can correct it; 0 where sellers are paid on purchase. */
  readonly correctionSeconds: number;
  /** Whether an auction closes each window. */
  readonly hasAuction: boolean;
}

/** What has terms: a bus, its present ones and perhaps the next. */
export interface HasTerms {
  readonly terms: Terms;
  /** Terms that are decided and hold from their first window on. */
  readonly nextTerms: Terms | undefined;
}

/** The terms of a window that starts then; outside windows those that hold then. */
export function termsAt({ terms, nextTerms }: HasTerms, time: number): Terms {
  return nextTerms !== undefined && time >= nextTerms.from ? nextTerms : terms;
}

/** Length of the window that starts then; `undefined` where it is older than all terms that are known. */
export function windowSecondsOf(bus: HasTerms, windowStart: number): number | undefined {
  return windowStart < bus.terms.from ? undefined : termsAt(bus, windowStart).windowSeconds;
}

/** When energy is delivered: in a window of a bus, or at any time. */
export function deliveryTime(bus: HasTerms, windowStart: number): string {
  return deliveryLabel(windowStart, windowSecondsOf(bus, windowStart));
}

/** Whether a bus has delivery windows now, or will have with its next terms. */
export function hasWindows({ terms, nextTerms }: HasTerms): boolean {
  return terms.windowSeconds !== 0 || (nextTerms?.windowSeconds ?? 0) !== 0;
}

/** First second in which a window no longer trades; infinite outside windows. */
export function gateClosesAt(bus: HasTerms, windowStart: number): number {
  return windowStart === 0 ? Number.POSITIVE_INFINITY : windowStart - termsAt(bus, windowStart).gateClosureSeconds;
}

/** When offers outside windows end: at the latest when terms with windows start. */
export function generalEndsAt({ terms, nextTerms }: HasTerms, now: number): number {
  const present = termsAt({ terms, nextTerms }, now);
  if (present.windowSeconds !== 0) return present.from;
  const isAhead = nextTerms !== undefined && now < nextTerms.from && nextTerms.windowSeconds !== 0;
  return isAhead ? nextTerms.from : Number.POSITIVE_INFINITY;
}

/** Starts of the next windows that still trade and can be open, in their order, so many at most. */
export function upcomingWindows(
  bus: HasTerms & { readonly horizonSeconds: number },
  now: number,
  count: number,
): readonly number[] {
  const latest = now + bus.horizonSeconds;
  const starts: number[] = [];
  const { terms, nextTerms } = bus;
  for (const [own, end] of [
    [terms, nextTerms?.from ?? Number.POSITIVE_INFINITY],
    [nextTerms, Number.POSITIVE_INFINITY],
  ] as const) {
    if (own === undefined || own.windowSeconds === 0) continue;
    const { windowSeconds } = own;
    let start = Math.ceil(Math.max(now + 1, own.from) / windowSeconds) * windowSeconds;
    for (; start <= latest && start < end && starts.length < count; start += windowSeconds) {
      if (now < start - own.gateClosureSeconds) starts.push(start);
    }
  }
  return starts;
}

/**
 * When the times for readings start to run, in seconds after a window's start: at its end, with an auction not before that
 * can be over.
 */
export function readingsAfter({ windowSeconds, gateClosureSeconds, hasAuction }: Terms): number {
  return hasAuction ? Math.max(windowSeconds, Number(AUCTION_PROOF_SECONDS) - gateClosureSeconds) : windowSeconds;
}

/** When at the latest a window on delivery terms is settled: its last possible reading can be corrected no more. */
export function settledBy(terms: Terms, start: number): number {
  return start + readingsAfter(terms) + terms.readingDeadlineSeconds + terms.correctionSeconds;
}

/** Earliest start of next terms: the first moment more than one horizon ahead that fits both window lengths. */
export function earliestTerms(
  bus: HasTerms & { readonly horizonSeconds: number },
  nextWindowSeconds: number,
  now: number,
): number {
  const step = leastCommonMultiple(termsAt(bus, now).windowSeconds || 60, nextWindowSeconds || 60);
  return (Math.floor((now + bus.horizonSeconds) / step) + 1) * step;
}

/** Whether the next terms that wait can still be replaced: only while they are more than one horizon ahead. */
export function areTermsFixed(
  { nextTerms, horizonSeconds }: HasTerms & { readonly horizonSeconds: number },
  now: number,
): boolean {
  return nextTerms !== undefined && nextTerms.from > now && nextTerms.from <= now + horizonSeconds;
}

/**
 * First second in which a bus can do without an operator: no terms pay on delivery any more, and all readings of earlier
 * windows are final. Infinite while that is not decided.
 */
export function operatorNeededUntil({
  terms,
  nextTerms,
  readingsUntil,
}: HasTerms & { readonly readingsUntil: number }): number {
  if ((nextTerms ?? terms).isOnDelivery) return Number.POSITIVE_INFINITY;
  if (!terms.isOnDelivery || nextTerms === undefined) return readingsUntil;
  return Math.max(readingsUntil, settledBy(terms, nextTerms.from - terms.windowSeconds));
}

function leastCommonMultiple(a: number, b: number): number {
  const divisor = (x: number, y: number): number => (y === 0 ? x : divisor(y, x % y));
  return (a / divisor(a, b)) * b;
}
