// @vitest-environment node
//
// A bid is a purchase as far as hash, nonce, receipt and history go: it is found and proven like one, and its end is told.

import type { Address, Signature } from '@solana/kit';
import { beforeAll, describe, expect, it } from 'vitest';

import { bidAddress, traderAddress } from '../../chain/address';
import type { Connection } from '../../chain/connection';
import { unhex } from '../../chain/hex';
import { getBidCreatedEncoder, getBidSettledEncoder } from '../../generated';
import type { Trader } from '../../market/model';
import { UNREAD } from '../../market/state';
import { PROGRAM } from '../../programs';
import { byAddress, key, makeBus, NOW } from '../../testing/market';
import { laneData, NO_SIGNERS, purchaseLog } from '../../testing/node';
import { fateOf } from '../purchase/fate';
import { EMPTY_ROOT, nextHistoryRoot } from '../purchase/hash';
import { entriesOf } from '../trader/energy';
import { csvOf, isBid, knownPurchases, readPurchases } from '../trader/history';
import { history, verify } from './verify';

const BUYER = key(5);
const [BOUGHT, BIDDEN] = ['ab'.repeat(32), 'cd'.repeat(32)];
const FIRST = 7n << 20n;
const { signal } = new AbortController();
const quiet = () => undefined;
let bid: Address;
let lane: Address;

beforeAll(async () => {
  bid = (await bidAddress(BIDDEN)).address;
  lane = await traderAddress(BUYER, 0);
});

const logOf = (event: ArrayLike<number>) => [
  `Program ${PROGRAM} invoke [1]`,
  `Program data: ${Buffer.from(Uint8Array.from(event)).toString('base64')}`,
  `Program ${PROGRAM} success`,
];
const made = () =>
  logOf(
    getBidCreatedEncoder().encode({
      ...{ bid, bus: key(100), capacity: key(101), buyer: BUYER, refund: key(6), transactionHash: unhex(BIDDEN) },
      ...{ nonce: FIRST + 1n, energyWh: 1_000n, maxPricePerKwh: 320_000n, deposit: 320_000n, lane: 0 },
      ...{ windowStart: BigInt(NOW + 900), createdAt: 9n, padding: new Uint8Array(6) },
    }),
  );
const settled = () =>
  logOf(
    getBidSettledEncoder().encode({
      ...{ bid, capacity: key(101), buyer: BUYER, settledBy: key(77), transactionHash: unhex(BIDDEN) },
      ...{ allottedWh: 800n, paid: 176_000n, returned: 144_000n, deliveredWh: 0n, state: 1, outcome: 0, closed: 1 },
      padding: new Uint8Array(5),
    }),
  );

/** A node with a lane that bought once, then bid; the bid may have been settled by a stranger. */
function node(isSettled: boolean): Connection {
  const landed: readonly (readonly [Signature, readonly Address[], readonly string[]])[] = [
    ['1' as Signature, [lane], purchaseLog(BUYER, { hash: BOUGHT, nonce: FIRST })],
    ['2' as Signature, [lane, bid], made()],
    ...(isSettled ? [['3' as Signature, [bid], settled()] as const] : []),
  ];
  const data = laneData(BUYER, FIRST + 2n, [
    { hash: BOUGHT, nonce: FIRST },
    { hash: BIDDEN, nonce: FIRST + 1n },
  ]);
  const account = { owner: PROGRAM, data: [Buffer.from(data).toString('base64'), 'base64'] };
  const answer = <T>(value: T) => ({ send: async () => value });
  const rpc = {
    getBlockHeight: () => answer(5n),
    getProgramAccounts: (_: unknown, { filters }: { filters: readonly { memcmp: { offset: bigint } }[] }) =>
      // The receipt of a nonce has its place by its number.
      answer(filters[1]?.memcmp.offset === 120n + 56n * ((FIRST + 1n) % 16n) ? [{ pubkey: lane, account }] : []),
    getMultipleAccounts: (addresses: readonly Address[]) =>
      answer({ context: { slot: 1n }, value: addresses.map((one) => (one === lane ? account : null)) }),
    getSignaturesForAddress: (address: Address) =>
      answer(
        landed
          .filter(([, accounts]) => accounts.includes(address))
          .map(([signature]) => ({ signature, err: null, blockTime: 9n }))
          .toReversed(),
      ),
    getTransaction: (wanted: string) => {
      const found = landed.find(([signature]) => signature === wanted);
      const message = { accountKeys: [], header: NO_SIGNERS, instructions: [] };
      const meta = { err: null, logMessages: found?.[2] ?? [], fee: 1n };
      return answer({ meta, transaction: { message }, slot: 1n, blockTime: 9n });
    },
  };
  return { rpc } as unknown as Connection;
}

describe('a bid', () => {
  it('is proven by the history of its lane, in its place among the purchases', async () => {
    const historyRoot = await nextHistoryRoot(await nextHistoryRoot(EMPTY_ROOT, BOUGHT), BIDDEN);
    const trader = {
      ...{ address: lane, wallet: BUYER, lane: 0, firstNonce: FIRST, nextNonce: FIRST + 2n, historyRoot, receipts: [] },
    } as unknown as Trader;
    const read = await history(node(true), trader);
    expect(read.proof).toMatchObject({ kind: 'proven', purchases: 2 });
    expect(read.purchases.map(({ hash, energyWh }) => [hash, energyWh])).toEqual([
      [BOUGHT, 1_000n],
      [BIDDEN, 0n],
    ]);
  });

  it('is verified by its hash, with what became of it', async () => {
    const query = { kind: 'hash', hash: BIDDEN } as const;
    const nobody = { trades: [], wallet: undefined };
    const verdict = await verify(node(true), query, nobody, signal, quiet);
    expect(verdict).toMatchObject({
      kind: 'processed',
      purchases: [
        { hash: BIDDEN, energyWh: 800n, paid: 176_000n, bid: { energyWh: 1_000n, settlement: { isClosed: true } } },
      ],
    });
    const open = await verify(node(false), query, nobody, signal, quiet);
    expect(open).toMatchObject({ purchases: [{ energyWh: 0n, paid: 0n, bid: { settlement: undefined } }] });
  });

  it('of unknown fate is told by its lane, or by its transaction', async () => {
    const entry = {
      ...{ hash: BIDDEN, wallet: BUYER, lane: 0, nonce: FIRST + 1n, genesis: '', title: '', isBid: true },
      ...{ signature: '2' as Signature, lastValidBlockHeight: 100n },
    };
    expect(await fateOf(node(false), entry)).toMatchObject({ kind: 'paid', signature: '2' });
    // Another purchase has spent the nonce since, so that only the transaction tells.
    const older = { ...entry, nonce: FIRST, hash: 'ef'.repeat(32) };
    expect(await fateOf(node(false), older)).toEqual({ kind: 'never' });
  });

  it('stands in the wallet’s history with what it got, also after its account has closed', async () => {
    const { purchases } = await readPurchases(node(true), BUYER, signal, quiet);
    const own = purchases.find(({ hash }) => hash === BIDDEN);
    expect(own).toMatchObject({ energyWh: 800n, paid: 176_000n, bid: { energyWh: 1_000n, deposit: 320_000n } });
    expect(own !== undefined && isBid(own)).toBe(true);
    const { bus } = await makeBus(100);
    const known = { ...UNREAD, buses: byAddress([bus]), own: new Set<never>() };
    const entries = entriesOf(known, BUYER, purchases, [], () => undefined);
    expect(entries.find(({ hash }) => hash === BIDDEN)).toMatchObject({
      ...{ side: 'bought', at: NOW + 900, energyWh: 800n, units: 176_000n, bus },
    });
    const csv = csvOf(
      purchases,
      () => undefined,
      () => undefined,
      () => ({ mint: key(50), decimals: 6, name: 'Mill' }),
    );
    expect(csv).toContain(
      `${BIDDEN},${key(101)},${key(100)},${new Date((NOW + 900) * 1_000).toISOString()},800,,176000,${key(50)},Mill,0.176`,
    );
  });

  it('of which only the receipt is known is a bid all the same: it says that nothing is bought yet', () => {
    const receipt = { wallet: BUYER, lane: 0, nonce: FIRST, purchasedAt: 5 };
    const [bought, bidden] = knownPurchases(
      BUYER,
      [
        { ...receipt, hash: BOUGHT, energyWh: 7n, paid: 8n, purchasedAt: 6 },
        { ...receipt, hash: BIDDEN, energyWh: 0n, paid: 0n },
      ],
      [],
      [],
    );
    expect([bought, bidden].map((one) => one !== undefined && isBid(one))).toEqual([false, true]);
  });
});
