// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { claimAddress, positionAddress, tokenAccountAddress } from '../../chain/address';
import { getLockReleaseInstructionDataDecoder, getLockSettleInstructionDataDecoder, MAX_LOCKS } from '../../generated';
import type { Lock } from '../../market/model';
import { addressesOf, dataOf } from '../../testing/instructions';
import { key, makeBus, makeOffer, makeSeller, marketOf, tokenAccountOf } from '../../testing/market';
import { planSettle } from '../purchase/plan';
import { freePlace, lockRefund, lockReleaseInstruction } from './lock';

const BUYER = key(5);
const lockAt = (place: number, change: Partial<Lock> = {}): Lock => ({
  address: key(300 + place),
  bus: key(100),
  offer: key(200),
  buyer: BUYER,
  place,
  number: 40 + place,
  isUnpaid: false,
  energyWh: 1_000n,
  pricePerKwh: 2n,
  gridFeePerKwh: 0n,
  deposit: 2n,
  lockFeeBps: 100,
  takenAt: 123,
  expiresAt: 423,
  refund: key(6),
  ...change,
});

describe('locks', () => {
  it('of one buyer on one offer take the first of eight places that is free', () => {
    expect(freePlace([], key(200), BUYER)).toBe(0);
    expect(freePlace([lockAt(0), lockAt(2)], key(200), BUYER)).toBe(1);
    expect(freePlace([lockAt(0, { buyer: key(9) }), lockAt(1, { offer: key(9) })], key(200), BUYER)).toBe(0);
    const all = Array.from({ length: MAX_LOCKS }, (_, place) => lockAt(place));
    expect(all).toHaveLength(8);
    expect(freePlace(all, key(200), BUYER)).toBeUndefined();
  });

  it('are settled by their number on the offer, and move no token', async () => {
    const plan = planSettle(lockAt(3), { book: undefined }, 'title');
    expect(plan.orders).toEqual([{ offer: key(200), energyWh: 1_000n, maxPricePerKwh: 2n }]);
    const [settle] = await plan.build(key(70), 9n, '');
    expect(getLockSettleInstructionDataDecoder().decode(dataOf(settle))).toMatchObject({ nonce: 9n, lockNumber: 43 });
    expect(addressesOf(settle)).toEqual([BUYER, key(70), key(200), key(303)]);
    // On delivery terms what is bought goes into the books.
    const [booked] = await planSettle(lockAt(3), { book: key(80) }, 'title').build(key(70), 9n, '');
    expect(addressesOf(booked).slice(4)).toEqual([key(80), await positionAddress(key(80), BUYER)]);
  });

  it('say where their deposit goes: back, into a claim, or nowhere while the vault is frozen', async () => {
    const { bus } = await makeBus(100);
    const offer = makeOffer(200, await makeSeller(bus, key(9)));
    const usual = await tokenAccountAddress(BUYER, bus.mint, bus.tokenProgram);
    const refundOf = (accounts: Parameters<typeof marketOf>[1], lock = lockAt(3), caller = BUYER) =>
      lockRefund(marketOf({}, accounts).connection, caller, lock, offer, bus);
    const account = (owner = BUYER, isFrozen = false) => new Map([[key(6), tokenAccountOf(bus, owner, isFrozen)]]);
    expect(await refundOf(account())).toBe('paid');
    expect(await refundOf(account(BUYER, true))).toBe('claimed');
    expect(await refundOf(account(key(8)))).toBe('claimed');
    expect(await refundOf(new Map())).toBe('claimed');
    // The buyer creates its own account where it is missing; nobody else does.
    expect(await refundOf(new Map(), lockAt(3, { refund: usual }))).toBe('paid');
    expect(await refundOf(new Map(), lockAt(3, { refund: usual }), key(77))).toBe('claimed');
    const vault = new Map([...account(), [offer.vault, tokenAccountOf(bus, bus.address, true)] as const]);
    expect(await refundOf(vault)).toBe('unpaid');
  });

  it('are released to the account that they name, or where it cannot be paid, into a claim of the buyer', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, key(9));
    const release = await lockReleaseInstruction(key(77), lockAt(3), makeOffer(200, seller), bus);
    expect(getLockReleaseInstructionDataDecoder().decode(dataOf(release)).lockNumber).toBe(43);
    const accounts = addressesOf(release);
    expect(accounts.slice(0, 8)).toEqual([
      key(77),
      BUYER,
      bus.address,
      key(200),
      key(303),
      seller.address,
      seller.vault,
      key(6),
    ]);
    expect(accounts).toEqual(expect.arrayContaining([bus.unclaimed, await claimAddress(bus.address, BUYER)]));
    const onDelivery = makeOffer(200, seller, { book: key(80) });
    const booked = await lockReleaseInstruction(key(77), lockAt(3), onDelivery, bus);
    expect(addressesOf(booked).slice(accounts.length)).toEqual([await positionAddress(key(80), BUYER)]);
  });
});
