/**
 * Purchases: from one offer, from many at once, or by settling a lock; each paid exactly once whatever the network
 * does. A purchase has one nonce of one lane until its fate is known: whatever is signed for it carries that nonce, and
 * the program spends a nonce once.
 */

import type { Address, Instruction, Signature } from '@solana/kit';

import { PROGRAM, tokenAccountAddress } from '../../chain/address';
import type { Connection } from '../../chain/connection';
import { confirm, prepare, sign, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { NONCE_MISMATCH, Refusal, Unreachable } from '../../errors/explain';
import { getLockSettleInstruction, getPurchaseBatchInstruction, getPurchaseInstruction } from '../../generated';
import { readTransaction } from '../../market/live';
import type { Bus, Fill, Lock, Offer } from '../../market/model';
import { leaseLane, readLane, type Lease } from '../trader/lanes';
import { transactionHash, type Order } from './hash';
import { fateOf, type Journal, type Pending } from './journal';

/** One attempt: what enters the hash, and the instruction once lane and nonce are known. */
export interface Plan {
  readonly orders: readonly Order[];
  /** For the reader: `2.5 kWh on Sunny Street`. */
  readonly title: string;
  build(trader: Address, nonce: bigint): Promise<Instruction>;
}

/** A purchase that was paid. */
export interface Purchased {
  readonly hash: string;
  readonly signature: Signature | undefined;
  readonly energyWh: bigint;
  readonly paid: bigint;
  readonly fills: readonly Fill[];
  /** How often it was quoted anew because something had moved. */
  readonly requotes: number;
}

/** Nobody can tell now whether a purchase happened; the journal goes on asking. */
export class FateUnknown extends Error {
  constructor(readonly pending: Pending) {
    super(
      'The network does not answer, so nobody can tell yet whether the purchase happened. It is watched and shown as soon as that is known; nothing is paid twice.',
    );
  }
}

/** Part of an offer to buy. */
export interface Item {
  readonly offer: Offer;
  readonly bus: Bus;
  readonly energyWh: bigint;
  readonly maxPricePerKwh: bigint;
}

/** Buys part of one offer, exactly, or up to an amount with a minimum. */
export function planSingle(buyer: Address, item: Item, minEnergyWh: bigint, title: string): Plan {
  const { offer, bus, energyWh, maxPricePerKwh } = item;
  return {
    orders: [{ offer: offer.address, energyWh, maxPricePerKwh }],
    title,
    build: async (trader, nonce) =>
      getPurchaseInstruction({
        buyer: noSigner(buyer),
        trader,
        bus: bus.address,
        offer: offer.address,
        payment: await tokenAccountAddress(buyer, bus.mint, bus.tokenProgram),
        payout: offer.payout,
        mint: bus.mint,
        tokenProgram: bus.tokenProgram,
        nonce,
        energyWh,
        minEnergyWh,
        maxPricePerKwh,
        expectedVersion: 0,
      }),
  };
}

/** Buys exact parts of several offers of buses with one mint, all or nothing. */
export function planBatch(buyer: Address, items: readonly Item[], maxTotal: bigint, title: string): Plan {
  const first = items[0];
  if (first === undefined) throw new Refusal('The basket is empty; add an offer first.');
  const { mint, tokenProgram } = first.bus;
  return {
    orders: items.map(({ offer, energyWh, maxPricePerKwh }) => ({ offer: offer.address, energyWh, maxPricePerKwh })),
    title,
    build: async (trader, nonce) => {
      const instruction = getPurchaseBatchInstruction({
        buyer: noSigner(buyer),
        trader,
        payment: await tokenAccountAddress(buyer, mint, tokenProgram),
        mint,
        tokenProgram,
        nonce,
        maxTotal,
        items: items.map(({ energyWh, maxPricePerKwh }) => ({ energyWh, maxPricePerKwh, expectedVersion: 0 })),
      });
      const accounts = items.flatMap(({ offer, bus }) => [
        { address: bus.address, role: 0 as const },
        { address: offer.address, role: 1 as const },
        { address: offer.payout, role: 1 as const },
      ]);
      return { ...instruction, accounts: [...instruction.accounts, ...accounts] } as Instruction;
    },
  };
}

/** Buys what a lock holds; its deposit pays the seller. */
export function planSettle(lock: Lock, offer: Offer, bus: Bus, title: string): Plan {
  return {
    orders: [{ offer: lock.offer, energyWh: lock.energyWh, maxPricePerKwh: lock.pricePerKwh }],
    title,
    build: async (trader, nonce) =>
      getLockSettleInstruction({
        buyer: noSigner(lock.buyer),
        trader,
        bus: bus.address,
        offer: offer.address,
        lock: lock.address,
        escrow: bus.escrow,
        payout: offer.payout,
        mint: bus.mint,
        tokenProgram: bus.tokenProgram,
        nonce,
      }),
  };
}

/** What the one who waits is told. */
export type PurchaseStage = Stage | 'opening' | { readonly requoted: string };

/** Everything that a purchase needs. */
export interface PurchaseContext {
  readonly connection: Connection;
  readonly genesis: string;
  readonly signer: Signer;
  readonly journal: Journal;
  readonly onStage: (stage: PurchaseStage) => void;
}

/** Quotes within the user's limits before giving up. */
const MAX_QUOTES = 5;
const PATIENCE_MS = 75_000;

/**
 * Makes a purchase happen at most once, and tells for certain whether it did. `quote` is asked for a plan within the
 * user's limits, and anew whenever something moved; it throws a {@link Refusal} where the limits allow none.
 */
export async function purchase(context: PurchaseContext, quote: () => Promise<Plan>): Promise<Purchased> {
  const { connection, signer, journal, genesis } = context;
  const busy = new Set(
    journal.pending
      .get()
      .filter((entry) => entry.wallet === signer.address && entry.genesis === genesis)
      .map(({ lane }) => lane),
  );
  // What would be refused anyway is refused before a lane is opened for it.
  let plan = await quote();
  const lease = await leaseLane(connection, signer, busy, context.onStage);
  try {
    for (let requotes = 0; ; requotes += 1) {
      const attempted = await attempt(context, lease, plan, requotes);
      if ('hash' in attempted) return attempted;
      if (requotes + 1 >= MAX_QUOTES) throw attempted.refusal;
      plan = await quote();
      if (attempted.refusal.code !== NONCE_MISMATCH) context.onStage({ requoted: attempted.refusal.message });
    }
  } finally {
    lease.release();
  }
}

/** One attempt under the lane's next nonce; a refusal after which a fresh quote may do is returned. */
async function attempt(
  context: PurchaseContext,
  lease: Lease,
  plan: Plan,
  requotes: number,
): Promise<Purchased | { readonly refusal: Refusal }> {
  const { connection, signer, journal, genesis, onStage } = context;
  onStage('checking');
  const lane = await readLane(connection, lease.wallet, lease.lane);
  if (lane === undefined) throw new Refusal('The purchase lane was closed by another program; try again.');
  const nonce = lane.nextNonce;
  const hash = await transactionHash(PROGRAM, lease.wallet, lease.lane, nonce, plan.orders);
  const instruction = await plan.build(lease.trader, nonce);
  let signatures: Pending['signatures'] = [];
  const pending = (): Pending => ({
    hash,
    wallet: lease.wallet,
    lane: lease.lane,
    nonce,
    genesis,
    title: plan.title,
    signatures,
  });
  // A signature that expired is followed by another under the same nonce.
  for (;;) {
    let prepared;
    try {
      prepared = await prepare(connection, signer.address, [instruction]);
    } catch (error) {
      if (error instanceof Refusal && error.conflict && signatures.length === 0) return { refusal: error };
      throw error;
    }
    onStage('signing');
    const { signed, submitted } = await sign(signer, prepared);
    signatures = [...signatures, submitted];
    journal.note(pending());
    onStage('confirming');
    let outcome;
    try {
      outcome = await confirm(connection, signed, submitted, PATIENCE_MS);
    } catch (error) {
      if (error instanceof Unreachable) throw new FateUnknown(pending());
      throw error;
    }
    if (outcome.kind === 'landed') {
      const purchased = await purchasedFrom(connection, hash, submitted.signature, plan, requotes);
      journal.forget(hash);
      return purchased;
    }
    // Before anything is concluded from a failure, the lane is asked.
    const fate = await fateOf(connection, pending());
    if (fate.kind === 'paid') {
      const purchased = await purchasedFrom(connection, hash, fate.signature ?? submitted.signature, plan, requotes);
      journal.forget(hash);
      return purchased;
    }
    if (outcome.kind === 'failed') {
      journal.forget(hash);
      if (outcome.refusal.conflict) return { refusal: outcome.refusal };
      throw outcome.refusal;
    }
    onStage('checking');
  }
}

async function purchasedFrom(
  connection: Connection,
  hash: string,
  signature: Signature,
  plan: Plan,
  requotes: number,
): Promise<Purchased> {
  const transaction = await readTransaction(connection, signature);
  const event = transaction?.events.find((candidate) => candidate.kind === 'purchased' && candidate.hash === hash);
  const fills = event?.kind === 'purchased' ? event.fills : [];
  const energyWh = fills.reduce((sum, fill) => sum + fill.energyWh, 0n);
  const paid = fills.reduce((sum, fill) => sum + fill.cost, 0n);
  if (fills.length === 0) {
    // The node does not serve the transaction's log (yet): what was ordered is what exact purchases get.
    const ordered = plan.orders.reduce((sum, order) => sum + order.energyWh, 0n);
    return { hash, signature, energyWh: ordered, paid, fills, requotes };
  }
  return { hash, signature, energyWh, paid, fills, requotes };
}
