/** Instructions name who signs; the wallet signs the whole transaction later. */

import { createNoopSigner, type Address, type TransactionSigner } from '@solana/kit';

/** The signer of an instruction as a mere name. */
export function noSigner(address: Address): TransactionSigner {
  return createNoopSigner(address);
}
