// @vitest-environment node

import type { Address, Signature } from '@solana/kit';
import { beforeAll, describe, expect, it } from 'vitest';

import type { Connection } from '../../chain/connection';
import {
  getAskSettledEncoder,
  getAuctionClearedEncoder,
  getBidCancelledEncoder,
  getBidCreatedEncoder,
  getBidSettledEncoder,
  getCapacityOpenedEncoder,
  getEnergyPurchasedEncoder,
  getOfferCancelledEncoder,
  getOfferCreatedEncoder,
  getOfferExpirySetEncoder,
  getOfferRepricedEncoder,
  PurchaseKind,
} from '../../generated';
import type { Capacity, Offer } from '../../market/model';
import { PROGRAM } from '../../programs';
import { AUCTION, key, makeBid, makeBus, makeOffer, makeSeller, makeWindow, NOW } from '../../testing/market';
import { checkAccounts, checkAuction } from './check';

const START = NOW + 1_800;
const GATE = START - 60;
let window: Capacity;
let offer: Offer;

beforeAll(async () => {
  const { bus } = await makeBus(100, { terms: AUCTION });
  window = await makeWindow(bus, START);
  const seller = await makeSeller(bus, key(9));
  offer = makeOffer(200, seller, { capacity: window.address, gateClosesAt: GATE, expiresAt: GATE, isInAuction: true });
});

type Line = readonly [accounts: readonly Address[], event: ArrayLike<number>];

const none = new Uint8Array(0);
const padded = (count: number) => new Uint8Array(count);
const bidOf = (number: number) => key(500 + number);
const offerOf = (number: number) => key(600 + number);

const opened = (): Line => {
  const terms = {
    ...{ from: 0n, gridFeePerKwh: 20_000n, windowSeconds: 900, gateClosureSeconds: 60, readingDeadlineSeconds: 0 },
    ...{ correctionSeconds: 0, settlement: 0, auction: 1, reserved: padded(6) },
  };
  const data = {
    bus: window.bus,
    capacity: window.address,
    rentPayer: key(9),
    windowStart: BigInt(START),
    totalWh: 1n,
  };
  return [[window.address], getCapacityOpenedEncoder().encode({ ...data, gateClosesAt: BigInt(GATE), terms })];
};
const bid = (number: number, energyWh: bigint, limit: bigint): Line => [
  [window.address, bidOf(number)],
  getBidCreatedEncoder().encode({
    ...{
      bid: bidOf(number),
      bus: window.bus,
      capacity: window.address,
      buyer: key(5),
      refund: key(6),
      nonce: 1n,
      lane: 0,
    },
    ...{ transactionHash: padded(32), energyWh, maxPricePerKwh: limit, deposit: 1n, windowStart: BigInt(START) },
    ...{ createdAt: 1n, padding: padded(6) },
  }),
];
const withdrawn = (number: number): Line => [
  [window.address, bidOf(number)],
  getBidCancelledEncoder().encode({
    ...{ bid: bidOf(number), capacity: window.address, buyer: key(5), destination: key(6), deposit: 1n },
  }),
];
const listed = (number: number, energyWh: bigint, pricePerKwh: bigint): Line => [
  [window.address, offerOf(number)],
  getOfferCreatedEncoder().encode({
    ...{
      bus: window.bus,
      capacity: window.address,
      offer: offerOf(number),
      seller: key(9),
      rentPayer: key(9),
      number: 1n,
    },
    ...{ energyWh, pricePerKwh, gridFeePerKwh: 20_000n, windowStart: BigInt(START), createdAt: 1n, tradesFrom: 0n },
    ...{ expiresAt: BigInt(GATE), capacityTotalWh: 1n, source: 1, padding: padded(7) },
  }),
];
const bought = (number: number, energyWh: bigint): Line => [
  [offerOf(number)],
  getEnergyPurchasedEncoder().encode({
    ...{ buyer: key(5), transactionHash: padded(32), nonce: 1n, purchasedAt: 1n, lane: 0, kind: PurchaseKind.Single },
    ...{ reserved: 0, fills: [{ offer: offerOf(number), energyWh, pricePerKwh: 1n, cost: 1n }] },
  }),
];
const repriced = (number: number, pricePerKwh: bigint): Line => [
  [offerOf(number)],
  getOfferRepricedEncoder().encode({
    offer: offerOf(number),
    pricePerKwh,
    tradesFrom: 0n,
    version: 2,
    padding: padded(4),
  }),
];
const expires = (number: number, at: number): Line => [
  [offerOf(number)],
  getOfferExpirySetEncoder().encode({ offer: offerOf(number), expiresAt: BigInt(at), version: 2, padding: padded(4) }),
];
const gone = (number: number): Line => [
  [window.address, offerOf(number)],
  getOfferCancelledEncoder().encode({
    ...{ bus: window.bus, offer: offerOf(number), cancelledBy: key(9), withdrawnWh: 1n, soldWh: 0n, collected: 0n },
    ...{ gridFee: 0n, closed: 1, windowUnused: 0, padding: padded(6) },
  }),
];
const cleared = (pricePerKwh: bigint, volumeWh: bigint, bids: readonly bigint[], asks: readonly bigint[]): Line => [
  [window.address],
  getAuctionClearedEncoder().encode({
    ...{ bus: window.bus, capacity: window.address, clearing: key(7), clearer: key(8), windowStart: BigInt(START) },
    ...{ lowPrice: pricePerKwh, highPrice: pricePerKwh, pricePerKwh, volumeWh, clearedAt: BigInt(GATE) },
    ...{ bidsAtPriceWh: bids[0] ?? 0n, bidsFilledWh: bids[1] ?? 0n },
    ...{ asksAtPriceWh: asks[0] ?? 0n, asksFilledWh: asks[1] ?? 0n },
  }),
];
const settledBid = (number: number): Line => [
  [window.address, bidOf(number)],
  getBidSettledEncoder().encode({
    ...{ bid: bidOf(number), capacity: window.address, buyer: key(5), settledBy: key(5), transactionHash: padded(32) },
    ...{ allottedWh: 1n, paid: 1n, returned: 0n, deliveredWh: 0n, state: 1, outcome: 0, closed: 1, padding: padded(5) },
  }),
];
const settledAsk = (number: number): Line => [
  [window.address, offerOf(number)],
  getAskSettledEncoder().encode({
    ...{ offer: offerOf(number), capacity: window.address, seller: key(9), energyWh: 1n, credited: 1n },
  }),
];

/** A node that has these transactions, the oldest first. */
function nodeWith(lines: readonly Line[]): Connection {
  const signatures = lines.map((_, index) => String(index) as Signature);
  const answer = <T>(value: T) => ({ send: async () => value });
  const rpc = {
    getSignaturesForAddress: (address: Address) =>
      answer(
        signatures
          .filter((_, index) => lines[index]?.[0].includes(address))
          .map((signature) => ({ signature, err: null, blockTime: 1n }))
          .toReversed(),
      ),
    getTransaction: (signature: string) => {
      const event = Buffer.from(Uint8Array.from(lines[Number(signature)]?.[1] ?? none)).toString('base64');
      const logMessages = [`Program ${PROGRAM} invoke [1]`, `Program data: ${event}`, `Program ${PROGRAM} success`];
      return answer({ meta: { err: null, logMessages }, slot: 1n, blockTime: 1n });
    },
  };
  return { rpc } as unknown as Connection;
}

const quiet = () => undefined;
const { signal } = new AbortController();

describe('a price', () => {
  /** A window with everything that can happen before its gate: 800 Wh are sold at 0.25. */
  const before = () => [
    opened(),
    bid(1, 1_000n, 320_000n),
    bid(2, 9_000n, 900_000n),
    withdrawn(2),
    // At the price, with the grid fee.
    bid(3, 500n, 270_000n),
    // The first sells a part before, and becomes dearer.
    listed(1, 2_000n, 100_000n),
    bought(1, 1_200n),
    repriced(1, 250_000n),
    // These do not take part: withdrawn, or over before the gate.
    listed(2, 7_000n, 1_000n),
    gone(2),
    listed(3, 7_000n, 1_000n),
    expires(3, GATE - 1),
  ];
  const after = () => [settledAsk(1), settledBid(1), gone(1), settledBid(3)];
  const proof = () => cleared(300_000n, 800n, [1_000n, 800n], [0n, 0n]);

  it('is computed from the history of its window, also after all has closed', async () => {
    const lines = [...before(), proof(), ...after()];
    let looked = 0;
    const checked = await checkAuction(nodeWith(lines), window.address, undefined, signal, (read) => {
      looked = read;
    });
    // The better bid wants more than there is: it alone is at the price, which is its own.
    expect(checked).toMatchObject({
      ...{ kind: 'equal', from: 'history', bids: 2, asks: 1 },
      computed: { pricePerKwh: 300_000n, volumeWh: 800n },
    });
    expect(looked).toBeGreaterThan(10);
  });

  it('that the orders do not come to is told as such, with both', async () => {
    const lines = [...before(), cleared(250_000n, 800n, [500n, 0n], [800n, 800n]), ...after()];
    expect(await checkAuction(nodeWith(lines), window.address, undefined, signal, quiet)).toMatchObject({
      ...{ kind: 'different', computed: { pricePerKwh: 300_000n }, told: { pricePerKwh: 250_000n } },
    });
    // Where the window is still there, it has the last word.
    const capacity = { ...window, clearedAt: GATE, auctionPricePerKwh: 300_000n, volumeWh: 799n };
    const known = { capacity, orders: { bids: [], offers: [] } };
    const checked = await checkAuction(nodeWith([...before(), proof()]), window.address, known, signal, quiet);
    expect(checked).toMatchObject({ kind: 'different', told: { volumeWh: 799n } });
  });

  it('of a window whose history the node does not serve cannot be checked', async () => {
    for (const lines of [[], before(), [proof()]]) {
      expect(await checkAuction(nodeWith(lines), window.address, undefined, signal, quiet)).toEqual({ kind: 'untold' });
    }
  });

  it('is computed from the orders on chain while those come to it, and from history otherwise', async () => {
    const bids = [makeBid(300, window, key(5), { energyWh: 1_000n, pricePerKwh: 300_000n })];
    const orders = { bids, offers: [{ ...offer, remainingWh: 800n }] };
    const outcome = {
      ...{ clearedAt: GATE, auctionPricePerKwh: 300_000n, volumeWh: 800n },
      bids: { atPriceWh: 1_000n, filledWh: 800n, settledWh: 0n },
      asks: { atPriceWh: 0n, filledWh: 0n, settledWh: 0n },
    };
    const capacity = { ...window, ...outcome };
    // The history is not asked.
    const away = {} as Connection;
    expect(await checkAuction(away, window.address, { capacity, orders }, signal, quiet)).toMatchObject({
      ...{ kind: 'equal', from: 'accounts', bids: 1, asks: 1 },
    });
    expect(checkAccounts(capacity, { ...orders, bids: [] })).toBeUndefined();
    expect(checkAccounts(capacity, { ...orders, offers: [{ ...offer, isSettled: true }] })).toBeUndefined();
  });
});
