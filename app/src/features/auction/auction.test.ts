// @vitest-environment node

import type { Address } from '@solana/kit';
import { beforeAll, describe, expect, it } from 'vitest';

import { bidAddress, capacityAddress, tokenAccountAddress } from '../../chain/address';
import { getBidCreateInstructionDataDecoder, getBidSettleInstructionDataDecoder } from '../../generated';
import type { Bid, Book, Bus, Capacity, Offer, Seller } from '../../market/model';
import { UNREAD } from '../../market/state';
import { addressesOf, dataOf, namesOf } from '../../testing/instructions';
import {
  AUCTION,
  byAddress,
  DELIVERY,
  key,
  makeBid,
  makeBook,
  makeBus,
  makeOffer,
  makeSeller,
  makeWindow,
  marketOf,
  NOW,
  tokenAccountOf,
} from '../../testing/market';
import { madeOf } from '../purchase/plan';
import {
  auctionWindows,
  bidCancelInstructions,
  bidRefusal,
  completesPool,
  countOf,
  mostWh,
  ownSettleable,
  ownSettleInstructions,
  planBid,
  settleable,
  settleInstructions,
  settlementOf,
  windowPhase,
  type AuctionWindow,
} from './auction';

const BUYER = key(5);
const START = NOW - (NOW % 900) + 1_800;
const GATE = START - 60;
/** What the chain has of a window that sold half of what was bid at the price. */
const CLEARED = {
  ...{ clearedAt: GATE, auctionPricePerKwh: 200_000n, volumeWh: 1_500n, openBids: 2, openOffers: 1 },
  bids: { atPriceWh: 1_000n, filledWh: 500n, settledWh: 0n },
  asks: { atPriceWh: 5_000n, filledWh: 1_500n, settledWh: 0n },
};
let bus: Bus;
let seller: Seller;
let window: Capacity;
let open: AuctionWindow;
let offer: Offer;

beforeAll(async () => {
  ({ bus } = await makeBus(100, { terms: AUCTION, basePricePerKwh: 100_000n, leastWh: 10n }));
  seller = await makeSeller(bus, key(9));
  window = await makeWindow(bus, START, { openBids: 1, openOffers: 1 });
  open = { start: START, terms: AUCTION, gateClosesAt: GATE, capacity: window };
  const ask = {
    capacity: window.address,
    gateClosesAt: GATE,
    expiresAt: GATE,
    isInAuction: true,
    gridFeePerKwh: 20_000n,
  };
  offer = makeOffer(200, seller, ask);
});

describe('windows that an auction closes', () => {
  it('are the next ones, opened or not, and those that are open, also after their gate', async () => {
    const past = await makeWindow(bus, START - 9_000, { openBids: 1 });
    const other = await makeWindow(bus, START + 900, { terms: { ...AUCTION, hasAuction: false } });
    const windows = auctionWindows(bus, [past, window, other], NOW);
    expect(windows[0]).toMatchObject({ start: START - 9_000, capacity: past });
    expect(windows.filter(({ capacity }) => capacity !== undefined).map(({ start }) => start)).toEqual([
      ...[START - 9_000, START],
    ]);
    expect(windows.filter(({ start }) => start > NOW)).toHaveLength(24);
    expect(windowPhase({ ...open, capacity: undefined }, GATE - 301)).toBe('trading');
    expect(windowPhase(open, GATE)).toBe('fixed');
    expect(auctionWindows({ ...bus, terms: { ...AUCTION, hasAuction: false } }, [], NOW)).toEqual([]);
  });
});

describe('a bid', () => {
  const order = { energyWh: 1_000n, maxPricePerKwh: 320_000n };

  it('is refused before it is sent where the program would refuse it', () => {
    const refused = (
      change: Partial<typeof order>,
      now = NOW,
      on: Partial<Bus> = {},
      at: Partial<AuctionWindow> = {},
    ) => bidRefusal({ ...bus, ...on }, { ...open, ...at }, { ...order, ...change }, now);
    expect(refused({})).toBeUndefined();
    // In the last second it is still taken.
    expect(refused({}, GATE - 1)).toBeUndefined();
    expect(refused({}, GATE)).toContain('Trading in this window has closed');
    // The base price, and the grid fee on top.
    expect(refused({ maxPricePerKwh: 120_000n })).toBeUndefined();
    expect(refused({ maxPricePerKwh: 119_999n })).toContain('Bid at least 0.12\u00a0tokens per kWh');
    expect(refused({ energyWh: 100_000n })).toBeUndefined();
    expect(refused({ energyWh: 100_001n })).toContain('at most 100\u00a0kWh');
    expect(refused({ energyWh: 9n })).toContain('from 10\u00a0Wh up');
    expect(refused({ energyWh: 100_000n, maxPricePerKwh: (1n << 64n) - 1n })).toContain('more than a deposit can be');
    expect(refused({}, NOW, { paused: true })).toContain('paused');
    expect(refused({}, NOW, { closing: true })).toContain('closing');
    expect(refused({}, NOW, {}, { terms: { ...AUCTION, hasAuction: false } })).toContain('No auction');
    expect(mostWh(bus, { capacity: undefined })).toBe(bus.capacityWh);
  });

  it('names its nonce in its address, deposits into the escrow, and opens a window that nobody has opened', async () => {
    const plan = await planBid(BUYER, bus, open, order);
    expect(plan).toMatchObject({ kind: 'bid', orders: [{ offer: window.address, ...order }] });
    const { hash, instructions } = await madeOf(plan, BUYER, 3, 77n);
    expect(namesOf(instructions)).toEqual(['BidCreate']);
    const { address, bump } = await bidAddress(hash);
    const own = await tokenAccountAddress(BUYER, bus.mint, bus.tokenProgram);
    expect(addressesOf(instructions[0]).slice(2, 7)).toEqual([bus.address, window.address, address, own, bus.escrow]);
    expect(getBidCreateInstructionDataDecoder().decode(dataOf(instructions[0]))).toMatchObject({
      ...{ nonce: 77n, energyWh: 1_000n, maxPricePerKwh: 320_000n, refund: own, bump },
    });
    const other = await madeOf(plan, BUYER, 3, 78n);
    expect(other.hash).not.toBe(hash);
    const early = await planBid(BUYER, bus, { ...open, capacity: undefined }, order);
    expect(namesOf((await madeOf(early, BUYER, 0, 1n)).instructions)).toEqual(['CapacityOpen', 'BidCreate']);
    expect(early.orders[0]?.offer).toBe(await capacityAddress(bus.address, START));
    expect([plan.sizes?.length, early.sizes?.length]).toEqual([1, 2]);
  });
});

describe('what settling makes of a bid', () => {
  const ends = (bid: Partial<Bid>, change: Partial<Capacity>, now: number, closing = false) =>
    settlementOf(makeBid(300, window, BUYER, bid), { ...window, ...change }, { closing }, now);

  it('is nothing before the auction is over, unless the bus closes', () => {
    expect(ends({}, {}, GATE - 400)).toBeUndefined();
    expect(ends({}, {}, GATE)).toBeUndefined();
    // On a closing bus an auction that can come is waited for.
    expect(ends({}, {}, GATE - 400, true)).toBeUndefined();
    expect(ends({}, { openOffers: 0 }, GATE - 400, true)).toEqual({ allottedWh: 0n, paid: 0n, back: 320_000n });
    expect(ends({}, { openOffers: 0 }, GATE - 300, true)).toBeUndefined();
    // Whose gate comes more than a day after the decision to close is waited for no more.
    const decided = (closingAt: number, now: number) =>
      settlementOf(makeBid(300, window, BUYER), window, { closing: true, closingAt }, now);
    expect(decided(GATE - 86_400, GATE - 400)).toBeUndefined();
    expect(decided(GATE - 86_401, GATE - 400)).toMatchObject({ back: 320_000n });
    expect(decided(GATE - 86_401, GATE - 1)).toMatchObject({ back: 320_000n });
    expect(decided(GATE - 86_401, GATE)).toBeUndefined();
  });

  it('is its part at the price, and the rest of the deposit', () => {
    // Better than the price: all of it, at the price and the grid fee.
    expect(ends({}, CLEARED, GATE)).toEqual({ allottedWh: 1_000n, paid: 220_000n, back: 100_000n });
    // At the price: half.
    const at = { pricePerKwh: 200_000n, energyWh: 333n };
    expect(ends(at, CLEARED, GATE)).toEqual({ allottedWh: 166n, paid: 36_520n, back: 36_740n });
    expect(ends({ pricePerKwh: 199_999n }, CLEARED, GATE)).toMatchObject({ allottedWh: 0n, paid: 0n });
    expect(ends({}, {}, GATE + 86_400)).toEqual({ allottedWh: 0n, paid: 0n, back: 320_000n });
  });

  it('waits for the pool on delivery terms, and is then what was delivered', () => {
    const filled = { state: 'filled', allottedWh: 1_000n, paid: 220_000n, deposit: 220_000n } as const;
    expect(ends(filled, CLEARED, NOW)).toBeUndefined();
    const pool = { ...CLEARED, poolCompleteAt: NOW, deliveredWh: 1_000n };
    // ceil(220,000 x 1,000 / 1,500)
    expect(ends(filled, pool, NOW)).toEqual({ allottedWh: 1_000n, paid: 146_667n, back: 73_333n });
    // What could not be paid at first is paid later.
    expect(ends({ ...filled, deposit: 230_000n }, CLEARED, NOW)).toMatchObject({ back: 10_000n });
    const refunded = { ...filled, state: 'refunded', paid: 146_667n, deposit: 146_667n, deliveredWh: 666n } as const;
    expect(ends(refunded, pool, NOW)).toBeUndefined();
    expect(ends({ ...refunded, certifiedWh: 666n }, pool, NOW)).toMatchObject({ back: 0n });
    expect(ends(refunded, pool, NOW + 2_592_000)).toMatchObject({ back: 0n });
  });
});

describe('settling', () => {
  it('a window settles its asks, then its bids, for everybody', async () => {
    const cleared = { ...window, ...CLEARED, gateClosesAt: NOW - 100 };
    const bids = [makeBid(300, window, BUYER), makeBid(310, window, key(6))];
    const state = { ...UNREAD, bids: byAddress(bids), offers: byAddress([offer]), capacities: byAddress([cleared]) };
    expect(countOf(settleable(state, cleared, bus, NOW))).toBe(3);
    const live = marketOf({ ...state, buses: byAddress([bus]) });
    const made = await settleInstructions(live, key(77), cleared, bus);
    expect(namesOf(made)).toEqual(['AskSettle', 'BidSettle', 'BidSettle']);
    expect(addressesOf(made[0])).toEqual([
      ...[bus.address, window.address, offer.address, offer.vault, bus.escrow, bus.tokenProgram],
    ]);
    expect(addressesOf(made[1])[6]).toBe(bids[0]?.refund);
    expect(getBidSettleInstructionDataDecoder().decode(dataOf(made[1]))).toMatchObject({ close: false });
    const settled = { ...state, offers: byAddress([{ ...offer, isSettled: true }]), bids: new Map() };
    await expect(settleInstructions(marketOf(settled), key(77), cleared, bus)).rejects.toThrow('nothing to settle');
  });

  it('one’s own bids creates the own account where it is missing and named, once', async () => {
    const cleared = { ...window, ...CLEARED, gateClosesAt: NOW - 100 };
    const own = await tokenAccountAddress(BUYER, bus.mint, bus.tokenProgram);
    const bids = [300, 310].map((number) => makeBid(number, window, BUYER, { refund: own }));
    const state = {
      ...UNREAD,
      ...{ bids: byAddress([...bids, makeBid(320, window, key(6))]), capacities: byAddress([cleared]) },
      buses: byAddress([bus]),
    };
    const live = marketOf(state);
    expect(ownSettleable(state, BUYER, NOW).map(({ bid }) => bid)).toEqual(bids);
    const made = await ownSettleInstructions(live, BUYER, undefined);
    expect(namesOf(made)).toEqual(['CreateTokenAccount', 'BidSettle', 'BidSettle']);
    const chosen = await ownSettleInstructions(live, BUYER, new Set([bids[1]?.address as never]));
    expect(addressesOf(chosen[1])[3]).toBe(bids[1]?.address);
  });

  it('a bid that is withdrawn is paid to the usual account, which must be payable, else to one that its buyer names', async () => {
    const usual = await tokenAccountAddress(BUYER, bus.mint, bus.tokenProgram);
    const bid = makeBid(300, window, BUYER);
    const elsewhere = key(61);
    const liveOf = (...accounts: readonly (readonly [Address, ReturnType<typeof tokenAccountOf>])[]) =>
      marketOf({ buses: byAddress([bus]) }, new Map(accounts));
    const opened = await bidCancelInstructions(liveOf(), bid, bus);
    expect(namesOf(opened)).toEqual(['CreateTokenAccount', 'BidCancel']);
    const paid = await bidCancelInstructions(liveOf([usual, tokenAccountOf(bus, BUYER)]), bid, bus);
    expect(namesOf(paid)).toEqual(['BidCancel']);
    expect(addressesOf(paid[0])).toContain(usual);
    const frozen = liveOf([usual, tokenAccountOf(bus, BUYER, true)], [elsewhere, tokenAccountOf(bus, key(7))]);
    await expect(bidCancelInstructions(frozen, bid, bus)).rejects.toThrow('Name another account');
    const named = await bidCancelInstructions(frozen, bid, bus, elsewhere);
    expect(namesOf(named)).toEqual(['BidCancel']);
    expect(addressesOf(named[0])).toContain(elsewhere);
  });

  it('one’s own bids pays where the bid says, else to the usual account, else to one that its buyer names', async () => {
    const cleared = { ...window, ...CLEARED, gateClosesAt: NOW - 100 };
    const usual = await tokenAccountAddress(BUYER, bus.mint, bus.tokenProgram);
    const [named, elsewhere] = [key(60), key(61)];
    const bid = makeBid(300, cleared, BUYER, { refund: named });
    const state = { ...UNREAD, bids: byAddress([bid]), capacities: byAddress([cleared]), buses: byAddress([bus]) };
    /** The account that is paid, and what is created, where these accounts are usable or frozen. */
    const made = async (accounts: readonly (readonly [Address, 'usable' | 'frozen', Address?])[], to?: Address) => {
      const onChain = new Map(
        accounts.map(([address, is, owner = BUYER]) => [address, tokenAccountOf(bus, owner, is === 'frozen')] as const),
      );
      const all = await ownSettleInstructions(marketOf(state, onChain), BUYER, undefined, to);
      return [addressesOf(all.at(-1))[6], all.length];
    };
    expect(await made([[named, 'usable']])).toEqual([named, 1]);
    expect(
      await made([
        [named, 'frozen'],
        [usual, 'usable'],
      ]),
    ).toEqual([usual, 1]);
    // Closed, or of somebody else by now.
    expect(await made([])).toEqual([usual, 2]);
    expect(
      await made([
        [named, 'usable', key(7)],
        [usual, 'usable'],
      ]),
    ).toEqual([usual, 1]);
    // Where nothing can be paid, the bid keeps it, or a claim once it closes.
    expect(
      await made([
        [named, 'frozen'],
        [usual, 'frozen'],
      ]),
    ).toEqual([named, 1]);
    expect(
      await made(
        [
          [named, 'frozen'],
          [elsewhere, 'usable', key(7)],
        ],
        elsewhere,
      ),
    ).toEqual([elsewhere, 1]);
    await expect(made([[elsewhere, 'frozen']], elsewhere)).rejects.toThrow(
      'no token account of this token that can be',
    );
    await expect(made([[elsewhere, 'usable', bus.address]], elsewhere)).rejects.toThrow('can be paid');
  });

  it('a bid that waits for the meters counts the sellers first where that completes the pool', async () => {
    const terms = { ...DELIVERY, from: START, hasAuction: true };
    const cleared = { ...window, ...CLEARED, terms, gateClosesAt: NOW - 100 };
    const filled = { state: 'filled', allottedWh: 1_000n, paid: 220_000n, deposit: 220_000n } as const;
    const bid = makeBid(300, cleared, BUYER, { ...filled, refund: key(60) });
    const sold = (auctionWh: bigint) => ({ auctionWh, deliveredWh: auctionWh / 2n, reportedAt: NOW - 90_000 });
    const books: readonly Book[] = [
      makeBook(1, seller, START, { 0: sold(1_000n) }, { terms }),
      makeBook(2, { ...seller, address: key(91) }, START, { 0: sold(500n) }, { terms }),
    ];
    const state = {
      ...UNREAD,
      ...{ bids: byAddress([bid]), capacities: byAddress([cleared]), buses: byAddress([bus]), books: byAddress(books) },
    };
    expect(completesPool(books, cleared, NOW)).toBe(true);
    expect(completesPool(books.slice(1), cleared, NOW)).toBe(false);
    expect(completesPool(books, { ...cleared, poolCompleteAt: 1 }, NOW)).toBe(false);
    const onChain = new Map([[bid.refund, tokenAccountOf(bus, BUYER)]]);
    expect(namesOf(await ownSettleInstructions(marketOf(state, onChain), BUYER, undefined))).toEqual([
      ...['PoolReport', 'PoolReport', 'BidSettle'],
    ]);
    expect(ownSettleable({ ...state, books: byAddress(books.slice(1)) }, BUYER, NOW)).toEqual([]);
    // What is not final yet does not count.
    const late = books.map((book) => ({
      ...book,
      windows: book.windows.map((one) => ({ ...one, unsettledOffers: 1 })),
    }));
    expect(ownSettleable({ ...state, books: byAddress(late) }, BUYER, NOW)).toEqual([]);
  });
});
