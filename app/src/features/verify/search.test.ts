// @vitest-environment node

import { getBase58Encoder, type Address, type Signature } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { traderAddress } from '../../chain/address';
import type { Connection } from '../../chain/connection';
import { getReceiptEncoder, getTraderEncoder, getTraderSize } from '../../generated';
import { PROGRAM } from '../../programs';
import { key } from '../../testing/market';
import { laneData, purchaseLog } from '../../testing/node';
import { RECEIPT_BYTES, RECEIPTS_AT, searchMarket, verify } from './verify';

const BUYER = key(7);
const FIRST = 500n << 20n;
const hashOf = (number: number) => number.toString(16).padStart(64, '0');
const signatureOf = (number: number) => String(10_000 + number).padStart(88, '3') as Signature;

interface Bought {
  readonly hash: string;
  readonly nonce: bigint;
  readonly signature: Signature;
}

/** A node with so many purchases in the buyer's first lane, which keeps the last 16; what was asked of it. */
async function node(purchases: number, isOpen = true) {
  const address = await traderAddress(BUYER, 0);
  const bought: Bought[] = Array.from({ length: purchases }, (_, index) => ({
    hash: hashOf(index),
    nonce: FIRST + BigInt(index),
    signature: signatureOf(index),
  }));
  const last = bought.slice(-16);
  // The helper takes the first receipt's nonce for the lane's first one.
  const data = laneData(BUYER, FIRST + BigInt(purchases), last);
  new DataView(data.buffer).setBigUint64(24, FIRST, true);
  const asked = { lists: 0, listBytes: 0, transactions: 0 };
  const answer = <T>(value: () => T) => ({ send: async () => value() });
  const base64 = (bytes: Uint8Array) => [Buffer.from(bytes).toString('base64'), 'base64'];
  const rpc = {
    getProgramAccounts: (_: Address, { filters }: { filters: { memcmp: { offset: bigint; bytes: string } }[] }) =>
      answer(() => {
        asked.lists += 1;
        const isIt = filters.every(({ memcmp: { offset, bytes } }) =>
          getBase58Encoder()
            .encode(bytes)
            .every((byte, at) => data[Number(offset) + at] === byte),
        );
        if (!isIt || !isOpen) return [];
        asked.listBytes += data.length;
        return [{ pubkey: address, account: { owner: PROGRAM, data: base64(data) } }];
      }),
    getMultipleAccounts: (wanted: readonly Address[]) =>
      answer(() => ({
        context: { slot: 1n },
        value: wanted.map((one) => (isOpen && one === address ? { owner: PROGRAM, data: base64(data) } : null)),
      })),
    getSignaturesForAddress: (of: Address, { before }: { before?: Signature }) =>
      answer(() => {
        if (of !== address && of !== PROGRAM) return [];
        const newest = bought.toReversed();
        const from = before === undefined ? 0 : newest.findIndex(({ signature }) => signature === before) + 1;
        // Receipts of the helper are all of second 9; each purchase here has a second of its own.
        return newest.slice(from, from + 1_000).map(({ signature, nonce }) => ({
          signature,
          err: null,
          blockTime: 9n + 60n * (FIRST + BigInt(purchases) - 1n - nonce),
        }));
      }),
    getTransaction: (wanted: Signature) =>
      answer(() => {
        asked.transactions += 1;
        const found = bought.find(({ signature }) => signature === wanted);
        if (found === undefined) return null;
        const header = { numRequiredSignatures: 1, numReadonlySignedAccounts: 0, numReadonlyUnsignedAccounts: 1 };
        return {
          slot: 1n,
          blockTime: 9n,
          meta: { err: null, fee: 1n, logMessages: purchaseLog(BUYER, found) },
          transaction: { message: { accountKeys: [BUYER, PROGRAM], header, instructions: [] } },
        };
      }),
  };
  return { connection: { rpc } as unknown as Connection, bought, asked };
}

const { signal } = new AbortController();
const NOBODY = { trades: [], wallet: undefined };
const quiet = () => undefined;

describe('receipts of a lane', () => {
  it('lie where they are looked for', () => {
    expect(BigInt(getTraderSize())).toBe(RECEIPTS_AT + 16n * RECEIPT_BYTES + 32n);
    expect(BigInt(getReceiptEncoder().fixedSize)).toBe(RECEIPT_BYTES);
    const data = laneData(BUYER, 1n, [{ hash: 'ab'.repeat(32), nonce: 0n }]);
    expect(getTraderEncoder().fixedSize).toBe(data.length);
    expect(Buffer.from(data.subarray(Number(RECEIPTS_AT), Number(RECEIPTS_AT) + 32)).toString('hex')).toBe(
      'ab'.repeat(32),
    );
  });
});

describe('a hash', () => {
  it('with a receipt is found by it: one lane is sent, and one transaction', async () => {
    const { connection, bought, asked } = await node(2_000);
    const newest = bought.at(-1);
    const verdict = await verify(connection, { kind: 'hash', hash: newest?.hash ?? '' }, NOBODY, signal, quiet);
    expect(verdict).toMatchObject({
      kind: 'processed',
      purchases: [{ hash: newest?.hash, signature: newest?.signature, proof: { kind: 'receipt', purchases: 2_000 } }],
    });
    expect(asked).toEqual({ lists: 16, listBytes: getTraderSize(), transactions: 1 });
  });

  it('that the page knows from a trade is read from its transaction, also when its lane has closed', async () => {
    const { connection, bought, asked } = await node(40, false);
    const [first] = bought;
    const trades = bought.map(({ hash, signature }) => ({ hash, signature }));
    const query = { kind: 'hash', hash: first?.hash ?? '' } as const;
    const verdict = await verify(connection, query, { ...NOBODY, trades }, signal, quiet);
    expect(verdict).toMatchObject({ kind: 'processed', purchases: [{ proof: { kind: 'closed' } }] });
    expect(asked.transactions).toBe(1);
  });

  it('of the connected wallet’s own older purchase is found in its lanes', async () => {
    const { connection, bought } = await node(40);
    const query = { kind: 'hash', hash: bought[3]?.hash ?? '' } as const;
    const verdict = await verify(connection, query, { ...NOBODY, wallet: BUYER }, signal, quiet);
    expect(verdict).toMatchObject({ kind: 'processed', purchases: [{ proof: { kind: 'older', purchases: 40 } }] });
  });

  it('of an older purchase of somebody else is looked for in all transactions only when that is asked for', async () => {
    const { connection, bought, asked } = await node(400);
    const hash = bought[1]?.hash ?? '';
    expect(await verify(connection, { kind: 'hash', hash }, NOBODY, signal, quiet)).toEqual({ kind: 'unfound', hash });
    expect(asked.transactions).toBe(0);
    const looked: number[] = [];
    expect(await searchMarket(connection, hash, signal, (count) => looked.push(count))).toMatchObject({
      kind: 'processed',
    });
    expect(looked.at(-1)).toBe(400);
    expect(await searchMarket(connection, 'f'.repeat(64), signal, quiet)).toMatchObject({ kind: 'unprocessed' });
  });

  it('is no longer looked for by who has gone', async () => {
    const { connection, asked } = await node(400);
    const over = new AbortController();
    await searchMarket(connection, 'f'.repeat(64), over.signal, () => over.abort());
    expect(asked.transactions).toBe(8);
  });
});
