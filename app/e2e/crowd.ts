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

import {
  capacityAddress,
  computeUnitLimit,
  ledgerAddress,
  offerAddress,
  sellerAddress,
  vaultAddress,
} from '../src/chain/address';
import { firstOf } from '../src/chain/counter';
import { FIRST_SLOT_AHEAD, getOfferCreateInstruction, getSellerOpenInstruction } from '../src/generated';
import { SYSTEM_PROGRAM, TOKEN_PROGRAM } from '../src/programs';
import type { Keys, Market } from './network';

/** Offers that one transaction lists. */
const AT_ONCE = 9;
/** Sellers who list at the same time; each lists one transaction after another, since its offers are numbered. */
const SELLERS = 8;

/** A bus with many offers. */
export interface Crowd {
  readonly bus: Address;
  /** The offers, from the cheapest, each with its seller. */
  readonly offers: readonly Address[];
  readonly sellers: readonly Keys[];
  /** Who sells an offer. */
  sellerOf(offer: Address): Keys;
}

/**
 * Creates a bus with `count` offers of 1 kWh and a little more at prices from 0.1 upwards, 0.0002 apart. They are of one
 * seller where `sellers` is 1.
 */
export async function crowd(market: Market, name: string, count: number, sellers = SELLERS): Promise<Crowd> {
  const owner = await market.wallet(name, 1);
  const terms = { capacity: '5000kWh', basePrice: '0.05tokens', more: ['--listing', 'open'] };
  const bus = await market.bus(owner, name, terms);
  const others = Array.from({ length: sellers - 1 }, (_, index) => market.wallet(`${name} ${index}`, 0));
  const all = [owner, ...(await Promise.all(others))];
  const each = Math.ceil(count / sellers);
  const listed = await Promise.all(
    all.map((keys, index) => listAll(market, keys, bus, index * each, Math.min(count, (index + 1) * each))),
  );
  const of = new Map(listed.flatMap((offers, index) => offers.map((offer) => [offer, all[index] ?? owner] as const)));
  return { bus, offers: listed.flat(), sellers: all, sellerOf: (offer) => of.get(offer) ?? owner };
}

/** Lists the offers from one place in the crowd to another; opens the seller account before. */
async function listAll(
  market: Market,
  keys: Keys,
  bus: Address,
  from: number,
  to: number,
): Promise<readonly Address[]> {
  const rpc = createSolanaRpc(market.network.rpc_url);
  const signer = await createSignerFromKeyPair(keys.keyPair);
  const capacity = await capacityAddress(bus, 0);
  const seller = await sellerAddress(bus, keys.address);
  const firstSlot = (await rpc.getSlot().send()) + FIRST_SLOT_AHEAD / 4n;
  const first = firstOf(firstSlot);
  const expiresAt = BigInt(await market.now()) + 86_400n;
  const open = getSellerOpenInstruction({
    payer: signer,
    bus,
    ledger: await ledgerAddress(bus),
    seller,
    vault: await vaultAddress(seller),
    mint: market.network.mint,
    tokenProgram: TOKEN_PROGRAM,
    systemProgram: SYSTEM_PROGRAM,
    wallet: keys.address,
    firstSlot,
  });
  const numberOf = (place: number) => first + BigInt(place - from);
  const list = async (place: number): Promise<Instruction> =>
    getOfferCreateInstruction({
      lister: signer,
      bus,
      capacity,
      seller,
      offer: await offerAddress(seller, numberOf(place)),
      systemProgram: SYSTEM_PROGRAM,
      number: numberOf(place),
      energyWh: 1_000n + BigInt(place),
      pricePerKwh: 100_000n + 200n * BigInt(place),
      expiresAt,
      source: place % 6,
    });
  const send = async (instructions: readonly Instruction[]): Promise<void> => {
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
  await send([open]);
  const places = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
  for (let at = 0; at < places.length; at += AT_ONCE) {
    await send(await Promise.all(places.slice(at, at + AT_ONCE).map(list)));
  }
  return Promise.all(places.map((place) => offerAddress(seller, numberOf(place))));
}
