/** Locks: part of an offer held for 300 seconds at the price of the moment, against a deposit of the full cost. */

import type { Address, Instruction } from '@solana/kit';

import { createTokenAccount, lockAddress, SYSTEM_PROGRAM, tokenAccountAddress } from '../../chain/address';
import { readAccounts } from '../../chain/connection';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getLockReleaseInstruction, getLockTakeInstruction } from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Bus, Lock, Offer } from '../../market/model';
import { freshItems } from '../purchase/useBuyer';

/** Holds exactly this much of an offer, at its price of the moment if that is within the limit. */
export async function lockTake(
  live: LiveMarket,
  signer: Signer,
  wanted: { readonly offer: Address; readonly energyWh: bigint; readonly maxPricePerKwh: bigint },
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const lock = await lockAddress(wanted.offer, signer.address);
  if (live.state.get().locks.has(lock)) {
    throw new Refusal('You hold part of this offer already. Settle or release that lock first.');
  }
  return send(
    live.connection,
    signer,
    async () => {
      const [item] = await freshItems(live, [wanted]);
      if (item === undefined) throw new Refusal('This offer is gone.');
      const { offer, bus } = item;
      return [
        getLockTakeInstruction({
          buyer: noSigner(signer.address),
          bus: bus.address,
          offer: offer.address,
          lock,
          payment: await tokenAccountAddress(signer.address, bus.mint, bus.tokenProgram),
          escrow: bus.escrow,
          mint: bus.mint,
          tokenProgram: bus.tokenProgram,
          systemProgram: SYSTEM_PROGRAM,
          energyWh: wanted.energyWh,
          maxPricePerKwh: wanted.maxPricePerKwh,
          expectedVersion: 0,
        }),
      ];
    },
    onStage,
  );
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
      const refund = await tokenAccountAddress(lock.buyer, bus.mint, bus.tokenProgram);
      const instructions: Instruction[] = [];
      if ((await readAccounts(live.connection, [refund])).accounts[0] === undefined) {
        instructions.push(await createTokenAccount(signer.address, lock.buyer, bus.mint, bus.tokenProgram));
      }
      instructions.push(
        getLockReleaseInstruction({
          caller: noSigner(signer.address),
          buyer: lock.buyer,
          bus: bus.address,
          offer: offer.address,
          lock: lock.address,
          escrow: bus.escrow,
          refund,
          payout: offer.payout,
          mint: bus.mint,
          tokenProgram: bus.tokenProgram,
        }),
      );
      return instructions;
    },
    onStage,
  );
}
