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
import { LISTING_NUMBERS, type Action, type Bus, type Proposal, type Seller } from '../../market/model';
import type { Terms } from '../../market/terms';
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

/** Why there is nothing to decide: what an action would make of a bus is so already. `undefined` where it changes something. */
export function whyPointless(bus: Bus, action: Action, sellers: Iterable<Seller>): string | undefined {
  const joins =
    action.kind === 'ownerAdd' ? action.owner : action.kind === 'ownerReplace' ? action.newOwner : undefined;
  if (bus.owners.some(({ wallet }) => wallet === joins)) return t.proposals.isAnOwnerAlready;
  return changesNothing(bus, action, sellers) ? t.proposals.itIsSoAlready : undefined;
}

/** Whether a bus is already as an action would make it. */
function changesNothing(bus: Bus, action: Action, sellers: Iterable<Seller>): boolean {
  const sellerOf = (wallet: Address) =>
    [...sellers].find((seller) => seller.bus === bus.address && seller.wallet === wallet);
  switch (action.kind) {
    case 'ownerAdd':
    case 'ownerRemove':
    case 'ownerReplace':
      return false;
    case 'sharesSet':
      return bus.owners.every(({ shareBps }, place) => shareBps === action.sharesBps[place]);
    case 'thresholdSet':
      return bus.threshold === action.threshold;
    case 'timelockSet':
      return bus.timelockSeconds === action.timelockSeconds;
    case 'capacitySet':
      return bus.capacityWh === action.capacityWh;
    case 'basePriceSet':
      return bus.basePricePerKwh === action.basePricePerKwh;
    case 'listingPolicySet':
      return bus.listing === action.listing;
    case 'termsSet':
      // Of terms that are decided already, others may also hold from another time.
      return bus.nextTerms === undefined
        ? areSame({ ...action.terms, from: bus.terms.from }, bus.terms)
        : areSame(action.terms, bus.nextTerms);
    case 'lockFeeSet':
      return bus.lockFeeBps === action.lockFeeBps;
    case 'pause':
      return bus.paused;
    case 'resume':
      return !bus.paused;
    case 'pauseQuorumSet':
      return bus.pauseQuorum === action.pauseQuorum;
    case 'sellerAdmit':
      return sellerOf(action.wallet)?.admitted === true;
    case 'sellerSuspend':
      return sellerOf(action.wallet)?.suspended === true;
    case 'reservePriceSet':
      return bus.reservePricePerKwh === action.reservePricePerKwh;
    case 'leastSizeSet':
      return bus.leastWh === action.leastWh;
    case 'operatorSet':
      return bus.operator === action.operator;
    case 'busClose':
      return bus.closing;
    case 'gridRecipientSet':
      return bus.gridRecipient === action.recipient;
  }
}

const areSame = (a: Terms, b: Terms) => (Object.keys(a) as (keyof Terms)[]).every((key) => a[key] === b[key]);

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
