/** Paying owners what the treasury of their bus has for them. */

import type { Address, Instruction } from '@solana/kit';

import { send, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { getTreasuryClaimInstructionAsync } from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Bus } from '../../market/model';
import { payableOf, payeeOf } from '../../market/payee';

/** What pays an owner. */
export interface TreasuryClaim {
  readonly instructions: readonly Instruction[];
  /** Whether the owner's account cannot be paid, so that the amount becomes a claim. */
  readonly isClaimed: boolean;
}

/**
 * Pays an owner what it may claim; anyone may ask for it. The owner itself is paid to its own token account or to another one
 * that it names, `to`. For anyone else it goes to the owner's own, or where that cannot be paid becomes a claim; tells whether
 * it does.
 */
export async function treasuryClaim(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  owner: Address,
  to: Address | undefined,
  onStage: (stage: Stage) => void,
): Promise<Pick<TreasuryClaim, 'isClaimed'>> {
  let isClaimed = false;
  await send(
    live.connection,
    signer,
    async () => {
      const made = await treasuryClaimInstructions(live, signer.address, bus, owner, to);
      ({ isClaimed } = made);
      return made.instructions;
    },
    onStage,
  );
  return { isClaimed };
}

/** The instructions that pay an owner what it may claim; refused where the owner itself asks and must name another account. */
export async function treasuryClaimInstructions(
  live: LiveMarket,
  caller: Address,
  bus: Bus,
  owner: Address,
  to?: Address,
): Promise<TreasuryClaim> {
  const payee = await (caller === owner ? payableOf(live, caller, owner, bus, to) : payeeOf(live, caller, owner, bus));
  const claim = await getTreasuryClaimInstructionAsync({
    caller: noSigner(caller),
    owner,
    bus: bus.address,
    treasury: bus.treasury,
    destination: payee.address,
    unclaimed: bus.unclaimed,
    tokenProgram: bus.tokenProgram,
  });
  return { instructions: [...payee.creation, claim], isClaimed: payee.isBlocked };
}
