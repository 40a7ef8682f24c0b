/** Capacities of windows that are over or that nobody uses: they are closed, and the rent goes back to who paid it. */

import type { Address, Instruction } from '@solana/kit';

import { ledgerAddress } from '../../chain/address';
import { fitsTransaction, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getCapacityCloseInstruction } from '../../generated';
import type { LiveMarket } from '../../market/live';
import { isOperator, isOwner, type Bus, type Capacity, type Offer } from '../../market/model';
import type { MarketState } from '../../market/state';
import { t } from '../../words';
import { offerCancelInstruction } from '../offer/offer';

/** A window that can be closed, with the offers that are still open in it. */
export interface PastWindow {
  readonly capacity: Capacity;
  readonly offers: readonly Offer[];
  /** Whether locks on an offer hold it up: they are released first. */
  readonly isHeldUp: boolean;
}

/** Accounts that a node reads at once. */
const READ_AT_ONCE = 100;

/** Windows that a wallet can close, of buses and payers that `isWanted` accepts; the oldest first. */
export function pastWindows(
  { capacities, offers, buses }: Pick<MarketState, 'capacities' | 'offers' | 'buses'>,
  wallet: Address | undefined,
  now: number,
  isWanted: (capacity: Capacity) => boolean,
): readonly PastWindow[] {
  const open = new Map<Address, Offer[]>();
  for (const offer of offers.values()) open.set(offer.capacity, [...(open.get(offer.capacity) ?? []), offer]);
  return [...capacities.values()]
    .filter((capacity) => isClosable(capacity, buses.get(capacity.bus), wallet, now) && isWanted(capacity))
    .sort((a, b) => a.windowStart - b.windowStart)
    .map((capacity) => {
      const left = open.get(capacity.address) ?? [];
      return { capacity, offers: left, isHeldUp: left.some(({ openLocks }) => openLocks > 0) };
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
  const { windowStart, terms, gateClosesAt, rentPayer } = capacity;
  if (windowStart === 0) return false;
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
      const accounts = windows.flatMap(({ capacity, offers }) => [capacity.address, ...offers.map((o) => o.address)]);
      await live.refresh(accounts.slice(0, READ_AT_ONCE));
      const state = live.state.get();
      const wanted = new Set(windows.map(({ capacity }) => capacity.address));
      const instructions: Instruction[] = [];
      closed = [];
      for (const window of pastWindows(state, signer.address, live.now(), ({ address }) => wanted.has(address))) {
        if (window.isHeldUp) continue;
        const more = await closing(signer.address, window);
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

async function closing(caller: Address, { capacity, offers }: PastWindow): Promise<readonly Instruction[]> {
  return [
    ...offers.map((offer) => offerCancelInstruction(caller, offer)),
    await capacityCloseInstruction(caller, capacity),
  ];
}

/** The instruction that closes a window's capacity. */
export async function capacityCloseInstruction(caller: Address, capacity: Capacity): Promise<Instruction> {
  return getCapacityCloseInstruction({
    caller: noSigner(caller),
    bus: capacity.bus,
    ledger: await ledgerAddress(capacity.bus),
    capacity: capacity.address,
    rentPayer: capacity.rentPayer,
  });
}
