// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import type { Connection } from '../../chain/connection';
import { FIRST_SLOT_AHEAD, getTraderOpenInstructionDataDecoder } from '../../generated';
import type { Trader } from '../../market/model';
import { byPreference, isClosable, nextNonce } from './lanes';

const WALLET = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;
const lane = (number: number, next = 0n) => ({ lane: number, nextNonce: next }) as Trader;
const at = (slot: bigint) => ({ rpc: { getSlot: () => ({ send: async () => slot }) } }) as unknown as Connection;

describe('lanes', () => {
  it('that are open come first, those of unknown fate never', () => {
    const open = new Map([3, 1].map((number) => [number, lane(number)]));
    expect(byPreference(open, new Set()).slice(0, 4)).toEqual([1, 3, 0, 2]);
    expect(byPreference(open, new Set([1, 0])).slice(0, 3)).toEqual([3, 2, 4]);
    expect(byPreference(new Map(), new Set())).toHaveLength(16);
  });

  it('that are open have their next nonce', async () => {
    expect(await nextNonce(at(7n), WALLET, 0, lane(0, 99n))).toEqual({ nonce: 99n, opening: [] });
  });

  it('that are not are opened at a first nonce that is known before', async () => {
    const { nonce, opening } = await nextNonce(at(1_000n), WALLET, 5, undefined);
    const { lane: number, firstSlot } = getTraderOpenInstructionDataDecoder().decode(opening[0]?.data as Uint8Array);
    expect(number).toBe(5);
    expect(nonce).toBe(firstSlot << 20n);
    // Longer than a blockhash lives, and accepted by nodes that are behind.
    expect(firstSlot).toBeGreaterThan(1_000n + 2n * 150n);
    expect(firstSlot).toBeLessThan(1_000n + FIRST_SLOT_AHEAD / 2n);
  });

  it('close from the slot of their next nonce on', () => {
    expect(isClosable(lane(0, 8n << 20n), 7n)).toBe(false);
    expect(isClosable(lane(0, 8n << 20n), 8n)).toBe(true);
    expect(isClosable(lane(0, (8n << 20n) + 1n), 8n)).toBe(false);
    expect(isClosable(lane(0, (8n << 20n) + 1n), 9n)).toBe(true);
  });
});
