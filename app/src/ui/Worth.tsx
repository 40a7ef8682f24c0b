/** What an amount of tokens is worth in the user's currency, where the user has given a rate. */

import { currencyLabel } from '../amount/worth';
import type { Bus } from '../market/model';
import { rates, worthOf } from '../state/rates';
import { useStore } from '../state/store';

/** `≈ €1.38`; nothing without a rate. */
export function Worth({ units, bus }: { readonly units: bigint; readonly bus: Pick<Bus, 'mint' | 'decimals'> }) {
  const known = useStore(rates);
  const worth = worthOf(known, bus.mint, units, bus.decimals);
  return worth === undefined ? null : <span className="hint worth">≈ {currencyLabel(worth, known.currency)}</span>;
}
