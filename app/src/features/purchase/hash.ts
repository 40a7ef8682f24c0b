/** Hash of a purchase, which its buyer knows before sending it; the same bytes as `transaction_hash` in the program. */

import { getAddressEncoder, type Address } from '@solana/kit';

import { hex, unhex } from '../../chain/hex';
import { PurchaseKind } from '../../generated';
import { TRANSACTION_HASH_TAG } from '../../generated/constants';
import type { Trade } from '../../market/model';

/** What spends a nonce: a purchase of one of these kinds, or a bid. */
export type PurchaseName = Trade['kind'] | 'bid';

/** The program's number of each kind of purchase. */
const KINDS: Readonly<Record<PurchaseName, PurchaseKind>> = {
  single: PurchaseKind.Single,
  batch: PurchaseKind.Batch,
  lock: PurchaseKind.LockSettlement,
  bid: PurchaseKind.Bid,
};

/** What a buyer asks of one offer, as it enters the hash. */
export interface Order {
  /** The window's capacity where somebody bids. */
  readonly offer: Address;
  readonly energyWh: bigint;
  /** In base units per kWh; the lock's price where a lock settles. */
  readonly maxPricePerKwh: bigint;
}

async function sha256(parts: readonly Uint8Array[]): Promise<string> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/**
 * `sha256("multibus:purchase:v1" | program | buyer | kind u8 | lane u16 | nonce u64 | (offer | Wh u64 | price limit
 * u64)...)`, integers little-endian, as 64 hexadecimal digits.
 */
export function transactionHash(
  program: Address,
  kind: PurchaseName,
  buyer: Address,
  lane: number,
  nonce: bigint,
  orders: readonly Order[],
): Promise<string> {
  const address = getAddressEncoder();
  const numbers = new DataView(new ArrayBuffer(11));
  numbers.setUint8(0, KINDS[kind]);
  numbers.setUint16(1, lane, true);
  numbers.setBigUint64(3, nonce, true);
  const parts = [TRANSACTION_HASH_TAG, address.encode(program), address.encode(buyer), new Uint8Array(numbers.buffer)];
  for (const order of orders) {
    const amounts = new DataView(new ArrayBuffer(16));
    amounts.setBigUint64(0, order.energyWh, true);
    amounts.setBigUint64(8, order.maxPricePerKwh, true);
    parts.push(address.encode(order.offer), new Uint8Array(amounts.buffer));
  }
  return sha256(parts.map((part) => new Uint8Array(part)));
}

/** History root of a lane that starts empty. */
export const EMPTY_ROOT = '00'.repeat(32);

/** Next history root of a lane: `sha256(root | transaction hash)`. */
export function nextHistoryRoot(root: string, hash: string): Promise<string> {
  return sha256([unhex(root), unhex(hash)]);
}
