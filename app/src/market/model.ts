/**
 * The market as screens see it: the program's accounts with names, lists and enumerations in place of bytes and
 * counts. Energy is in Wh, money in token base units, both `bigint`; times are unix seconds.
 */

import type { Address, ReadonlyUint8Array } from '@solana/kit';

import { shareOf } from '../amount/cost';
import { exactTime } from '../amount/time';
import { EnergySource, ListingPolicy } from '../generated';
import { compare } from '../order';
import { t } from '../words';
import { generalEndsAt, type HasTerms, type Terms } from './terms';

/** Where the energy of an offer comes from. */
export type Source = Uncapitalize<keyof typeof EnergySource>;

/** The program's number of each source. */
export const SOURCE_NUMBERS: Readonly<Record<Source, number>> = {
  unspecified: EnergySource.Unspecified,
  solar: EnergySource.Solar,
  wind: EnergySource.Wind,
  hydro: EnergySource.Hydro,
  biomass: EnergySource.Biomass,
  storage: EnergySource.Storage,
} satisfies Record<Source, EnergySource>;

/** Every source, in the order in which screens list them. */
export const SOURCES = Object.keys(SOURCE_NUMBERS) as readonly Source[];

/** The source of a number; `undefined` where a later program wrote it. */
export function sourceOf(number: number): Source | undefined {
  return SOURCES.find((source) => SOURCE_NUMBERS[source] === number);
}

/** Who may list energy on a bus. */
export type Listing = 'owners' | 'admitted' | 'open';

/** The program's number of each policy. */
export const LISTING_NUMBERS: Readonly<Record<Listing, number>> = {
  owners: ListingPolicy.OwnersOnly,
  admitted: ListingPolicy.Admitted,
  open: ListingPolicy.Open,
} satisfies Record<Listing, ListingPolicy>;

/** Every policy, in the order in which screens list them. */
export const LISTINGS = Object.keys(LISTING_NUMBERS) as readonly Listing[];

/** The policy of a number; `undefined` where a later program wrote it. */
export function listingOf(number: number): Listing | undefined {
  return LISTINGS.find((listing) => LISTING_NUMBERS[listing] === number);
}

/** An owner's place in a bus. */
export interface Owner {
  readonly wallet: Address;
  readonly shareBps: number;
}

/** One energy network. */
export interface Bus extends HasTerms {
  readonly address: Address;
  readonly name: string;
  readonly creator: Address;
  readonly owners: readonly Owner[];
  readonly threshold: number;
  /** Approvals that pausing needs. */
  readonly pauseApprovals: number;
  /** What the owners have decided of that; 0 for as many as any decision. */
  readonly pauseQuorum: number;
  readonly listing: Listing;
  readonly paused: boolean;
  /** Whether the owners have decided to close it: nothing opens any more, and it closes when all else has. */
  readonly closing: boolean;
  /** When the owners decided to close it, in unix seconds. */
  readonly closingAt?: number;
  readonly mint: Address;
  /** What the settlement token is called. */
  readonly token: string;
  readonly decimals: number;
  readonly tokenProgram: Address;
  readonly treasury: Address;
  /** Token account that holds what could not be paid. */
  readonly unclaimed: Address;
  /** Token account that holds the deposits of bids. */
  readonly escrow: Address;
  /** The seller account of the bus's own offers, whether it is open or not. */
  readonly seller: Address;
  /** Wallet that admits and suspends sellers, withdraws the bus's own offers, registers meters and reads silent ones. */
  readonly operator: Address | undefined;
  readonly timelockSeconds: number;
  /** Who gets the grid fees; `undefined` for the treasury. */
  readonly gridRecipient: Address | undefined;
  /** Until when readings of earlier terms can come; 0 where there were none. */
  readonly readingsUntil: number;
  /** How far ahead a window can open and an offer can expire. */
  readonly horizonSeconds: number;
  readonly lockFeeBps: number;
  readonly capacityWh: bigint;
  readonly basePricePerKwh: bigint;
  /** Lowest price that the bus's own offers may ask; 0 for the base price. */
  readonly reservePricePerKwh: bigint;
  /** Least energy of an offer that is listed now, and of its purchases and locks, that does not take the rest. */
  readonly leastWh: bigint;
  readonly configVersion: bigint;
  readonly pauseVersion: bigint;
  readonly createdAt: number;
}

/** What changes on a bus without a decision. */
export interface Ledger {
  readonly address: Address;
  readonly bus: Address;
  readonly openSellers: number;
  readonly openWindows: number;
  readonly openProposals: number;
  readonly openClaims: number;
  /** What all claims come to, in base units. */
  readonly unclaimedTotal: bigint;
  /** Revenue claimed under the present shares, in base units. */
  readonly periodClaimed: bigint;
  /** Revenue of earlier shares that is not claimed yet, in base units. */
  readonly accruedTotal: bigint;
  /** Revenue that waits in the unclaimed account until an owner claims, because the treasury was frozen, in base units. */
  readonly diverted: bigint;
  /** At the places that the owners have in the bus. */
  readonly owners: readonly OwnerAccount[];
  /** Owners who left with revenue that they have not claimed. */
  readonly formerOwners: readonly { readonly wallet: Address; readonly accrued: bigint }[];
}

/** What an owner earned and proposed. */
export interface OwnerAccount {
  /** Revenue earned under earlier shares and not claimed yet, in base units. */
  readonly accrued: bigint;
  /** Revenue claimed under the present shares, in base units. */
  readonly claimed: bigint;
  /** Number of the owner's next proposal. */
  readonly nextProposal: bigint;
}

/** What is left of a closed bus, at its address: it pays the claims that are open. */
export interface Tombstone {
  readonly address: Address;
  readonly creator: Address;
  readonly mint: Address;
  readonly tokenProgram: Address;
  readonly decimals: number;
  readonly unclaimed: Address;
  readonly openClaims: number;
  readonly closedAt: number;
}

/** The orders of one side whose price is exactly that of an auction: they share what is left for them. */
export interface Ration {
  readonly atPriceWh: bigint;
  /** How much of it the auction fills. */
  readonly filledWh: bigint;
  /** Energy of those that are settled. */
  readonly settledWh: bigint;
}

/** Capacity of one window, or of the bus as a whole (window start 0). */
export interface Capacity {
  readonly address: Address;
  readonly bus: Address;
  /** Who gets the rent back. */
  readonly rentPayer: Address;
  readonly windowStart: number;
  /** Terms of this window; those of no window for the general capacity, whose offers have those of the moment. */
  readonly terms: Terms;
  /** First second in which the window no longer trades; infinite without windows. */
  readonly gateClosesAt: number;
  /** Always `availableWh + committedWh`. */
  readonly totalWh: bigint;
  readonly availableWh: bigint;
  /** On offer or sold. */
  readonly committedWh: bigint;
  readonly openOffers: number;
  readonly openBids: number;
  /** Whether its auction is given up because the bus closes long before: then all orders are free. */
  readonly isGivenUp?: boolean;
  /** What the escrow holds for this window, in base units. */
  readonly escrowed: bigint;
  /** When the price of its auction was proven; 0 before. */
  readonly clearedAt: number;
  /** Price of its auction without the grid fee; it means nothing where the volume is 0. */
  readonly auctionPricePerKwh: bigint;
  /** Energy that its auction sells. */
  readonly volumeWh: bigint;
  readonly bids: Ration;
  readonly asks: Ration;
  /** On delivery terms: what of that the readings of sellers are final for, and how much of it was delivered. */
  readonly reportedWh: bigint;
  readonly deliveredWh: bigint;
  /** When the readings of all sellers of the auction were counted; 0 before. */
  readonly poolCompleteAt: number;
}

/** A seller on a bus; the bus itself sells as the seller whose wallet is the bus. */
export interface Seller {
  readonly address: Address;
  readonly bus: Address;
  readonly wallet: Address;
  /** Token account that is paid for this seller. */
  readonly vault: Address;
  readonly rentPayer: Address;
  readonly admitted: boolean;
  readonly suspended: boolean;
  readonly openOffers: number;
  /** Number of its next offer. */
  readonly nextOffer: bigint;
  /** What it can withdraw, in base units. */
  readonly released: bigint;
  /** What its vault holds for the recipient of grid fees, in base units. */
  readonly gridFeesOwed: bigint;
  /** Its meter account, where it has one. */
  readonly meter: Address | undefined;
  readonly openBooks: number;
}

/** Energy on offer. */
export interface Offer {
  readonly address: Address;
  readonly bus: Address;
  readonly capacity: Address;
  /** The seller's account. */
  readonly seller: Address;
  /** The seller's wallet; the bus where the offer is its own. */
  readonly wallet: Address;
  /** Token account that is paid. */
  readonly vault: Address;
  readonly rentPayer: Address;
  /** Among those of its seller. */
  readonly number: bigint;
  readonly source: Source;
  readonly ownedByBus: boolean;
  readonly cancelled: boolean;
  readonly version: number;
  readonly openLocks: number;
  /** What the seller asks, without the grid fee. */
  readonly pricePerKwh: bigint;
  readonly gridFeePerKwh: bigint;
  /** What a buyer pays: price and grid fee. */
  readonly fullPricePerKwh: bigint;
  readonly listedWh: bigint;
  readonly remainingWh: bigint;
  readonly reservedWh: bigint;
  /** Least energy of a purchase or a lock that does not take the rest, as the bus had it when the offer was listed. */
  readonly leastWh: bigint;
  /** What was paid for it and is not released to its seller yet, in base units. */
  readonly proceeds: bigint;
  /** Grid fees that were taken out of its proceeds, in base units. */
  readonly gridCredited: bigint;
  /** What the vault holds for its locks, in base units. */
  readonly deposits: bigint;
  readonly windowStart: number;
  /** The seller's delivery book that its window is in, where the seller is paid for what is delivered. */
  readonly book: Address | undefined;
  /** First second in which its window no longer trades; infinite without windows. */
  readonly gateClosesAt: number;
  readonly createdAt: number;
  /** First second in which an offer of the bus itself trades; 0 for the offers of others. */
  readonly tradesFrom: number;
  /** First second in which it no longer trades. */
  readonly expiresAt: number;
  /** Last expiry of a lock that was taken on it; 0 before the first. */
  readonly lockedUntil: number;
  /** Whether an auction closes its window, and whether that has settled it. */
  readonly isInAuction: boolean;
  readonly isSettled: boolean;
}

/** What a buyer bids for energy of a window in the auction that closes it. */
export interface Bid {
  readonly address: Address;
  readonly bus: Address;
  /** The window's capacity. */
  readonly capacity: Address;
  readonly buyer: Address;
  /** Token account that gets what is returned. */
  readonly refund: Address;
  /** Hash of the transaction that made it: 64 hexadecimal digits. */
  readonly hash: string;
  /**
   * Open before the auction has settled it. On delivery terms filled until the readings of all sellers are counted, and
   * refunded from then on.
   */
  readonly state: 'open' | 'filled' | 'refunded';
  readonly energyWh: bigint;
  /** The most that is paid, with the grid fee, and without it. */
  readonly maxPricePerKwh: bigint;
  readonly pricePerKwh: bigint;
  /** What the escrow holds for it, and how much of that is spent, in base units. */
  readonly deposit: bigint;
  readonly paid: bigint;
  /** What the auction gave it, how much of that was delivered, and what of that has certificates. */
  readonly allottedWh: bigint;
  readonly deliveredWh: bigint;
  readonly certifiedWh: bigint;
  readonly windowStart: number;
  readonly createdAt: number;
}

/** The device that measures what a seller delivers. */
export interface Meter {
  readonly address: Address;
  readonly bus: Address;
  /** The seller's account. */
  readonly seller: Address;
  /** Key of the present device, which signs its readings. */
  readonly key: Address;
  readonly rentPayer: Address;
  readonly source: Source;
  /** The most that it can deliver, in W. */
  readonly powerW: bigint;
  /** Start of the first window that the present device can measure. */
  readonly validFrom: number;
  /** End of the last window that the present device measures; 0 for none. */
  readonly listedUntil: number;
}

/** A key that is registered as a device: at one place in the whole program. */
export interface Device {
  readonly address: Address;
  readonly bus: Address;
  readonly key: Address;
  readonly seller: Address;
  readonly rentPayer: Address;
  /** Whether it measures no later windows, so that its account closes once the last one has ended. */
  readonly isRetired: boolean;
  readonly busyUntil: number;
}

/** A device that measures some windows of a book, as it was when they were listed. */
export interface BookDevice {
  readonly key: Address;
  readonly powerW: bigint;
  readonly source: Source;
}

/** One window of a delivery book. */
export interface BookWindow {
  readonly state: 'unused' | 'listed' | 'released';
  /** Put on offer, sold or not, less what was withdrawn. */
  readonly listedWh: bigint;
  readonly soldWh: bigint;
  /** What was paid for what was sold, in base units. */
  readonly paid: bigint;
  /** What the closing auction sold, which is paid for from the escrow. */
  readonly auctionWh: bigint;
  /** Offers that the auction has not settled, and that are not withdrawn. */
  readonly unsettledOffers: number;
  /** Whether the auction's part is counted in the pool of the window. */
  readonly isPoolReported: boolean;
  /** What of the auction's part bids took certificates of. */
  readonly auctionCertifiedWh: bigint;
  /** What the last reading says. */
  readonly deliveredWh: bigint;
  /** From the start of what was delivered, what certificates exist for. */
  readonly certifiedWh: bigint;
  /** When the first reading came; 0 while there is none. */
  readonly reportedAt: number;
  readonly operatorReadings: number;
  /** Its device's place in the book. */
  readonly device: number;
  /** Whether its seller has the certificate of what it delivered and did not sell. */
  readonly isSurplusCertified: boolean;
}

/** What a seller sold in 96 windows, and what was delivered. */
export interface Book {
  readonly address: Address;
  readonly bus: Address;
  /** The seller's account. */
  readonly seller: Address;
  readonly vault: Address;
  readonly rentPayer: Address;
  readonly openOffers: number;
  readonly openPositions: number;
  readonly firstWindow: number;
  /** What left the vault for its windows, or became the seller's or the grid's, in base units. */
  readonly settled: bigint;
  /** What the escrow still holds for what it delivered to auctions, in base units. */
  readonly poolDue: bigint;
  /** The grid's part of that. */
  readonly poolGridFee: bigint;
  readonly terms: Terms;
  readonly devices: readonly BookDevice[];
  readonly windows: readonly BookWindow[];
}

/** What a buyer has of one window of a book. */
export interface PositionWindow {
  readonly energyWh: bigint;
  readonly paid: bigint;
  readonly isRefunded: boolean;
  readonly isCertified: boolean;
}

/** What a buyer bought from a seller in the windows of a book. */
export interface Position {
  readonly address: Address;
  readonly book: Address;
  readonly buyer: Address;
  /** Token account that refunds go to; `undefined` before the first purchase. */
  readonly refund: Address | undefined;
  readonly rentPayer: Address;
  readonly openLocks: number;
  readonly windows: readonly PositionWindow[];
}

/** A certificate of origin: some Wh that a device delivered in a window. */
export interface Certificate {
  readonly address: Address;
  readonly bus: Address;
  /** The seller's account. */
  readonly seller: Address;
  readonly owner: Address;
  readonly device: Address;
  readonly rentPayer: Address;
  readonly source: Source;
  readonly windowStart: number;
  readonly windowSeconds: number;
  /** First of the window's delivered Wh that it is for, and the one after the last. */
  readonly rangeStart: bigint;
  readonly rangeEnd: bigint;
}

/** Energy held for a buyer. */
export interface Lock {
  readonly address: Address;
  readonly bus: Address;
  readonly offer: Address;
  readonly buyer: Address;
  /** Tells apart the locks of one buyer on one offer. */
  readonly place: number;
  /** Among all that were taken on the offer: names the lock where it is settled or released. */
  readonly number: number;
  /** Whether it was given up and its refund could not be paid yet; `deposit` is then that refund. */
  readonly isUnpaid: boolean;
  readonly energyWh: bigint;
  /** With the grid fee. */
  readonly pricePerKwh: bigint;
  readonly gridFeePerKwh: bigint;
  readonly deposit: bigint;
  /** Part of the deposit that releasing costs, as the bus decided when the lock was taken. */
  readonly lockFeeBps: number;
  readonly takenAt: number;
  /** Last second in which it settles. */
  readonly expiresAt: number;
  /** Token account that the deposit goes back to. */
  readonly refund: Address;
}

/** Locks by their end, the soonest first; those that end together as they were taken. */
export function soonestLock(a: Lock, b: Lock): number {
  return a.expiresAt - b.expiresAt || a.takenAt - b.takenAt || a.number - b.number || compare(a.address, b.address);
}

/** What could not be paid to a wallet: it pulls it. */
export interface Claim {
  readonly address: Address;
  readonly bus: Address;
  readonly wallet: Address;
  readonly amount: bigint;
  readonly rentPayer: Address;
}

/** Receipt of a purchase, as its lane keeps it. */
export interface Receipt {
  /** 64 hexadecimal digits. */
  readonly hash: string;
  readonly wallet: Address;
  readonly lane: number;
  readonly nonce: bigint;
  readonly energyWh: bigint;
  readonly paid: bigint;
  readonly purchasedAt: number;
}

/** A nonce lane of a wallet. */
export interface Trader {
  readonly address: Address;
  readonly wallet: Address;
  readonly lane: number;
  readonly nextNonce: bigint;
  readonly firstNonce: bigint;
  readonly totalEnergyWh: bigint;
  readonly totalPaid: bigint;
  readonly openedAt: number;
  readonly historyRoot: string;
  /** The last 16, newest first. */
  readonly receipts: readonly Receipt[];
}

/** A change of a bus that its owners decide on. */
export type Action =
  | { readonly kind: 'ownerAdd'; readonly owner: Address; readonly sharesBps: readonly number[] }
  | { readonly kind: 'ownerRemove'; readonly owner: Address; readonly sharesBps: readonly number[] }
  | { readonly kind: 'sharesSet'; readonly sharesBps: readonly number[] }
  | { readonly kind: 'thresholdSet'; readonly threshold: number }
  | { readonly kind: 'timelockSet'; readonly timelockSeconds: number }
  | { readonly kind: 'capacitySet'; readonly capacityWh: bigint }
  | { readonly kind: 'basePriceSet'; readonly basePricePerKwh: bigint }
  | { readonly kind: 'listingPolicySet'; readonly listing: Listing }
  | { readonly kind: 'termsSet'; readonly terms: Terms }
  | { readonly kind: 'lockFeeSet'; readonly lockFeeBps: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  | { readonly kind: 'ownerReplace'; readonly owner: Address; readonly newOwner: Address }
  | { readonly kind: 'pauseQuorumSet'; readonly pauseQuorum: number }
  | { readonly kind: 'sellerAdmit'; readonly wallet: Address }
  | { readonly kind: 'sellerSuspend'; readonly wallet: Address }
  | { readonly kind: 'reservePriceSet'; readonly reservePricePerKwh: bigint }
  | { readonly kind: 'leastSizeSet'; readonly leastWh: bigint }
  | { readonly kind: 'operatorSet'; readonly operator: Address | undefined }
  | { readonly kind: 'busClose' }
  /** Without a recipient the fees go to the treasury. */
  | { readonly kind: 'gridRecipientSet'; readonly recipient: Address | undefined };

/** A proposal of a bus. */
export interface Proposal {
  readonly address: Address;
  readonly bus: Address;
  readonly proposer: Address;
  /** Among those of its proposer. */
  readonly number: bigint;
  /** What an approval names: action and time of creation. */
  readonly hash: ReadonlyUint8Array;
  readonly configVersion: bigint;
  readonly pauseVersion: bigint;
  /** Bit `i` is set while owner `i` approves. */
  readonly approvals: number;
  readonly executed: boolean;
  readonly createdAt: number;
  /** First second of execution, 0 while approvals are missing. */
  readonly executableAt: number;
  /** Last second of execution. */
  readonly expiresAt: number;
  readonly executedAt: number;
  /** `undefined` where a later program wrote it. */
  readonly action: Action | undefined;
}

/** Part of a purchase, as an event tells it. */
export interface Fill {
  readonly offer: Address;
  readonly energyWh: bigint;
  /** With the grid fee. */
  readonly pricePerKwh: bigint;
  readonly cost: bigint;
}

/** A purchase that happened. */
export interface Trade {
  readonly signature: string;
  readonly slot: bigint;
  readonly hash: string;
  readonly buyer: Address;
  readonly lane: number;
  readonly nonce: bigint;
  readonly kind: 'single' | 'batch' | 'lock';
  readonly at: number;
  readonly fills: readonly Fill[];
}

/** What is known of an offer even after it has closed. */
export interface OfferOrigin {
  readonly bus: Address;
  /** The seller's account; as the others, `undefined` where the node does not tell any more. */
  readonly seller: Address | undefined;
  readonly windowStart: number | undefined;
  readonly source: Source | undefined;
  readonly gridFeePerKwh: bigint | undefined;
}

/** Trades as they happened, the newest first; those of one slot by buyer, lane and nonce. */
export function newestTrade(a: Trade, b: Trade): number {
  return (
    b.at - a.at || compare(b.slot, a.slot) || compare(a.buyer, b.buyer) || a.lane - b.lane || compare(b.nonce, a.nonce)
  );
}

/** One offer's part of a trade. */
export interface TradePart extends Fill {
  readonly key: string;
  readonly at: number;
  readonly source: Source | undefined;
  readonly trade: Trade;
}

/** Parts of trades that are of a bus, and of delivery windows where some are given; newest first. */
export function tradePartsOf(
  trades: readonly Trade[],
  origins: ReadonlyMap<Address, OfferOrigin>,
  bus: Address,
  windows: ReadonlySet<number> | undefined,
): { readonly parts: readonly TradePart[]; /** Parts whose window nobody tells. */ readonly unplaced: number } {
  let unplaced = 0;
  const parts = trades.flatMap((trade) =>
    trade.fills.flatMap((fill, index) => {
      const origin = origins.get(fill.offer);
      if (origin?.bus !== bus) return [];
      if (windows !== undefined && (origin.windowStart === undefined || !windows.has(origin.windowStart))) {
        if (origin.windowStart === undefined) unplaced += 1;
        return [];
      }
      return [{ ...fill, key: `${trade.hash}:${index}`, at: trade.at, source: origin.source, trade }];
    }),
  );
  return { parts, unplaced };
}

/** Energy of an offer that can be bought or locked, in Wh: none where an auction sold what ended locks still reserve. */
export function freeWh({ remainingWh, reservedWh }: Offer): bigint {
  return remainingWh > reservedWh ? remainingWh - reservedWh : 0n;
}

/** Energy that was sold of what is committed in capacities, in Wh; `open` are their offers that are open. */
export function soldWh(capacities: readonly Capacity[], open: readonly Offer[]): bigint {
  const committed = capacities.reduce((sum, { committedWh }) => sum + committedWh, 0n);
  const sold = open.reduce((left, { remainingWh }) => left - remainingWh, committed);
  // An offer may be heard of a moment before its capacity.
  return sold > 0n ? sold : 0n;
}

/** Latest expiry of an offer whose window's gate closes then; outside windows also when windows start. */
export function latestExpiry(bus: Bus, gateClosesAt: number, now: number): number {
  const end = Number.isFinite(gateClosesAt) ? gateClosesAt : generalEndsAt(bus, now);
  return Math.min(end, now + bus.horizonSeconds);
}

/** Lowest price that an offer may ask: the base price, and for the bus's own offers the reserve price. */
export function lowestPrice(bus: Bus, ownedByBus: boolean): bigint {
  return ownedByBus && bus.reservePricePerKwh > bus.basePricePerKwh ? bus.reservePricePerKwh : bus.basePricePerKwh;
}

/** Why an offer does not trade now, `undefined` where it does. */
export function untradable(offer: Offer, bus: Bus, now: number): string | undefined {
  if (bus.paused) return t.model.theOwnersHavePausedThis;
  if (bus.closing) return t.model.thisBusIsClosing;
  if (offer.cancelled) return t.model.thisOfferWasCancelled;
  if (now >= offer.gateClosesAt) return t.model.theGateOfThisWindow;
  if (now >= offer.expiresAt) return t.model.thisOfferHasExpired;
  if (offer.remainingWh === 0n) return t.model.thisOfferIsSoldOut;
  if (freeWh(offer) === 0n) return t.model.allThatIsLeftOf;
  if (now < offer.tradesFrom) return t.model.tradesFrom(exactTime(offer.tradesFrom));
  if (offer.ownedByBus && offer.pricePerKwh < bus.reservePricePerKwh) return t.model.belowTheReservePrice;
  return undefined;
}

/** Whether a part of an offer is large enough: at least its least size, or all that is free. */
export function isLargeEnough(energyWh: bigint, offer: Offer): boolean {
  return energyWh >= offer.leastWh || energyWh === freeWh(offer);
}

/** Why a wallet may not list on a bus, `undefined` where it may. `seller` is its account there, once it is open. */
export function listingRefusal(bus: Bus, wallet: Address, seller: Seller | undefined): string | undefined {
  if (bus.closing) return t.model.thisBusIsClosing;
  if (seller?.suspended === true) return t.model.youAreSuspended;
  const isLetIn = bus.listing === 'open' || (bus.listing === 'admitted' && seller?.admitted === true);
  if (isLetIn || isOwner(bus, wallet) || wallet === bus.address) return undefined;
  return bus.listing === 'admitted' ? t.model.askToBeAdmitted : t.model.onlyOwnersList;
}

/** Whether a wallet is an owner of a bus. */
export function isOwner(bus: Bus, wallet: Address | undefined): boolean {
  return bus.owners.some((owner) => owner.wallet === wallet);
}

/** Whether a wallet is the operator of a bus. */
export function isOperator(bus: Bus, wallet: Address | undefined): boolean {
  return wallet !== undefined && bus.operator === wallet;
}

/** Whether a wallet may reprice an offer and set its expiry: its seller; for the bus's own the owner who listed it. */
export function maySteer(offer: Offer, bus: Bus, wallet: Address | undefined): boolean {
  return offer.ownedByBus ? offer.rentPayer === wallet && isOwner(bus, wallet) : offer.wallet === wallet;
}

/**
 * Whether a wallet may withdraw an offer that still trades: whoever steers it; the operator, of the bus's own and of those
 * whose seller may not list any more; owners, of the latter, and of the bus's own while it is paused.
 */
export function mayWithdraw(offer: Offer, bus: Bus, seller: Seller | undefined, wallet: Address | undefined): boolean {
  if (maySteer(offer, bus, wallet)) return true;
  const isUnlisted =
    !offer.ownedByBus && listingRefusal({ ...bus, closing: false }, offer.wallet, seller) !== undefined;
  if (isOperator(bus, wallet)) return offer.ownedByBus || isUnlisted;
  return isOwner(bus, wallet) && (offer.ownedByBus ? bus.paused : isUnlisted);
}

/** What a wallet may claim from a treasury that holds `balance`, in base units. */
export function claimable(bus: Bus, ledger: Ledger, wallet: Address, balance: bigint): bigint {
  const period = balance + ledger.diverted + ledger.periodClaimed - ledger.accruedTotal;
  const place = bus.owners.findIndex((owner) => owner.wallet === wallet);
  const [owner, account] = [bus.owners[place], ledger.owners[place]];
  if (owner !== undefined && account !== undefined) {
    return account.accrued + shareOf(period, owner.shareBps) - account.claimed;
  }
  return ledger.formerOwners.find((former) => former.wallet === wallet)?.accrued ?? 0n;
}

/** Approvals that a proposal needs. */
export function approvalsNeeded(proposal: Proposal, bus: Bus): number {
  return proposal.action?.kind === 'pause' ? bus.pauseApprovals : bus.threshold;
}

/** Owners who approve a proposal. */
export function approvers(proposal: Proposal, bus: Bus): readonly Address[] {
  return bus.owners.filter((_, index) => (proposal.approvals >> index) & 1).map((owner) => owner.wallet);
}

/** Where a proposal stands. */
export type ProposalStage = 'executed' | 'stale' | 'expired' | 'collecting' | 'waiting' | 'ready' | 'abandoned';

/** Where a proposal stands now. */
export function stageOf(proposal: Proposal, bus: Bus, now: number): ProposalStage {
  if (proposal.executed) return 'executed';
  const isOfPause = proposal.action?.kind === 'pause' || proposal.action?.kind === 'resume';
  if (proposal.configVersion !== bus.configVersion) return 'stale';
  if (isOfPause && proposal.pauseVersion !== bus.pauseVersion) return 'stale';
  if (now > proposal.expiresAt) return 'expired';
  if (proposal.approvals === 0) return 'abandoned';
  if (approvers(proposal, bus).length < approvalsNeeded(proposal, bus)) return 'collecting';
  return now < proposal.executableAt ? 'waiting' : 'ready';
}

/** Owners and shares as an action would leave them. */
export function ownersAfter(bus: Bus, action: Action): readonly { wallet: Address; shareBps: number }[] {
  let wallets = bus.owners.map((owner) => owner.wallet);
  if (action.kind === 'ownerAdd') wallets = [...wallets, action.owner];
  if (action.kind === 'ownerReplace') {
    wallets = wallets.map((wallet) => (wallet === action.owner ? action.newOwner : wallet));
  }
  if (action.kind === 'ownerRemove') wallets = wallets.filter((wallet) => wallet !== action.owner);
  const shares = 'sharesBps' in action ? action.sharesBps : bus.owners.map((owner) => owner.shareBps);
  return wallets.map((wallet, index) => ({ wallet, shareBps: shares[index] ?? 0 }));
}
