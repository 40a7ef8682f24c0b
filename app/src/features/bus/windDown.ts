/** Winding a bus down once its owners have decided to close it: anyone can, step by step. */

import { AccountRole, isWritableRole, type Address, type Instruction } from '@solana/kit';

import { capacityAddress, claimAddress } from '../../chain/address';
import { fitsTransaction, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getBusCloseInstructionAsync } from '../../generated';
import { heldBack, owesAsk, phaseOf } from '../../market/auction';
import { bookClosesAt, poolWork, positionClosesAt } from '../../market/delivery';
import type { LiveMarket } from '../../market/live';
import {
  type Bid,
  type Book,
  type Bus,
  type Capacity,
  type Lock,
  type Meter,
  type Offer,
  type Proposal,
  type Seller,
} from '../../market/model';
import type { MarketState } from '../../market/state';
import { t } from '../../words';
import { askSettleInstruction, bidSettleInstruction, settlementOf } from '../auction/auction';
import { capacityCloseInstruction, isClosable } from '../capacity/capacity';
import {
  deliveryCloseInstruction,
  poolReportInstruction,
  positionCloseInstruction,
  readPositions,
} from '../delivery/delivery';
import { lockReleaseInstruction } from '../lock/lock';
import { meterCloseInstruction } from '../meter/meter';
import { offerCancelInstruction } from '../offer/offer';
import { proposalCloseInstruction } from '../proposal/proposal';
import { gridSweepInstructions, sellerCloseInstruction } from '../seller/seller';
import { treasuryClaimInstructions } from '../treasury/treasuryClaim';

/** What is still open of a bus. */
export interface Remains {
  readonly locks: readonly Lock[];
  readonly offers: readonly Offer[];
  readonly bids: readonly Bid[];
  readonly books: readonly Book[];
  readonly meters: readonly Meter[];
  readonly sellers: readonly Seller[];
  readonly windows: readonly Capacity[];
  readonly proposals: readonly Proposal[];
  readonly formerOwners: readonly Address[];
}

type Market = Pick<
  MarketState,
  'locks' | 'offers' | 'bids' | 'books' | 'meters' | 'sellers' | 'capacities' | 'proposals' | 'ledgers'
>;

/** What is still open of a bus. */
export function remainsOf(state: Market, bus: Address): Remains {
  const of = <T extends { readonly bus: Address }>(values: ReadonlyMap<Address, T>) =>
    [...values.values()].filter((one) => one.bus === bus);
  return {
    locks: of(state.locks),
    offers: of(state.offers),
    bids: of(state.bids),
    books: of(state.books),
    meters: of(state.meters),
    sellers: of(state.sellers),
    windows: of(state.capacities).filter(({ windowStart }) => windowStart !== 0),
    proposals: of(state.proposals),
    formerOwners: (state.ledgers.get(bus)?.formerOwners ?? []).map(({ wallet }) => wallet),
  };
}

/** Whether nothing of a bus is open any more, so that it can close. */
export function isWoundDown(remains: Remains): boolean {
  const { locks, offers, bids, books, meters, sellers, windows, proposals, formerOwners } = remains;
  const all = [locks, offers, bids, books, meters, sellers, windows, proposals, formerOwners];
  return all.every(({ length }) => length === 0);
}

type Step = () => Promise<Instruction | readonly Instruction[]>;

/** What a wallet can close now of a closing bus, in the order in which one makes way for the next. */
async function closable(live: LiveMarket, bus: Bus, caller: Address): Promise<readonly Step[]> {
  const [state, now] = [live.state.get(), live.now()];
  const remains = remainsOf(state, bus.address);
  if (isWoundDown(remains)) return [() => busCloseInstruction(bus, caller)];
  const locked = new Set(remains.locks.map(({ offer }) => offer));
  const release = remains.locks.flatMap((lock) => {
    const offer = state.offers.get(lock.offer);
    const isFree = lock.isUnpaid || now > lock.expiresAt || lock.buyer === caller;
    return offer !== undefined && isFree ? [() => lockReleaseInstruction(caller, lock, offer, bus)] : [];
  });
  const windowOf = (capacity: Address) => state.capacities.get(capacity);
  const asks = remains.offers
    .filter((offer) => {
      const capacity = windowOf(offer.capacity);
      return capacity !== undefined && owesAsk(capacity, offer);
    })
    .map((offer) => async () => askSettleInstruction(offer, bus));
  const bids = remains.bids
    .filter((bid) => {
      const capacity = windowOf(bid.capacity);
      return capacity !== undefined && settlementOf(bid, capacity, bus, now) !== undefined;
    })
    .map((bid) => () => bidSettleInstruction(caller, bid, bus));
  const reports = remains.books.flatMap((book) =>
    poolWork(book, now).map(
      (start) => async () => poolReportInstruction(book, bus, await capacityAddress(bus.address, start)),
    ),
  );
  const cancel = remains.offers
    .filter((offer) => !locked.has(offer.address) && mayClose(windowOf(offer.capacity), offer, now))
    .map((offer) => async () => offerCancelInstruction(caller, offer));
  const open = await Promise.all(
    remains.books
      .filter(({ openPositions }) => openPositions > 0)
      .map(async (book) => ({ book, positions: await readPositions(live.connection, book.address) })),
  );
  const isTime = (at: number | undefined) => at !== undefined && now >= at;
  const positions = open.flatMap(({ book, positions: all }) =>
    all
      .filter((position) => isTime(positionClosesAt(book, bus, position, position.buyer === caller, now)))
      .map((position) => () => positionCloseInstruction(caller, { position, book, bus })),
  );
  const walletOf = (seller: Address) => state.sellers.get(seller)?.wallet;
  const books = remains.books
    .filter((book) => isTime(bookClosesAt(book, bus, walletOf(book.seller) === caller, now)))
    .map((book) => async () => deliveryCloseInstruction(caller, book));
  const fees = remains.sellers
    .filter(({ gridFeesOwed }) => gridFeesOwed > 0n)
    .map((seller) => () => gridSweepInstructions(live, caller, bus, seller));
  const selling = new Set([...remains.offers, ...remains.books].map(({ seller }) => seller));
  const meters = remains.meters
    .filter(({ seller }) => !selling.has(seller))
    .map((meter) => () => meterCloseInstruction(caller, meter));
  const sellers = remains.sellers
    .filter(({ address, meter, gridFeesOwed }) => !selling.has(address) && meter === undefined && gridFeesOwed === 0n)
    .map((seller) => () => sellerCloseInstruction(caller, bus, seller));
  const bidden = new Set(remains.bids.map(({ capacity }) => capacity));
  const offering = new Set(remains.offers.map(({ capacity }) => capacity));
  const windows = remains.windows
    .filter((window) => !offering.has(window.address))
    .filter((window) => isClosable(window, bus, caller, now))
    .filter(({ address }) => !bidden.has(address))
    .map((window) => () => capacityCloseInstruction(caller, window, bus));
  const proposals = remains.proposals.map((proposal) => () => proposalCloseInstruction(caller, proposal));
  const former = remains.formerOwners.map((owner) => async () => {
    const { instructions } = await treasuryClaimInstructions(live, caller, bus, owner);
    // Nobody else opens an account for a former owner: without one, the amount becomes a claim.
    return owner === caller ? instructions : instructions.slice(-1);
  });
  return [
    ...[...release, ...asks, ...cancel, ...reports, ...bids, ...positions, ...books, ...fees, ...meters],
    ...[...sellers, ...windows, ...proposals, ...former],
  ];
}

/**
 * Whether anyone may close an offer, where an auction closes its window: not while the auction can still come, nor while its book
 * is fixed; what was sold of it is settled first.
 */
function mayClose(capacity: Capacity | undefined, offer: Offer, now: number): boolean {
  const held = heldBack(capacity, offer, now);
  const isStopped = offer.cancelled || offer.remainingWh === 0n || now >= offer.expiresAt;
  const isAwaited = capacity !== undefined && capacity.openBids > 0 && phaseOf(capacity, now) === 'trading';
  return (held === undefined && (isStopped || !isAwaited)) || held === 'unsettled';
}

async function busCloseInstruction(bus: Bus, caller: Address): Promise<Instruction> {
  const close = await getBusCloseInstructionAsync({
    caller: noSigner(caller),
    bus: bus.address,
    treasury: bus.treasury,
    unclaimed: bus.unclaimed,
    escrow: bus.escrow,
    creator: bus.creator,
    tokenProgram: bus.tokenProgram,
  });
  // What the treasury holds is divided into claims of the owners.
  const claims = await Promise.all(bus.owners.map(({ wallet }) => claimAddress(bus.address, wallet)));
  const accounts = claims.map((address) => ({ address, role: AccountRole.WRITABLE }));
  return { ...close, accounts: [...close.accounts, ...accounts] };
}

/** The instructions that close as much of a closing bus as one transaction holds; the bus itself where nothing else is open. */
export async function windDownInstructions(
  live: LiveMarket,
  caller: Address,
  bus: Bus,
): Promise<readonly Instruction[]> {
  const instructions: Instruction[] = [];
  let refused: Refusal | undefined;
  for (const make of await closable(live, bus, caller)) {
    try {
      const next = [await make()].flat();
      if (!fitsTransaction(caller, [...instructions, ...next])) break;
      instructions.push(...next);
    } catch (error) {
      // One that cannot be done now keeps no other back.
      if (!(error instanceof Refusal)) throw error;
      refused ??= error;
    }
  }
  if (instructions.length === 0) throw refused ?? new Refusal(t.closing.nothingCanBeClosedYet);
  return instructions;
}

/** Closes of a closing bus what can be closed now. */
export async function windDown(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  let instructions: readonly Instruction[] = [];
  const build = async () => (instructions = await windDownInstructions(live, signer.address, bus));
  const sent = await send(live.connection, signer, build, onStage);
  // The next step goes on from what is left; notifications may take longer than whoever presses the button again.
  const changed = instructions.flatMap(({ accounts = [] }) =>
    accounts.flatMap(({ address, role }) => (isWritableRole(role) ? [address] : [])),
  );
  await live.refresh([...new Set(changed)]).catch(() => undefined);
  return sent;
}
