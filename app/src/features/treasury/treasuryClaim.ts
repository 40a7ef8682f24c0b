/** Paying owners what the treasury of their bus has for them. */

import type { Address, Instruction } from '@solana/kit';

import { send, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { getTreasuryClaimInstructionAsync } from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Bus } from '../../market/model';
import { payeeOf } from '../../market/payee';

/**
 * Pays an owner what it may claim, to its own token account; anyone may ask for it. Where that account cannot be paid,
 * it waits for the owner as a claim. Tells whether it does.
 */
export async function treasuryClaim(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  owner: Address,
  onStage: (stage: Stage) => void,
): Promise<{ readonly isClaimed: boolean }> {
  let isClaimed = false;
  await send(
    live.connection,
    signer,
    async () => {
      const destination = await payeeOf(live, signer.address, owner, bus);
      isClaimed = destination.isBlocked;
      return [...destination.creation, await treasuryClaimInstruction(signer.address, bus, owner, destination.address)];
    },
    onStage,
  );
  return { isClaimed };
}

/** The instruction that pays an owner what it may claim. */
export function treasuryClaimInstruction(
  caller: Address,
  bus: Bus,
  owner: Address,
  destination: Address,
): Promise<Instruction> {
  return getTreasuryClaimInstructionAsync({
    caller: noSigner(caller),
    owner,
    bus: bus.address,
    treasury: bus.treasury,
    destination,
    unclaimed: bus.unclaimed,
    tokenProgram: bus.tokenProgram,
  });
}
