/** Lists that are shorter or longer than the market says they are: accounts count what belongs to them. */

import type { Address } from '@solana/kit';

import type { Accounts } from './accounts';
import type { Kind } from './decode';

/** Accounts of a kind that a bus has, where there are not as many as the market counts. */
export interface Mismatch {
  readonly kind: Kind['name'];
  readonly bus: Address;
  /** What is known and what is counted, to tell one mismatch from another. */
  readonly numbers: string;
}

/** Every list that has another length than the market counts. */
export function mismatches(accounts: Accounts): readonly Mismatch[] {
  const count = <T>(values: Iterable<T>, key: (value: T) => Address | undefined): Map<Address, number> => {
    const counts = new Map<Address, number>();
    for (const value of values) {
      const of = key(value);
      if (of !== undefined) counts.set(of, (counts.get(of) ?? 0) + 1);
    }
    return counts;
  };
  const busOf = ({ bus }: { readonly bus: Address }) => bus;
  const sellers = count(accounts.seller.values(), busOf);
  const windows = count(accounts.capacity.values(), ({ bus, windowStart }) => (windowStart === 0 ? undefined : bus));
  const proposals = count(accounts.proposal.values(), busOf);
  const claims = count(accounts.claim.values(), busOf);
  const offers = count(accounts.offer.values(), ({ capacity }) => capacity);
  const bids = count(accounts.bid.values(), ({ capacity }) => capacity);
  const locks = count(accounts.lock.values(), ({ offer }) => offer);
  const found = new Map<string, Mismatch>();
  const compare = (kind: Kind['name'], bus: Address, known: number | undefined, counted: number) => {
    const have = known ?? 0;
    if (have === counted) return;
    const key = `${kind} ${bus}`;
    const numbers = `${found.get(key)?.numbers ?? ''} ${have}/${counted}`;
    found.set(key, { kind, bus, numbers });
  };
  for (const { bus, openSellers, openWindows, openProposals, openClaims } of accounts.ledger.values()) {
    compare('seller', bus, sellers.get(bus), openSellers);
    compare('capacity', bus, windows.get(bus), openWindows);
    compare('proposal', bus, proposals.get(bus), openProposals);
    compare('claim', bus, claims.get(bus), openClaims);
  }
  for (const { address, bus, openOffers, openBids } of accounts.capacity.values()) {
    compare('offer', bus, offers.get(address), openOffers);
    compare('bid', bus, bids.get(address), openBids);
  }
  for (const { address, bus, openLocks } of accounts.offer.values()) {
    compare('lock', bus, locks.get(address), openLocks);
  }
  return [...found.values()];
}
