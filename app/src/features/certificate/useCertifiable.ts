/** Certificates that the wallet can take, as components see them. */

import { useMarket, useSession } from '../../session';
import { useNow } from '../../ui/time';
import { certifiable, type Certifiable } from './certificate';

/** What the wallet can take a certificate of now. */
export function useCertifiable(): readonly Certifiable[] {
  const { wallet } = useSession();
  const { positions, books, buses, sellers, bids } = useMarket();
  const now = useNow();
  return certifiable({ positions, books, buses, sellers, bids }, wallet, now);
}
