/** Accounts of the program as the model has them; decoding is the generated client's. */

import { getBase58Decoder, type Address } from '@solana/kit';

import { short, visible } from '../amount/text';
import { hex } from '../chain/hex';
import {
  ActionKind,
  BUS_DISCRIMINATOR,
  CAPACITY_DISCRIMINATOR,
  getBusDecoder,
  getCapacityDecoder,
  getLockDecoder,
  getOfferDecoder,
  getProposalDecoder,
  getTraderDecoder,
  LAYOUT_VERSION,
  ListingPolicy,
  LOCK_DISCRIMINATOR,
  OFFER_DISCRIMINATOR,
  PROPOSAL_DISCRIMINATOR,
  ProposalState,
  TRADER_DISCRIMINATOR,
  type Action as RawAction,
} from '../generated';
import {
  sourceOf,
  type Action,
  type Bus,
  type Capacity,
  type Lock,
  type Offer,
  type Proposal,
  type Receipt,
  type Trader,
} from './model';

/** Where a lane's wallet lies: discriminator, 8 bytes of header, five 64-bit numbers. */
export const WALLET_OFFSET = 56n;

// As numbers, which is how accounts hold them.
const OPEN_LISTING: number = ListingPolicy.Open;
const EXECUTED: number = ProposalState.Executed;

function bus(address: Address, data: Uint8Array): Bus | undefined {
  const raw = getBusDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    name: visible(new TextDecoder().decode(Uint8Array.from(raw.name).subarray(0, raw.nameLen))),
    creator: raw.creator,
    owners: raw.owners.slice(0, raw.ownerCount).map(({ owner, shareBps, accrued, claimed }) => ({
      wallet: owner,
      shareBps,
      accrued,
      claimed,
    })),
    formerOwners: raw.formerOwners
      .slice(0, raw.formerOwnerCount)
      .map(({ owner, accrued }) => ({ wallet: owner, accrued })),
    threshold: raw.threshold,
    pauseApprovals: raw.pauseQuorum === 0 ? raw.threshold : Math.min(raw.pauseQuorum, raw.threshold),
    openListing: raw.listingPolicy === OPEN_LISTING,
    paused: raw.paused === 1,
    mint: raw.mint,
    token: short(raw.mint),
    decimals: raw.mintDecimals,
    tokenProgram: raw.tokenProgram,
    escrow: raw.escrow,
    treasury: raw.treasury,
    treasuryClaimed: raw.treasuryClaimed,
    treasurySettled: raw.treasurySettled,
    timelockSeconds: raw.timelockSeconds,
    windowSeconds: raw.windowSeconds,
    gateClosureSeconds: raw.gateClosureSeconds,
    lockFeeBps: raw.lockFeeBps,
    capacityWh: raw.capacityWh,
    basePricePerKwh: raw.basePricePerKwh,
    configVersion: raw.configVersion,
    proposalSeq: raw.proposalSeq,
    createdAt: Number(raw.createdAt),
  };
}

function capacity(address: Address, data: Uint8Array): Capacity | undefined {
  const raw = getCapacityDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    rentPayer: raw.rentPayer,
    windowStart: Number(raw.windowStart),
    windowSeconds: raw.windowSeconds,
    totalWh: raw.totalWh,
    availableWh: raw.availableWh,
    listedWh: raw.listedWh,
    soldWh: raw.soldWh,
    openOffers: raw.openOffers,
    nextOfferSeq: raw.offerSeqs.next,
  };
}

function offer(address: Address, data: Uint8Array): Offer | undefined {
  const raw = getOfferDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    capacity: raw.capacity,
    seller: raw.seller,
    payout: raw.payout,
    rentPayer: raw.rentPayer,
    source: sourceOf(raw.source) ?? 'unspecified',
    ownedByBus: raw.ownedByBus === 1,
    cancelled: raw.cancelled === 1,
    version: raw.version,
    openLocks: raw.openLocks,
    pricePerKwh: raw.pricePerKwh,
    listedWh: raw.listedWh,
    remainingWh: raw.remainingWh,
    reservedWh: raw.reservedWh,
    windowStart: Number(raw.windowStart),
    createdAt: Number(raw.createdAt),
    expiresAt: Number(raw.expiresAt),
  };
}

function lock(address: Address, data: Uint8Array): Lock | undefined {
  const raw = getLockDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    offer: raw.offer,
    buyer: raw.buyer,
    energyWh: raw.energyWh,
    pricePerKwh: raw.pricePerKwh,
    deposit: raw.deposit,
    lockFeeBps: raw.lockFeeBps,
    takenAt: Number(raw.takenAt),
    expiresAt: Number(raw.expiresAt),
  };
}

function trader(address: Address, data: Uint8Array): Trader | undefined {
  const raw = getTraderDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { wallet, lane, nextNonce, firstNonce } = raw;
  const places = BigInt(raw.receipts.length);
  const oldest = nextNonce - places > firstNonce ? nextNonce - places : firstNonce;
  const receipts: Receipt[] = [];
  for (let nonce = nextNonce - 1n; nonce >= oldest; nonce -= 1n) {
    const receipt = raw.receipts[Number(nonce % places)];
    if (receipt === undefined) continue;
    receipts.push({
      hash: hex(receipt.transactionHash),
      wallet,
      lane,
      nonce,
      energyWh: receipt.energyWh,
      paid: receipt.paid,
      purchasedAt: Number(receipt.purchasedAt),
    });
  }
  return {
    address,
    wallet,
    lane,
    nextNonce,
    firstNonce,
    totalEnergyWh: raw.totalEnergyWh,
    totalPaid: raw.totalPaid,
    openedAt: Number(raw.openedAt),
    historyRoot: hex(raw.historyRoot),
    receipts,
  };
}

const sharesOf = ({ sharesBps, shareCount }: RawAction) => sharesBps.slice(0, shareCount);

/** What an action would do, by its kind. */
const ACTIONS: Readonly<Partial<Record<number, (raw: RawAction) => Action>>> = {
  [ActionKind.OwnerAdd]: (raw) => ({ kind: 'ownerAdd', owner: raw.owner, sharesBps: sharesOf(raw) }),
  [ActionKind.OwnerRemove]: (raw) => ({ kind: 'ownerRemove', owner: raw.owner, sharesBps: sharesOf(raw) }),
  [ActionKind.SharesSet]: (raw) => ({ kind: 'sharesSet', sharesBps: sharesOf(raw) }),
  [ActionKind.ThresholdSet]: ({ value }) => ({ kind: 'thresholdSet', threshold: Number(value) }),
  [ActionKind.TimelockSet]: ({ value }) => ({ kind: 'timelockSet', timelockSeconds: Number(value) }),
  [ActionKind.CapacitySet]: ({ value }) => ({ kind: 'capacitySet', capacityWh: value }),
  [ActionKind.BasePriceSet]: ({ value }) => ({ kind: 'basePriceSet', basePricePerKwh: value }),
  [ActionKind.ListingPolicySet]: ({ value }) => ({ kind: 'listingPolicySet', open: Number(value) === OPEN_LISTING }),
  [ActionKind.WindowsSet]: ({ value, gateClosureSeconds }) => ({
    kind: 'windowsSet',
    windowSeconds: Number(value),
    gateClosureSeconds: Number(gateClosureSeconds),
  }),
  [ActionKind.LockFeeSet]: ({ value }) => ({ kind: 'lockFeeSet', lockFeeBps: Number(value) }),
  [ActionKind.Pause]: () => ({ kind: 'pause' }),
  [ActionKind.Resume]: () => ({ kind: 'resume' }),
} satisfies Record<ActionKind, (raw: RawAction) => Action>;

function proposal(address: Address, data: Uint8Array): Proposal | undefined {
  const raw = getProposalDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    proposer: raw.proposer,
    seq: raw.proposalSeq,
    configVersion: raw.configVersion,
    approvals: raw.approvals,
    executed: raw.state === EXECUTED,
    createdAt: Number(raw.createdAt),
    executableAt: Number(raw.executableAt),
    executedAt: Number(raw.executedAt),
    // None where a later program wrote it.
    action: ACTIONS[raw.action.kind]?.(raw.action),
  };
}

/** A kind of account. */
export interface Kind {
  readonly name: 'bus' | 'capacity' | 'offer' | 'lock' | 'proposal' | 'trader';
  /** First bytes of its data, in base58. */
  readonly discriminator: string;
  /** Whether data is of this kind. */
  matches(data: Uint8Array): boolean;
  /** Reads data of this kind; `undefined` where it has another length or another layout, which a later program writes. */
  decode(address: Address, data: Uint8Array): Bus | Capacity | Offer | Lock | Proposal | Trader | undefined;
}

function kind(
  name: Kind['name'],
  discriminator: ArrayLike<number> & Iterable<number>,
  size: number,
  decode: Kind['decode'],
): Kind {
  const bytes = Uint8Array.from(discriminator);
  return {
    name,
    discriminator: getBase58Decoder().decode(bytes),
    matches: (data) => bytes.every((byte, index) => data[index] === byte),
    decode: (address, data) => (data.length === size ? decode(address, data) : undefined),
  };
}

/** Every kind of account that the market has. */
export const KINDS: readonly Kind[] = [
  kind('bus', BUS_DISCRIMINATOR, getBusDecoder().fixedSize, bus),
  kind('capacity', CAPACITY_DISCRIMINATOR, getCapacityDecoder().fixedSize, capacity),
  kind('offer', OFFER_DISCRIMINATOR, getOfferDecoder().fixedSize, offer),
  kind('lock', LOCK_DISCRIMINATOR, getLockDecoder().fixedSize, lock),
  kind('proposal', PROPOSAL_DISCRIMINATOR, getProposalDecoder().fixedSize, proposal),
  kind('trader', TRADER_DISCRIMINATOR, getTraderDecoder().fixedSize, trader),
];

/** Reads a lane's account. */
export const decodeTrader = trader;
