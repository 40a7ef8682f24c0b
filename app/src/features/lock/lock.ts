/** Locks: part of an offer held for 300 seconds at the price of the moment, against a deposit of the full cost. */

import { AccountRole, type Address, type Instruction } from '@solana/kit';

import { lockAddress, positionAddress, tokenAccountAddress } from '../../chain/address';
import { readAccounts, rentOf, tokenAccount, type Connection } from '../../chain/connection';
import { prepare, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { isFrozen, payeeAt } from '../../chain/tokenAccount';
import { Refusal } from '../../errors/explain';
import {
  getLockReleaseInstructionAsync,
  getLockSize,
  getLockTakeInstruction,
  getPositionBookSize,
  MAX_LOCKS,
} from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Bus, Lock, Offer } from '../../market/model';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';
import { freshItems } from '../purchase/fresh';
import { positionOpenings, withAccounts } from '../purchase/plan';
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

/** A buyer's position book on an offer's delivery book, as locks name it; nothing on purchase terms. */
async function positionOf({ book }: Pick<Offer, 'book'>, buyer: Address) {
  return book === undefined ? [] : [{ address: await positionAddress(book, buyer), role: AccountRole.WRITABLE }];
}

/**
 * The instructions that take a lock, and open the buyer's position book where it is missing; refused where the offer has moved
 * beyond the limit.
 */
async function lockTakeInstructions(
  live: LiveMarket,
  buyer: Address,
  wanted: LockOrder,
): Promise<readonly Instruction[]> {
  const place = freePlace(live.state.get().locks.values(), wanted.offer, buyer);
  if (place === undefined) throw new Refusal(t.lock.allPlacesAreTaken(MAX_LOCKS));
  const [item] = await freshItems(live, buyer, [wanted]);
  if (item === undefined) throw new Refusal(t.lock.thisOfferIsGone);
  const { offer, bus } = item;
  const payment = await tokenAccountAddress(buyer, bus.mint, bus.tokenProgram);
  const take = getLockTakeInstruction({
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
  return [...(await positionOpenings(buyer, [item])), withAccounts(take, await positionOf(offer, buyer))];
}

/** What the network takes for a lock. */
export async function lockTakeFees(live: LiveMarket, buyer: Address, wanted: LockOrder): Promise<Fees> {
  const instructions = await lockTakeInstructions(live, buyer, wanted);
  const [rent, position, { fee }] = await Promise.all([
    rentOf(live.connection, getLockSize()),
    rentOf(live.connection, getPositionBookSize()),
    prepare(live.connection, buyer, instructions),
  ]);
  return { fee, rent, positionRent: BigInt(instructions.length - 1) * position };
}

/** Takes a lock. */
export function lockTake(
  live: LiveMarket,
  signer: Signer,
  wanted: LockOrder,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => lockTakeInstructions(live, signer.address, wanted), onStage);
}

/** Where the deposit of a lock goes: back, into a claim of its buyer, or nowhere yet, because the vault is frozen. */
export type LockRefund = 'paid' | 'claimed' | 'unpaid';

/** Where a lock's deposit goes now. Its buyer's own account is created for it where it is missing. */
export async function lockRefund(
  connection: Connection,
  caller: Address | undefined,
  lock: Lock,
  { vault }: Pick<Offer, 'vault'>,
  bus: Bus,
): Promise<LockRefund> {
  const usual = await tokenAccountAddress(lock.buyer, bus.mint, bus.tokenProgram);
  const [account, from] = (await readAccounts(connection, [lock.refund, vault])).accounts;
  if (isFrozen(from, bus) === true) return 'unpaid';
  const isCreated = account === undefined && lock.refund === usual && lock.buyer === caller;
  return isCreated || payeeAt(account, bus) === lock.buyer ? 'paid' : 'claimed';
}

/**
 * Gives up a lock: its buyer at any time, anyone after its expiry. The deposit, less the lock's fee, goes to its refund
 * account, or where that cannot be paid, waits for the buyer as a claim. Tells which.
 */
export async function lockRelease(
  live: LiveMarket,
  signer: Signer,
  lock: Lock,
  offer: Offer,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<LockRefund> {
  let refund: LockRefund = 'paid';
  await send(
    live.connection,
    signer,
    async () => {
      refund = await lockRefund(live.connection, signer.address, lock, offer, bus);
      const own = await tokenAccount(live.connection, signer.address, lock.buyer, bus);
      const isOwn = signer.address === lock.buyer && own.address === lock.refund;
      return [...(isOwn ? own.creation : []), await lockReleaseInstruction(signer.address, lock, offer, bus)];
    },
    onStage,
  );
  return refund;
}

/** The instruction that gives up a lock, or pays what could not be paid when it was given up. */
export async function lockReleaseInstruction(
  caller: Address,
  lock: Lock,
  offer: Offer,
  bus: Bus,
): Promise<Instruction> {
  const release = await getLockReleaseInstructionAsync({
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
  return withAccounts(release, await positionOf(offer, lock.buyer));
}
