/** Proposals: one change of a bus that its owners decide on together. */

import type { Instruction } from '@solana/kit';

import { capacityAddress, proposalAddress } from '../../chain/address';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getProposalApproveInstruction,
  getProposalCloseInstruction,
  getProposalCreateInstruction,
  getProposalExecuteInstruction,
  getProposalRevokeInstruction,
  ListingPolicy,
  type ProposalActionArgs,
} from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Action, Bus, Proposal } from '../../market/model';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';

function encode(action: Action): ProposalActionArgs {
  switch (action.kind) {
    case 'ownerAdd':
      return { __kind: 'OwnerAdd', owner: action.owner, sharesBps: [...action.sharesBps] };
    case 'ownerRemove':
      return { __kind: 'OwnerRemove', owner: action.owner, sharesBps: [...action.sharesBps] };
    case 'sharesSet':
      return { __kind: 'SharesSet', sharesBps: [...action.sharesBps] };
    case 'thresholdSet':
      return { __kind: 'ThresholdSet', threshold: action.threshold };
    case 'timelockSet':
      return { __kind: 'TimelockSet', timelockSeconds: action.timelockSeconds };
    case 'capacitySet':
      return { __kind: 'CapacitySet', capacityWh: action.capacityWh };
    case 'basePriceSet':
      return { __kind: 'BasePriceSet', basePricePerKwh: action.basePricePerKwh };
    case 'listingPolicySet':
      return { __kind: 'ListingPolicySet', listingPolicy: action.open ? ListingPolicy.Open : ListingPolicy.OwnersOnly };
    case 'windowsSet':
      return {
        __kind: 'WindowsSet',
        windowSeconds: action.windowSeconds,
        gateClosureSeconds: action.gateClosureSeconds,
      };
    case 'lockFeeSet':
      return { __kind: 'LockFeeSet', lockFeeBps: action.lockFeeBps };
    case 'pause':
      return { __kind: 'Pause' };
    case 'resume':
      return { __kind: 'Resume' };
  }
}

/** Whether a proposal of this bus is carried out in the transaction that makes it. */
export function isAtOnce(bus: Bus, action: Action): boolean {
  return action.kind === 'pause' ? bus.pauseApprovals === 1 : bus.threshold === 1 && bus.timelockSeconds === 0;
}

async function execute(bus: Bus, proposal: Proposal['address'], signer: Signer): Promise<Instruction> {
  return getProposalExecuteInstruction({
    executor: noSigner(signer.address),
    bus: bus.address,
    general: await capacityAddress(bus.address, 0),
    proposal,
    treasury: bus.treasury,
  });
}

/** Proposes a change and thereby approves it; carries it out at once where one approval is enough. */
export function proposalCreate(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  action: Action,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(
    live.connection,
    signer,
    async () => {
      await live.refresh([bus.address]);
      const present = live.state.get().buses.get(bus.address);
      if (present === undefined) throw new Refusal(t.proposal.theBusIsNotOn);
      const proposal = await proposalAddress(bus.address, present.proposalSeq);
      const create = getProposalCreateInstruction({
        proposer: noSigner(signer.address),
        bus: bus.address,
        general: await capacityAddress(bus.address, 0),
        proposal,
        systemProgram: SYSTEM_PROGRAM,
        action: encode(action),
      });
      return isAtOnce(present, action) ? [create, await execute(present, proposal, signer)] : [create];
    },
    onStage,
  );
}

/** What can be done with a proposal. */
export type ProposalVerb = 'approve' | 'revoke' | 'execute' | 'close';

/** Approves, revokes, executes or closes a proposal. */
export function proposalDo(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  proposal: Proposal,
  verb: ProposalVerb,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const accounts = { bus: bus.address, proposal: proposal.address };
  const own = noSigner(signer.address);
  const build = async (): Promise<readonly Instruction[]> => {
    switch (verb) {
      case 'approve':
        return [getProposalApproveInstruction({ ...accounts, owner: own })];
      case 'revoke':
        return [getProposalRevokeInstruction({ ...accounts, owner: own })];
      case 'execute':
        return [await execute(bus, proposal.address, signer)];
      case 'close':
        return [getProposalCloseInstruction({ ...accounts, closer: own, proposer: proposal.proposer })];
    }
  };
  return send(live.connection, signer, build, onStage);
}
