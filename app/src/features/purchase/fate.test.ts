// @vitest-environment node

import type { Address, Signature } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import type { Connection } from '../../chain/connection';
import { unhex } from '../../chain/hex';
import { getEnergyPurchasedEncoder, getTraderEncoder, LAYOUT_VERSION, PurchaseKind } from '../../generated';
import { PROGRAM } from '../../programs';
import { type Pending } from '../../state/journal';
import { fateOf } from './fate';

const WALLET = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;
const HASH = 'ab'.repeat(32);
const NONCE = 5n << 20n;
const entry: Pending = {
  hash: HASH,
  wallet: WALLET,
  lane: 0,
  nonce: NONCE,
  genesis: '',
  title: '',
  signature: 'sig' as Signature,
  lastValidBlockHeight: 100n,
};

const receipt = { transactionHash: new Uint8Array(32), energyWh: 0n, paid: 0n, purchasedAt: 0n };
/** A lane whose next nonce is this, and whose receipt of the entry's nonce has this hash. */
function lane(nextNonce: bigint, hash?: string): Uint8Array {
  const receipts = Array.from({ length: 16 }, () => receipt);
  if (hash !== undefined) {
    receipts[Number(NONCE % 16n)] = { transactionHash: unhex(hash), energyWh: 7n, paid: 8n, purchasedAt: 9n } as never;
  }
  const data = getTraderEncoder().encode({
    layoutVersion: LAYOUT_VERSION,
    bump: 0,
    lane: 0,
    padding: new Uint8Array(4),
    nextNonce,
    firstNonce: NONCE,
    totalEnergyWh: 0n,
    totalPaid: 0n,
    openedAt: 0n,
    wallet: WALLET,
    historyRoot: new Uint8Array(32),
    receipts,
    reserved: new Uint8Array(32),
  });
  return new Uint8Array(data);
}

/** A node at a height, with the wallet's lane, and perhaps a transaction that bought the entry. */
function node(height: bigint, trader: Uint8Array | undefined, hasLanded = false): Connection {
  const answer = (value: unknown) => ({ send: async () => value });
  const event = getEnergyPurchasedEncoder().encode({
    buyer: WALLET,
    transactionHash: unhex(HASH),
    nonce: NONCE,
    purchasedAt: 0n,
    lane: 0,
    kind: PurchaseKind.Single,
    reserved: 0,
    fills: [{ offer: PROGRAM, energyWh: 1_000n, pricePerKwh: 2n, cost: 2n }],
  });
  const logMessages = [
    `Program ${PROGRAM} invoke [1]`,
    `Program data: ${Buffer.from(new Uint8Array(event)).toString('base64')}`,
    `Program ${PROGRAM} success`,
  ];
  const transaction = {
    meta: { err: null, logMessages, fee: 5_000n },
    transaction: { message: { accountKeys: [], instructions: [] } },
    slot: 1n,
    blockTime: 1n,
  };
  const rpc = {
    getBlockHeight: () => answer(height),
    getMultipleAccounts: (addresses: readonly Address[]) =>
      answer({
        context: { slot: 1n },
        value: addresses.map(() =>
          trader === undefined ? null : { owner: PROGRAM, data: [Buffer.from(trader).toString('base64'), 'base64'] },
        ),
      }),
    getTransaction: () => answer(hasLanded ? transaction : null),
  };
  return { rpc } as unknown as Connection;
}

describe('a purchase of unknown fate', () => {
  it('is paid where its lane has its receipt, whatever the height', async () => {
    for (const height of [1n, 1_000n]) {
      const fate = await fateOf(node(height, lane(NONCE + 1n, HASH)), entry);
      expect(fate).toMatchObject({ kind: 'paid', receipt: { hash: HASH, energyWh: 7n, paid: 8n } });
    }
  });

  it('is open until its last block while its nonce is not spent', async () => {
    expect(await fateOf(node(100n, lane(NONCE)), entry)).toEqual({ kind: 'open' });
    expect(await fateOf(node(101n, lane(NONCE)), entry)).toEqual({ kind: 'never' });
  });

  it('is open while the lane that it opens is not there yet', async () => {
    expect(await fateOf(node(100n, undefined), entry)).toEqual({ kind: 'open' });
    expect(await fateOf(node(100n, undefined), { ...entry, signature: undefined })).toEqual({ kind: 'open' });
    expect(await fateOf(node(101n, undefined), entry)).toEqual({ kind: 'never' });
  });

  it('never happened where another purchase spent its nonce', async () => {
    expect(await fateOf(node(1n, lane(NONCE + 1n, 'cd'.repeat(32))), entry)).toEqual({ kind: 'never' });
  });

  it('is paid where its transaction tells, when the receipt or the lane is gone', async () => {
    const paid = { kind: 'paid', receipt: undefined, signature: 'sig' };
    expect(await fateOf(node(1n, lane(NONCE + 40n), true), entry)).toEqual(paid);
    expect(await fateOf(node(1_000n, undefined, true), entry)).toEqual(paid);
  });
});
