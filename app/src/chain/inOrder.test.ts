// @vitest-environment node

import type { Instruction, Signature } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { SYSTEM_PROGRAM } from '../programs';
import { key } from '../testing/market';
import { FakeNode } from '../testing/node';
import { sendInOrder, SIGNED_AT_ONCE, type Signer } from './send';

const WALLET = key(1);
const steps: readonly (readonly Instruction[])[] = Array.from({ length: 23 }, (_, index) => [
  { programAddress: SYSTEM_PROGRAM, data: Uint8Array.of(index) },
]);

/** Sends the steps with a wallet that sends itself or not; the transaction of one step fails on chain where one is named. */
async function sent(sends: boolean, failing?: number) {
  const node = await FakeNode.of(WALLET);
  node.onSend = () => undefined;
  const asked: number[] = [];
  let step = 0;
  const wallet: Signer = {
    address: WALLET,
    sends,
    sign: async (transactions) => {
      asked.push(transactions.length);
      return transactions.map((transaction) => {
        const signature = `signature ${step}` as Signature;
        const err = step === failing ? { InstructionError: [0, 'InvalidArgument'] } : null;
        node.landed.set(signature, { err, logs: [] });
        step += 1;
        return { signature, transaction: sends ? undefined : transaction };
      });
    },
  };
  const landed: number[] = [];
  const run = sendInOrder(
    node.connection,
    wallet,
    steps,
    1_000,
    () => undefined,
    (index) => landed.push(index),
  );
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { asked, landed, error, sent: node.sent };
}

describe('transactions of which each needs the one before', () => {
  it('are signed several at once, and land one after the other', async () => {
    const { asked, landed, error, sent: count } = await sent(false);
    expect(error).toBeUndefined();
    expect(asked).toEqual([SIGNED_AT_ONCE, SIGNED_AT_ONCE, 3]);
    expect(landed).toEqual(steps.map((_, index) => index));
    expect(count).toBe(steps.length);
  });

  it('are signed one by one by a wallet that sends itself', async () => {
    const { asked, landed } = await sent(true);
    expect(asked).toEqual(steps.map(() => 1));
    expect(landed).toHaveLength(steps.length);
  });

  it('stop at the first one that fails: what comes behind it is not sent', async () => {
    const { landed, error, sent: count } = await sent(false, 12);
    expect(landed).toEqual(Array.from({ length: 12 }, (_, index) => index));
    expect(error).toBeInstanceOf(Error);
    expect(count).toBe(13);
  });
});
