// @vitest-environment node

import { beforeAll, describe, expect, it } from 'vitest';

import {
  BidState,
  getBidCancelledEncoder,
  getBidCreatedEncoder,
  getBidDecoder,
  getBidEncoder,
  getBidSettledEncoder,
  LAYOUT_VERSION,
} from '../generated';
import { PROGRAM } from '../programs';
import { AUCTION, key, makeBid, makeBus, makeWindow, NOW } from '../testing/market';
import { BidBook, isOfBid, talesWith } from './bids';
import { KINDS } from './decode';
import { changesOf, eventsOf } from './events';
import type { Bid, Capacity } from './model';

const HASH = 'ab'.repeat(32);
const hash = new Uint8Array(32).fill(0xab);
const [BID, BUYER, CAPACITY, BUS] = [key(1), key(2), key(3), key(4)];

const logOf = (event: ArrayLike<number>) => [
  `Program ${PROGRAM} invoke [1]`,
  `Program data: ${Buffer.from(Uint8Array.from(event)).toString('base64')}`,
  `Program ${PROGRAM} success`,
];

const created = () =>
  logOf(
    getBidCreatedEncoder().encode({
      ...{ bid: BID, bus: BUS, capacity: CAPACITY, buyer: BUYER, refund: key(5), transactionHash: hash, nonce: 7n },
      ...{ energyWh: 1_000n, maxPricePerKwh: 320_000n, deposit: 320_000n, windowStart: 9_000n, createdAt: 5n, lane: 3 },
      padding: new Uint8Array(6),
    }),
  );
const settled = (state: BidState, closed: number, paid: bigint) =>
  logOf(
    getBidSettledEncoder().encode({
      ...{
        bid: BID,
        capacity: CAPACITY,
        buyer: BUYER,
        settledBy: key(6),
        transactionHash: hash,
        allottedWh: 800n,
        paid,
      },
      ...{ returned: 320_000n - paid, deliveredWh: 0n, state, outcome: 0, closed, padding: new Uint8Array(5) },
    }),
  );
const cancelled = () =>
  logOf(
    getBidCancelledEncoder().encode({
      ...{ bid: BID, capacity: CAPACITY, buyer: BUYER, destination: key(5), deposit: 320_000n },
    }),
  );

/** What logs tell of bids, taken in this order. */
function told(...logs: readonly (readonly string[])[]) {
  const book = new BidBook();
  for (const log of logs) for (const event of eventsOf(log)) if (isOfBid(event)) book.take(event, 'signature');
  return book.tales().get(BID);
}

describe('events of bids', () => {
  it('tell what became of one, in whatever order they come', () => {
    const made = { hash: HASH, buyer: BUYER, bus: BUS, capacity: CAPACITY, lane: 3, nonce: 7n, windowStart: 9_000 };
    expect(told(created())).toMatchObject({ ...made, isCancelled: false, settlement: undefined });
    expect(told(cancelled(), created())).toMatchObject({ isCancelled: true });
    const filled = settled(BidState.Filled, 0, 250_000n);
    const refunded = settled(BidState.Refunded, 0, 125_000n);
    const closed = settled(BidState.Refunded, 1, 125_000n);
    expect(told(filled, created())?.settlement).toMatchObject({ paid: 250_000n, isFinal: false, isClosed: false });
    expect(told(created(), refunded, filled)?.settlement).toMatchObject({ paid: 125_000n, isFinal: true });
    expect(told(closed, created(), refunded, filled)?.settlement).toMatchObject({ isClosed: true });
    // Without its beginning nobody knows what it was.
    expect(told(filled)).toBeUndefined();
  });

  it('name the accounts that they change', () => {
    expect(changesOf(created()).accounts).toEqual([BID, CAPACITY]);
    expect(changesOf(settled(BidState.Filled, 0, 1n)).accounts).toEqual([BID, CAPACITY]);
    expect(changesOf(settled(BidState.Filled, 1, 1n)).accounts).toEqual([CAPACITY]);
    expect(changesOf(cancelled()).accounts).toEqual([CAPACITY]);
  });

  it('are kept for another time', () => {
    const [tale] = [told(created(), settled(BidState.Filled, 0, 250_000n))];
    const next = new BidBook();
    next.keep(tale === undefined ? [] : [tale]);
    expect(next.tales().get(BID)).toEqual(tale);
    // What is heard later goes on from there.
    for (const event of eventsOf(settled(BidState.Refunded, 1, 1n))) if (isOfBid(event)) next.take(event, 's');
    expect(next.tales().get(BID)?.settlement).toMatchObject({ paid: 1n, isClosed: true });
  });
});

describe('accounts of bids', () => {
  let window: Capacity;
  beforeAll(async () => {
    const { bus } = await makeBus(100, { terms: AUCTION });
    window = await makeWindow(bus, NOW + 1_800);
  });

  it('are read, and a state of a later program is not', () => {
    const zero = getBidDecoder().decode(new Uint8Array(getBidDecoder().fixedSize));
    const fields = { buyer: BUYER, capacity: CAPACITY, bus: BUS, energyWh: 5n, maxPricePerKwh: 9n, pricePerKwh: 7n };
    const read = (state: number) => {
      const data = Uint8Array.from(
        getBidEncoder().encode({ ...zero, ...fields, layoutVersion: LAYOUT_VERSION, state, transactionHash: hash }),
      );
      const kind = KINDS.find((one) => one.matches(data));
      expect(kind?.name).toBe('bid');
      // The bus lies where lists of a bus look for it.
      expect([...data.subarray(Number(kind?.busAt), Number(kind?.busAt) + 4)]).toEqual([0, 0, 0, 4]);
      return kind?.decode(BID, data) as Bid | undefined;
    };
    expect(read(0)).toMatchObject({ ...fields, hash: HASH, state: 'open', address: BID });
    expect([read(1)?.state, read(2)?.state, read(3)]).toEqual(['filled', 'refunded', undefined]);
  });

  it('tell what no event was heard of, and go before older events', () => {
    const open = makeBid(300, window, BUYER);
    const filled = makeBid(310, window, BUYER, { state: 'filled', allottedWh: 500n, paid: 9n });
    const tales = talesWith([open, filled], new Map());
    expect(tales.map(({ bid, settlement }) => [bid, settlement?.allottedWh])).toEqual([
      [open.address, undefined],
      [filled.address, 500n],
    ]);
    const [tale] = talesWith([open], new Map());
    if (tale === undefined) throw new Error('a bid has a tale');
    const closed = {
      ...tale,
      settlement: { allottedWh: 1n, paid: 1n, returned: 0n, deliveredWh: 0n, isFinal: true, isClosed: true },
    };
    expect(talesWith([open], new Map([[open.address, closed]]))[0]?.settlement?.isClosed).toBe(true);
  });
});
