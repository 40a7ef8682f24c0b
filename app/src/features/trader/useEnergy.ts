/** What the wallet bought and sold, as far as the node tells, as components see it. */

import type { Address } from '@solana/kit';
import { useMemo } from 'react';

import { sellerAddress, vaultAddress } from '../../chain/address';
import { isUnreachable } from '../../errors/explain';
import { talesWith } from '../../market/bids';
import { newestTrade, type OfferOrigin, type Trade } from '../../market/model';
import { originOf, readCreation } from '../../market/trades';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { entriesOf, type Entry } from './energy';
import { knownPurchases, readPurchases, readSales, withOlder, type Bought } from './history';

/** Transactions of each vault that are read for sales. */
const SALES_READ = 200;
/** Buses on which the wallet may have sold with an account that is closed by now. */
const CLOSED_ACCOUNTS = 32;
/** Offers that are closed by now, and whose creation is read. */
const OFFERS_READ = 100;

interface Past {
  readonly purchases: readonly Bought[];
  readonly sales: readonly Trade[];
  readonly buses: ReadonlyMap<Address, Address>;
  readonly origins: ReadonlyMap<Address, OfferOrigin>;
  /** Accounts as a seller that may have been the wallet's and are closed. */
  readonly closed: readonly Address[];
}

/** Everything that the wallet traded: at once what is known, then what the chain tells of earlier. */
export function useEnergy(): { readonly entries: readonly Entry[]; readonly isRead: boolean } {
  const { live, wallet } = useSession();
  const { trades, origins, buses, tombstones, sellers, bids, bidTales, readAt } = useMarket();
  const vaults = useMemo(
    () => [...sellers.values()].flatMap((seller) => (seller.wallet === wallet ? [seller.vault] : [])).join(' '),
    [sellers, wallet],
  );
  const past = useAnswer(
    live,
    wallet === undefined || readAt === undefined ? undefined : `${wallet} ${vaults}`,
    async (signal): Promise<Past | undefined> => {
      if (wallet === undefined) return undefined;
      const own = vaults.split(' ').filter(Boolean) as Address[];
      const state = live.state.get();
      const open = new Set([...state.sellers.values()].flatMap((one) => (one.wallet === wallet ? [one.bus] : [])));
      const left = [...state.tombstones.keys(), ...state.buses.keys()].filter((bus) => !open.has(bus));
      // Counted before, because an address takes its time to derive, and strangers may have thousands of buses.
      const closed = await Promise.all(left.slice(0, CLOSED_ACCOUNTS).map((bus) => sellerAddress(bus, wallet)));
      const closedVaults = await Promise.all(closed.map(vaultAddress));
      const [bought, sales] = await Promise.all([
        readPurchases(live.connection, wallet, signal, () => undefined),
        readSales(live.connection, [...own, ...closedVaults], SALES_READ, signal),
      ]);
      const known = state.origins;
      const offers = new Set([...bought.purchases, ...sales].flatMap(({ fills }) => fills.map(({ offer }) => offer)));
      const found = new Map<Address, OfferOrigin>();
      for (const offer of [...offers]
        .filter((one) => known.get(one)?.windowStart === undefined)
        .slice(0, OFFERS_READ)) {
        if (signal.aborted) break;
        const created = await readCreation(live.connection, offer);
        if (created !== undefined) found.set(offer, originOf(created));
      }
      return { ...bought, sales, origins: found, closed };
    },
    { isPassing: isUnreachable },
  );
  const read = past.kind === 'answered' ? past.value : undefined;
  const entries = useMemo(() => {
    if (wallet === undefined) return [];
    const purchases = withOlder(
      knownPurchases(wallet, [], trades, talesWith(bids.values(), bidTales)),
      read?.purchases ?? [],
    );
    const sales = [...new Map([...trades, ...(read?.sales ?? [])].map((trade) => [trade.hash, trade])).values()].sort(
      newestTrade,
    );
    const all = new Map(
      [...(read?.origins ?? []), ...origins].filter(([, { windowStart }]) => windowStart !== undefined),
    );
    const open = [...sellers.values()].flatMap((seller) => (seller.wallet === wallet ? [seller.address] : []));
    const own = new Set([...open, ...(read?.closed ?? [])]);
    return entriesOf(
      { buses, tombstones, sellers, origins: all, own },
      wallet,
      purchases,
      sales,
      (offer) => read?.buses.get(offer) ?? origins.get(offer)?.bus,
    );
  }, [wallet, trades, origins, buses, tombstones, sellers, bids, bidTales, read]);
  return { entries, isRead: read !== undefined };
}
