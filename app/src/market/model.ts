/**
 * The market as screens see it: the program's accounts with names, lists and enumerations in place of bytes and
 * counts. Energy is in Wh, money in token base units, both `bigint`; times are unix seconds.
 */

import type { Address } from '@solana/kit';

import { shareOf } from '../amount/cost';
import { EnergySource } from '../generated';
import { t } from '../words';

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

/** An owner's place in a bus. */
export interface Owner {
  readonly wallet: Address;
  readonly shareBps: number;
  /** Revenue earned under earlier shares and not claimed yet, in base units. */
  readonly accrued: bigint;
  /** Revenue claimed under the present shares, in base units. */
  readonly claimed: bigint;
}

/** One energy network. */
export interface Bus {
  readonly address: Address;
  readonly name: string;
  readonly creator: Address;
  readonly owners: readonly Owner[];
  /** Owners who left with revenue that they have not claimed. */
  readonly formerOwners: readonly { readonly wallet: Address; readonly accrued: bigint }[];
  readonly threshold: number;
  /** Approvals that pausing needs. */
  readonly pauseApprovals: number;
  readonly openListing: boolean;
  readonly paused: boolean;
  readonly mint: Address;
  /** What the settlement token is called. */
  readonly token: string;
  readonly decimals: number;
  readonly tokenProgram: Address;
  readonly escrow: Address;
  readonly treasury: Address;
  readonly treasuryClaimed: bigint;
  readonly treasurySettled: bigint;
  readonly timelockSeconds: number;
  /** 0 where the bus has no delivery windows. */
  readonly windowSeconds: number;
  readonly gateClosureSeconds: number;
  readonly lockFeeBps: number;
  readonly capacityWh: bigint;
  readonly basePricePerKwh: bigint;
  readonly configVersion: bigint;
  readonly proposalSeq: bigint;
  readonly createdAt: number;
}

/** Capacity of one window, or of the bus as a whole (window start 0). */
export interface Capacity {
  readonly address: Address;
  readonly bus: Address;
  /** Who gets the rent back. */
  readonly rentPayer: Address;
  readonly windowStart: number;
  readonly windowSeconds: number;
  readonly totalWh: bigint;
  readonly availableWh: bigint;
  readonly listedWh: bigint;
  /** Sold by offers that have closed. */
  readonly soldWh: bigint;
  readonly openOffers: number;
  /** One above the highest offer number used. */
  readonly nextOfferSeq: bigint;
}

/** Energy on offer. */
export interface Offer {
  readonly address: Address;
  readonly bus: Address;
  readonly capacity: Address;
  readonly seller: Address;
  readonly payout: Address;
  readonly rentPayer: Address;
  readonly source: Source;
  readonly ownedByBus: boolean;
  readonly cancelled: boolean;
  readonly version: number;
  readonly openLocks: number;
  readonly pricePerKwh: bigint;
  readonly listedWh: bigint;
  readonly remainingWh: bigint;
  readonly reservedWh: bigint;
  readonly windowStart: number;
  readonly createdAt: number;
  /** Last second in which it trades; 0 for no expiry. */
  readonly expiresAt: number;
}

/** Energy held for a buyer. */
export interface Lock {
  readonly address: Address;
  readonly bus: Address;
  readonly offer: Address;
  readonly buyer: Address;
  readonly energyWh: bigint;
  readonly pricePerKwh: bigint;
  readonly deposit: bigint;
  /** Part of the deposit that releasing costs, as the bus decided when the lock was taken. */
  readonly lockFeeBps: number;
  readonly takenAt: number;
  /** Last second in which it settles. */
  readonly expiresAt: number;
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
  | { readonly kind: 'listingPolicySet'; readonly open: boolean }
  | { readonly kind: 'windowsSet'; readonly windowSeconds: number; readonly gateClosureSeconds: number }
  | { readonly kind: 'lockFeeSet'; readonly lockFeeBps: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' };

/** A proposal of a bus. */
export interface Proposal {
  readonly address: Address;
  readonly bus: Address;
  readonly proposer: Address;
  readonly seq: bigint;
  readonly configVersion: bigint;
  /** Bit `i` is set while owner `i` approves. */
  readonly approvals: number;
  readonly executed: boolean;
  readonly createdAt: number;
  /** First second of execution, 0 while approvals are missing. */
  readonly executableAt: number;
  readonly executedAt: number;
  /** `undefined` where a later program wrote it. */
  readonly action: Action | undefined;
}

/** Part of a purchase, as an event tells it. */
export interface Fill {
  readonly offer: Address;
  readonly energyWh: bigint;
  readonly pricePerKwh: bigint;
  readonly cost: bigint;
}

/** A purchase that happened. */
export interface Trade {
  readonly signature: string;
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
  /** `undefined` where the node does not tell any more. */
  readonly windowStart: number | undefined;
  readonly source: Source | undefined;
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

/** Energy of an offer that can be bought or locked, in Wh. */
export function freeWh(offer: Offer): bigint {
  return offer.remainingWh - offer.reservedWh;
}

/** First second in which a window no longer trades. */
export function gateClosesAt(bus: Bus, windowStart: number): number {
  return bus.windowSeconds === 0 ? Number.POSITIVE_INFINITY : windowStart - bus.gateClosureSeconds;
}

/** Why an offer does not trade now, `undefined` where it does. */
export function untradable(offer: Offer, bus: Bus, now: number): string | undefined {
  if (bus.paused) return t.model.theOwnersHavePausedThis;
  if (offer.cancelled) return t.model.thisOfferWasCancelled;
  if (offer.expiresAt !== 0 && now > offer.expiresAt) return t.model.thisOfferHasExpired;
  if (now >= gateClosesAt(bus, offer.windowStart)) return t.model.theGateOfThisWindow;
  if (offer.remainingWh === 0n) return t.model.thisOfferIsSoldOut;
  if (freeWh(offer) === 0n) return t.model.allThatIsLeftOf;
  return undefined;
}

/** Whether a wallet may list on a bus. */
export function mayList(bus: Bus, wallet: Address): boolean {
  return bus.openListing || isOwner(bus, wallet);
}

/** Whether a wallet is an owner of a bus. */
export function isOwner(bus: Bus, wallet: Address | undefined): boolean {
  return bus.owners.some((owner) => owner.wallet === wallet);
}

/** Whether a wallet may reprice, extend and cancel an offer: its seller; any owner for the bus's own. */
export function maySteer(offer: Offer, bus: Bus, wallet: Address | undefined): boolean {
  return offer.ownedByBus ? isOwner(bus, wallet) : offer.seller === wallet;
}

/** What a wallet may claim from a treasury that holds `balance`, in base units. */
export function claimable(bus: Bus, wallet: Address, balance: bigint): bigint {
  const period = balance + bus.treasuryClaimed - bus.treasurySettled;
  const owner = bus.owners.find((place) => place.wallet === wallet);
  if (owner !== undefined) return owner.accrued + shareOf(period, owner.shareBps) - owner.claimed;
  return bus.formerOwners.find((place) => place.wallet === wallet)?.accrued ?? 0n;
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
export type ProposalStage = 'executed' | 'stale' | 'collecting' | 'waiting' | 'ready' | 'abandoned';

/** Where a proposal stands now. */
export function stageOf(proposal: Proposal, bus: Bus, now: number): ProposalStage {
  if (proposal.executed) return 'executed';
  if (proposal.configVersion !== bus.configVersion) return 'stale';
  if (proposal.approvals === 0) return 'abandoned';
  if (approvers(proposal, bus).length < approvalsNeeded(proposal, bus)) return 'collecting';
  return now < proposal.executableAt ? 'waiting' : 'ready';
}

/** Owners and shares as an action would leave them. */
export function ownersAfter(bus: Bus, action: Action): readonly { wallet: Address; shareBps: number }[] {
  let wallets = bus.owners.map((owner) => owner.wallet);
  if (action.kind === 'ownerAdd') wallets = [...wallets, action.owner];
  if (action.kind === 'ownerRemove') wallets = wallets.filter((wallet) => wallet !== action.owner);
  const shares = 'sharesBps' in action ? action.sharesBps : bus.owners.map((owner) => owner.shareBps);
  return wallets.map((wallet, index) => ({ wallet, shareBps: shares[index] ?? 0 }));
}
