/** Proposals: one change of a bus that its owners decide on together. */

import type { Address, Instruction } from '@solana/kit';

import { ledgerAddress, proposalAddress, sellerAddress } from '../../chain/address';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getProposalApproveInstruction,
  getProposalCloseInstructionAsync,
  getProposalCreateInstructionAsync,
  getProposalExecuteInstructionAsync,
  getProposalRevokeInstruction,
  type ProposalActionArgs,
} from '../../generated';
import type { LiveMarket } from '../../market/live';
import { LISTING_NUMBERS, type Action, type Bus, type Proposal } from '../../market/model';
import { t } from '../../words';
import { termsConfig } from '../bus/bus';

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
      return { __kind: 'ListingPolicySet', listingPolicy: LISTING_NUMBERS[action.listing] };
    case 'termsSet':
      return { __kind: 'TermsSet', from: BigInt(action.terms.from), terms: termsConfig(action.terms) };
    case 'lockFeeSet':
      return { __kind: 'LockFeeSet', lockFeeBps: action.lockFeeBps };
    case 'pause':
      return { __kind: 'Pause' };
    case 'resume':
      return { __kind: 'Resume' };
    case 'ownerReplace':
      return { __kind: 'OwnerReplace', owner: action.owner, newOwner: action.newOwner };
    case 'pauseQuorumSet':
      return { __kind: 'PauseQuorumSet', pauseQuorum: action.pauseQuorum };
    case 'sellerAdmit':
      return { __kind: 'SellerAdmit', wallet: action.wallet };
    case 'sellerSuspend':
      return { __kind: 'SellerSuspend', wallet: action.wallet };
    case 'reservePriceSet':
      return { __kind: 'ReservePriceSet', reservePricePerKwh: action.reservePricePerKwh };
    case 'leastSizeSet':
      return { __kind: 'LeastSizeSet', leastWh: action.leastWh };
    case 'operatorSet':
      return { __kind: 'OperatorSet', operator: action.operator ?? null };
    case 'busClose':
      return { __kind: 'BusClose' };
    case 'gridRecipientSet':
      return { __kind: 'GridRecipientSet', recipient: action.recipient ?? null };
  }
}

/** Whether a proposal of this bus is carried out in the transaction that makes it. */
export function isAtOnce(bus: Bus, action: Action): boolean {
  return action.kind === 'pause' ? bus.pauseApprovals === 1 : bus.threshold === 1 && bus.timelockSeconds === 0;
}

async function execute(
  bus: Bus,
  proposal: Proposal['address'],
  action: Action | undefined,
  executor: Address,
): Promise<Instruction> {
  // The seller whom a decision admits or suspends; else the bus's own, whose sales are swept where shares change.
  const isOfSeller = action?.kind === 'sellerAdmit' || action?.kind === 'sellerSuspend';
  const seller = isOfSeller ? await sellerAddress(bus.address, action.wallet) : bus.seller;
  return getProposalExecuteInstructionAsync({
    executor: noSigner(executor),
    bus: bus.address,
    proposal,
    treasury: bus.treasury,
    seller,
    mint: bus.mint,
    tokenProgram: bus.tokenProgram,
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
  return send(live.connection, signer, () => proposalCreateInstructions(live, signer.address, bus, action), onStage);
}

/** The instructions that propose a change, and carry it out where one approval is enough. */
export async function proposalCreateInstructions(
  live: LiveMarket,
  proposer: Address,
  bus: Bus,
  action: Action,
): Promise<readonly Instruction[]> {
  await live.refresh([bus.address, await ledgerAddress(bus.address)]);
  const { buses, ledgers } = live.state.get();
  const present = buses.get(bus.address);
  if (present === undefined) throw new Refusal(t.proposal.theBusIsNotOn);
  const place = present.owners.findIndex(({ wallet }) => wallet === proposer);
  const number = ledgers.get(bus.address)?.owners[place]?.nextProposal;
  if (number === undefined) throw new Refusal(t.proposal.onlyOwnersPropose);
  const proposal = await proposalAddress(bus.address, proposer, number);
  const create = await getProposalCreateInstructionAsync({
    proposer: noSigner(proposer),
    bus: bus.address,
    proposal,
    number,
    action: encode(action),
  });
  return isAtOnce(present, action) ? [create, await execute(present, proposal, action, proposer)] : [create];
}

/** The instruction that closes a proposal; its rent goes back to its proposer. */
export function proposalCloseInstruction(closer: Address, proposal: Proposal): Promise<Instruction> {
  return getProposalCloseInstructionAsync({
    closer: noSigner(closer),
    bus: proposal.bus,
    proposal: proposal.address,
    proposer: proposal.proposer,
  });
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
  const build = async () => [await proposalInstruction(signer.address, bus, proposal, verb)];
  return send(live.connection, signer, build, onStage);
}

/** The instruction that approves, revokes, executes or closes a proposal. */
export async function proposalInstruction(
  caller: Address,
  bus: Bus,
  proposal: Proposal,
  verb: ProposalVerb,
): Promise<Instruction> {
  const decision = { bus: bus.address, proposal: proposal.address, owner: noSigner(caller) };
  switch (verb) {
    case 'approve':
      // What was shown is what is approved: the hash names its action and the time at which it was made.
      return getProposalApproveInstruction({ ...decision, hash: proposal.hash });
    case 'revoke':
      return getProposalRevokeInstruction(decision);
    case 'execute':
      return execute(bus, proposal.address, proposal.action, caller);
    case 'close':
      return proposalCloseInstruction(caller, proposal);
  }
}
