import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { NO_WINDOWS, QUARTERS } from '../testing/market';
import {
  approvalsNeeded,
  claimable,
  isLargeEnough,
  listingRefusal,
  lowestPrice,
  maySteer,
  mayWithdraw,
  newestTrade,
  ownersAfter,
  soldWh,
  stageOf,
  tradePartsOf,
  untradable,
  type Bus,
  type Capacity,
  type Ledger,
  type Offer,
  type OfferOrigin,
  type Proposal,
  type Seller,
  type Trade,
} from './model';

const wallet = (name: string) => name as Address;
const owner = (name: string, shareBps: number) => ({ wallet: wallet(name), shareBps });

const bus: Bus = {
  address: wallet('bus'),
  name: 'Mill Lane',
  creator: wallet('ada'),
  owners: [owner('ada', 5_000), owner('ben', 3_333), owner('cem', 1_667)],
  threshold: 2,
  pauseApprovals: 1,
  pauseQuorum: 1,
  listing: 'owners',
  paused: false,
  closing: false,
  mint: wallet('mint'),
  token: 'tokens',
  decimals: 6,
  tokenProgram: wallet('token'),
  treasury: wallet('treasury'),
  unclaimed: wallet('unclaimed'),
  escrow: wallet('escrow'),
  seller: wallet('busSeller'),
  operator: wallet('otto'),
  timelockSeconds: 0,
  gridRecipient: undefined,
  terms: NO_WINDOWS,
  nextTerms: undefined,
  readingsUntil: 0,
  horizonSeconds: 3_600,
  lockFeeBps: 0,
  capacityWh: 1n,
  basePricePerKwh: 1n,
  reservePricePerKwh: 0n,
  leastWh: 2n,
  configVersion: 3n,
  pauseVersion: 7n,
  createdAt: 0,
};

const ledger: Ledger = {
  address: wallet('ledger'),
  bus: bus.address,
  openSellers: 0,
  openWindows: 0,
  openProposals: 0,
  openClaims: 0,
  unclaimedTotal: 0n,
  periodClaimed: 0n,
  accruedTotal: 0n,
  diverted: 0n,
  owners: Array.from({ length: 16 }, () => ({ accrued: 0n, claimed: 0n, nextProposal: 0n })),
  formerOwners: [{ wallet: wallet('old'), accrued: 7n }],
};

const seller: Seller = {
  address: wallet('seller'),
  bus: bus.address,
  wallet: wallet('sam'),
  vault: wallet('vault'),
  rentPayer: wallet('sam'),
  admitted: false,
  suspended: false,
  openOffers: 1,
  nextOffer: 1n,
  released: 0n,
  gridFeesOwed: 0n,
  meter: undefined,
  openBooks: 0,
};

const offer: Offer = {
  address: wallet('offer'),
  bus: bus.address,
  capacity: wallet('capacity'),
  seller: wallet('seller'),
  wallet: wallet('ada'),
  vault: wallet('vault'),
  rentPayer: wallet('ada'),
  number: 1n,
  source: 'solar',
  ownedByBus: false,
  cancelled: false,
  version: 1,
  openLocks: 0,
  pricePerKwh: 1n,
  gridFeePerKwh: 5n,
  fullPricePerKwh: 6n,
  listedWh: 10n,
  remainingWh: 8n,
  reservedWh: 3n,
  leastWh: 2n,
  proceeds: 0n,
  gridCredited: 0n,
  deposits: 0n,
  windowStart: 0,
  book: undefined,
  gateClosesAt: Number.POSITIVE_INFINITY,
  createdAt: 0,
  tradesFrom: 0,
  expiresAt: 100,
  lockedUntil: 0,
  isInAuction: false,
  isSettled: false,
};

const ownOffer: Offer = { ...offer, ownedByBus: true, wallet: bus.address, seller: bus.seller };

const proposal: Proposal = {
  address: wallet('proposal'),
  bus: bus.address,
  proposer: wallet('ada'),
  number: 0n,
  hash: new Uint8Array(32),
  configVersion: 3n,
  pauseVersion: 7n,
  approvals: 0b001,
  executed: false,
  createdAt: 0,
  executableAt: 0,
  expiresAt: 1_000,
  executedAt: 0,
  action: { kind: 'basePriceSet', basePricePerKwh: 2n },
};

describe('an offer', () => {
  it('trades before its expiry, and before the gate that its window was opened with', () => {
    expect(untradable(offer, bus, 99)).toBeUndefined();
    expect(untradable(offer, bus, 100)).toContain('expired');
    const windowed = { ...bus, terms: QUARTERS };
    const later = { ...offer, windowStart: 900, gateClosesAt: 840, expiresAt: 840 };
    expect(untradable(later, windowed, 839)).toBeUndefined();
    expect(untradable(later, windowed, 840)).toContain('has closed');
  });

  it('of the bus trades a while after it was listed, and never below what was decided', () => {
    expect(untradable({ ...ownOffer, tradesFrom: 51 }, bus, 50)).toContain('trades from');
    expect(untradable({ ...ownOffer, tradesFrom: 50 }, bus, 50)).toBeUndefined();
    expect(untradable(ownOffer, { ...bus, reservePricePerKwh: 2n }, 50)).toContain('less than the owners have decided');
    expect(untradable(offer, { ...bus, reservePricePerKwh: 2n }, 50)).toBeUndefined();
    expect([lowestPrice(bus, true), lowestPrice({ ...bus, reservePricePerKwh: 2n }, true)]).toEqual([1n, 2n]);
    expect(lowestPrice({ ...bus, reservePricePerKwh: 2n }, false)).toBe(1n);
  });

  it('sells parts of the least size, or all that is free', () => {
    expect([1n, 2n, 4n, 5n].map((wh) => isLargeEnough(wh, offer))).toEqual([false, true, true, true]);
    expect(isLargeEnough(1n, { ...offer, remainingWh: 4n })).toBe(true);
  });

  it('of a window counts as sold what is committed and not on offer', () => {
    const capacity = { committedWh: 20n } as Capacity;
    expect(soldWh([capacity], [offer, { ...offer, remainingWh: 2n }])).toBe(10n);
    // An offer that is heard of before its capacity.
    expect(soldWh([capacity], [{ ...offer, remainingWh: 21n }])).toBe(0n);
  });

  it('does not trade while paused, cancelled, sold out or all under locks', () => {
    expect(untradable(offer, { ...bus, paused: true }, 0)).toContain('paused');
    expect(untradable(offer, { ...bus, closing: true }, 0)).toContain('closing');
    expect(untradable({ ...offer, cancelled: true }, bus, 0)).toContain('cancelled');
    expect(untradable({ ...offer, remainingWh: 0n, reservedWh: 0n }, bus, 0)).toContain('sold out');
    expect(untradable({ ...offer, reservedWh: 8n }, bus, 0)).toContain('Buyers hold');
  });

  it('is steered by its seller, and where it is the bus’s by the owner who listed it', () => {
    expect(maySteer(offer, bus, wallet('ada'))).toBe(true);
    expect(maySteer(offer, bus, wallet('ben'))).toBe(false);
    expect(maySteer(ownOffer, bus, wallet('ada'))).toBe(true);
    expect(maySteer(ownOffer, bus, wallet('ben'))).toBe(false);
    expect(maySteer({ ...ownOffer, rentPayer: wallet('gone') }, bus, wallet('gone'))).toBe(false);
    expect(maySteer(offer, bus, undefined)).toBe(false);
  });

  it('of the bus is withdrawn by the operator too, and what a suspended seller has left by owners and operator', () => {
    expect(mayWithdraw(ownOffer, bus, undefined, wallet('otto'))).toBe(true);
    expect(mayWithdraw(ownOffer, bus, undefined, wallet('ben'))).toBe(false);
    expect(mayWithdraw(ownOffer, { ...bus, paused: true }, undefined, wallet('ben'))).toBe(true);
    const foreign = { ...offer, wallet: wallet('sam') };
    const open = { ...bus, listing: 'open' as const };
    const may = (of: Bus, from: Seller) =>
      [wallet('ben'), wallet('otto')].map((who) => mayWithdraw(foreign, of, from, who));
    expect(may(open, seller)).toEqual([false, false]);
    expect(may(open, { ...seller, suspended: true })).toEqual([true, true]);
    expect(may({ ...open, closing: true }, seller)).toEqual([false, false]);
    expect(mayWithdraw(foreign, open, { ...seller, suspended: true }, wallet('nobody'))).toBe(false);
    expect(mayWithdraw(foreign, open, seller, wallet('sam'))).toBe(true);
  });
});

describe('a seller', () => {
  const refused = (change: Partial<Bus>, of: Seller | undefined, who = 'sam') =>
    listingRefusal({ ...bus, ...change }, wallet(who), of);

  it('lists where the policy lets it', () => {
    expect(refused({}, undefined, 'ben')).toBeUndefined();
    expect(refused({}, seller)).toContain('Only owners');
    expect(refused({ listing: 'open' }, undefined)).toBeUndefined();
    expect(refused({ listing: 'admitted' }, seller)).toContain('admit your wallet');
    expect(refused({ listing: 'admitted' }, { ...seller, admitted: true })).toBeUndefined();
    expect(refused({}, { ...seller, admitted: true })).toContain('Only owners');
  });

  it('that is suspended, or on a closing bus, learns why it does not', () => {
    expect(refused({ listing: 'open' }, { ...seller, suspended: true })).toContain('suspended');
    expect(refused({}, { ...seller, suspended: true }, 'ben')).toContain('suspended');
    expect(refused({ closing: true }, undefined, 'ben')).toContain('closing');
  });
});

describe('the treasury', () => {
  it('is divided downwards by the shares, less what was claimed', () => {
    expect(claimable(bus, ledger, wallet('ben'), 300_000n)).toBe(99_990n);
    const claimed = {
      ...ledger,
      periodClaimed: 99_990n,
      owners: ledger.owners.map((account, place) => (place === 1 ? { ...account, claimed: 99_990n } : account)),
    };
    expect(claimable(bus, claimed, wallet('ben'), 200_010n)).toBe(0n);
    expect(claimable(bus, claimed, wallet('cem'), 200_010n)).toBe(50_010n);
    expect(claimable(bus, ledger, wallet('old'), 5n)).toBe(7n);
    expect(claimable(bus, ledger, wallet('nobody'), 300_000n)).toBe(0n);
  });

  it('keeps what earlier shares earned apart', () => {
    const later = {
      ...ledger,
      accruedTotal: 100_000n,
      owners: ledger.owners.map((account, place) => (place === 0 ? { ...account, accrued: 100_000n } : account)),
    };
    expect(claimable(bus, later, wallet('ada'), 300_000n)).toBe(200_000n);
    expect(claimable(bus, later, wallet('ben'), 300_000n)).toBe(66_660n);
  });
});

describe('a proposal', () => {
  it('goes through its stages', () => {
    expect(stageOf(proposal, bus, 0)).toBe('collecting');
    expect(stageOf({ ...proposal, approvals: 0b101, executableAt: 50 }, bus, 49)).toBe('waiting');
    expect(stageOf({ ...proposal, approvals: 0b101, executableAt: 50 }, bus, 50)).toBe('ready');
    expect(stageOf({ ...proposal, approvals: 0 }, bus, 0)).toBe('abandoned');
    expect(stageOf({ ...proposal, configVersion: 2n }, bus, 0)).toBe('stale');
    expect(stageOf({ ...proposal, executed: true, configVersion: 2n }, bus, 0)).toBe('executed');
    expect(stageOf({ ...proposal, approvals: 0b101 }, bus, 1_000)).toBe('ready');
    expect(stageOf({ ...proposal, approvals: 0b101 }, bus, 1_001)).toBe('expired');
    expect(approvalsNeeded({ ...proposal, action: { kind: 'pause' } }, bus)).toBe(1);
  });

  it('to pause or resume is stale after any later pause or resume, and no other is', () => {
    const later = { ...bus, pauseVersion: 8n };
    for (const kind of ['pause', 'resume'] as const) {
      expect(stageOf({ ...proposal, action: { kind } }, bus, 0)).not.toBe('stale');
      expect(stageOf({ ...proposal, action: { kind } }, later, 0)).toBe('stale');
    }
    expect(stageOf(proposal, later, 0)).toBe('collecting');
  });

  it('shows owners as it would leave them', () => {
    const added = ownersAfter(bus, { kind: 'ownerAdd', owner: wallet('dee'), sharesBps: [4_000, 3_000, 2_000, 1_000] });
    expect(added.map(({ wallet: name, shareBps }) => [name, shareBps])).toEqual([
      ['ada', 4_000],
      ['ben', 3_000],
      ['cem', 2_000],
      ['dee', 1_000],
    ]);
    const replaced = ownersAfter(bus, { kind: 'ownerReplace', owner: wallet('ben'), newOwner: wallet('eva') });
    expect(replaced).toEqual([owner('ada', 5_000), owner('eva', 3_333), owner('cem', 1_667)]);
    const removed = ownersAfter(bus, { kind: 'ownerRemove', owner: wallet('ben'), sharesBps: [6_000, 4_000] });
    expect(removed.map(({ wallet: name }) => name)).toEqual(['ada', 'cem']);
  });
});

describe('trades', () => {
  const fill = (name: string) => ({ offer: wallet(name), energyWh: 1n, pricePerKwh: 2n, cost: 3n });
  const trade = (hash: string, ...offers: readonly string[]): Trade => ({
    signature: '',
    slot: 0n,
    hash,
    buyer: wallet('buyer'),
    lane: 0,
    nonce: 0n,
    kind: 'batch',
    at: 0,
    fills: offers.map(fill),
  });
  const UNKNOWN = { seller: undefined, windowStart: undefined, source: undefined, gridFeePerKwh: undefined };
  const origins = new Map<Address, OfferOrigin>([
    [wallet('early'), { ...UNKNOWN, bus: bus.address, windowStart: 900, source: 'wind' }],
    [wallet('late'), { ...UNKNOWN, bus: bus.address, windowStart: 1_800, source: 'solar' }],
    [wallet('lost'), { ...UNKNOWN, bus: bus.address }],
    [wallet('elsewhere'), { ...UNKNOWN, bus: wallet('other'), windowStart: 900, source: 'solar' }],
  ]);
  const trades = [trade('a', 'early', 'late', 'elsewhere'), trade('b', 'lost', 'unheard of'), trade('c', 'late')];
  const keys = (windowStart: number | undefined) =>
    tradePartsOf(
      trades,
      origins,
      bus.address,
      windowStart === undefined ? undefined : new Set([windowStart]),
    ).parts.map(({ key }) => key);

  it('are listed as they happened, also those of one second and one slot', () => {
    const at = (hash: string, slot: bigint, nonce: bigint, buyer = 'buyer') => ({
      ...trade(hash),
      slot,
      nonce,
      buyer: wallet(buyer),
    });
    // Nonces of different buyers say nothing: their slots do.
    const all = [at('a', 2n, 9n), at('b', 1n, 99n, 'other'), at('c', 2n, 10n), at('d', 3n, 1n, 'other')];
    const order = (some: readonly Trade[]) => some.toSorted(newestTrade).map(({ hash }) => hash);
    expect(order(all)).toEqual(['d', 'c', 'a', 'b']);
    expect(order(all.toReversed())).toEqual(['d', 'c', 'a', 'b']);
  });

  it('belong to the window of what was sold', () => {
    expect(keys(900)).toEqual(['a:0']);
    expect(keys(1_800)).toEqual(['a:1', 'c:0']);
    expect(keys(2_700)).toEqual([]);
  });

  it('of an unknown window are in none, and counted', () => {
    expect(keys(undefined)).toEqual(['a:0', 'a:1', 'b:0', 'c:0']);
    expect(tradePartsOf(trades, origins, bus.address, new Set([900])).unplaced).toBe(1);
    expect(tradePartsOf(trades, origins, bus.address, undefined).unplaced).toBe(0);
  });
});
