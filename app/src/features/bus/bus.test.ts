// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { busAddress, claimAddress, creatorAddress, ledgerAddress, tokenAccountAddress } from '../../chain/address';
import { newCounter } from '../../chain/counter';
import { getBusCreateInstructionDataDecoder, getCreatorEncoder, LAYOUT_VERSION, SettlementTime } from '../../generated';
import type { Capacity, Lock, Meter, Proposal } from '../../market/model';
import { PROGRAM, TOKEN_PROGRAM } from '../../programs';
import { addressesOf, dataOf, namesOf } from '../../testing/instructions';
import {
  byAddress,
  DELIVERY,
  key,
  makeBook,
  AUCTION,
  makeBid,
  makeBus,
  makeOffer,
  makeSeller,
  makeWindow,
  marketOf,
  NOW,
  QUARTERS,
  tokenAccountOf,
} from '../../testing/market';
import { busCreateInstructions, type BusConfig, type Mint } from './bus';
import { isWoundDown, remainsOf, windDownInstructions } from './windDown';

const ADA = key(1);
const MINT: Mint = { address: key(50), tokenProgram: TOKEN_PROGRAM, decimals: 6, symbol: undefined };
const config: BusConfig = {
  name: 'Mill Lane',
  owners: [{ wallet: ADA, shareBps: 10_000 }],
  threshold: 1,
  pauseQuorum: 0,
  listing: 'admitted',
  lockFeeBps: 100,
  timelockSeconds: 0,
  terms: { ...DELIVERY, gridFeePerKwh: 9n },
  horizonSeconds: 604_800,
  capacityWh: 1n,
  basePricePerKwh: 2n,
  reservePricePerKwh: 3n,
  leastWh: 4n,
  operator: key(7),
  gridRecipient: key(8),
};

describe('a bus', () => {
  it('that is a wallet’s first opens the counter of its buses in the same transaction', async () => {
    const live = marketOf({});
    const { bus, instructions } = await busCreateInstructions(live, ADA, MINT, config);
    expect(namesOf(instructions)).toEqual(['CreatorOpen', 'BusCreate']);
    const { first } = await newCounter(live.connection);
    expect(bus).toBe(await busAddress(ADA, first));
    const { busSeq, ...rest } = getBusCreateInstructionDataDecoder().decode(dataOf(instructions[1]));
    expect(busSeq).toBe(first);
    expect(rest).toMatchObject({
      listingPolicy: 1,
      horizonSeconds: 604_800,
      reservePricePerKwh: 3n,
      leastWh: 4n,
      operator: { __option: 'Some', value: key(7) },
      gridRecipient: { __option: 'Some', value: key(8) },
      terms: {
        windowSeconds: 900,
        gateClosureSeconds: 60,
        settlement: SettlementTime.OnDelivery,
        gridFeePerKwh: 9n,
        readingDeadlineSeconds: 3_600,
        correctionSeconds: 7_200,
      },
    });
  });

  it('after that has the counter’s next number', async () => {
    const counter = await creatorAddress(ADA);
    const data = new Uint8Array(
      getCreatorEncoder().encode({
        layoutVersion: LAYOUT_VERSION,
        bump: 0,
        padding: new Uint8Array(6),
        nextBus: 99n,
        wallet: ADA,
        reserved: new Uint8Array(32),
      }),
    );
    const live = marketOf({}, new Map([[counter, { owner: PROGRAM, data }]]));
    const { bus, instructions } = await busCreateInstructions(live, ADA, MINT, { ...config, operator: undefined });
    expect(namesOf(instructions)).toEqual(['BusCreate']);
    expect(bus).toBe(await busAddress(ADA, 99n));
    const { operator } = getBusCreateInstructionDataDecoder().decode(dataOf(instructions[0]));
    expect(operator).toEqual({ __option: 'None' });
  });
});

describe('a closing bus', () => {
  const STRANGER = key(77);

  it('lets auctions come that have bids and offers, settles what they decided, and returns bids that meet nobody', async () => {
    const { bus, ledger, capacity } = await makeBus(100, { closing: true, terms: AUCTION });
    const seller = await makeSeller(bus, key(9), { openOffers: 1 });
    const steps = async (change: Partial<Capacity>, gate: number, offers = 1, bids = 1) => {
      const open = { gateClosesAt: gate, openBids: bids, openOffers: offers };
      const window = await makeWindow(bus, gate + 60, { ...open, ...change });
      const ask = { capacity: window.address, gateClosesAt: gate, expiresAt: gate, isInAuction: true };
      const state = {
        ...{
          buses: byAddress([bus]),
          ledgers: new Map([[bus.address, ledger]]),
          sellers: byAddress([seller].slice(0, offers)),
        },
        ...{
          capacities: byAddress([capacity, window]),
          offers: byAddress([makeOffer(200, seller, ask)].slice(0, offers)),
        },
        bids: byAddress([makeBid(300, window, key(5))].slice(0, bids)),
      };
      return namesOf(await windDownInstructions(marketOf(state), STRANGER, bus));
    };
    await expect(steps({}, NOW + 301)).rejects.toThrow();
    expect(await steps({}, NOW + 301, 0)).toEqual(['BidSettle']);
    expect(await steps({}, NOW + 301, 1, 0)).toEqual(['OfferCancel']);
    await expect(steps({}, NOW + 300, 0)).rejects.toThrow();
    await expect(steps({}, NOW + 300)).rejects.toThrow();
    await expect(steps({}, NOW)).rejects.toThrow();
    const asks = { atPriceWh: 5_000n, filledWh: 1_000n, settledWh: 0n };
    const cleared = { clearedAt: NOW, auctionPricePerKwh: 200_000n, volumeWh: 1_000n, asks };
    expect(await steps(cleared, NOW)).toEqual(['AskSettle', 'OfferCancel', 'BidSettle']);
    expect(await steps({}, NOW - 86_400)).toEqual(['OfferCancel', 'BidSettle']);
  });

  const made = async () => {
    const { bus, ledger, capacity } = await makeBus(100, { closing: true });
    const seller = await makeSeller(bus, key(9), { openOffers: 1 });
    const ended = makeOffer(200, seller, { expiresAt: NOW });
    const proposal = { address: key(300), bus: bus.address, proposer: ADA } as Proposal;
    const lock = {
      address: key(301),
      bus: bus.address,
      offer: ended.address,
      buyer: key(5),
      place: 0,
      isUnpaid: false,
      takenAt: NOW - 400,
      expiresAt: NOW - 100,
      refund: key(6),
    } as Lock;
    const window: Capacity = {
      ...capacity,
      address: key(302),
      windowStart: 900,
      terms: QUARTERS,
      gateClosesAt: 600,
    };
    return { bus, ledger, capacity, seller, ended, proposal, lock, window };
  };

  it('is wound down by a stranger: locks, then offers, sellers, windows, decisions, and at last the bus', async () => {
    const { bus, ledger, capacity, seller, ended, proposal, lock, window } = await made();
    const base = { buses: byAddress([bus]), ledgers: new Map([[bus.address, ledger]]) };
    const steps = async (state: Parameters<typeof marketOf>[0]) =>
      namesOf(await windDownInstructions(marketOf({ ...base, ...state }), STRANGER, bus));
    const general = { capacities: byAddress([capacity]) };
    expect(
      await steps({
        locks: byAddress([lock]),
        offers: byAddress([ended]),
        sellers: byAddress([seller]),
        proposals: byAddress([proposal]),
        capacities: byAddress([capacity, window]),
      }),
    ).toEqual(['LockRelease', 'CapacityClose', 'ProposalClose']);
    expect(await steps({ ...general, offers: byAddress([ended]), sellers: byAddress([seller]) })).toEqual([
      'OfferCancel',
    ]);
    expect(await steps({ ...general, sellers: byAddress([seller]) })).toEqual(['SellerClose']);
    expect(await steps(general)).toEqual(['BusClose']);
  });

  it('closes delivery records and meters before the sellers whom they belong to, and pays grid fees', async () => {
    const { bus, ledger, capacity } = await made();
    const seller = await makeSeller(bus, key(9), { gridFeesOwed: 5n, meter: key(303), openBooks: 1 });
    const other = await makeSeller(bus, key(8));
    const meter = { address: key(303), bus: bus.address, seller: seller.address, key: key(304) } as Meter;
    const book = makeBook(305, seller, 0, { 0: { soldWh: 1n, paid: 1n, deliveredWh: 1n } });
    const base = {
      buses: byAddress([bus]),
      ledgers: new Map([[bus.address, ledger]]),
      capacities: byAddress([capacity]),
    };
    const steps = async (state: Parameters<typeof marketOf>[0], caller = STRANGER) =>
      namesOf(await windDownInstructions(marketOf({ ...base, ...state }), caller, bus));
    const sellers = byAddress([seller, other]);
    const meters = byAddress([meter]);
    // The time for certificates of others runs: the book stays, and what needs it.
    expect(await steps({ sellers, meters, books: byAddress([book]) })).toEqual(['GridSweep', 'SellerClose']);
    // The seller need not wait.
    const own = await steps({ sellers, meters, books: byAddress([book]) }, seller.wallet);
    expect(own).toEqual(['DeliveryClose', 'GridSweep', 'SellerClose']);
    const swept = byAddress([{ ...seller, gridFeesOwed: 0n }]);
    expect(await steps({ sellers: swept, meters })).toEqual(['MeterClose']);
  });

  it('waits for what is held, and says so; what is on offer is withdrawn by anyone', async () => {
    const { bus, ledger, seller, ended, lock } = await made();
    const state = {
      buses: byAddress([bus]),
      ledgers: new Map([[bus.address, ledger]]),
      offers: byAddress([{ ...ended, expiresAt: NOW + 10 }]),
      sellers: byAddress([seller]),
    };
    expect(namesOf(await windDownInstructions(marketOf(state), STRANGER, bus))).toEqual(['OfferCancel']);
    const held = marketOf({ ...state, locks: byAddress([{ ...lock, expiresAt: NOW + 10 }]) });
    await expect(windDownInstructions(held, STRANGER, bus)).rejects.toThrow('Nothing can be closed yet');
    expect(isWoundDown(remainsOf(held.state.get(), bus.address))).toBe(false);
  });

  it('closes with a claim of every owner, in their order, and pays former owners before', async () => {
    const { bus, ledger } = await made();
    const stateOf = (formerOwners: readonly { wallet: Address; accrued: bigint }[]) => ({
      buses: byAddress([bus]),
      ledgers: new Map([[bus.address, { ...ledger, formerOwners }]]),
    });
    const before = await windDownInstructions(marketOf(stateOf([{ wallet: key(8), accrued: 1n }])), STRANGER, bus);
    expect(namesOf(before)).toEqual(['TreasuryClaim']);
    // One of them whose own account is frozen must name another, on the card of the treasury, and keeps nobody else back.
    const [frozen, other] = [key(8), key(9)];
    const own = await tokenAccountAddress(frozen, bus.mint, bus.tokenProgram);
    const onChain = new Map([[own, tokenAccountOf(bus, frozen, true)]]);
    const both = stateOf([frozen, other].map((wallet) => ({ wallet, accrued: 1n })));
    const [paid, ...rest] = await windDownInstructions(marketOf(both, onChain), frozen, bus);
    expect([addressesOf(paid)[1], rest]).toEqual([other, []]);
    const alone = marketOf(stateOf([{ wallet: frozen, accrued: 1n }]), onChain);
    await expect(windDownInstructions(alone, frozen, bus)).rejects.toThrow('Name another account');
    const [close] = await windDownInstructions(marketOf(stateOf([])), STRANGER, bus);
    const claims = await Promise.all(bus.owners.map(({ wallet }) => claimAddress(bus.address, wallet)));
    expect(addressesOf(close).slice(-2)).toEqual(claims);
    expect(addressesOf(close)).toContain(await ledgerAddress(bus.address));
  });
});
