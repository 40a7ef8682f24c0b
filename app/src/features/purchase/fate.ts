/** What became of a purchase that was signed: its lane tells, whoever answers late or not at all. */

import type { Signature } from '@solana/kit';

import { COMMITMENT, type Connection } from '../../chain/connection';
import { isPurchase } from '../../market/events';
import type { Receipt } from '../../market/model';
import { readTransaction } from '../../market/transactions';
import type { Pending } from '../../state/journal';
import { readLane } from '../trader/lanes';

/** What became of a purchase. */
export type Fate =
  | { readonly kind: 'paid'; readonly receipt: Receipt | undefined; readonly signature: Signature | undefined }
  | { readonly kind: 'never' }
  | { readonly kind: 'open' };

/** Finds out what became of a purchase; throws where the network does not answer. */
export async function fateOf(connection: Connection, entry: Pending): Promise<Fate> {
  const { rpc } = connection;
  // Height before lane: what has not spent the nonce after its last valid block never will.
  const height = await rpc.getBlockHeight({ commitment: COMMITMENT }).send();
  const lane = await readLane(connection, entry.wallet, entry.lane);
  const receipt = lane?.receipts.find(({ hash }) => hash === entry.hash);
  if (receipt !== undefined) return { kind: 'paid', receipt, signature: await landed(connection, entry) };
  if (lane === undefined || lane.nextNonce > entry.nonce) {
    // The receipt may be gone from the last sixteen, or the lane with it: the transaction itself tells.
    const signature = await landed(connection, entry);
    if (signature !== undefined) return { kind: 'paid', receipt: undefined, signature };
    if (lane !== undefined) return { kind: 'never' };
  }
  // A lane that is not open may be opened by the purchase.
  return height > entry.lastValidBlockHeight ? { kind: 'never' } : { kind: 'open' };
}

async function landed(connection: Connection, { hash, signature }: Pending): Promise<Signature | undefined> {
  if (signature === undefined) return undefined;
  const transaction = await readTransaction(connection, signature);
  return transaction?.events.some((event) => isPurchase(event) && event.hash === hash) === true ? signature : undefined;
}
