/** Capacities of windows that are over or that nobody uses: they are closed, and the rent goes back to who paid it. */

import { AccountRole, type Address, type Instruction } from '@solana/kit';

import { ledgerAddress } from '../../chain/address';
import { fitsTransaction, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getCapacityCloseInstruction } from '../../generated';
import { phaseOf } from '../../market/auction';
import type { LiveMarket } from '../../market/live';
import { isOperator, isOwner, type Bid, type Bus, type Capacity, type Offer } from '../../market/model';
import type { MarketState } from '../../market/state';
import { compare, compareNames } from '../../order';
import { t } from '../../words';
import { bidSettleInstruction, settlementOf } from '../auction/auction';
import { offerCloseInstructions } from '../offer/offer';
import { withAccounts } from '../purchase/plan';

/** A window that can be closed, with the offers that are still open in it. */
export interface PastWindow {
  readonly capacity: Capacity;
  readonly offers: readonly Offer[];
  /** Bids that are settled with it. */
  readonly bids: readonly Bid[];
  /** Whether locks on an offer, or bids that wait for a reading, hold it up. */
  readonly isHeldUp: boolean;
}

/** Accounts that a node reads at once. */
const READ_AT_ONCE = 100;

/** Windows that a wallet can close, of buses and payers that `isWanted` accepts; the oldest first. */
export function pastWindows(
  { capacities, offers, bids, buses }: Pick<MarketState, 'capacities' | 'offers' | 'bids' | 'buses'>,
  wallet: Address | undefined,
  now: number,
  isWanted: (capacity: Capacity) => boolean,
): readonly PastWindow[] {
  const past = [...capacities.values()].filter(
    (capacity) => isWanted(capacity) && isClosable(capacity, buses.get(capacity.bus), wallet, now),
  );
  const open = new Map<Address, Offer[]>(past.map(({ address }) => [address, []]));
  for (const offer of offers.values()) open.get(offer.capacity)?.push(offer);
  return past
    .sort(
      (a, b) =>
        a.windowStart - b.windowStart ||
        compareNames(buses.get(a.bus)?.name ?? '', buses.get(b.bus)?.name ?? '') ||
        compare(a.address, b.address),
    )
    .map((capacity) => {
      const left = open.get(capacity.address) ?? [];
      const bidden = [...bids.values()].filter((bid) => bid.capacity === capacity.address);
      const bus = buses.get(capacity.bus);
      // A bid closes when it is settled on purchase terms, or where nothing of it can be certified any more.
      const isLeft = (bid: Bid) => {
        const end = bus === undefined ? undefined : settlementOf(bid, capacity, bus, now);
        const stays = capacity.terms.isOnDelivery && bid.state === 'open' && (end?.allottedWh ?? 0n) > 0n;
        return end === undefined || stays || bid.state === 'filled';
      };
      const isHeldUp = left.some(({ openLocks }) => openLocks > 0) || bidden.some(isLeft);
      return { capacity, offers: left, bids: bidden, isHeldUp };
    });
}

/**
 * Whether a wallet can close a window: on a closing bus and once its delivery is over anyone; where nobody used it, anyone
 * once its gate has closed, and whoever paid its rent, owners and operator at any time.
 */
export function isClosable(
  capacity: Capacity,
  bus: Bus | undefined,
  wallet: Address | undefined,
  now: number,
): boolean {
  const { windowStart, terms, gateClosesAt, rentPayer, openBids } = capacity;
  if (windowStart === 0) return false;
  // The book of an auction is fixed until its price is proven; before the gate bids are withdrawn by who made them.
  const phase = phaseOf(capacity, now);
  const isBidding = openBids > 0 && (phase === 'closing' || (phase === 'trading' && bus?.closing !== true));
  if (phase === 'fixed' || isBidding) return false;
  if (bus?.closing === true) return true;
  if (!isUnused(capacity)) return now >= windowStart + terms.windowSeconds;
  const decides = bus !== undefined && (isOwner(bus, wallet) || isOperator(bus, wallet));
  return now >= gateClosesAt || rentPayer === wallet || decides;
}

/** Whether nothing was ever put on offer in a window, or all of it was withdrawn unsold. */
function isUnused({ committedWh, openOffers }: Capacity): boolean {
  return committedWh === 0n && openOffers === 0;
}

/** Closes past windows, as many as one transaction holds, with what is left of their offers; returns how many. */
export async function capacityClose(
  live: LiveMarket,
  signer: Signer,
  windows: readonly PastWindow[],
  onStage: (stage: Stage) => void,
): Promise<{ readonly sent: Sent; readonly closed: readonly PastWindow[] }> {
  let closed: PastWindow[] = [];
  const sent = await send(
    live.connection,
    signer,
    async () => {
      const accounts = windows.flatMap(({ capacity, offers, bids }) => [
        capacity.address,
        ...[...offers, ...bids].map(({ address }) => address),
      ]);
      await live.refresh(accounts.slice(0, READ_AT_ONCE));
      const state = live.state.get();
      const wanted = new Set(windows.map(({ capacity }) => capacity.address));
      const instructions: Instruction[] = [];
      closed = [];
      for (const window of pastWindows(state, signer.address, live.now(), ({ address }) => wanted.has(address))) {
        if (window.isHeldUp) continue;
        const bus = state.buses.get(window.capacity.bus);
        if (bus === undefined) continue;
        const more = await closing(signer.address, window, bus);
        if (!fitsTransaction(signer.address, [...instructions, ...more])) break;
        instructions.push(...more);
        closed.push(window);
      }
      if (closed.length === 0) {
        throw new Refusal(t.capacity.thereIsNothingToClose);
      }
      return instructions;
    },
    onStage,
  );
  return { sent, closed };
}

async function closing(
  caller: Address,
  { capacity, offers, bids }: PastWindow,
  bus: Bus,
): Promise<readonly Instruction[]> {
  return [
    ...offers.flatMap((offer) => offerCloseInstructions(caller, offer, bus, capacity)),
    ...(await Promise.all(bids.map((bid) => bidSettleInstruction(caller, bid, bus)))),
    await capacityCloseInstruction(caller, capacity, bus),
  ];
}

/** The instruction that closes a window's capacity. What the rounding of an auction left goes to the treasury. */
export async function capacityCloseInstruction(caller: Address, capacity: Capacity, bus: Bus): Promise<Instruction> {
  const close = getCapacityCloseInstruction({
    caller: noSigner(caller),
    bus: capacity.bus,
    ledger: await ledgerAddress(capacity.bus),
    capacity: capacity.address,
    rentPayer: capacity.rentPayer,
  });
  const accounts = [
    ...[bus.escrow, bus.treasury].map((address) => ({ address, role: AccountRole.WRITABLE })),
    { address: bus.tokenProgram, role: AccountRole.READONLY },
  ];
  return withAccounts(close, capacity.terms.hasAuction ? accounts : []);
}
