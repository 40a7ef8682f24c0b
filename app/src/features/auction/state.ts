/** What became of a bid, in words. */

import type { BidTale } from '../../market/bids';
import { t } from '../../words';

/** What became of a bid, in a few words. */
export function bidState({ isCancelled, settlement }: Pick<BidTale, 'isCancelled' | 'settlement'>): string {
  if (isCancelled) return t.auction.states.withdrawn;
  if (settlement === undefined) return t.auction.states.open;
  if (settlement.allottedWh === 0n) return t.auction.states.nothing;
  return settlement.isFinal ? t.auction.states.final : t.auction.states.waits;
}
