import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import {
  approvalsNeeded,
  claimable,
  maySteer,
  ownersAfter,
  stageOf,
  tradePartsOf,
  untradable,
  type Bus,
  type Offer,
  type OfferOrigin,
  type Proposal,
  type Trade,
} from './model';

const wallet = (name: string) => name as Address;
const owner = (name: string, shareBps: number) => ({ wallet: wallet(name), shareBps, accrued: 0n, claimed: 0n });

const bus: Bus = {
  address: wallet('bus'),
  name: 'Mill Lane',
  creator: wallet('ada'),
  owners: [owner('ada', 5_000), owner('ben', 3_333), owner('cem', 1_667)],
  formerOwners: [{ wallet: wallet('old'), accrued: 7n }],
  threshold: 2,
  pauseApprovals: 1,
  openListing: false,
  paused: false,
  mint: wallet('mint'),
  token: 'tokens',
  decimals: 6,
  tokenProgram: wallet('token'),
  escrow: wallet('escrow'),
  treasury: wallet('treasury'),
  treasuryClaimed: 0n,
  treasurySettled: 0n,
  timelockSeconds: 0,
  windowSeconds: 0,
  gateClosureSeconds: 0,
  lockFeeBps: 0,
  capacityWh: 1n,
  basePricePerKwh: 1n,
  configVersion: 3n,
  proposalSeq: 0n,
  createdAt: 0,
};

const offer: Offer = {
  address: wallet('offer'),
  bus: bus.address,
  capacity: wallet('capacity'),
  seller: wallet('ada'),
  payout: wallet('payout'),
  rentPayer: wallet('ada'),
  source: 'solar',
  ownedByBus: false,
  cancelled: false,
  version: 1,
  openLocks: 0,
  pricePerKwh: 1n,
  listedWh: 10n,
  remainingWh: 8n,
  reservedWh: 3n,
  windowStart: 0,
  createdAt: 0,
  expiresAt: 100,
};

const proposal: Proposal = {
  address: wallet('proposal'),
  bus: bus.address,
  proposer: wallet('ada'),
  seq: 0n,
  configVersion: 3n,
  approvals: 0b001,
  executed: false,
  createdAt: 0,
  executableAt: 0,
  executedAt: 0,
  action: { kind: 'basePriceSet', basePricePerKwh: 2n },
};

describe('an offer', () => {
  it('trades up to and including its expiry second, and before its gate', () => {
    expect(untradable(offer, bus, 100)).toBeUndefined();
    expect(untradable(offer, bus, 101)).toContain('expired');
    const windowed = { ...bus, windowSeconds: 900, gateClosureSeconds: 60 };
    const later = { ...offer, windowStart: 900, expiresAt: 0 };
    expect(untradable(later, windowed, 839)).toBeUndefined();
    expect(untradable(later, windowed, 840)).toContain('gate');
  });

  it('does not trade while paused, cancelled, sold out or all under locks', () => {
    expect(untradable(offer, { ...bus, paused: true }, 0)).toContain('paused');
    expect(untradable({ ...offer, cancelled: true }, bus, 0)).toContain('cancelled');
    expect(untradable({ ...offer, remainingWh: 0n, reservedWh: 0n }, bus, 0)).toContain('sold out');
    expect(untradable({ ...offer, reservedWh: 8n }, bus, 0)).toContain('locks');
  });

  it('is steered by its seller; by every owner where it is the bus’s', () => {
    expect(maySteer(offer, bus, wallet('ada'))).toBe(true);
    expect(maySteer(offer, bus, wallet('ben'))).toBe(false);
    expect(maySteer({ ...offer, ownedByBus: true, seller: bus.address }, bus, wallet('ben'))).toBe(true);
    expect(maySteer(offer, bus, undefined)).toBe(false);
  });
});

describe('the treasury', () => {
  it('is divided downwards by the shares, less what was claimed', () => {
    expect(claimable(bus, wallet('ben'), 300_000n)).toBe(99_990n);
    const claimed = {
      ...bus,
      treasuryClaimed: 99_990n,
      owners: bus.owners.map((place) => (place.wallet === 'ben' ? { ...place, claimed: 99_990n } : place)),
    };
    expect(claimable(claimed, wallet('ben'), 200_010n)).toBe(0n);
    expect(claimable(claimed, wallet('cem'), 200_010n)).toBe(50_010n);
    expect(claimable(bus, wallet('old'), 5n)).toBe(7n);
    expect(claimable(bus, wallet('nobody'), 300_000n)).toBe(0n);
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
    expect(approvalsNeeded({ ...proposal, action: { kind: 'pause' } }, bus)).toBe(1);
  });

  it('shows owners as it would leave them', () => {
    const added = ownersAfter(bus, { kind: 'ownerAdd', owner: wallet('dee'), sharesBps: [4_000, 3_000, 2_000, 1_000] });
    expect(added.map(({ wallet: name, shareBps }) => [name, shareBps])).toEqual([
      ['ada', 4_000],
      ['ben', 3_000],
      ['cem', 2_000],
      ['dee', 1_000],
    ]);
    const removed = ownersAfter(bus, { kind: 'ownerRemove', owner: wallet('ben'), sharesBps: [6_000, 4_000] });
    expect(removed.map(({ wallet: name }) => name)).toEqual(['ada', 'cem']);
  });
});

describe('trades', () => {
  const fill = (name: string) => ({ offer: wallet(name), energyWh: 1n, pricePerKwh: 2n, cost: 3n });
  const trade = (hash: string, ...offers: readonly string[]): Trade => ({
    signature: '',
    hash,
    buyer: wallet('buyer'),
    lane: 0,
    nonce: 0n,
    kind: 'batch',
    at: 0,
    fills: offers.map(fill),
  });
  const origins = new Map<Address, OfferOrigin>([
    [wallet('early'), { bus: bus.address, windowStart: 900, source: 'wind' }],
    [wallet('late'), { bus: bus.address, windowStart: 1_800, source: 'solar' }],
    [wallet('lost'), { bus: bus.address, windowStart: undefined, source: undefined }],
    [wallet('elsewhere'), { bus: wallet('other'), windowStart: 900, source: 'solar' }],
  ]);
  const trades = [trade('a', 'early', 'late', 'elsewhere'), trade('b', 'lost', 'unheard of'), trade('c', 'late')];
  const keys = (windowStart: number | undefined) =>
    tradePartsOf(
      trades,
      origins,
      bus.address,
      windowStart === undefined ? undefined : new Set([windowStart]),
    ).parts.map(({ key }) => key);

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
