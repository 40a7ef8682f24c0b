// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { capacityAddress, offerAddress, tokenAccountAddress } from '../../chain/address';
import { newCounter } from '../../chain/counter';
import { getOfferCreateInstructionDataDecoder, getSellerOpenInstructionDataDecoder } from '../../generated';
import { TOKEN_PROGRAM } from '../../programs';
import { addressesOf, dataOf, namesOf } from '../../testing/instructions';
import { byAddress, key, makeBus, makeOffer, makeSeller, marketOf, NOW } from '../../testing/market';
import { offerCreateInstructions, type Terms } from '../offer/offer';
import { moneyOf, sellerCloseInstruction, whyNotClosed, withdrawal } from './seller';

const SAM = key(9);
const terms: Terms = {
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
    const { bus, capacity } = await makeBus(100, { windowSeconds: 900 });
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

describe('what a seller earned', () => {
  it('is what is released and paid, apart from what is held for locks', async () => {
    const { bus } = await makeBus(100);
    const [seller, other] = [await makeSeller(bus, SAM, { released: 5n }), await makeSeller(bus, key(8))];
    const offers = [
      makeOffer(200, seller, { proceeds: 7n, deposits: 2n }),
      makeOffer(201, seller, { proceeds: 11n }),
      makeOffer(202, other, { proceeds: 1_000n, deposits: 1_000n }),
    ];
    expect(moneyOf(seller, offers)).toEqual({ released: 5n, proceeds: 18n, deposits: 2n });
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
    const there = new Map([[own, { owner: TOKEN_PROGRAM, data: new Uint8Array(165) }]]);
    const again = await withdrawal(marketOf(state, there), SAM, bus, seller);
    expect(namesOf(again.instructions)).toEqual(['OfferCollect', 'SellerWithdraw']);
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

describe('a seller account', () => {
  it('closes once nothing is on offer, it is not suspended and its counter is not ahead of the slot', async () => {
    const { bus } = await makeBus(100);
    const seller = await makeSeller(bus, SAM);
    const slot = 7n;
    expect(whyNotClosed(seller, bus, slot)).toBeUndefined();
    expect(whyNotClosed({ ...seller, openOffers: 1 }, bus, slot)).toContain('Withdraw your offers');
    expect(whyNotClosed({ ...seller, suspended: true }, bus, slot)).toContain('suspended');
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
