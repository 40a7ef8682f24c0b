/** Accounts of the program as the model has them; decoding is the generated client's. */

import { getBase58Decoder, type Address } from '@solana/kit';

import { short, visible } from '../amount/text';
import { hex } from '../chain/hex';
import {
  ActionKind,
  BID_DISCRIMINATOR,
  BidState,
  BookWindowState,
  BUS_DISCRIMINATOR,
  CAPACITY_DISCRIMINATOR,
  CERTIFICATE_DISCRIMINATOR,
  CLAIM_DISCRIMINATOR,
  DELIVERY_BOOK_DISCRIMINATOR,
  DEVICE_DISCRIMINATOR,
  getBidDecoder,
  getBusDecoder,
  getCapacityDecoder,
  getCertificateDecoder,
  getClaimDecoder,
  getCreatorDecoder,
  getDeliveryBookDecoder,
  getDeviceDecoder,
  getLedgerDecoder,
  getLockDecoder,
  getMeterDecoder,
  getOfferDecoder,
  getPositionBookDecoder,
  getProposalDecoder,
  getSellerDecoder,
  getTombstoneDecoder,
  getTraderDecoder,
  LAYOUT_VERSION,
  LEDGER_DISCRIMINATOR,
  LOCK_DISCRIMINATOR,
  LockState,
  METER_DISCRIMINATOR,
  OFFER_DISCRIMINATOR,
  POSITION_BOOK_DISCRIMINATOR,
  PROPOSAL_DISCRIMINATOR,
  ProposalState,
  SELLER_DISCRIMINATOR,
  SettlementTime,
  TOMBSTONE_DISCRIMINATOR,
  TRADER_DISCRIMINATOR,
  type Action as RawAction,
  type BookWindow as RawBookWindow,
  type Terms as RawTerms,
} from '../generated';
import { SYSTEM_PROGRAM as ZEROS } from '../programs';
import {
  listingOf,
  sourceOf,
  type Action,
  type Bid,
  type Book,
  type BookWindow,
  type Bus,
  type Capacity,
  type Certificate,
  type Claim,
  type Device,
  type Ledger,
  type Lock,
  type Meter,
  type Offer,
  type Position,
  type Proposal,
  type Receipt,
  type Seller,
  type Tombstone,
  type Trader,
} from './model';
import type { Terms } from './terms';

/** Where accounts name what they belong to. */
const LOCK_BUS_AT = 64n;
const SELLER_BUS_AT = 40n;
const CAPACITY_BUS_AT = 96n;
const OFFER_BUS_AT = 136n;
const BID_BUS_AT = 96n;
const CLAIM_BUS_AT = 24n;
const PROPOSAL_BUS_AT = 72n;
const BOOK_BUS_AT = 80n;
/** Where a delivery book names its seller. */
export const BOOK_SELLER_AT = 152n;
/** Where a lane's wallet lies: discriminator, 8 bytes of header, five 64-bit numbers. */
const LANE_WALLET_AT = 56n;
/** Where a position's book and buyer lie: discriminator, 8 bytes of header, two sets of 96 windows; the book. */
export const POSITION_BOOK_AT = 48n;
const POSITION_BUYER_AT = 80n;
/** Where a certificate's owner lies: discriminator, 8 bytes of header, four 64-bit numbers, device, bus and seller. */
const CERTIFICATE_OWNER_AT = 144n;

// As numbers, which is how accounts hold them.
const UNPAID: number = LockState.Unpaid;
const EXECUTED: number = ProposalState.Executed;

/** Made once: there are thousands of accounts, and making a decoder takes as long as reading one. */
const READERS = {
  bus: getBusDecoder(),
  tombstone: getTombstoneDecoder(),
  ledger: getLedgerDecoder(),
  capacity: getCapacityDecoder(),
  seller: getSellerDecoder(),
  offer: getOfferDecoder(),
  bid: getBidDecoder(),
  lock: getLockDecoder(),
  meter: getMeterDecoder(),
  device: getDeviceDecoder(),
  deliveryBook: getDeliveryBookDecoder(),
  positionBook: getPositionBookDecoder(),
  certificate: getCertificateDecoder(),
  claim: getClaimDecoder(),
  trader: getTraderDecoder(),
  proposal: getProposalDecoder(),
};

/** A time in unix seconds; the largest one of the program means never. */
const NEVER = (1n << 63n) - 1n;
const time = (seconds: bigint) => (seconds === NEVER ? Number.POSITIVE_INFINITY : Number(seconds));

const named = (address: Address) => (address === ZEROS ? undefined : address);

const DELIVERY: number = SettlementTime.OnDelivery;

/** Terms as accounts hold them. */
export function termsOf(raw: RawTerms): Terms {
  return {
    from: Number(raw.from),
    windowSeconds: raw.windowSeconds,
    gateClosureSeconds: raw.gateClosureSeconds,
    isOnDelivery: raw.settlement === DELIVERY,
    gridFeePerKwh: raw.gridFeePerKwh,
    readingDeadlineSeconds: raw.readingDeadlineSeconds,
    correctionSeconds: raw.correctionSeconds,
    hasAuction: raw.auction === 1,
  };
}

function bus(address: Address, data: Uint8Array): Bus | undefined {
  const raw = READERS.bus.decode(data);
  const listing = listingOf(raw.listingPolicy);
  if (raw.layoutVersion !== LAYOUT_VERSION || listing === undefined) return undefined;
  return {
    address,
    name: visible(new TextDecoder().decode(Uint8Array.from(raw.name).subarray(0, raw.nameLen))),
    creator: raw.creator,
    owners: raw.owners.slice(0, raw.ownerCount).map(({ owner, shareBps }) => ({ wallet: owner, shareBps })),
    threshold: raw.threshold,
    pauseApprovals: raw.pauseQuorum === 0 ? raw.threshold : Math.min(raw.pauseQuorum, raw.threshold),
    pauseQuorum: raw.pauseQuorum,
    listing,
    paused: raw.paused === 1,
    closing: raw.closing === 1,
    closingAt: Number(raw.closingAt),
    mint: raw.mint,
    token: short(raw.mint),
    decimals: raw.mintDecimals,
    tokenProgram: raw.tokenProgram,
    treasury: raw.treasury,
    unclaimed: raw.unclaimed,
    escrow: raw.escrow,
    seller: raw.seller,
    operator: named(raw.operator),
    gridRecipient: named(raw.gridRecipient),
    terms: termsOf(raw.terms),
    nextTerms: raw.nextTerms.from === 0n ? undefined : termsOf(raw.nextTerms),
    readingsUntil: Number(raw.readingsUntil),
    timelockSeconds: raw.timelockSeconds,
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
  const raw = READERS.tombstone.decode(data);
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
  const raw = READERS.ledger.decode(data);
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
    diverted: raw.diverted,
    owners: raw.owners,
    formerOwners: raw.formerOwners
      .slice(0, raw.formerOwnerCount)
      .map(({ owner, accrued }) => ({ wallet: owner, accrued })),
  };
}

function capacity(address: Address, data: Uint8Array): Capacity | undefined {
  const raw = READERS.capacity.decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  return {
    address,
    bus: raw.bus,
    rentPayer: raw.rentPayer,
    windowStart: Number(raw.windowStart),
    terms: termsOf(raw.terms),
    gateClosesAt: time(raw.gateClosesAt),
    totalWh: raw.totalWh,
    availableWh: raw.availableWh,
    committedWh: raw.committedWh,
    openOffers: raw.openOffers,
    openBids: raw.openBids,
    isGivenUp: raw.givenUp === 1,
    escrowed: raw.escrowed,
    clearedAt: Number(raw.clearedAt),
    auctionPricePerKwh: raw.pricePerKwh,
    volumeWh: raw.volumeWh,
    bids: raw.bids,
    asks: raw.asks,
    reportedWh: raw.reportedWh,
    deliveredWh: raw.deliveredWh,
    poolCompleteAt: Number(raw.poolCompleteAt),
  };
}

function seller(address: Address, data: Uint8Array): Seller | undefined {
  const raw = READERS.seller.decode(data);
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
    gridFeesOwed: raw.gridFeesOwed,
    meter: named(raw.meter),
    openBooks: raw.openBooks,
  };
}

function offer(address: Address, data: Uint8Array): Offer | undefined {
  const raw = READERS.offer.decode(data);
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
    number: raw.number,
    ownedByBus: raw.wallet === raw.bus,
    cancelled: raw.cancelled !== 0,
    version: raw.version,
    openLocks: raw.openLocks,
    pricePerKwh: raw.pricePerKwh,
    gridFeePerKwh: raw.gridFeePerKwh,
    fullPricePerKwh: raw.fullPricePerKwh,
    listedWh: raw.listedWh,
    remainingWh: raw.remainingWh,
    reservedWh: raw.reservedWh,
    leastWh: raw.leastWh,
    proceeds: raw.proceeds,
    gridCredited: raw.gridCredited,
    deposits: raw.deposits,
    windowStart: Number(raw.windowStart),
    book: raw.onDelivery === 1 ? raw.book : undefined,
    gateClosesAt: time(raw.gateClosesAt),
    createdAt: Number(raw.createdAt),
    tradesFrom: Number(raw.tradesFrom),
    expiresAt: Number(raw.expiresAt),
    lockedUntil: Number(raw.lockedUntil),
    isInAuction: raw.inAuction === 1,
    isSettled: raw.settled === 1,
  };
}

/** The state of each number. A bid in a state of a later program is not shown. */
const BID_STATES: Readonly<Partial<Record<number, Bid['state']>>> = {
  [BidState.Open]: 'open',
  [BidState.Filled]: 'filled',
  [BidState.Refunded]: 'refunded',
} satisfies Record<BidState, Bid['state']>;

function bid(address: Address, data: Uint8Array): Bid | undefined {
  const raw = READERS.bid.decode(data);
  const state = BID_STATES[raw.state];
  if (raw.layoutVersion !== LAYOUT_VERSION || state === undefined) return undefined;
  const { bus: of, capacity: window, buyer, refund, energyWh, maxPricePerKwh, pricePerKwh } = raw;
  const { deposit, paid, allottedWh, deliveredWh, certifiedWh } = raw;
  return {
    ...{ address, bus: of, capacity: window, buyer, refund, state, energyWh, maxPricePerKwh, pricePerKwh },
    ...{ deposit, paid, allottedWh, deliveredWh, certifiedWh },
    hash: hex(raw.transactionHash),
    windowStart: Number(raw.windowStart),
    createdAt: Number(raw.createdAt),
  };
}

function lock(address: Address, data: Uint8Array): Lock | undefined {
  const raw = READERS.lock.decode(data);
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
    gridFeePerKwh: raw.gridFeePerKwh,
    deposit: raw.deposit,
    lockFeeBps: raw.lockFeeBps,
    takenAt: Number(raw.takenAt),
    expiresAt: Number(raw.expiresAt),
    refund: raw.refund,
  };
}

function meter(address: Address, data: Uint8Array): Meter | undefined {
  const raw = READERS.meter.decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { bus: of, seller: whose, key, rentPayer, powerW } = raw;
  return {
    ...{ address, bus: of, seller: whose, key, rentPayer, powerW },
    source: sourceOf(raw.source) ?? 'unspecified',
    validFrom: Number(raw.validFrom),
    listedUntil: Number(raw.listedUntil),
  };
}

function device(address: Address, data: Uint8Array): Device | undefined {
  const raw = READERS.device.decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { bus: of, seller: whose, key, rentPayer } = raw;
  return {
    ...{ address, bus: of, seller: whose, key, rentPayer },
    isRetired: raw.retired === 1,
    busyUntil: Number(raw.busyUntil),
  };
}

/** The state of each number. A state of a later program is taken for the last one: nothing is due of it. */
const STATES: Readonly<Partial<Record<number, BookWindow['state']>>> = {
  [BookWindowState.Unused]: 'unused',
  [BookWindowState.Listed]: 'listed',
  [BookWindowState.Released]: 'released',
} satisfies Record<BookWindowState, BookWindow['state']>;

function bookWindow(raw: RawBookWindow): BookWindow {
  const { listedWh, soldWh, paid, auctionWh, unsettledOffers, auctionCertifiedWh } = raw;
  const { deliveredWh, certifiedWh, operatorReadings } = raw;
  return {
    ...{ listedWh, soldWh, paid, auctionWh, unsettledOffers, auctionCertifiedWh },
    ...{ deliveredWh, certifiedWh, operatorReadings },
    isPoolReported: raw.poolReported === 1,
    state: STATES[raw.state] ?? 'released',
    reportedAt: Number(raw.reportedAt),
    device: raw.meter,
    isSurplusCertified: raw.surplusCertified === 1,
  };
}

function deliveryBook(address: Address, data: Uint8Array): Book | undefined {
  const raw = READERS.deliveryBook.decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { bus: of, seller: whose, vault, rentPayer, openOffers, openPositions, settled, poolDue, poolGridFee } = raw;
  return {
    ...{ address, bus: of, seller: whose, vault, rentPayer, openOffers, openPositions, settled, poolDue, poolGridFee },
    firstWindow: Number(raw.firstWindow),
    terms: termsOf(raw.terms),
    devices: raw.meters
      .slice(0, raw.meterCount)
      .map(({ key, powerW, source }) => ({ key, powerW, source: sourceOf(source) ?? 'unspecified' })),
    windows: raw.windows.map(bookWindow),
  };
}

/** Whether a set of windows, as two 64-bit numbers, has the one at a place. */
const hasWindow = (windows: readonly bigint[], place: number) =>
  (((windows[place >> 6] ?? 0n) >> BigInt(place & 63)) & 1n) === 1n;

function positionBook(address: Address, data: Uint8Array): Position | undefined {
  const raw = READERS.positionBook.decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { book, buyer, rentPayer, openLocks } = raw;
  return {
    ...{ address, book, buyer, rentPayer, openLocks },
    refund: named(raw.refund),
    windows: raw.windows.map(({ energyWh, paid }, place) => ({
      energyWh,
      paid,
      isRefunded: hasWindow(raw.refunded, place),
      isCertified: hasWindow(raw.certified, place),
    })),
  };
}

function certificate(address: Address, data: Uint8Array): Certificate | undefined {
  const raw = READERS.certificate.decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { bus: of, seller: whose, owner, rentPayer, windowSeconds, rangeStart, rangeEnd } = raw;
  return {
    ...{ address, bus: of, seller: whose, owner, rentPayer, windowSeconds, rangeStart, rangeEnd },
    device: raw.device,
    source: sourceOf(raw.source) ?? 'unspecified',
    windowStart: Number(raw.windowStart),
  };
}

function claim(address: Address, data: Uint8Array): Claim | undefined {
  const raw = READERS.claim.decode(data);
  if (raw.layoutVersion !== LAYOUT_VERSION) return undefined;
  const { bus: of, wallet, amount, rentPayer } = raw;
  return { address, bus: of, wallet, amount, rentPayer };
}

function trader(address: Address, data: Uint8Array): Trader | undefined {
  const raw = READERS.trader.decode(data);
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
  [ActionKind.TermsSet]: ({ terms }) => ({ kind: 'termsSet', terms: termsOf(terms) }),
  [ActionKind.LockFeeSet]: ({ value }) => ({ kind: 'lockFeeSet', lockFeeBps: Number(value) }),
  [ActionKind.Pause]: () => ({ kind: 'pause' }),
  [ActionKind.Resume]: () => ({ kind: 'resume' }),
  [ActionKind.OwnerReplace]: ({ owner, newOwner }) => ({ kind: 'ownerReplace', owner, newOwner }),
  [ActionKind.PauseQuorumSet]: ({ value }) => ({ kind: 'pauseQuorumSet', pauseQuorum: Number(value) }),
  [ActionKind.SellerAdmit]: ({ owner: wallet }) => ({ kind: 'sellerAdmit', wallet }),
  [ActionKind.SellerSuspend]: ({ owner: wallet }) => ({ kind: 'sellerSuspend', wallet }),
  [ActionKind.ReservePriceSet]: ({ value }) => ({ kind: 'reservePriceSet', reservePricePerKwh: value }),
  [ActionKind.LeastSizeSet]: ({ value }) => ({ kind: 'leastSizeSet', leastWh: value }),
  [ActionKind.OperatorSet]: ({ owner }) => ({ kind: 'operatorSet', operator: named(owner) }),
  [ActionKind.BusClose]: () => ({ kind: 'busClose' }),
  [ActionKind.GridRecipientSet]: ({ owner }) => ({ kind: 'gridRecipientSet', recipient: named(owner) }),
} satisfies Record<ActionKind, (raw: RawAction) => Action | undefined>;

/** What a decision changes; `undefined` where a later program wrote it. */
export const actionOf = (raw: RawAction): Action | undefined => ACTIONS[raw.kind]?.(raw);

function proposal(address: Address, data: Uint8Array): Proposal | undefined {
  const raw = READERS.proposal.decode(data);
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
  readonly bid: Bid;
  readonly lock: Lock;
  readonly meter: Meter;
  readonly device: Device;
  readonly book: Book;
  readonly position: Position;
  readonly certificate: Certificate;
  readonly proposal: Proposal;
  readonly claim: Claim;
  readonly trader: Trader;
}

/** A kind of account. */
export interface Kind {
  readonly name: keyof Held;
  /** First bytes of its data, in base58. */
  readonly discriminator: string;
  /** Where its wallet lies, of kinds of which only those of the connected wallet are followed. */
  readonly walletAt: bigint | undefined;
  /** Where its bus lies, of kinds of which a bus can have many. */
  readonly busAt: bigint | undefined;
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
  { walletAt, busAt }: { readonly walletAt?: bigint; readonly busAt?: bigint } = {},
): Kind {
  const bytes = Uint8Array.from(discriminator);
  return {
    name,
    discriminator: getBase58Decoder().decode(bytes),
    walletAt,
    busAt,
    matches: (data) => bytes.every((byte, index) => data[index] === byte),
    decode: (address, data) => (data.length === size ? decode(address, data) : undefined),
  };
}

/** Every kind of account that is followed. */
export const KINDS: readonly Kind[] = [
  kind('bus', BUS_DISCRIMINATOR, READERS.bus.fixedSize, bus),
  kind('tombstone', TOMBSTONE_DISCRIMINATOR, READERS.tombstone.fixedSize, tombstone),
  kind('ledger', LEDGER_DISCRIMINATOR, READERS.ledger.fixedSize, ledger),
  kind('capacity', CAPACITY_DISCRIMINATOR, READERS.capacity.fixedSize, capacity, { busAt: CAPACITY_BUS_AT }),
  kind('seller', SELLER_DISCRIMINATOR, READERS.seller.fixedSize, seller, { busAt: SELLER_BUS_AT }),
  kind('offer', OFFER_DISCRIMINATOR, READERS.offer.fixedSize, offer, { busAt: OFFER_BUS_AT }),
  kind('bid', BID_DISCRIMINATOR, READERS.bid.fixedSize, bid, { busAt: BID_BUS_AT }),
  kind('lock', LOCK_DISCRIMINATOR, READERS.lock.fixedSize, lock, { busAt: LOCK_BUS_AT }),
  kind('proposal', PROPOSAL_DISCRIMINATOR, READERS.proposal.fixedSize, proposal, { busAt: PROPOSAL_BUS_AT }),
  kind('claim', CLAIM_DISCRIMINATOR, READERS.claim.fixedSize, claim, { busAt: CLAIM_BUS_AT }),
  kind('meter', METER_DISCRIMINATOR, READERS.meter.fixedSize, meter),
  kind('device', DEVICE_DISCRIMINATOR, READERS.device.fixedSize, device),
  kind('book', DELIVERY_BOOK_DISCRIMINATOR, READERS.deliveryBook.fixedSize, deliveryBook, {
    busAt: BOOK_BUS_AT,
  }),
  kind('position', POSITION_BOOK_DISCRIMINATOR, READERS.positionBook.fixedSize, positionBook, {
    walletAt: POSITION_BUYER_AT,
  }),
  kind('certificate', CERTIFICATE_DISCRIMINATOR, READERS.certificate.fixedSize, certificate, {
    walletAt: CERTIFICATE_OWNER_AT,
  }),
  kind('trader', TRADER_DISCRIMINATOR, READERS.trader.fixedSize, trader, { walletAt: LANE_WALLET_AT }),
];

/** Reads a lane's account. */
export const decodeTrader = trader;

/** Reads a position's account. */
export const decodePosition = positionBook;

/** Number of a wallet's next bus, from the account that counts them; `undefined` where it has another layout. */
export function decodeNextBus(data: Uint8Array): bigint | undefined {
  if (data.length !== getCreatorDecoder().fixedSize) return undefined;
  const { layoutVersion, nextBus } = getCreatorDecoder().decode(data);
  return layoutVersion === LAYOUT_VERSION ? nextBus : undefined;
}
