// @vitest-environment node

import type { Address, Signature } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import type { Connection } from '../../chain/connection';
import type { Pending } from '../../state/journal';
import { FakeNode, laneData, purchaseLog } from '../../testing/node';
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

/** A node at a height, with the wallet's lane, and perhaps a transaction that bought the entry. */
async function node(height: bigint, lane: Uint8Array | undefined, hasLanded = false): Promise<Connection> {
  const fake = await FakeNode.of(WALLET);
  fake.height = height;
  fake.lane = lane;
  if (hasLanded) fake.landed.set('sig', { err: null, logs: purchaseLog(WALLET, { hash: HASH, nonce: NONCE }) });
  return fake.connection;
}

/** A lane whose next nonce is this, and whose receipt of the entry's nonce has this hash. */
const lane = (nextNonce: bigint, hash?: string) =>
  laneData(WALLET, nextNonce, hash === undefined ? [] : [{ hash, nonce: NONCE }]);

describe('a purchase of unknown fate', () => {
  it('is paid where its lane has its receipt, whatever the height', async () => {
    for (const height of [1n, 1_000n]) {
      const fate = await fateOf(await node(height, lane(NONCE + 1n, HASH)), entry);
      expect(fate).toMatchObject({ kind: 'paid', receipt: { hash: HASH, energyWh: 7n, paid: 8n } });
    }
  });

  it('is open until its last block while its nonce is not spent', async () => {
    expect(await fateOf(await node(100n, lane(NONCE)), entry)).toEqual({ kind: 'open' });
    expect(await fateOf(await node(101n, lane(NONCE)), entry)).toEqual({ kind: 'never' });
  });

  it('is open while the lane that it opens is not there yet', async () => {
    expect(await fateOf(await node(100n, undefined), entry)).toEqual({ kind: 'open' });
    expect(await fateOf(await node(100n, undefined), { ...entry, signature: undefined })).toEqual({ kind: 'open' });
    expect(await fateOf(await node(101n, undefined), entry)).toEqual({ kind: 'never' });
  });

  it('never happened where another purchase spent its nonce', async () => {
    expect(await fateOf(await node(1n, lane(NONCE + 1n, 'cd'.repeat(32))), entry)).toEqual({ kind: 'never' });
  });

  it('is paid where its transaction tells, when the receipt or the lane is gone', async () => {
    const paid = { kind: 'paid', receipt: undefined, signature: 'sig' };
    expect(await fateOf(await node(1n, lane(NONCE + 40n), true), entry)).toEqual(paid);
    expect(await fateOf(await node(1_000n, undefined, true), entry)).toEqual(paid);
  });
});
