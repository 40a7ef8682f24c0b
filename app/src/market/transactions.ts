/** Transactions that have landed, and what they say of the market. */

import type { Address, Signature } from '@solana/kit';

import { COMMITMENT, type Connection } from '../chain/connection';
import { eventsOf, type MarketEvent } from './events';

/** A transaction that succeeded: its market events, and the bus of each offer that it names. */
export interface ReadTransaction {
  readonly events: readonly MarketEvent[];
  readonly buses: ReadonlyMap<Address, Address>;
  readonly slot: bigint;
  readonly failed: boolean;
  readonly at: number | undefined;
  readonly fee: bigint;
}

/** Reads a transaction; `undefined` where the node has none of this signature. */
export async function readTransaction({ rpc }: Connection, signature: Signature): Promise<ReadTransaction | undefined> {
  const found = await rpc
    .getTransaction(signature, { commitment: COMMITMENT, encoding: 'json', maxSupportedTransactionVersion: 0 })
    .send();
  if (found?.meta == null) return undefined;
  const { meta, transaction, slot, blockTime } = found;
  const loaded = 'loadedAddresses' in meta ? meta.loadedAddresses : undefined;
  const keys = [...transaction.message.accountKeys, ...(loaded?.writable ?? []), ...(loaded?.readonly ?? [])];
  const events = meta.err === null ? eventsOf(meta.logMessages) : [];
  const offers = new Set(
    events.flatMap((event) => (event.kind === 'purchased' ? event.fills.map((fill) => fill.offer) : [])),
  );
  // In every instruction that buys, an offer's bus is the account right before it.
  const buses = new Map<Address, Address>();
  for (const instruction of transaction.message.instructions) {
    const accounts = instruction.accounts.map((index) => keys[index]);
    for (const [index, account] of accounts.entries()) {
      const before = accounts[index - 1];
      if (account !== undefined && before !== undefined && offers.has(account)) buses.set(account, before);
    }
  }
  return {
    events,
    buses,
    slot,
    failed: meta.err !== null,
    at: blockTime === null ? undefined : Number(blockTime),
    fee: meta.fee,
  };
}
