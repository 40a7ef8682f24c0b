/** What a buyer agrees to: when the seller is paid, and what comes back where less is delivered; in a sentence. */

import { timeLabel } from '../../amount/time';
import type { Bus, Offer } from '../../market/model';
import { settledBy, termsAt, windowSecondsOf, type Terms } from '../../market/terms';
import { t } from '../../words';

/** Energy of one bus and window that somebody buys. */
export interface Bought {
  readonly bus: Bus;
  readonly offer: Pick<Offer, 'windowStart' | 'book'>;
}

/** The sentence about parts of offers, however they are paid. */
export function TermsNote({ of: parts }: { readonly of: readonly Bought[] }) {
  if (parts.length === 0) return null;
  return <p className="hint terms">{termsSentence(parts)}</p>;
}

/** When sellers of parts of offers are paid, in a sentence. */
export function termsSentence(parts: readonly Bought[]): string {
  const onDelivery = parts.filter(({ offer }) => offer.book !== undefined);
  if (onDelivery.length === 0) return t.terms.paidAtOnce;
  const latest = Math.max(
    ...onDelivery.map(({ bus, offer }) => settledBy(termsAt(bus, offer.windowStart), offer.windowStart)),
  );
  return onDelivery.length === parts.length
    ? t.terms.paidForDelivery(timeLabel(latest))
    : t.terms.paidForDeliveryInPart(onDelivery.length, parts.length, timeLabel(latest));
}

/** When a window's sellers are paid, in few words; `undefined` where the terms of an old window are not known any more. */
export function settlementOf(bus: Bus, windowStart: number): string | undefined {
  if (windowSecondsOf(bus, windowStart) === undefined) return undefined;
  return t.terms.paid(settlementName(termsAt(bus, windowStart)));
}

/** When sellers are paid, in few words. */
export function settlementName({ isOnDelivery }: Pick<Terms, 'isOnDelivery'>): string {
  return isOnDelivery ? t.terms.onDelivery : t.terms.onPurchase;
}
