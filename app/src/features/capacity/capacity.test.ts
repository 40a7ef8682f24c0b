// @vitest-environment node

import { describe, expect, it } from 'vitest';

import type { Bus, Capacity } from '../../market/model';
import { addressesOf } from '../../testing/instructions';
import {
  AUCTION,
  byAddress,
  DELIVERY,
  key,
  makeBid,
  makeBus,
  makeOffer,
  makeSeller,
  makeWindow,
  NO_AUCTION,
  NOW,
  QUARTERS,
} from '../../testing/market';
import { capacityCloseInstruction, isClosable, pastWindows } from './capacity';

const [PAYER, OWNER, OPERATOR, STRANGER] = [key(31), key(1), key(32), key(33)];

describe('a window', () => {
  const open = (change: Partial<Capacity> = {}) =>
    ({
      windowStart: NOW + 600,
      terms: QUARTERS,
      gateClosesAt: NOW + 300,
      committedWh: 0n,
      openOffers: 0,
      rentPayer: PAYER,
      ...NO_AUCTION,
      ...change,
    }) as Capacity;
  const by = (bus: Bus, capacity: Capacity, now: number) =>
    [PAYER, OWNER, OPERATOR, STRANGER].map((wallet) => isClosable(capacity, bus, wallet, now));

  it('that nobody used is closed by who paid for it, owners and operator, and by anyone from its gate on', async () => {
    const { bus } = await makeBus(100, { operator: OPERATOR });
    expect(by(bus, open(), NOW)).toEqual([true, true, true, false]);
    expect(by(bus, open(), NOW + 300)).toEqual([true, true, true, true]);
    expect(by({ ...bus, closing: true }, open(), NOW)).toEqual([true, true, true, true]);
  });

  it('in which something was sold is closed by anyone once it is over, and the general capacity never', async () => {
    const { bus } = await makeBus(100, { operator: OPERATOR });
    const sold = open({ committedWh: 1n });
    expect(by(bus, sold, NOW + 1_499)).toEqual([false, false, false, false]);
    expect(by(bus, sold, NOW + 1_500)).toEqual([true, true, true, true]);
    expect(by({ ...bus, closing: true }, sold, NOW)).toEqual([true, true, true, true]);
    expect(by(bus, open({ windowStart: 0 }), NOW + 9_999)).toEqual([false, false, false, false]);
  });

  it('with bids stays until its auction is decided', async () => {
    const { bus } = await makeBus(100, { operator: OPERATOR });
    const bidden = (change: Partial<Capacity> = {}) =>
      open({ terms: { ...QUARTERS, hasAuction: true }, openBids: 1, openOffers: 1, committedWh: 1n, ...change });
    const nobody = [false, false, false, false];
    const gate = NOW + 300;
    expect([NOW, gate - 1, gate, NOW + 1_500].map((now) => by(bus, bidden(), now))).toEqual([
      ...[nobody, nobody, nobody, nobody],
    ]);
    expect(by({ ...bus, closing: true }, bidden(), gate)).toEqual(nobody);
    expect(by(bus, bidden({ clearedAt: gate }), NOW + 1_500)).toEqual([true, true, true, true]);
    // Nobody proved a price within a day.
    expect(by(bus, bidden(), gate + 86_400)).toEqual([true, true, true, true]);
    // Bids alone: nothing was on offer.
    expect(by(bus, bidden({ committedWh: 0n, openOffers: 0 }), gate)).toEqual([true, true, true, true]);
  });

  it('is closed with its orders settled, and is held up by bids that wait for the meters', async () => {
    const { bus } = await makeBus(100, { terms: AUCTION });
    const start = NOW - 1_000;
    const cleared = {
      ...{ clearedAt: NOW - 1_060, auctionPricePerKwh: 200_000n, volumeWh: 1_000n, openBids: 1, openOffers: 1 },
      ...{ committedWh: 5_000n, asks: { atPriceWh: 5_000n, filledWh: 1_000n, settledWh: 0n } },
    };
    const window = await makeWindow(bus, start, cleared);
    const seller = await makeSeller(bus, key(9));
    const offer = makeOffer(200, seller, { capacity: window.address, gateClosesAt: start - 60, isInAuction: true });
    const held = (capacity: Capacity, change: Parameters<typeof makeBid>[3] = {}) => {
      const bids = byAddress([makeBid(300, capacity, key(5), change)]);
      const state = { capacities: byAddress([capacity]), offers: byAddress([offer]), bids, buses: byAddress([bus]) };
      const [past] = pastWindows(state, STRANGER, NOW, () => true);
      return past === undefined ? undefined : [past.offers.length, past.bids.length, past.isHeldUp];
    };
    expect(held(window)).toEqual([1, 1, false]);
    const onDelivery = { ...window, terms: { ...DELIVERY, hasAuction: true } };
    expect(held(onDelivery)).toEqual([1, 1, true]);
    expect(held(onDelivery, { pricePerKwh: 1n })).toEqual([1, 1, false]);
    expect(held(onDelivery, { state: 'filled', allottedWh: 5n, paid: 1n, deposit: 1n })).toEqual([1, 1, true]);
    // What rounding left in the escrow goes to the treasury.
    expect(addressesOf(await capacityCloseInstruction(STRANGER, window, bus)).slice(-3)).toEqual([
      ...[bus.escrow, bus.treasury, bus.tokenProgram],
    ]);
    const plain = { ...window, terms: QUARTERS };
    expect(addressesOf(await capacityCloseInstruction(STRANGER, plain, bus))).toHaveLength(5);
  });
});
