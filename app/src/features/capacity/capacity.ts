/** Capacities of windows that are over: whoever likes closes them, and the rent goes back to who paid it. */

import type { Address, Instruction } from '@solana/kit';

import { capacityAddress } from '../../chain/address';
import { TRANSACTION_ACCOUNTS, TRANSACTION_BYTES, WALLET_BYTES } from '../../chain/limits';
import { send, sizeOf, type Sent, type Signer, type Stage } from '../../chain/send';
import { Refusal } from '../../errors/explain';
import { getCapacityCloseInstruction } from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Capacity, Offer } from '../../market/model';
import type { MarketState } from '../../market/state';
import { t } from '../../words';
import { offerCancelInstruction } from '../offer/offer';

/** A window that is over, with the offers that are still open in it. */
export interface PastWindow {
  readonly capacity: Capacity;
  readonly offers: readonly Offer[];
  /** Whether locks on an offer hold it up: they are released first. */
  readonly isHeldUp: boolean;
}

/** Accounts that a node reads at once. */
const READ_AT_ONCE = 100;

/** Windows that are over, of buses and payers that `isWanted` accepts; the oldest first. */
export function pastWindows(
  { capacities, offers }: Pick<MarketState, 'capacities' | 'offers'>,
  now: number,
  isWanted: (capacity: Capacity) => boolean,
): readonly PastWindow[] {
  const open = new Map<Address, Offer[]>();
  for (const offer of offers.values()) open.set(offer.capacity, [...(open.get(offer.capacity) ?? []), offer]);
  return [...capacities.values()]
    .filter((capacity) => isOver(capacity, now) && isWanted(capacity))
    .sort((a, b) => a.windowStart - b.windowStart)
    .map((capacity) => {
      const left = open.get(capacity.address) ?? [];
      return { capacity, offers: left, isHeldUp: left.some(({ openLocks }) => openLocks > 0) };
    });
}

/** Whether a window's delivery is over. */
function isOver({ windowStart, windowSeconds }: Capacity, now: number): boolean {
  return windowStart !== 0 && now >= windowStart + windowSeconds;
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
      for (const window of pastWindows(state, live.now(), ({ address }) => wanted.has(address))) {
        if (window.isHeldUp) continue;
        const more = await closing(signer.address, window);
        if (!isWithin(signer.address, [...instructions, ...more])) break;
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
    getCapacityCloseInstruction({
      general: await capacityAddress(capacity.bus, 0),
      capacity: capacity.address,
      rentPayer: capacity.rentPayer,
    }),
  ];
}

function isWithin(caller: Address, instructions: readonly Instruction[]): boolean {
  const accounts = instructions.flatMap((one) => [one.programAddress, ...(one.accounts ?? []).map((a) => a.address)]);
  return (
    new Set(accounts).size < TRANSACTION_ACCOUNTS && sizeOf(caller, instructions) <= TRANSACTION_BYTES - WALLET_BYTES
  );
}
