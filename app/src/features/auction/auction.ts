/** Bids and auctions: bidding, withdrawing and settling; anyone settles, and changes nobody's outcome. */

import { AccountRole, type Address, type Instruction } from '@solana/kit';

import { cost } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { tokensLabel } from '../../amount/token';
import { bidAddress, capacityAddress, claimAddress, ledgerAddress, tokenAccountAddress } from '../../chain/address';
import { send, together, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  CERTIFICATE_SECONDS,
  CLOSING_AUCTIONS_SECONDS,
  getAskSettleInstruction,
  getBidCancelInstruction,
  getBidCreateInstruction,
  getBidSettleInstruction,
  getBidSize,
  getCapacityOpenInstructionAsync,
  getCapacitySize,
} from '../../generated';
import { bidFill, ordersOf, outcomeOf, owesAsk, paidFor, phaseOf, type AuctionPhase } from '../../market/auction';
import { placeOf, poolWork } from '../../market/delivery';
import type { LiveMarket } from '../../market/live';
import type { Bid, Book, Bus, Capacity, Offer } from '../../market/model';
import { checkPayable, payableOf } from '../../market/payee';
import type { MarketState } from '../../market/state';
import { deliveryTime, gateClosesAt, termsAt, upcomingWindows, type Terms } from '../../market/terms';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';
import { poolReportInstruction } from '../delivery/delivery';
import { withAccounts, type Plan } from '../purchase/plan';
import { refundsOf } from './refund';

const writable = (address: Address) => ({ address, role: AccountRole.WRITABLE });

/** A window that an auction closes, opened or not. */
export interface AuctionWindow {
  readonly start: number;
  readonly terms: Terms;
  readonly gateClosesAt: number;
  /** `undefined` where nobody has opened it yet. */
  readonly capacity: Capacity | undefined;
}

/** Windows ahead that can be bid for although nobody has opened them. */
const AHEAD = 24;

/** Windows of a bus that an auction closes: those that are open, also after their gate, and the next ones. */
export function auctionWindows(bus: Bus, capacities: Iterable<Capacity>, now: number): readonly AuctionWindow[] {
  const found = new Map<number, AuctionWindow>();
  for (const start of upcomingWindows(bus, now, AHEAD)) {
    const terms = termsAt(bus, start);
    if (!terms.hasAuction) continue;
    found.set(start, { start, terms, gateClosesAt: gateClosesAt(bus, start), capacity: undefined });
  }
  for (const capacity of capacities) {
    const { windowStart: start, terms, gateClosesAt: gate } = capacity;
    if (capacity.bus === bus.address && terms.hasAuction)
      found.set(start, { start, terms, gateClosesAt: gate, capacity });
  }
  return [...found.values()].sort((a, b) => a.start - b.start);
}

/** Where the auction of a window stands; of one that nobody has opened, it waits for its gate. */
export function windowPhase({ terms, gateClosesAt: gate, capacity }: AuctionWindow, now: number): AuctionPhase {
  const unopened = { terms, gateClosesAt: gate, clearedAt: 0, openBids: 0, openOffers: 0 };
  return phaseOf(capacity ?? unopened, now);
}

/** What a buyer bids. */
export interface BidOrder {
  readonly energyWh: bigint;
  /** With the grid fee. */
  readonly maxPricePerKwh: bigint;
}

/** Why a bid cannot be made now; `undefined` where it can. */
export function bidRefusal(bus: Bus, window: AuctionWindow, order: BidOrder, now: number): string | undefined {
  const { energyWh, maxPricePerKwh } = order;
  if (bus.paused) return t.model.theOwnersHavePausedThis;
  if (bus.closing) return t.model.thisBusIsClosing;
  if (!window.terms.hasAuction) return t.auction.noAuction;
  if (now >= window.gateClosesAt) return t.model.theGateOfThisWindow;
  const least = bus.basePricePerKwh + window.terms.gridFeePerKwh;
  if (maxPricePerKwh < least) return t.auction.belowTheBasePrice(tokensLabel(least, bus));
  const most = mostWh(bus, window);
  if (energyWh > most) return t.auction.tooLarge(formatEnergy(most));
  if (energyWh < bus.leastWh) return t.auction.tooSmall(formatEnergy(bus.leastWh));
  return cost(energyWh, maxPricePerKwh) === undefined ? t.auction.tooMuch : undefined;
}

/** The most that one bid can be for: what the window may sell in all. */
export function mostWh(bus: Bus, { capacity }: Pick<AuctionWindow, 'capacity'>): bigint {
  return capacity?.totalWh ?? bus.capacityWh;
}

/** A bid: its deposit goes into the bus's escrow. A window that nobody has opened is opened first. */
export async function planBid(
  buyer: Address,
  bus: Bus,
  { start, capacity: open }: AuctionWindow,
  { energyWh, maxPricePerKwh }: BidOrder,
): Promise<Plan> {
  const capacity = await capacityAddress(bus.address, start);
  return {
    kind: 'bid',
    orders: [{ offer: capacity, energyWh, maxPricePerKwh }],
    title: t.plan.on(formatEnergy(energyWh), bus.name, deliveryTime(bus, start)),
    opens: [],
    sizes: [getBidSize(), ...(open === undefined ? [getCapacitySize()] : [])],
    build: async (trader, nonce, hash) => {
      const { address: bid, bump } = await bidAddress(hash);
      const payment = await tokenAccountAddress(buyer, bus.mint, bus.tokenProgram);
      const payer = noSigner(buyer);
      const opening =
        open === undefined
          ? [await getCapacityOpenInstructionAsync({ payer, bus: bus.address, windowStart: BigInt(start) })]
          : [];
      const create = getBidCreateInstruction({
        ...{ buyer: payer, trader, bus: bus.address, capacity, bid, payment, escrow: bus.escrow, bump },
        ...{ tokenProgram: bus.tokenProgram, systemProgram: SYSTEM_PROGRAM, nonce, energyWh, maxPricePerKwh },
        // What is not paid comes back to where the deposit came from.
        refund: payment,
      });
      return [...opening, create];
    },
  };
}

/** The window as it is now, read afresh; refused where the bid cannot be made any more. */
export async function freshBid(
  live: LiveMarket,
  bus: Bus,
  window: AuctionWindow,
  order: BidOrder,
): Promise<AuctionWindow> {
  const address = await capacityAddress(bus.address, window.start);
  await live.refresh([bus.address, address]);
  const state = live.state.get();
  const capacity = state.capacities.get(address);
  const fresh =
    capacity === undefined
      ? { ...window, capacity }
      : { ...window, capacity, terms: capacity.terms, gateClosesAt: capacity.gateClosesAt };
  const why = bidRefusal(state.buses.get(bus.address) ?? bus, fresh, order, live.now());
  if (why !== undefined) throw new Refusal(why);
  return fresh;
}

/** Withdraws a bid; the deposit goes to the buyer's own token account, or to one that it names. */
export function bidCancel(
  live: LiveMarket,
  signer: Signer,
  bid: Bid,
  bus: Bus,
  to: Address | undefined,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => bidCancelInstructions(live, bid, bus, to), onStage);
}

/** The instructions that withdraw a bid; refused where its buyer must name another account. */
export async function bidCancelInstructions(
  live: LiveMarket,
  { address, buyer, capacity }: Bid,
  bus: Bus,
  to?: Address,
): Promise<readonly Instruction[]> {
  const payee = await payableOf(live, buyer, buyer, bus, to);
  const cancel = getBidCancelInstruction({
    ...{ buyer: noSigner(buyer), bus: bus.address, capacity, bid: address },
    ...{ escrow: bus.escrow, destination: payee.address, tokenProgram: bus.tokenProgram },
  });
  return [...payee.creation, cancel];
}

/** What the auction made of a bid, or makes of it once somebody settles it. */
export interface BidEnd {
  readonly allottedWh: bigint;
  readonly paid: bigint;
  /** What goes back to the buyer when it is settled. */
  readonly back: bigint;
}

/** Whether a closing bus waits for a window's auction no more: its gate comes more than a day after the decision. */
function isFar({ closingAt }: Pick<Bus, 'closingAt'>, { gateClosesAt }: Capacity): boolean {
  return closingAt !== undefined && gateClosesAt > closingAt + Number(CLOSING_AUCTIONS_SECONDS);
}

/** What settling a bid makes of it now; `undefined` where nothing can be settled. */
export function settlementOf(
  bid: Bid,
  capacity: Capacity,
  bus: Pick<Bus, 'closing' | 'closingAt'>,
  now: number,
): BidEnd | undefined {
  const { allottedWh, paid, deposit } = bid;
  const phase = phaseOf(capacity, now);
  if (bid.state === 'open') {
    // On a closing bus nothing is listed any more: without an offer there will be no auction.
    const isEmpty = phase === 'trading' && capacity.openOffers === 0;
    const isBefore = phase === 'trading' || phase === 'closing';
    const isGivenUp = bus.closing && (isEmpty || (isBefore && isFar(bus, capacity)));
    if (phase === 'over' || isGivenUp) return { allottedWh: 0n, paid: 0n, back: deposit };
    if (phase !== 'cleared') return undefined;
    const filled = bidFill(outcomeOf(capacity), bid);
    const spent = paidFor(filled, capacity.auctionPricePerKwh + capacity.terms.gridFeePerKwh);
    return { allottedWh: filled, paid: spent, back: deposit - spent };
  }
  if (bid.state === 'filled' && capacity.poolCompleteAt !== 0) {
    const { deliveredWh, volumeWh } = capacity;
    const spent = volumeWh === 0n ? paid : (paid * deliveredWh + volumeWh - 1n) / volumeWh;
    return { allottedWh, paid: spent, back: deposit - spent };
  }
  const isOver =
    bid.state === 'refunded' &&
    (bid.certifiedWh === bid.deliveredWh || now >= capacity.poolCompleteAt + Number(CERTIFICATE_SECONDS));
  return isOver || deposit > paid ? { allottedWh, paid, back: deposit - paid } : undefined;
}

/** The instruction that settles a bid; where its buyer gives up what it could certify, `close`. Its buyer alone pays elsewhere. */
export async function bidSettleInstruction(
  caller: Address,
  bid: Bid,
  bus: Bus,
  { close = false, to = bid.refund }: { readonly close?: boolean; readonly to?: Address } = {},
): Promise<Instruction> {
  return getBidSettleInstruction({
    ...{ caller: noSigner(caller), bus: bus.address, capacity: bid.capacity, bid: bid.address, buyer: bid.buyer },
    ...{ escrow: bus.escrow, refund: to, unclaimed: bus.unclaimed, tokenProgram: bus.tokenProgram, close },
    ledger: await ledgerAddress(bus.address),
    claim: await claimAddress(bus.address, bid.buyer),
    systemProgram: SYSTEM_PROGRAM,
  });
}

/** The instruction that settles an ask. */
export function askSettleInstruction(offer: Offer, bus: Bus): Instruction {
  const settle = getAskSettleInstruction({
    ...{ bus: bus.address, capacity: offer.capacity, offer: offer.address, vault: offer.vault },
    ...{ escrow: bus.escrow, tokenProgram: bus.tokenProgram },
  });
  return withAccounts(settle, offer.book === undefined ? [] : [writable(offer.book)]);
}

/** Books whose part of a window's auction can be counted now. */
export function poolReports(books: Iterable<Book>, { bus, windowStart }: Capacity, now: number): readonly Book[] {
  return [...books].filter(
    (book) => book.bus === bus && placeOf(book, windowStart) !== undefined && poolWork(book, now).includes(windowStart),
  );
}

type Known = Pick<MarketState, 'bids' | 'offers' | 'books'>;

/** What of a window can be settled now, by anyone. */
export interface Settleable {
  readonly asks: readonly Offer[];
  readonly reports: readonly Book[];
  readonly bids: readonly Bid[];
}

/** What of a window can be settled now. Bids that wait for the pool follow once all sellers of the auction are counted. */
export function settleable(state: Known, capacity: Capacity, bus: Bus, now: number): Settleable {
  const { bids, offers } = ordersOf(state, capacity.address);
  return {
    asks: offers.filter((offer) => owesAsk(capacity, offer)),
    reports: capacity.terms.isOnDelivery ? poolReports(state.books.values(), capacity, now) : [],
    bids: bids.filter((bid) => settlementOf(bid, capacity, bus, now) !== undefined),
  };
}

/** How many instructions settle a window. */
export const countOf = ({ asks, reports, bids }: Settleable): number => asks.length + reports.length + bids.length;

/** The instructions that settle a window, as many as one transaction holds. */
export async function settleInstructions(
  live: LiveMarket,
  caller: Address,
  capacity: Capacity,
  bus: Bus,
): Promise<readonly Instruction[]> {
  const { asks, reports, bids } = settleable(live.state.get(), capacity, bus, live.now());
  const parts = [
    ...asks.map((offer) => [askSettleInstruction(offer, bus)]),
    ...reports.map((book) => [poolReportInstruction(book, bus, capacity.address)]),
    ...(await bidParts(live, caller, bids, bus)),
  ];
  return together(caller, parts, t.auction.nothingToSettle);
}

/** The instructions that settle bids. The caller's own are paid where they can be paid, or to an account that it names. */
async function bidParts(
  live: LiveMarket,
  caller: Address,
  bids: readonly Bid[],
  bus: Bus,
  to?: Address,
): Promise<readonly (readonly Instruction[])[]> {
  const isOwn = bids.some(({ buyer }) => buyer === caller);
  const refunds = isOwn && to === undefined ? await refundsOf(live.connection, caller, bids, bus) : undefined;
  let isCreated = false;
  const parts: Instruction[][] = [];
  for (const bid of bids) {
    const place = bid.buyer === caller ? (to ?? refunds?.of(bid).account) : undefined;
    const creation = isCreated || refunds?.isMissing(place) !== true ? [] : refunds.creation;
    if (creation.length > 0) isCreated = true;
    parts.push([...creation, await bidSettleInstruction(caller, bid, bus, { to: place ?? bid.refund })]);
  }
  return parts;
}

/** Settles a window, as far as one transaction goes. */
export function auctionSettle(
  live: LiveMarket,
  signer: Signer,
  capacity: Capacity,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => settleInstructions(live, signer.address, capacity, bus), onStage);
}

/** Bids of a wallet that can be settled now, with their buses. */
export function ownSettleable(
  { bids, capacities, buses, books }: Pick<MarketState, 'bids' | 'capacities' | 'buses' | 'books'>,
  wallet: Address | undefined,
  now: number,
): readonly { readonly bid: Bid; readonly capacity: Capacity; readonly bus: Bus; readonly end: BidEnd | undefined }[] {
  return [...bids.values()].flatMap((bid) => {
    const [capacity, bus] = [capacities.get(bid.capacity), buses.get(bid.bus)];
    if (bid.buyer !== wallet || capacity === undefined || bus === undefined) return [];
    const end = settlementOf(bid, capacity, bus, now);
    const isNext = end === undefined && completesPool(books.values(), capacity, now) && bid.state === 'filled';
    return end !== undefined || isNext ? [{ bid, capacity, bus, end }] : [];
  });
}

/** Whether counting the sellers that can be counted now completes the pool of a window. */
export function completesPool(books: Iterable<Book>, capacity: Capacity, now: number): boolean {
  if (capacity.poolCompleteAt !== 0 || capacity.volumeWh === 0n) return false;
  const counted = poolReports(books, capacity, now).reduce((sum, book) => {
    const place = placeOf(book, capacity.windowStart);
    const window = place === undefined ? undefined : book.windows[place];
    return sum + (window?.auctionWh ?? 0n);
  }, capacity.reportedWh);
  return counted === capacity.volumeWh;
}

/**
 * The instructions that settle bids of a wallet, and pay to an account that it names, or where they can be paid. Sellers are
 * counted first where the bids wait for that alone.
 */
export async function ownSettleInstructions(
  live: LiveMarket,
  caller: Address,
  chosen: ReadonlySet<Address> | undefined,
  to?: Address,
): Promise<readonly Instruction[]> {
  const state = live.state.get();
  const now = live.now();
  const due = ownSettleable(state, caller, now).filter(({ bid }) => chosen === undefined || chosen.has(bid.address));
  const reported = new Set<Address>();
  const parts: (readonly Instruction[])[] = [];
  for (const { capacity, bus, end } of due) {
    if (end !== undefined || reported.has(capacity.address)) continue;
    reported.add(capacity.address);
    parts.push(
      ...poolReports(state.books.values(), capacity, now).map((book) => [
        poolReportInstruction(book, bus, capacity.address),
      ]),
    );
  }
  for (const bus of new Set(due.map((one) => one.bus))) {
    await checkPayable(live.connection, to, bus);
    const bids = due.filter((one) => one.bus === bus).map(({ bid }) => bid);
    parts.push(...(await bidParts(live, caller, bids, bus, to)));
  }
  return together(caller, parts, t.auction.nothingToSettle);
}

/** Settles bids of the signer's own, all of them where none are chosen, as far as one transaction goes. */
export function bidsSettle(
  live: LiveMarket,
  signer: Signer,
  chosen: ReadonlySet<Address> | undefined,
  to: Address | undefined,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => ownSettleInstructions(live, signer.address, chosen, to), onStage);
}

/** Closes a bid whose certificates its buyer gives up; the rent comes back. */
export function bidClose(
  live: LiveMarket,
  signer: Signer,
  bid: Bid,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const build = async () => [await bidSettleInstruction(signer.address, bid, bus, { close: true })];
  return send(live.connection, signer, build, onStage);
}
