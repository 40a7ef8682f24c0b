/** Accounts of the program as the model has them; decoding is the generated client's. */

import { getBase58Decoder, type Address } from '@solana/kit';

import { short, visible } from '../amount/text';
import { hex } from '../chain/hex';
import {
  ActionKind,
  BUS_DISCRIMINATOR,
  CAPACITY_DISCRIMINATOR,
  CLAIM_DISCRIMINATOR,
  getBusDecoder,
  getCapacityDecoder,
  getClaimDecoder,
  getCreatorDecoder,
  getLedgerDecoder,
  getLockDecoder,
  getOfferDecoder,
  getProposalDecoder,
  getSellerDecoder,
  getTombstoneDecoder,
  getTraderDecoder,
  LAYOUT_VERSION,
  LEDGER_DISCRIMINATOR,
  LOCK_DISCRIMINATOR,
  LockState,
  OFFER_DISCRIMINATOR,
  PROPOSAL_DISCRIMINATOR,
  ProposalState,
  SELLER_DISCRIMINATOR,
  TOMBSTONE_DISCRIMINATOR,
  TRADER_DISCRIMINATOR,
  type Action as RawAction,
} from '../generated';
import { SYSTEM_PROGRAM as ZEROS } from '../programs';
import {
  listingOf,
  sourceOf,
  type Action,
  type Bus,
  type Capacity,
  type Claim,
  type Ledger,
  type Lock,
  type Offer,
  type Proposal,
  type Receipt,
  type Seller,
  type Tombstone,
  type Trader,
} from './model';

/** Where a lane's wallet lies: discriminator, 8 bytes of header, five 64-bit numbers. */
export const WALLET_OFFSET = 56n;

// As numbers, which is how accounts hold them.
const UNPAID: number = LockState.Unpaid;
const EXECUTED: number = ProposalState.Executed;

/** A time in unix seconds; the largest one of the program means never. */
const NEVER = (1n << 63n) - 1n;
const time = (seconds: bigint) => (seconds === NEVER ? Number.POSITIVE_INFINITY : Number(seconds));

function bus(address: Address, data: Uint8Array): Bus | undefined {
  const raw = getBusDecoder().decode(data);
  const listing = listingOf(raw.listingPolicy);
  if (raw.layoutVersion !== LAYOUT_VERSION || listing === undefined) return undefined;
  return {
    address,
    name: visible(new TextDecoder().decode(Uint8Array.from(raw.name).subarray(0, raw.nameLen))),
    creator: raw.creator,
    owners: raw.owners.slice(0, raw.ownerCount).map(({ owner, shareBps }) => ({ wallet: owner, shareBps })),
    threshold: raw.threshold,
    pauseApprovals: raw.pauseQuorum === 0 ? raw.threshold : Math.min(raw.pauseQuorum, raw.threshold),
    listing,
    paused: raw.paused === 1,
    closing: raw.closing === 1,
    mint: raw.mint,
    token: short(raw.mint),
    decimals: raw.mintDecimals,
    tokenProgram: raw.tokenProgram,
    treasury: raw.treasury,
    unclaimed: raw.unclaimed,
    seller: raw.seller,
    operator: raw.operator === ZEROS ? undefined : raw.operator,
    timelockSeconds: raw.timelockSeconds,
    windowSeconds: raw.windowSeconds,
    gateClosureSeconds: raw.gateClosureSeconds,
    horizonSeconds: raw.horizonSeconds,
    lockFeeBps: raw.lockFeeBps,
    capacityWh: raw.capacityWh,
    basePricePerKwh: raw.basePricePerKwh,
    reservePricePerKwh: raw.reservePricePerKwh,
    leastWh: raw.leastWh,
    configVersion: raw.configVersion,
    pauseVersion: raw.pauseVersion,
    createdAt: Number(raw.createdAt),
  };
}

function tombstone(address: Address, data: Uint8Array): Tombstone | undefined {
  const raw = getTombstoneDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    creator: raw.creator,
    mint: raw.mint,
    tokenProgram: raw.tokenProgram,
    decimals: raw.mintDecimals,
    unclaimed: raw.unclaimed,
    openClaims: raw.openClaims,
    closedAt: Number(raw.closedAt),
  };
}

function ledger(address: Address, data: Uint8Array): Ledger | undefined {
  const raw = getLedgerDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    openSellers: raw.openSellers,
    openWindows: raw.openWindows,
    openProposals: raw.openProposals,
    openClaims: raw.openClaims,
    unclaimedTotal: raw.unclaimedTotal,
    periodClaimed: raw.periodClaimed,
    accruedTotal: raw.accruedTotal,
    owners: raw.owners,
    formerOwners: raw.formerOwners
      .slice(0, raw.formerOwnerCount)
      .map(({ owner, accrued }) => ({ wallet: owner, accrued })),
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
    gateClosesAt: time(raw.gateClosesAt),
    totalWh: raw.totalWh,
    availableWh: raw.availableWh,
    committedWh: raw.committedWh,
    openOffers: raw.openOffers,
  };
}

function seller(address: Address, data: Uint8Array): Seller | undefined {
  const raw = getSellerDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    wallet: raw.wallet,
    vault: raw.vault,
    rentPayer: raw.rentPayer,
    admitted: raw.admitted === 1,
    suspended: raw.suspended === 1,
    openOffers: raw.openOffers,
    nextOffer: raw.nextOffer,
    released: raw.released,
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
    wallet: raw.wallet,
    vault: raw.vault,
    rentPayer: raw.rentPayer,
    source: sourceOf(raw.source) ?? 'unspecified',
    ownedByBus: raw.wallet === raw.bus,
    cancelled: raw.cancelled === 1,
    version: raw.version,
    openLocks: raw.openLocks,
    pricePerKwh: raw.pricePerKwh,
    listedWh: raw.listedWh,
    remainingWh: raw.remainingWh,
    reservedWh: raw.reservedWh,
    leastWh: raw.leastWh,
    proceeds: raw.proceeds,
    deposits: raw.deposits,
    windowStart: Number(raw.windowStart),
    gateClosesAt: time(raw.gateClosesAt),
    createdAt: Number(raw.createdAt),
    tradesFrom: Number(raw.tradesFrom),
    expiresAt: Number(raw.expiresAt),
    lockedUntil: Number(raw.lockedUntil),
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
    place: raw.place,
    number: raw.number,
    isUnpaid: raw.state === UNPAID,
    energyWh: raw.energyWh,
    pricePerKwh: raw.pricePerKwh,
    deposit: raw.deposit,
    lockFeeBps: raw.lockFeeBps,
    takenAt: Number(raw.takenAt),
    expiresAt: Number(raw.expiresAt),
    refund: raw.refund,
  };
}

function claim(address: Address, data: Uint8Array): Claim | undefined {
  const raw = getClaimDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { bus: of, wallet, amount, rentPayer } = raw;
  return { address, bus: of, wallet, amount, rentPayer };
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
const ACTIONS: Readonly<Partial<Record<number, (raw: RawAction) => Action | undefined>>> = {
  [ActionKind.OwnerAdd]: (raw) => ({ kind: 'ownerAdd', owner: raw.owner, sharesBps: sharesOf(raw) }),
  [ActionKind.OwnerRemove]: (raw) => ({ kind: 'ownerRemove', owner: raw.owner, sharesBps: sharesOf(raw) }),
  [ActionKind.SharesSet]: (raw) => ({ kind: 'sharesSet', sharesBps: sharesOf(raw) }),
  [ActionKind.ThresholdSet]: ({ value }) => ({ kind: 'thresholdSet', threshold: Number(value) }),
  [ActionKind.TimelockSet]: ({ value }) => ({ kind: 'timelockSet', timelockSeconds: Number(value) }),
  [ActionKind.CapacitySet]: ({ value }) => ({ kind: 'capacitySet', capacityWh: value }),
  [ActionKind.BasePriceSet]: ({ value }) => ({ kind: 'basePriceSet', basePricePerKwh: value }),
  [ActionKind.ListingPolicySet]: ({ value }) => {
    const listing = listingOf(Number(value));
    return listing === undefined ? undefined : { kind: 'listingPolicySet', listing };
  },
  [ActionKind.WindowsSet]: ({ value, gateClosureSeconds }) => ({
    kind: 'windowsSet',
    windowSeconds: Number(value),
    gateClosureSeconds: Number(gateClosureSeconds),
  }),
  [ActionKind.LockFeeSet]: ({ value }) => ({ kind: 'lockFeeSet', lockFeeBps: Number(value) }),
  [ActionKind.Pause]: () => ({ kind: 'pause' }),
  [ActionKind.Resume]: () => ({ kind: 'resume' }),
  [ActionKind.OwnerReplace]: ({ owner, newOwner }) => ({ kind: 'ownerReplace', owner, newOwner }),
  [ActionKind.PauseQuorumSet]: ({ value }) => ({ kind: 'pauseQuorumSet', pauseQuorum: Number(value) }),
  [ActionKind.SellerAdmit]: ({ owner: wallet }) => ({ kind: 'sellerAdmit', wallet }),
  [ActionKind.SellerSuspend]: ({ owner: wallet }) => ({ kind: 'sellerSuspend', wallet }),
  [ActionKind.ReservePriceSet]: ({ value }) => ({ kind: 'reservePriceSet', reservePricePerKwh: value }),
  [ActionKind.LeastSizeSet]: ({ value }) => ({ kind: 'leastSizeSet', leastWh: value }),
  [ActionKind.OperatorSet]: ({ owner }) => ({ kind: 'operatorSet', operator: owner === ZEROS ? undefined : owner }),
  [ActionKind.BusClose]: () => ({ kind: 'busClose' }),
} satisfies Record<ActionKind, (raw: RawAction) => Action | undefined>;

function proposal(address: Address, data: Uint8Array): Proposal | undefined {
  const raw = getProposalDecoder().decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    proposer: raw.proposer,
    number: raw.number,
    hash: raw.hash,
    configVersion: raw.configVersion,
    pauseVersion: raw.pauseVersion,
    approvals: raw.approvals,
    executed: raw.state === EXECUTED,
    createdAt: Number(raw.createdAt),
    executableAt: Number(raw.executableAt),
    expiresAt: Number(raw.expiresAt),
    executedAt: Number(raw.executedAt),
    // None where a later program wrote it.
    action: ACTIONS[raw.action.kind]?.(raw.action),
  };
}

/** What an account of each kind holds. */
export interface Held {
  readonly bus: Bus;
  readonly tombstone: Tombstone;
  readonly ledger: Ledger;
  readonly capacity: Capacity;
  readonly seller: Seller;
  readonly offer: Offer;
  readonly lock: Lock;
  readonly proposal: Proposal;
  readonly claim: Claim;
  readonly trader: Trader;
}

/** A kind of account. */
export interface Kind {
  readonly name: keyof Held;
  /** First bytes of its data, in base58. */
  readonly discriminator: string;
  /** Whether data is of this kind. */
  matches(data: Uint8Array): boolean;
  /** Reads data of this kind; `undefined` where it has another length or another layout, which a later program writes. */
  decode(address: Address, data: Uint8Array): Held[keyof Held] | undefined;
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

/** Every kind of account that is followed. */
export const KINDS: readonly Kind[] = [
  kind('bus', BUS_DISCRIMINATOR, getBusDecoder().fixedSize, bus),
  kind('tombstone', TOMBSTONE_DISCRIMINATOR, getTombstoneDecoder().fixedSize, tombstone),
  kind('ledger', LEDGER_DISCRIMINATOR, getLedgerDecoder().fixedSize, ledger),
  kind('capacity', CAPACITY_DISCRIMINATOR, getCapacityDecoder().fixedSize, capacity),
  kind('seller', SELLER_DISCRIMINATOR, getSellerDecoder().fixedSize, seller),
  kind('offer', OFFER_DISCRIMINATOR, getOfferDecoder().fixedSize, offer),
  kind('lock', LOCK_DISCRIMINATOR, getLockDecoder().fixedSize, lock),
  kind('proposal', PROPOSAL_DISCRIMINATOR, getProposalDecoder().fixedSize, proposal),
  kind('claim', CLAIM_DISCRIMINATOR, getClaimDecoder().fixedSize, claim),
  kind('trader', TRADER_DISCRIMINATOR, getTraderDecoder().fixedSize, trader),
];

/** Reads a lane's account. */
export const decodeTrader = trader;

/** Number of a wallet's next bus, from the account that counts them; `undefined` where it has another layout. */
export function decodeNextBus(data: Uint8Array): bigint | undefined {
  if (data.length !== getCreatorDecoder().fixedSize) return undefined;
  const { layoutVersion, nextBus } = getCreatorDecoder().decode(data);
  return layoutVersion === LAYOUT_VERSION ? nextBus : undefined;
}
