/** Offers that a best price is made without, since buying from them fails now. Each is tried again after a while. */

import type { Address } from '@solana/kit';

import { Refusal } from '../../errors/explain';
import { Store } from '../../state/store';
import type { Item } from './plan';

/** How long an offer is left out. */
const LEFT_OUT_MS = 60_000;
/** Offers that are tried one by one at most. */
const TRIED = 12;

/** Why offers are left out, by offer. */
export const leftOut = new Store<ReadonlyMap<Address, string>>(new Map());

/** Leaves offers out for a while. */
export function leaveOut(failing: ReadonlyMap<Address, string>): void {
  leftOut.update((before) => new Map([...before, ...failing]));
  setTimeout(() => {
    leftOut.update((before) => new Map([...before].filter(([offer, why]) => failing.get(offer) !== why)));
  }, LEFT_OUT_MS);
}

/**
 * Which of several offers fail by themselves, and why; `attempt` simulates buying one. None where the failure is not
 * theirs: somebody was faster, or the transaction itself is refused.
 */
export async function failingOffers(
  items: readonly Item[],
  attempt: (item: Item) => Promise<unknown>,
): Promise<ReadonlyMap<Address, string>> {
  const failing = new Map<Address, string>();
  await Promise.all(
    items.slice(0, TRIED).map(async (item) => {
      try {
        await attempt(item);
      } catch (error) {
        if (error instanceof Refusal && error.isOfProgram && !error.conflict) {
          failing.set(item.offer.address, error.message);
        }
      }
    }),
  );
  return failing;
}
