/**
 * Proving the price of an auction on the chain: a clearing counts all orders of a window, in the order of their addresses,
 * in as many transactions as that takes. What is counted stays counted, so that whoever stops goes on later.
 */

import { AccountRole, getAddressEncoder, type Address, type Instruction } from '@solana/kit';

import { clearingAddress } from '../../chain/address';
import { readAccounts } from '../../chain/connection';
import { fitsTransaction, send, sendInOrder, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getClearingApplyInstruction,
  getClearingCloseInstruction,
  getClearingDecoder,
  getClearingOpenInstruction,
  getClearingTallyInstruction,
  type Clearing,
} from '../../generated';
import { bookOf, clear, ordersOf, phaseOf, type Cleared } from '../../market/auction';
import type { LiveMarket } from '../../market/live';
import type { Capacity } from '../../market/model';
import type { MarketState } from '../../market/state';
import { PROGRAM, SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';
import { withAccounts } from '../purchase/plan';

type Known = Pick<MarketState, 'bids' | 'offers'>;

/** Orders that one transaction holds with what opens and applies a clearing, and with room for what wallets add. */
export const ORDERS_AT_ONCE = 23;
/** Orders of each transaction of several: of the first, of those between, and of the last. */
export const ORDERS_IN_PARTS = [23, 26, 25] as const;
/** Compute units that a transaction with the most orders takes at most. */
const TALLY_UNITS = 40_000;

/** How many transactions prove the price of so many orders. */
export function transactionsFor(orders: number): number {
  const [first, between, last] = ORDERS_IN_PARTS;
  if (orders <= ORDERS_AT_ONCE) return 1;
  return 2 + Math.ceil(Math.max(0, orders - first - last) / between);
}

/** Addresses in the order of their bytes, in which a clearing counts orders. */
export function ascending(addresses: readonly Address[]): readonly Address[] {
  const encoder = getAddressEncoder();
  const keyed = addresses.map((address) => ({ address, bytes: new Uint8Array(encoder.encode(address)) }));
  const compare = (a: Uint8Array, b: Uint8Array) => {
    const at = a.findIndex((byte, index) => byte !== b[index]);
    return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
  };
  return keyed.sort((a, b) => compare(a.bytes, b.bytes)).map(({ address }) => address);
}

/** Whether all orders of a window are known: as many as the window counts. */
export function isBookKnown(state: Known, capacity: Capacity): boolean {
  const { bids, offers } = ordersOf(state, capacity.address);
  return bids.length === capacity.openBids && offers.length === capacity.openOffers;
}

/** A clearing that was begun. */
export type Begun = Pick<Clearing, 'lowPrice' | 'highPrice' | 'bids' | 'offers' | 'last'>;

/**
 * How many orders a clearing has counted on the way to these prices; `undefined` where it cannot prove them. The book does not
 * change while it counts, and it takes no order twice: with the right number up to its last one, it has counted them all.
 */
export function countedBy(
  begun: Begun,
  { lowPrice, highPrice }: Pick<Cleared, 'lowPrice' | 'highPrice'>,
  orders: readonly Address[],
  bids: ReadonlySet<Address>,
): number | undefined {
  if (begun.lowPrice !== lowPrice || begun.highPrice !== highPrice) return undefined;
  const counted = begun.bids + begun.offers;
  const ofThem = orders.slice(0, counted);
  const isWhole = counted === 0 || ofThem.at(-1) === begun.last;
  return isWhole && ofThem.filter((order) => bids.has(order)).length === begun.bids ? counted : undefined;
}

/** The transactions that prove the price of a window's auction, from where `begun` stands. */
export async function clearSteps(
  state: Known,
  clearer: Address,
  capacity: Capacity,
  begun?: Begun,
): Promise<{ readonly steps: readonly (readonly Instruction[])[]; readonly counts: readonly number[] }> {
  const orders = ordersOf(state, capacity.address);
  const prices = clear(bookOf(orders));
  const { lowPrice, highPrice } = prices;
  const clearing = await clearingAddress(capacity.address, clearer);
  const by = { clearer: noSigner(clearer), clearing };
  const all = ascending([...orders.bids, ...orders.offers].map(({ address }) => address));
  const bids = new Set(orders.bids.map(({ address }) => address));
  const done = begun === undefined ? undefined : countedBy(begun, prices, all, bids);
  const open = getClearingOpenInstruction({
    ...{ ...by, capacity: capacity.address, systemProgram: SYSTEM_PROGRAM, lowPrice, highPrice },
  });
  const tally = (some: readonly Address[]) =>
    withAccounts(
      getClearingTallyInstruction(by),
      some.map((address) => ({ address, role: AccountRole.READONLY })),
    );
  const apply = getClearingApplyInstruction({ clearing, capacity: capacity.address, clearer });
  // One that counts towards another price, or counted something else, is begun anew.
  const before =
    done !== undefined
      ? []
      : [...(begun === undefined ? [] : [closeInstruction(clearer, capacity.address, clearing)]), open];
  const fits = (instructions: readonly Instruction[]) => fitsTransaction(clearer, instructions);
  const steps: (readonly Instruction[])[] = [];
  const counts: number[] = [];
  let at = done ?? 0;
  for (let first = before; ; first = []) {
    const rest = all.slice(at);
    const whole = [...first, ...(rest.length === 0 ? [] : [tally(rest)]), apply];
    if (rest.length <= Math.max(...ORDERS_IN_PARTS) && fits(whole)) {
      steps.push(whole);
      counts.push(all.length);
      return { steps, counts };
    }
    let count = Math.min(rest.length, Math.max(...ORDERS_IN_PARTS));
    while (count > 1 && !fits([...first, tally(rest.slice(0, count))])) count -= 1;
    steps.push([...first, tally(rest.slice(0, count))]);
    at += count;
    counts.push(at);
  }
}

const closeInstruction = (clearer: Address, capacity: Address, clearing: Address): Instruction =>
  getClearingCloseInstruction({ caller: noSigner(clearer), capacity, clearing, clearer });

/** A wallet's own clearing of a window, read now; `undefined` where it has none. */
export async function readClearing(
  { connection }: Pick<LiveMarket, 'connection'>,
  capacity: Address,
  clearer: Address,
): Promise<Clearing | undefined> {
  const { accounts } = await readAccounts(connection, [await clearingAddress(capacity, clearer)]);
  const [account] = accounts;
  return account?.owner === PROGRAM ? getClearingDecoder().decode(account.data) : undefined;
}

/**
 * Proves the price of a window's auction, and goes on where the signer stopped before. `onCounted` hears of how many orders are
 * counted. Tells whether somebody else was faster.
 */
export async function auctionClear(
  live: LiveMarket,
  signer: Signer,
  capacity: Capacity,
  onStage: (stage: Stage) => void,
  onCounted: (orders: number) => void,
): Promise<'own' | 'others'> {
  const now = () => live.state.get().capacities.get(capacity.address) ?? capacity;
  onStage('checking');
  await live.refresh([capacity.address]);
  const begun = await readClearing(live, capacity.address, signer.address);
  const state = live.state.get();
  const phase = phaseOf(now(), live.now());
  if (phase === 'cleared') return 'others';
  if (phase !== 'fixed') throw new Refusal(t.auction.theBookIsNotFixed);
  if (!isBookKnown(state, now())) throw new Refusal(t.auction.theBookIsNotKnown);
  const { steps, counts } = await clearSteps(state, signer.address, now(), begun);
  try {
    await sendInOrder(live.connection, signer, steps, TALLY_UNITS, onStage, (step) => onCounted(counts[step] ?? 0));
  } catch (error) {
    await live.refresh([capacity.address]);
    // Where somebody else has proven it meanwhile, the chain refuses what counts on.
    if (error instanceof Refusal && now().clearedAt !== 0) return 'others';
    throw error;
  }
  await live.refresh([capacity.address]);
  return 'own';
}

/** Closes the signer's own clearing that is not needed any more; its rent comes back. */
export function clearingClose(
  live: LiveMarket,
  signer: Signer,
  capacity: Address,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const build = async () => [
    closeInstruction(signer.address, capacity, await clearingAddress(capacity, signer.address)),
  ];
  return send(live.connection, signer, build, onStage);
}
