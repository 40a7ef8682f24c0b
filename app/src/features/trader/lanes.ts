/**
 * Nonce lanes: what makes every purchase happen once. A purchase holds a lane until its fate is known. Lanes are shared
 * between the tabs of a browser by locks of the browser, and with other programs by reading the lane again.
 */

import type { Address, Instruction } from '@solana/kit';

import { traderAddress } from '../../chain/address';
import { readAccounts, type Connection } from '../../chain/connection';
import { firstOf, newCounter } from '../../chain/counter';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getTraderOpenInstruction } from '../../generated';
import { decodeTrader } from '../../market/decode';
import type { Trader } from '../../market/model';
import { PROGRAM, SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';

/** Lanes that one wallet uses at most from this app. */
export const MAX_LANES = 16;
/** A lane in the hands of one purchase. */
export interface Lease {
  readonly wallet: Address;
  readonly lane: number;
  readonly trader: Address;
  /** Gives the lane back. */
  readonly release: () => void;
}

/** Reads a lane; `undefined` where it is not open. */
export async function readLane(connection: Connection, wallet: Address, lane: number): Promise<Trader | undefined> {
  return (await readLanes(connection, wallet, [lane]))[0];
}

/** Open lanes among those that this app uses, by number. */
export async function openLanes(connection: Connection, wallet: Address): Promise<ReadonlyMap<number, Trader>> {
  const all = Array.from({ length: MAX_LANES }, (_, lane) => lane);
  const traders = await readLanes(connection, wallet, all);
  return new Map(traders.flatMap((trader) => (trader === undefined ? [] : [[trader.lane, trader] as const])));
}

/** Reads lanes in the order of their numbers given; `undefined` where one is not open. */
async function readLanes(
  connection: Connection,
  wallet: Address,
  lanes: readonly number[],
): Promise<readonly (Trader | undefined)[]> {
  const addresses = await Promise.all(lanes.map((lane) => traderAddress(wallet, lane)));
  const { accounts } = await readAccounts(connection, addresses);
  return addresses.map((address, index) => {
    const account = accounts[index];
    return account?.owner !== PROGRAM || account.data.length === 0 ? undefined : decodeTrader(address, account.data);
  });
}

/** What a purchase needs of its lane. */
export interface NextNonce {
  readonly nonce: bigint;
  /** What opens the lane in the same transaction; empty where it is open. */
  readonly opening: readonly Instruction[];
}

/** A lane's next nonce; of a lane that is not open, the first one that it will have. */
export async function nextNonce(
  connection: Connection,
  wallet: Address,
  lane: number,
  trader: Trader | undefined,
): Promise<NextNonce> {
  if (trader !== undefined) return { nonce: trader.nextNonce, opening: [] };
  const { firstSlot, first } = await newCounter(connection);
  return {
    nonce: first,
    opening: [traderOpen(wallet, await traderAddress(wallet, lane), lane, firstSlot)],
  };
}

/** Opens a lane whose nonces start at a slot. */
export function traderOpen(wallet: Address, trader: Address, lane: number, firstSlot: bigint): Instruction {
  return getTraderOpenInstruction({
    wallet: noSigner(wallet),
    trader,
    systemProgram: SYSTEM_PROGRAM,
    lane,
    firstSlot,
  });
}

/** Whether a lane can be closed: once the slot is there that its next nonce belongs to. */
export function isClosable({ nextNonce: next }: Trader, slot: bigint): boolean {
  return next <= firstOf(slot);
}

/** Numbers of lanes in the order in which purchases take them: those in `first`, then those that are open. */
export function byPreference(
  open: ReadonlyMap<number, Trader>,
  busy: ReadonlySet<number>,
  first: ReadonlySet<number> = new Set(),
): readonly number[] {
  const all = Array.from({ length: MAX_LANES }, (_, lane) => lane).filter((lane) => !busy.has(lane));
  const rank = (lane: number) => (first.has(lane) ? 0 : open.has(lane) ? 1 : 2);
  return all.sort((a, b) => rank(a) - rank(b) || a - b);
}

const lockName = (wallet: Address, lane: number) => `multibus:lane:${wallet}:${lane}`;

/** Whether a purchase of this browser holds a lane. */
export async function isLeased(wallet: Address, lane: number): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === lockName(wallet, lane));
}

/** Takes a lane for as long as nobody else in this browser has it; `undefined` where somebody has. */
function takeLane(wallet: Address, lane: number): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lockName(wallet, lane), { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(undefined);
          return undefined;
        }
        return new Promise<void>((release) => resolve(() => release()));
      })
      .catch(reject);
  });
}

/**
 * As many lanes as asked for: those in `first`, then open ones; what is not open is opened by its purchase. `busy` lanes
 * have purchases whose fate is not known yet.
 */
export async function leaseLanes(
  connection: Connection,
  wallet: Address,
  busy: ReadonlySet<number>,
  first: ReadonlySet<number>,
  count: number,
): Promise<readonly Lease[]> {
  const open = await openLanes(connection, wallet);
  const leases: Lease[] = [];
  for (const lane of byPreference(open, busy, first)) {
    if (leases.length === count) break;
    const release = await takeLane(wallet, lane);
    if (release !== undefined) leases.push({ wallet, lane, trader: await traderAddress(wallet, lane), release });
  }
  if (leases.length < count) {
    for (const { release } of leases) release();
    throw new Refusal(t.lanes.thePurchaseLanesOfThis);
  }
  return leases;
}
