/**
 * Counters: of a wallet's buses, of a seller's offers, of an owner's proposals, of a lane's nonces. Each starts at a slot's
 * first number, so that one that is closed and opened again never repeats a number.
 */

import { COUNTER_SLOT_SHIFT, FIRST_SLOT_AHEAD } from '../generated';
import { COMMITMENT, type Connection } from './connection';

/**
 * How many slots ahead a new counter starts: more than the 150 blocks that a blockhash lives, so that what uses its first
 * number can land as long as its transaction can, and well below what the program accepts, so that a node may lag behind.
 */
const SLOTS_AHEAD = (FIRST_SLOT_AHEAD * 5n) / 16n;

/** First number of a counter that starts at a slot. */
export function firstOf(slot: bigint): bigint {
  return slot << BigInt(COUNTER_SLOT_SHIFT);
}

/** Where a counter starts that is opened now, and its first number. */
export async function newCounter({ rpc }: Connection): Promise<{ readonly firstSlot: bigint; readonly first: bigint }> {
  const slot = await rpc.getSlot({ commitment: COMMITMENT }).send();
  const firstSlot = slot + SLOTS_AHEAD;
  return { firstSlot, first: firstOf(firstSlot) };
}
