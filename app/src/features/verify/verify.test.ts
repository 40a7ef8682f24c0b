// @vitest-environment node

import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { unhex } from '../../chain/hex';
import { EMPTY_ROOT } from '../purchase/hash';
import { parseQuery, proofOf } from './verify';

const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest('hex');

describe('a lane’s history', () => {
  const hashes = ['aa'.repeat(32), 'bb'.repeat(32), 'cc'.repeat(32)];
  const root = hashes.reduce((before, hash) => sha(unhex(before), unhex(hash)), EMPTY_ROOT);
  const lane = { firstNonce: 5n, nextNonce: 8n, historyRoot: root };
  const purchases = hashes.map((hash) => ({ hash }));

  it('is proven by the root', async () => {
    expect(await proofOf(lane, purchases)).toEqual({ kind: 'proven', root, purchases: 3 });
  });

  it('with one changed, moved or missing is not', async () => {
    expect(await proofOf(lane, purchases.toReversed())).toMatchObject({ kind: 'mismatch' });
    expect(await proofOf(lane, [...purchases.slice(1), { hash: 'dd'.repeat(32) }])).toMatchObject({ kind: 'mismatch' });
    expect(await proofOf(lane, purchases.slice(1))).toEqual({ kind: 'gap', missing: 1, root });
  });
});

describe('what is pasted', () => {
  it('is a hash or a signature, or is refused with a reason', () => {
    expect(parseQuery(` 0x${'AB'.repeat(32)} `)).toEqual({ kind: 'hash', hash: 'ab'.repeat(32) });
    expect(parseQuery('1'.repeat(64))).toEqual({ kind: 'hash', hash: '1'.repeat(64) });
    const signature = '5'.repeat(87);
    expect(parseQuery(signature)).toEqual({ kind: 'signature', signature });
    expect(parseQuery('hello')).toMatchObject({ reason: expect.stringContaining('neither') as unknown });
  });
});
