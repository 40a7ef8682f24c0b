/** What waits for a wallet: to decide, to get, to end. Pure: no chain, no clock. */

import type { Address } from '@solana/kit';

import { formatEnergy } from '../../amount/energy';
import { tokensLabel } from '../../amount/token';
import { heldBack } from '../../market/auction';
import { missingReadings, refundable } from '../../market/delivery';
import {
  approvers,
  claimable,
  isOperator,
  isOwner,
  maySteer,
  soonestLock,
  stageOf,
  type Bid,
  type Bus,
  type Claim,
  type Lock,
  type Offer,
  type Proposal,
  type Seller,
} from '../../market/model';
import type { MarketState } from '../../market/state';
import { compareAges } from '../../order';
import { t } from '../../words';
import { ownSettleable } from '../auction/auction';
import { debtorOf } from '../claim/claim';
import { heldBy } from '../delivery/delivery';
import { ACTION_TITLES } from '../proposal/titles';
import { moneyOf } from '../seller/seller';

/** Something that waits; `key` tells it apart from whatever waits later. */
export type Waiting = { readonly key: string } & (
  | { readonly kind: 'approve' | 'carryOut'; readonly bus: Bus; readonly proposal: Proposal }
  | { readonly kind: 'withdraw'; readonly bus: Bus; readonly seller: Seller; readonly amount: bigint }
  /** The wallet's share of a treasury. */
  | { readonly kind: 'share'; readonly bus: Bus; readonly amount: bigint }
  | { readonly kind: 'claim'; readonly claim: Claim }
  /** Of one token, whatever its buses. */
  | { readonly kind: 'refund'; readonly bus: Bus; readonly amount: bigint }
  | { readonly kind: 'lock'; readonly bus: Bus; readonly lock: Lock; readonly isOver: boolean }
  /** Offers of one bus that trade no more and can close. */
  | { readonly kind: 'ended'; readonly bus: Bus; readonly offers: readonly Offer[] }
  /** Bids of one bus that are decided. */
  | { readonly kind: 'bids'; readonly bus: Bus; readonly count: number }
  | { readonly kind: 'readings'; readonly bus: Bus; readonly count: number }
  | { readonly kind: 'certificates'; readonly count: number }
);

/** One kind of what waits. */
export type WaitingOf<K extends Waiting['kind']> = Extract<Waiting, { readonly kind: K }>;

/** A key of parts. */
const keyOf = (...parts: readonly (string | number | bigint | boolean)[]) => parts.join(' ');

/** How long before its end a lock waits for its buyer. */
const LOCK_ENDS_SOON_SECONDS = 120;

/** An amount of one bus's token. */
interface Due {
  readonly bus: Bus;
  readonly amount: bigint;
}

/** Amounts by token. */
export function dueByToken(dues: readonly Due[]): readonly Due[] {
  const sums = new Map<string, Due>();
  for (const { bus, amount } of dues) {
    const before = sums.get(bus.mint);
    sums.set(bus.mint, { bus: before?.bus ?? bus, amount: (before?.amount ?? 0n) + amount });
  }
  return [...sums.values()].filter(({ amount }) => amount > 0n);
}

/** What a screen needs of the market to tell what waits. */
type Known = Pick<
  MarketState,
  | 'balances'
  | 'bids'
  | 'books'
  | 'buses'
  | 'capacities'
  | 'claims'
  | 'ledgers'
  | 'locks'
  | 'offers'
  | 'positions'
  | 'proposals'
  | 'sellers'
  | 'tombstones'
>;

/** Everything that waits for a wallet; `certificates` is how many it can take. */
export function waitingFor(
  state: Known,
  wallet: Address | undefined,
  certificates: number,
  now: number,
): readonly Waiting[] {
  if (wallet === undefined) return [];
  const { buses } = state;
  return [
    ...decisions(state, wallet, now),
    ...money(state, wallet, now),
    ...[...state.locks.values()].toSorted(soonestLock).flatMap((lock): Waiting[] => {
      const bus = buses.get(lock.bus);
      const isOver = now > lock.expiresAt || lock.isUnpaid;
      if (bus === undefined || lock.buyer !== wallet) return [];
      if (!isOver && lock.expiresAt - now > LOCK_ENDS_SOON_SECONDS) return [];
      return [{ kind: 'lock', key: keyOf('lock', lock.address, lock.number, isOver), bus, lock, isOver }];
    }),
    ...ended(state, wallet, now),
    ...decidedBids(state, wallet, now),
    ...[...buses.values()].flatMap((bus): Waiting[] => {
      const missing = isOperator(bus, wallet) ? missingReadings(state.books.values(), bus.address, now) : [];
      const [first] = missing;
      if (first === undefined) return [];
      const key = keyOf('readings', bus.address, first.book.address, first.place);
      return [{ kind: 'readings', key, bus, count: missing.length }];
    }),
    ...(certificates > 0 ? [{ kind: 'certificates', key: 'certificates', count: certificates } as const] : []),
  ];
}

/** Decisions that the wallet has not approved, and those that are ready to be carried out. */
function decisions({ proposals, buses }: Known, wallet: Address, now: number): readonly Waiting[] {
  return [...proposals.values()].toSorted(compareAges).flatMap((proposal): Waiting[] => {
    const bus = buses.get(proposal.bus);
    if (bus === undefined || !isOwner(bus, wallet)) return [];
    const stage = stageOf(proposal, bus, now);
    // A number names a proposal for good, an address only while it is open.
    const of = [proposal.address, proposal.number] as const;
    if (stage === 'ready') return [{ kind: 'carryOut', key: keyOf('carryOut', ...of), bus, proposal }];
    const isAsked = stage === 'collecting' && !approvers(proposal, bus).includes(wallet);
    return isAsked ? [{ kind: 'approve', key: keyOf('approve', ...of), bus, proposal }] : [];
  });
}

/** What the wallet can withdraw, claim and get back. */
function money(state: Known, wallet: Address, now: number): readonly Waiting[] {
  const { buses, sellers, ledgers, balances, claims } = state;
  const refunds = dueByToken(
    heldBy(state, wallet).map(({ bus, book, position }) => ({ bus, amount: refundable(book, position, now).amount })),
  );
  return [
    ...refunds.map((due) => ({ kind: 'refund', key: keyOf('refund', due.bus.mint), ...due }) as const),
    ...[...sellers.values()].flatMap((seller): Waiting[] => {
      const bus = buses.get(seller.bus);
      if (bus === undefined || seller.wallet !== wallet) return [];
      const { released, proceeds, due } = moneyOf(seller, state, now);
      const amount = released + proceeds + due;
      return amount > 0n ? [{ kind: 'withdraw', key: keyOf('withdraw', seller.address), bus, seller, amount }] : [];
    }),
    ...[...buses.values()].flatMap((bus): Waiting[] => {
      const [ledger, balance] = [ledgers.get(bus.address), balances.get(bus.treasury)];
      if (ledger === undefined || balance === undefined) return [];
      const amount = claimable(bus, ledger, wallet, balance);
      return amount > 0n ? [{ kind: 'share', key: keyOf('share', bus.address), bus, amount }] : [];
    }),
    ...[...claims.values()]
      .filter((claim) => claim.wallet === wallet)
      .map((claim) => ({ kind: 'claim', key: keyOf('claim', claim.address), claim }) as const),
  ];
}

/** Bids of the wallet that are decided, by bus. */
function decidedBids(state: Known, wallet: Address, now: number): readonly Waiting[] {
  const found = new Map<Bus, Bid[]>();
  for (const { bid, bus } of ownSettleable(state, wallet, now)) {
    found.set(bus, [...(found.get(bus) ?? []), bid]);
  }
  return [...found].map(([bus, own]) => {
    // Auctions are decided in the order of their windows.
    const last = own.toSorted((a, b) => a.windowStart - b.windowStart || compareAges(a, b)).at(-1);
    const key = keyOf('bids', bus.address, last?.address ?? '', last?.state ?? '');
    return { kind: 'bids', key, bus, count: own.length };
  });
}

/** Offers of the wallet that trade no more, by bus. */
function ended({ offers, buses, capacities }: Known, wallet: Address, now: number): readonly Waiting[] {
  const found = new Map<Bus, Offer[]>();
  for (const offer of offers.values()) {
    const bus = buses.get(offer.bus);
    if (bus === undefined || !maySteer(offer, bus, wallet) || offer.openLocks > 0) continue;
    // While the auction of its window needs it, an offer stays; one that was sold is settled and closed together.
    const held = heldBack(capacities.get(offer.capacity), offer, now);
    if (held === 'lastMinutes' || held === 'fixed') continue;
    const isOver = offer.remainingWh === 0n || now >= offer.expiresAt || now >= offer.gateClosesAt;
    if (isOver) found.set(bus, [...(found.get(bus) ?? []), offer]);
  }
  return [...found].map(([bus, own]) => {
    const last = own.toSorted((a, b) => a.expiresAt - b.expiresAt || compareAges(a, b)).at(-1);
    return { kind: 'ended', key: keyOf('ended', bus.address, last?.address ?? ''), bus, offers: own };
  });
}

/** What waits, in a sentence. */
export function sayWaiting(one: Waiting, state: Pick<MarketState, 'buses' | 'tombstones'>): string {
  switch (one.kind) {
    case 'approve':
    case 'carryOut': {
      const { action } = one.proposal;
      const what = action === undefined ? t.proposals.aChangeThatThisApp : ACTION_TITLES[action.kind];
      return one.kind === 'approve' ? t.waiting.approve(what, one.bus.name) : t.waiting.carryOut(what, one.bus.name);
    }
    case 'withdraw':
      return t.waiting.withdraw(tokensLabel(one.amount, one.bus), one.bus.name);
    case 'share':
      return t.waiting.share(tokensLabel(one.amount, one.bus), one.bus.name);
    case 'claim': {
      const debtor = debtorOf(state, one.claim);
      return debtor === undefined ? t.claim.theBusIsNotKnown : t.waiting.claim(tokensLabel(one.claim.amount, debtor));
    }
    case 'refund':
      return t.waiting.refund(tokensLabel(one.amount, one.bus));
    case 'lock': {
      const { lock, bus } = one;
      if (lock.isUnpaid || one.isOver) return t.waiting.lockIsOver(tokensLabel(lock.deposit, bus), bus.name);
      return t.waiting.lockEnds(formatEnergy(lock.energyWh), bus.name);
    }
    case 'ended':
      return t.waiting.ended(one.offers.length, one.bus.name);
    case 'bids':
      return t.waiting.bids(one.count, one.bus.name);
    case 'readings':
      return t.waiting.readings(one.count, one.bus.name);
    case 'certificates':
      return t.waiting.certificates(one.count);
  }
}
