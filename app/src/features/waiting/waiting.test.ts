// @vitest-environment node

import { describe, expect, it } from 'vitest';

import type { Offer, Proposal } from '../../market/model';
import { UNREAD } from '../../market/state';
import {
  AUCTION,
  byAddress,
  key,
  makeBid,
  makeBus,
  makeOffer,
  makeSeller,
  makeWindow,
  NOW,
} from '../../testing/market';
import { sayWaiting, waitingFor, type Waiting } from './waiting';

const OWNER = key(2);
const kinds = (waiting: readonly Waiting[]) => waiting.map(({ kind }) => kind);

/** A proposal to pause that its first owner has approved. */
function proposal(bus: string, change: Partial<Proposal> = {}): Proposal {
  return {
    address: key(900),
    bus: bus as never,
    proposer: key(1),
    number: 5n,
    hash: new Uint8Array(32),
    configVersion: 0n,
    pauseVersion: 0n,
    approvals: 1,
    executed: false,
    createdAt: NOW - 10,
    executableAt: 0,
    expiresAt: NOW + 1_000,
    executedAt: 0,
    action: { kind: 'basePriceSet', basePricePerKwh: 7n },
    ...change,
  };
}

describe('what waits', () => {
  it('is a decision for an owner who has not approved, and to carry out once it is approved', async () => {
    const { bus } = await makeBus(100, { configVersion: 0n, pauseVersion: 0n });
    const at = (one: Proposal) => ({ ...UNREAD, buses: byAddress([bus]), proposals: byAddress([one]) });
    const asked = waitingFor(at(proposal(bus.address)), OWNER, 0, NOW);
    expect(kinds(asked)).toEqual(['approve']);
    expect(asked.map((one) => sayWaiting(one, UNREAD))).toEqual([
      'Mill Lane: “Change the base price” waits for your approval.',
    ]);
    // Who has approved, and who owns nothing, is not asked.
    expect(waitingFor(at(proposal(bus.address)), key(1), 0, NOW)).toEqual([]);
    expect(waitingFor(at(proposal(bus.address)), key(77), 0, NOW)).toEqual([]);
    const ready = proposal(bus.address, { approvals: 3, executableAt: NOW - 1 });
    expect(kinds(waitingFor(at(ready), OWNER, 0, NOW))).toEqual(['carryOut']);
    expect(waitingFor(at(proposal(bus.address, { executed: true })), OWNER, 0, NOW)).toEqual([]);
  });

  it('is an owner’s share of a treasury, as soon as the balance is known', async () => {
    const { bus, ledger } = await makeBus(100);
    const state = { ...UNREAD, buses: byAddress([bus]), ledgers: new Map([[bus.address, ledger]]) };
    expect(waitingFor(state, OWNER, 0, NOW)).toEqual([]);
    const known = { ...state, balances: new Map([[bus.treasury, 1_000_000n]]) };
    const [share] = waitingFor(known, OWNER, 0, NOW);
    expect(share).toMatchObject({ kind: 'share', amount: 400_000n });
  });

  it('is a bid that is decided, and an offer only once its auction lets it go', async () => {
    const { bus } = await makeBus(100, { terms: AUCTION });
    const start = NOW + 900;
    const ration = { atPriceWh: 0n, filledWh: 0n, settledWh: 0n };
    const fixed = await makeWindow(bus, start, { gateClosesAt: NOW, openBids: 2, openOffers: 1 });
    const cleared = {
      ...fixed,
      clearedAt: NOW,
      auctionPricePerKwh: 250_000n,
      volumeWh: 1_000n,
      bids: ration,
      asks: ration,
    };
    const seller = await makeSeller(bus, OWNER);
    const change = { capacity: fixed.address, gateClosesAt: NOW, expiresAt: NOW, isInAuction: true };
    const at = (window: typeof fixed) => ({
      ...{ ...UNREAD, buses: byAddress([bus]), capacities: byAddress([window]) },
      offers: byAddress([makeOffer(300, seller, change)]),
      bids: byAddress([makeBid(400, window, OWNER), makeBid(410, window, OWNER), makeBid(420, window, key(3))]),
    });
    expect(waitingFor(at(fixed), OWNER, 0, NOW)).toEqual([]);
    const waiting = waitingFor(at(cleared), OWNER, 0, NOW);
    expect(kinds(waiting)).toEqual(['ended', 'bids']);
    expect(waiting.map((one) => sayWaiting(one, UNREAD))[1]).toBe(
      '2 bids of yours on Mill Lane are decided: get what you bought, and what comes back.',
    );
  });

  it('is what ended: sold out, expired or past its gate, and without locks', async () => {
    const { bus } = await makeBus(100);
    const offers: readonly Partial<Offer>[] = [
      { remainingWh: 0n },
      { expiresAt: NOW },
      { gateClosesAt: NOW },
      { expiresAt: NOW, openLocks: 1 },
      { wallet: key(3), expiresAt: NOW },
      {},
    ];
    const seller = await makeSeller(bus, OWNER);
    const all = offers.map((change, index) => makeOffer(300 + index, seller, change));
    const [ended, ...more] = waitingFor({ ...UNREAD, buses: byAddress([bus]), offers: byAddress(all) }, OWNER, 0, NOW);
    expect(more).toEqual([]);
    expect(ended?.kind === 'ended' && ended.offers.map(({ address }) => address)).toEqual(
      all.slice(0, 3).map(({ address }) => address),
    );
  });
});
