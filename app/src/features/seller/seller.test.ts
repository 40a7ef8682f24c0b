// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { bookAddress, capacityAddress, meterAddress, offerAddress, tokenAccountAddress } from '../../chain/address';
import { newCounter } from '../../chain/counter';
import { getOfferCreateInstructionDataDecoder, getSellerOpenInstructionDataDecoder } from '../../generated';
import { TOKEN_PROGRAM } from '../../programs';
import { addressesOf, dataOf, namesOf } from '../../testing/instructions';
import {
  byAddress,
  DELIVERY,
  key,
  makeBook,
  makeBus,
  makeOffer,
  makeSeller,
  makeWindow,
  marketOf,
  NOW,
  QUARTERS,
  tokenAccountOf,
} from '../../testing/market';
import { offerCancelInstruction, offerCreateInstructions, type Listed } from '../offer/offer';
import { gridPart, gridSweepInstructions, moneyOf, sellerCloseInstruction, whyNotClosed, withdrawal } from './seller';

const SAM = key(9);
const terms: Listed = {
  energyWh: 5_000n,
  pricePerKwh: 200_000n,
  source: 'solar',
  windowStart: 0,
  expiresAt: NOW + 3_600,
  forBus: false,
};

describe('a listing', () => {
  it('that is the first opens the seller account in the same transaction, and has its first number', async () => {
    const { bus, capacity } = await makeBus(100);
    const live = marketOf({ buses: byAddress([bus]), capacities: byAddress([capacity]) });
    const instructions = await offerCreateInstructions(live, SAM, bus, terms);
    expect(namesOf(instructions)).toEqual(['SellerOpen', 'OfferCreate']);
    const [open, create] = instructions;
    const { firstSlot, first } = await newCounter(live.connection);
    expect(getSellerOpenInstructionDataDecoder().decode(dataOf(open))).toMatchObject({ wallet: SAM, firstSlot });
    const { number, energyWh, expiresAt } = getOfferCreateInstructionDataDecoder().decode(dataOf(create));
    expect([number, energyWh, expiresAt]).toEqual([first, 5_000n, BigInt(terms.expiresAt)]);
    const seller = await makeSeller(bus, SAM);
    expect(addressesOf(open)).toContain(seller.vault);
    expect(addressesOf(create)).toEqual(
      expect.arrayContaining([seller.address, await offerAddress(seller.address, first)]),
    );
  });

  it('after that has the next number of its seller, whoever else lists', async () => {
    const { bus, capacity } = await makeBus(100);
    const [own, other] = [await makeSeller(bus, SAM), await makeSeller(bus, key(8), { nextOffer: 9n << 20n })];
    const state = { buses: byAddress([bus]), capacities: byAddress([capacity]), sellers: byAddress([own, other]) };
    const instructions = await offerCreateInstructions(marketOf(state), SAM, bus, terms);
    expect(namesOf(instructions)).toEqual(['OfferCreate']);
    expect(getOfferCreateInstructionDataDecoder().decode(dataOf(instructions[0])).number).toBe(own.nextOffer);
  });

  it('for the bus is of the bus’s own seller account, which an owner opens; a window is opened where it is missing', async () => {
    const { bus, capacity } = await makeBus(100, { terms: QUARTERS });
    const live = marketOf({ buses: byAddress([bus]), capacities: byAddress([capacity]) });
    const instructions = await offerCreateInstructions(live, key(1), bus, { ...terms, windowStart: 900, forBus: true });
    expect(namesOf(instructions)).toEqual(['CapacityOpen', 'SellerOpen', 'OfferCreate']);
    const [, open, create] = instructions;
    expect(getSellerOpenInstructionDataDecoder().decode(dataOf(open)).wallet).toBe(bus.address);
    expect(addressesOf(create)).toEqual(
      expect.arrayContaining([bus.seller, await capacityAddress(bus.address, 900), key(1)]),
    );
  });
});

describe('a listing on delivery terms', () => {
  it('names the seller’s meter and the delivery book of its window', async () => {
    const { bus } = await makeBus(100, { terms: DELIVERY });
    const seller = await makeSeller(bus, SAM);
    const state = { buses: byAddress([bus]), sellers: byAddress([seller]) };
    const windowStart = 96 * 900 * 12 + 900;
    const instructions = await offerCreateInstructions(marketOf(state), SAM, bus, { ...terms, windowStart });
    expect(namesOf(instructions)).toEqual(['CapacityOpen', 'OfferCreate']);
    const books = [await meterAddress(seller.address), await bookAddress(seller.address, windowStart - 900)];
    expect(addressesOf(instructions[1]).slice(-2)).toEqual(books);
    const offer = makeOffer(200, seller, { book: key(80) });
    expect(addressesOf(offerCancelInstruction(SAM, offer)).at(-1)).toBe(key(80));
  });
});

describe('what a seller earned', () => {
  it('is what is released and paid, apart from what is held for locks', async () => {
    const { bus } = await makeBus(100);
    const [seller, other] = [await makeSeller(bus, SAM, { released: 5n }), await makeSeller(bus, key(8))];
    const offers = [
      makeOffer(200, seller, { proceeds: 7n, deposits: 2n }),
      makeOffer(201, seller, { proceeds: 11n }),
      makeOffer(202, other, { proceeds: 1_000n, deposits: 1_000n }),
    ];
    const books = [
      // The first window is final with half of what was sold delivered, the second waits for its reading.
      makeBook(300, seller, NOW - 20_000, {
        0: { soldWh: 1_000n, paid: 220_000n, deliveredWh: 500n, reportedAt: NOW - 10_000 },
        20: { soldWh: 1_000n, paid: 220_000n },
      }),
      makeBook(301, other, NOW - 20_000, { 0: { soldWh: 1n, paid: 1_000n } }),
    ];
    const state = { offers: byAddress(offers), books: byAddress(books), capacities: new Map() };
    expect(moneyOf(seller, state, NOW)).toEqual({
      released: 5n,
      proceeds: 18n,
      deposits: 2n,
      // 110,000 are due, of them 10,000 to the grid; as much goes back to the buyers.
      due: 100_000n,
      held: 330_000n,
    });
  });

  it('is collected and withdrawn at once, to its own token account, which is created where it is missing', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM, { released: 5n });
    const paid = [makeOffer(200, seller, { proceeds: 7n }), makeOffer(201, seller, { proceeds: 0n })];
    const state = { buses: byAddress([bus]), sellers: byAddress([seller]), offers: byAddress(paid) };
    const made = await withdrawal(marketOf(state), SAM, bus, seller);
    expect(namesOf(made.instructions)).toEqual(['CreateTokenAccount', 'OfferCollect', 'SellerWithdraw']);
    expect([made.amount, made.left]).toEqual([12n, 0n]);
    const own = await tokenAccountAddress(SAM, bus.mint, bus.tokenProgram);
    expect(addressesOf(made.instructions[2])).toEqual([
      SAM,
      bus.address,
      seller.address,
      seller.vault,
      own,
      TOKEN_PROGRAM,
    ]);
    const there = new Map([[own, tokenAccountOf(bus, SAM)]]);
    // What is due of deliveries is released first; of what was paid, the grid's part is not the seller's.
    const book = makeBook(300, seller, NOW - 20_000, {
      0: { soldWh: 1_000n, paid: 220_000n, deliveredWh: 1_000n, reportedAt: NOW - 10_000 },
    });
    const fee = { gridFeePerKwh: 1_000n, remainingWh: 0n, listedWh: 3n, gridCredited: 1n, proceeds: 7n };
    const offers = byAddress([makeOffer(200, seller, fee)]);
    const released = await withdrawal(marketOf({ ...state, offers, books: byAddress([book]) }), SAM, bus, seller);
    expect(namesOf(released.instructions).slice(1)).toEqual(['DeliveryRelease', 'OfferCollect', 'SellerWithdraw']);
    expect(gridPart(makeOffer(200, seller, fee))).toBe(2n);
    expect(released.amount).toBe(5n + 200_000n + 5n);
    const again = await withdrawal(marketOf(state, there), SAM, bus, seller);
    expect(namesOf(again.instructions)).toEqual(['OfferCollect', 'SellerWithdraw']);
  });

  it('goes to another account that the seller names, where its own one is frozen, and to no account that cannot be paid', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM, { released: 5n });
    const state = { buses: byAddress([bus]), sellers: byAddress([seller]) };
    const own = await tokenAccountAddress(SAM, bus.mint, bus.tokenProgram);
    const live = marketOf(
      state,
      new Map([
        [own, tokenAccountOf(bus, SAM, true)],
        [key(90), tokenAccountOf(bus, key(8))],
        [key(91), tokenAccountOf(bus, bus.address)],
      ]),
    );
    await expect(withdrawal(live, SAM, bus, seller)).rejects.toThrow('Your usual token account takes no payment now');
    const made = await withdrawal(live, SAM, bus, seller, key(90));
    expect(namesOf(made.instructions)).toEqual(['SellerWithdraw']);
    expect(addressesOf(made.instructions[0])[4]).toBe(key(90));
    for (const wrong of [own, key(91), key(92)]) {
      await expect(withdrawal(live, SAM, bus, seller, wrong)).rejects.toThrow('that can be paid');
    }
  });

  it('of auctions is counted in their pools first, and left out while the escrow or the vault is frozen', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM, { released: 5n });
    const terms = { ...DELIVERY, from: NOW - 90_000, hasAuction: true };
    const sold = { auctionWh: 1_000n, deliveredWh: 500n, reportedAt: NOW - 10_000 };
    // The first window is final, half of what the auction sold is delivered; the second one is not read.
    const book = makeBook(
      300,
      seller,
      NOW - 90_000,
      { 0: sold, 89: { auctionWh: 2_000n } },
      { terms, poolDue: 30n, poolGridFee: 4n },
    );
    const at = (place: number) => NOW - 90_000 + place * 900;
    const price = { auctionPricePerKwh: 200_000n, clearedAt: NOW - 90_000, volumeWh: 1_000n, terms };
    const capacities = byAddress(await Promise.all([0, 89].map((place) => makeWindow(bus, at(place), price))));
    const state = {
      ...{ buses: byAddress([bus]), sellers: byAddress([seller]), books: byAddress([book]), capacities },
    };
    const fee = terms.gridFeePerKwh;
    // Half of 1 kWh at the price; the grid has its fee. What the escrow owed before comes too.
    const due = 100_000n + 26n;
    expect(moneyOf(seller, { ...state, offers: new Map() }, NOW)).toMatchObject({
      ...{ released: 5n, due, held: 2n * (200_000n + fee) },
    });
    const own = await tokenAccountAddress(SAM, bus.mint, bus.tokenProgram);
    const accounts = (isFrozen: boolean) =>
      new Map([
        [bus.escrow, tokenAccountOf(bus, bus.address, isFrozen)],
        [seller.vault, tokenAccountOf(bus, bus.address)],
        [own, tokenAccountOf(bus, SAM)],
      ]);
    const made = await withdrawal(marketOf(state, accounts(false)), SAM, bus, seller);
    expect(namesOf(made.instructions)).toEqual(['PoolReport', 'SellerWithdraw']);
    expect(addressesOf(made.instructions[0]).slice(1, 4)).toEqual([
      ...[await capacityAddress(bus.address, at(0)), seller.address, book.address],
    ]);
    expect([made.amount, made.left]).toEqual([5n + due, 0n]);
    const frozen = await withdrawal(marketOf(state, accounts(true)), SAM, bus, seller);
    expect(namesOf(frozen.instructions)).not.toContain('PoolReport');
    expect(frozen.amount).toBe(5n);
  });

  it('of many offers is collected as far as one transaction holds, the most valuable first', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM);
    const offers = Array.from({ length: 60 }, (_, index) =>
      makeOffer(200 + index, seller, { proceeds: BigInt(index + 1) }),
    );
    const state = { buses: byAddress([bus]), sellers: byAddress([seller]), offers: byAddress(offers) };
    const { instructions, amount, left } = await withdrawal(marketOf(state), SAM, bus, seller);
    const collected = namesOf(instructions).filter((name) => name === 'OfferCollect').length;
    expect(collected).toBeGreaterThan(10);
    expect(collected).toBeLessThan(60);
    expect(amount + left).toBe((60n * 61n) / 2n);
    expect(addressesOf(instructions[1])).toContain(key(259));
  });

  it('of the bus goes to its treasury, whoever asks for it', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, bus.address, { released: 5n });
    const state = { buses: byAddress([bus]), sellers: byAddress([seller]) };
    const { instructions } = await withdrawal(marketOf(state), key(77), bus, seller);
    expect(namesOf(instructions)).toEqual(['SellerWithdraw']);
    expect(addressesOf(instructions[0])).toContain(bus.treasury);
  });

  it('that is nothing is refused before anything is signed', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM);
    const live = marketOf({ buses: byAddress([bus]), sellers: byAddress([seller]) });
    await expect(withdrawal(live, SAM, bus, seller)).rejects.toThrow('nothing to withdraw');
  });
});

describe('grid fees', () => {
  it('go to their recipient’s own token account, which is created where it is missing, or to the treasury', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM, { gridFeesOwed: 5n });
    const toTreasury = await gridSweepInstructions(marketOf({}), key(77), bus, seller);
    expect(namesOf(toTreasury)).toEqual(['GridSweep']);
    expect(addressesOf(toTreasury[0])[5]).toBe(bus.treasury);
    const toGrid = await gridSweepInstructions(marketOf({}), key(77), { ...bus, gridRecipient: key(8) }, seller);
    expect(namesOf(toGrid)).toEqual(['CreateTokenAccount', 'GridSweep']);
    expect(addressesOf(toGrid[1])[5]).toBe(await tokenAccountAddress(key(8), bus.mint, bus.tokenProgram));
  });
});

describe('a seller account', () => {
  it('closes once nothing is on offer, it is not suspended and its counter is not ahead of the slot', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM);
    const slot = 7n;
    expect(whyNotClosed(seller, bus, slot)).toBeUndefined();
    expect(whyNotClosed({ ...seller, openOffers: 1 }, bus, slot)).toContain('Withdraw your offers');
    expect(whyNotClosed({ ...seller, suspended: true }, bus, slot)).toContain('suspended');
    expect(whyNotClosed({ ...seller, openBooks: 1 }, bus, slot)).toContain('delivery records');
    expect(whyNotClosed({ ...seller, meter: key(5) }, bus, slot)).toContain('meter');
    expect(whyNotClosed({ ...seller, gridFeesOwed: 1n }, bus, slot)).toContain('grid fees');
    expect(whyNotClosed(seller, bus, 6n)).toContain('a moment ago');
    expect(whyNotClosed({ ...seller, suspended: true }, { ...bus, closing: true }, 6n)).toBeUndefined();
  });

  it('is paid to the seller, and to the treasury where it is the bus’s', async () => {
    const { bus } = await makeBus(100);
    const own = await sellerCloseInstruction(SAM, bus, await makeSeller(bus, SAM));
    expect(addressesOf(own)).toContain(await tokenAccountAddress(SAM, bus.mint, bus.tokenProgram));
    const ofBus = await sellerCloseInstruction(key(1), bus, await makeSeller(bus, bus.address));
    expect(addressesOf(ofBus)[5]).toBe(bus.treasury);
  });
});
