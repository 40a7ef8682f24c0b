/** Locks: part of an offer held for 300 seconds at the price of the moment, against a deposit of the full cost. */

import type { Address, Instruction } from '@solana/kit';

import { lockAddress, tokenAccountAddress } from '../../chain/address';
import { rentOf, tokenAccount } from '../../chain/connection';
import { prepare, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getLockReleaseInstructionAsync, getLockSize, getLockTakeInstruction, MAX_LOCKS } from '../../generated';
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

/** The first place for a lock of a buyer on an offer that has none; `undefined` where all have one. */
export function freePlace(locks: Iterable<Lock>, offer: Address, buyer: Address): number | undefined {
  const taken = new Set<number>();
  for (const lock of locks) if (lock.offer === offer && lock.buyer === buyer) taken.add(lock.place);
  return Array.from({ length: MAX_LOCKS }, (_, place) => place).find((place) => !taken.has(place));
}

/** The instruction that takes a lock; refused where the offer has moved beyond the limit. */
async function lockTakeInstruction(live: LiveMarket, buyer: Address, wanted: LockOrder): Promise<Instruction> {
  const place = freePlace(live.state.get().locks.values(), wanted.offer, buyer);
  if (place === undefined) throw new Refusal(t.lock.allPlacesAreTaken(MAX_LOCKS));
  const [item] = await freshItems(live, [wanted]);
  if (item === undefined) throw new Refusal(t.lock.thisOfferIsGone);
  const { offer, bus } = item;
  const payment = await tokenAccountAddress(buyer, bus.mint, bus.tokenProgram);
  return getLockTakeInstruction({
    buyer: noSigner(buyer),
    bus: bus.address,
    offer: offer.address,
    lock: await lockAddress(offer.address, buyer, place),
    payment,
    vault: offer.vault,
    tokenProgram: bus.tokenProgram,
    systemProgram: SYSTEM_PROGRAM,
    place,
    // What is not settled comes back to where it was paid from.
    refund: payment,
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

/**
 * Gives up a lock: its buyer at any time, anyone after its expiry. The deposit, less the lock's fee, goes to its refund
 * account, or where that cannot be paid, waits for the buyer as a claim.
 */
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
      const own = await tokenAccount(live.connection, signer.address, lock.buyer, bus);
      const isOwn = signer.address === lock.buyer && own.address === lock.refund;
      return [...(isOwn ? own.creation : []), await lockReleaseInstruction(signer.address, lock, offer, bus)];
    },
    onStage,
  );
}

/** The instruction that gives up a lock, or pays what could not be paid when it was given up. */
export function lockReleaseInstruction(caller: Address, lock: Lock, offer: Offer, bus: Bus): Promise<Instruction> {
  return getLockReleaseInstructionAsync({
    caller: noSigner(caller),
    buyer: lock.buyer,
    bus: bus.address,
    offer: offer.address,
    lock: lock.address,
    seller: offer.seller,
    vault: offer.vault,
    refund: lock.refund,
    unclaimed: bus.unclaimed,
    tokenProgram: bus.tokenProgram,
    lockNumber: lock.number,
  });
}
