/** Locks: part of an offer held for 300 seconds at the price of the moment, against a deposit of the full cost. */

import type { Address, Instruction } from '@solana/kit';

import { lockAddress, tokenAccountAddress } from '../../chain/address';
import { rentOf, tokenAccount } from '../../chain/connection';
import { prepare, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getLockReleaseInstruction, getLockSize, getLockTakeInstruction } from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Bus, Lock, Offer } from '../../market/model';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';
import { freshItems } from '../purchase/fresh';
import { type Fees } from '../purchase/usePreview';

/** What is to be held: exactly this much of an offer, at its price of the moment if that is within the limit. */
export interface LockOrder {
  readonly offer: Address;
  readonly energyWh: bigint;
  readonly maxPricePerKwh: bigint;
}

/** The instruction that takes a lock; refused where the offer has moved beyond the limit. */
async function lockTakeInstruction(live: LiveMarket, buyer: Address, wanted: LockOrder): Promise<Instruction> {
  const lock = await lockAddress(wanted.offer, buyer);
  if (live.state.get().locks.has(lock)) {
    throw new Refusal(t.lock.youHoldPartOfThis);
  }
  const [item] = await freshItems(live, [wanted]);
  if (item === undefined) throw new Refusal(t.lock.thisOfferIsGone);
  const { offer, bus } = item;
  return getLockTakeInstruction({
    buyer: noSigner(buyer),
    bus: bus.address,
    offer: offer.address,
    lock,
    payment: await tokenAccountAddress(buyer, bus.mint, bus.tokenProgram),
    escrow: bus.escrow,
    mint: bus.mint,
    tokenProgram: bus.tokenProgram,
    systemProgram: SYSTEM_PROGRAM,
    energyWh: wanted.energyWh,
    maxPricePerKwh: wanted.maxPricePerKwh,
    expectedVersion: 0,
  });
}

/** What the network takes for a lock. */
export async function lockTakeFees(live: LiveMarket, buyer: Address, wanted: LockOrder): Promise<Fees> {
  const [rent, { fee }] = await Promise.all([
    rentOf(live.connection, getLockSize()),
    lockTakeInstruction(live, buyer, wanted).then((take) => prepare(live.connection, buyer, [take])),
  ]);
  return { fee, rent };
}

/** Takes a lock. */
export function lockTake(
  live: LiveMarket,
  signer: Signer,
  wanted: LockOrder,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, async () => [await lockTakeInstruction(live, signer.address, wanted)], onStage);
}

/** Gives up a lock: its buyer at any time, anyone after its expiry. The deposit goes to its buyer. */
export async function lockRelease(
  live: LiveMarket,
  signer: Signer,
  lock: Lock,
  offer: Offer,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(
    live.connection,
    signer,
    async () => {
      const refund = await tokenAccount(live.connection, signer.address, lock.buyer, bus);
      return [
        ...refund.creation,
        getLockReleaseInstruction({
          caller: noSigner(signer.address),
          buyer: lock.buyer,
          bus: bus.address,
          offer: offer.address,
          lock: lock.address,
          escrow: bus.escrow,
          refund: refund.address,
          payout: offer.payout,
          mint: bus.mint,
          tokenProgram: bus.tokenProgram,
        }),
      ];
    },
    onStage,
  );
}
