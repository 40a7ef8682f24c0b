// @vitest-environment node

import { beforeAll, describe, expect, it } from 'vitest';

import { tokenAccountAddress } from '../../chain/address';
import type { Bus, Seller } from '../../market/model';
import { addressesOf, namesOf } from '../../testing/instructions';
import {
  byAddress,
  DELIVERY,
  key,
  makeBook,
  makeBus,
  makePosition,
  makeSeller,
  marketOf,
  NOW,
} from '../../testing/market';
import { closable, positionCloseInstruction, refundInstructions } from './delivery';
import { termsSentence } from './TermsNote';

const BUYER = key(5);
/** The first window of the books of these tests: final now. */
const FIRST = NOW - 20_000;
const read = { soldWh: 1_000n, paid: 220_000n, deliveredWh: 500n, reportedAt: NOW - 10_000 };
let bus: Bus;
let seller: Seller;

beforeAll(async () => {
  ({ bus } = await makeBus(100, { terms: { ...DELIVERY, from: FIRST } }));
  seller = await makeSeller(bus, key(9));
});

describe('a refund', () => {
  it('goes to the account that the position names; the buyer’s own is created where it is missing', async () => {
    const own = await tokenAccountAddress(BUYER, bus.mint, bus.tokenProgram);
    const book = makeBook(1, seller, FIRST, { 0: read });
    const energy = { 0: { energyWh: 1_000n, paid: 220_000n } };
    const live = marketOf({});
    const named = makePosition(2, book, BUYER, energy);
    const elsewhere = await refundInstructions(live, key(77), [{ position: named, book, bus }]);
    expect(namesOf(elsewhere)).toEqual(['DeliveryRefund']);
    expect(addressesOf(elsewhere[0])[4]).toBe(named.refund);
    const usual = { ...named, refund: own };
    const two = [usual, { ...usual, address: key(4) }].map((position) => ({ position, book, bus }));
    const made = await refundInstructions(live, BUYER, two);
    expect(namesOf(made)).toEqual(['CreateTokenAccount', 'DeliveryRefund', 'DeliveryRefund']);
    const settled = makePosition(2, book, BUYER, { 0: { ...energy[0], isRefunded: true } });
    await expect(refundInstructions(live, BUYER, [{ position: settled, book, bus }])).rejects.toThrow('due back');
  });
});

describe('records', () => {
  it('are closed by their owner once nothing is given up with them', async () => {
    const book = makeBook(1, seller, FIRST, { 0: read }, { openPositions: 1 });
    const energy = { energyWh: 1_000n, paid: 220_000n };
    const held = makePosition(2, book, BUYER, { 0: energy });
    const certified = makePosition(3, book, BUYER, { 0: { ...energy, isCertified: true } });
    const state = {
      buses: byAddress([bus]),
      sellers: byAddress([seller]),
      books: byAddress([book]),
      positions: byAddress([held, certified]),
    };
    expect(closable(state, BUYER, NOW).positions.map(({ position }) => position)).toEqual([certified]);
    expect(closable(state, BUYER, NOW).books).toEqual([]);
    // The book of the bus's whole day takes offers until its last gate.
    const empty = { ...state, books: byAddress([{ ...book, openPositions: 0 }]) };
    expect(closable(empty, seller.wallet, NOW).books).toEqual([]);
    expect(closable(empty, seller.wallet, FIRST + 96 * 900).books).toHaveLength(1);
    const close = await positionCloseInstruction(BUYER, { position: { ...held, refund: undefined }, book, bus });
    expect(addressesOf(close)[5]).toBe('11111111111111111111111111111111');
  });
});

describe('what a buyer agrees to', () => {
  it('is said in a sentence', () => {
    const [now, later] = [
      { bus, offer: { windowStart: 0, book: undefined } },
      { bus, offer: { windowStart: FIRST + 900, book: key(80) } },
    ];
    expect(termsSentence([now])).toBe('The seller is paid as soon as you buy.');
    expect(termsSentence([later])).toContain('what is not delivered comes back to you');
    expect(termsSentence([now, later, later])).toContain('For 2 of 3 offers your money waits');
  });
});
