/** A bus with many offers, listed as fast as the network takes them. */

import {
  appendTransactionMessageInstructions,
  createSolanaRpc,
  createTransactionMessage,
  getBase64EncodedWireTransaction,
  getSignatureFromTransaction,
  pipe,
  setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash,
  signTransactionMessageWithSigners,
  createSignerFromKeyPair,
  type Address,
  type Instruction,
} from '@solana/kit';

import { capacityAddress, computeUnitLimit, offerAddress, tokenAccountAddress } from '../src/chain/address';
import { getOfferCreateInstruction } from '../src/generated';
import { SYSTEM_PROGRAM, TOKEN_PROGRAM } from '../src/programs';
import type { Keys, Market } from './network';

/** Offers that one transaction lists. */
const AT_ONCE = 9;
/** Transactions that are on their way at the same time; a capacity takes numbers in any order. */
const IN_FLIGHT = 8;

/** A bus with many offers of one seller. */
export interface Crowd {
  readonly bus: Address;
  readonly seller: Keys;
  /** The offers, from the cheapest. */
  readonly offers: readonly Address[];
}

/** Creates a bus with `count` offers of 1 kWh and a little more at prices from 0.1 upwards, 0.0002 apart. */
export async function crowd(market: Market, name: string, count: number): Promise<Crowd> {
  const { mint, rpc_url } = market.network;
  const keys = await market.wallet(name, 1);
  const bus = await market.bus(keys, name, { capacity: '5000kWh', basePrice: '0.05tokens' });
  const rpc = createSolanaRpc(rpc_url);
  const signer = await createSignerFromKeyPair(keys.keyPair);
  const capacity = await capacityAddress(bus, 0);
  const payout = await tokenAccountAddress(keys.address, mint, TOKEN_PROGRAM);
  const list = async (offerSeq: bigint): Promise<Instruction> =>
    getOfferCreateInstruction({
      seller: signer,
      bus,
      capacity,
      offer: await offerAddress(capacity, offerSeq),
      payout,
      systemProgram: SYSTEM_PROGRAM,
      offerSeq,
      energyWh: 1_000n + offerSeq,
      pricePerKwh: 100_000n + 200n * offerSeq,
      expiresAt: 0n,
      source: Number(offerSeq % 6n),
    });
  const send = async (first: number): Promise<void> => {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, index) => BigInt(first + index));
    const instructions = await Promise.all(numbers.map(list));
    const { value: blockhash } = await rpc.getLatestBlockhash().send();
    const signed = await pipe(
      createTransactionMessage({ version: 0 }),
      (message) => setTransactionMessageFeePayerSigner(signer, message),
      (message) => setTransactionMessageLifetimeUsingBlockhash(blockhash, message),
      (message) => appendTransactionMessageInstructions([computeUnitLimit(400_000), ...instructions], message),
      signTransactionMessageWithSigners,
    );
    await rpc.sendTransaction(getBase64EncodedWireTransaction(signed), { encoding: 'base64' }).send();
    const signature = getSignatureFromTransaction(signed);
    for (;;) {
      const { value } = await rpc.getSignatureStatuses([signature]).send();
      const status = value[0];
      if (status?.err)
        throw new Error(`a listing failed: ${JSON.stringify(status.err, (_, value_) => String(value_))}`);
      if (status !== null && status !== undefined && status.confirmationStatus !== 'processed') return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const firsts = Array.from({ length: Math.ceil(count / AT_ONCE) }, (_, index) => index * AT_ONCE);
  for (let at = 0; at < firsts.length; at += IN_FLIGHT) {
    await Promise.all(firsts.slice(at, at + IN_FLIGHT).map(send));
  }
  const numbers = Array.from({ length: count }, (_, index) => BigInt(index));
  return { bus, seller: keys, offers: await Promise.all(numbers.map((number) => offerAddress(capacity, number))) };
}
