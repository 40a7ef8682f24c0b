// @vitest-environment node

import { beforeAll, describe, expect, it } from 'vitest';

import { clearingAddress } from '../../chain/address';
import { fitsTransaction } from '../../chain/send';
import { getClearingOpenInstructionDataDecoder } from '../../generated';
import { bookOf, clear } from '../../market/auction';
import type { Bus, Capacity, Offer } from '../../market/model';
import { addressesOf, dataOf, namesOf } from '../../testing/instructions';
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
import { ascending, clearSteps, countedBy, isBookKnown, ORDERS_AT_ONCE, transactionsFor, type Begun } from './clearing';

const BUYER = key(5);
const START = NOW - (NOW % 900) + 1_800;
const GATE = START - 60;
const NOTHING = key(0);
let bus: Bus;
let window: Capacity;
let offer: Offer;

beforeAll(async () => {
  ({ bus } = await makeBus(100, { terms: AUCTION }));
  window = await makeWindow(bus, START);
  const times = { gateClosesAt: GATE, expiresAt: GATE };
  offer = makeOffer(200, await makeSeller(bus, key(9)), { capacity: window.address, isInAuction: true, ...times });
});

/** A book of one offer and bids, so many orders in all. */
function book(count: number) {
  const bids = Array.from({ length: count - 1 }, (_, index) =>
    makeBid(1_000 + index * 2, window, BUYER, { pricePerKwh: 200_000n + BigInt(index) }),
  );
  return { bids: byAddress(bids), offers: byAddress([offer]) };
}
/** Orders of a book as a clearing counts them, and those that are bids. */
function counted(state: ReturnType<typeof book>) {
  const orders = ascending([...state.bids.keys(), ...state.offers.keys()]);
  return { orders, bids: new Set(state.bids.keys()) };
}

describe('proving the price', () => {
  it('counts every order once, in the order of their bytes, and names both prices', async () => {
    const state = book(4);
    const { steps, counts } = await clearSteps(state, BUYER, window);
    const made = steps[0] ?? [];
    expect([steps.length, counts]).toEqual([1, [4]]);
    expect(namesOf(made)).toEqual(['ClearingOpen', 'ClearingTally', 'ClearingApply']);
    const clearing = await clearingAddress(window.address, BUYER);
    const [clearer, account, ...orders] = addressesOf(made[1]);
    expect([clearer, account]).toEqual([BUYER, clearing]);
    expect(orders).toEqual(counted(state).orders);
    expect(getClearingOpenInstructionDataDecoder().decode(dataOf(made[0]))).toMatchObject({
      ...{ lowPrice: 200_000n, highPrice: 200_000n },
    });
    expect(isBookKnown(state, { ...window, openBids: 3, openOffers: 1 })).toBe(true);
    expect(isBookKnown(state, { ...window, openBids: 4, openOffers: 1 })).toBe(false);
  });

  it('sorts addresses as the program does: by their bytes, not by their letters', () => {
    const all = Array.from({ length: 300 }, (_, number) => key((number * 7_919) % 65_536));
    const numbers = ascending(all)
      .map((address) => all.indexOf(address))
      .map((index) => (index * 7_919) % 65_536);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  it('takes as many transactions as a book of any size needs, and says beforehand how many', async () => {
    for (const count of [ORDERS_AT_ONCE, ORDERS_AT_ONCE + 1, 48, 49, 74, 75, 1_000]) {
      const state = book(count);
      const { steps, counts } = await clearSteps(state, BUYER, window);
      expect([count, steps.length]).toEqual([count, transactionsFor(count)]);
      expect(steps.every((instructions) => fitsTransaction(BUYER, instructions))).toBe(true);
      const tallied = steps.flat().filter((one) => namesOf([one])[0] === 'ClearingTally');
      expect(tallied.flatMap((one) => addressesOf(one).slice(2))).toEqual(counted(state).orders);
      expect(counts.at(-1)).toBe(count);
      const names = steps.map((instructions) => namesOf(instructions));
      expect(names[0]?.[0]).toBe('ClearingOpen');
      expect(names.at(-1)?.at(-1)).toBe('ClearingApply');
      expect(names.flat().filter((name) => name !== 'ClearingTally')).toHaveLength(2);
    }
  });

  it('goes on where it stopped, and begins anew where what was counted proves nothing', async () => {
    const state = book(60);
    const { orders, bids } = counted(state);
    const prices = clear(bookOf({ bids: [...state.bids.values()], offers: [offer] }));
    const upTo = (count: number): Begun => ({
      ...{ lowPrice: prices.lowPrice, highPrice: prices.highPrice, last: orders[count - 1] ?? NOTHING },
      bids: orders.slice(0, count).filter((order) => bids.has(order)).length,
      offers: orders.slice(0, count).filter((order) => !bids.has(order)).length,
    });
    const left = async (begun: Begun) => {
      const { steps, counts } = await clearSteps(state, BUYER, window, begun);
      return [namesOf(steps[0] ?? []), counts.at(-1)];
    };
    expect(countedBy(upTo(24), prices, orders, bids)).toBe(24);
    expect(await left(upTo(24))).toEqual([['ClearingTally'], 60]);
    expect(await left(upTo(59))).toEqual([['ClearingTally', 'ClearingApply'], 60]);
    // All is counted: only the price is to be applied.
    expect(await left(upTo(60))).toEqual([['ClearingApply'], 60]);
    expect(await left(upTo(0))).toEqual([['ClearingTally'], 60]);
    const anew = ['ClearingClose', 'ClearingOpen', 'ClearingTally'];
    expect(await left({ ...upTo(24), lowPrice: prices.lowPrice + 1n })).toEqual([anew, 60]);
    // One order was left out, or bids and offers are not those of the book.
    expect(await left({ ...upTo(24), last: orders[24] ?? NOTHING })).toEqual([anew, 60]);
    const mixed = { ...upTo(24), bids: upTo(24).bids - 1, offers: upTo(24).offers + 1 };
    expect(await left(mixed)).toEqual([anew, 60]);
  });
});
