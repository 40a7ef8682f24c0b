/** One round of following a node: subscribes, has what is not known read, and goes on until something breaks. */

import type { Address, Signature } from '@solana/kit';

import { bytesOf, COMMITMENT, type Connection, type RawAccount } from '../chain/connection';
import { Unreachable } from '../errors/explain';
import { PROGRAM } from '../programs';
import { t } from '../words';
import { changesOf, eventsOf, isCut, type Changes, type MarketEvent } from './events';
import { filtersOf, type Scope } from './read';

/** A node that takes no subscription for this long, or tells of slots and then says nothing, is taken for lost. */
const SILENCE_MS = 15_000;
const CLOCK_MS = 10_000;
/** So many slots at once, some twenty seconds of them, are a leap of the chain's time: nobody waits for the clock's turn then. */
const LEAP_SLOTS = 50n;
/** How often is looked for what the subscriptions have not brought. */
const CHECK_MS = 60_000;
/**
 * The same where a node tells of no slots: some providers take that subscription and send nothing, and then nobody can
 * tell a quiet market from a dead connection.
 */
const QUIET_CHECK_MS = 15_000;

/** What a transaction tells in its log. */
export interface Told {
  readonly signature: Signature;
  readonly slot: bigint;
  readonly hasFailed: boolean;
  readonly events: readonly MarketEvent[];
  readonly changes: Changes;
  /** Whether the log was cut, so that events may be missing. */
  readonly isCut: boolean;
}

/** What is done with the news. */
export interface Listener {
  onSlot(slot: bigint): void;
  onTransaction(told: Told): void;
  onAccount(address: Address, account: RawAccount, slot: bigint): void;
  /** Reads the chain's time. */
  readClock(): Promise<void>;
  /** Reads what is not known yet: everything is subscribed to. */
  onOpen(): Promise<void>;
  /** Looks for what the subscriptions have not brought; `isQuiet` where the node tells of no slots. */
  onCheck(isQuiet: boolean): Promise<void>;
  /** What is known is current. */
  onCurrent(): Promise<void>;
}

/** Follows the accounts of scopes until something breaks, which it throws. */
export function follow(
  connection: Connection,
  scopes: readonly Scope[],
  signal: AbortSignal,
  listener: Listener,
): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
    /** Seconds in which nothing was heard; those in which the page itself stood still are not counted. */
    let silent = 0;
    /** Whether the node tells of slots, so that its silence means something. */
    let isTelling = false;
    let isOpen = false;
    let lastSlot: bigint | undefined;
    let isReadingClock = false;
    const readClock = async () => {
      if (isReadingClock || signal.aborted) return;
      isReadingClock = true;
      await listener.readClock();
      isReadingClock = false;
    };
    const each = async <T>(open: () => Promise<AsyncIterable<T>>, handle: (value: T) => void): Promise<void> => {
      const values = await open();
      const pump = async () => {
        for await (const value of values) {
          silent = 0;
          handle(value);
        }
        throw new Unreachable(t.follow.endedASubscription);
      };
      pump().catch(reject);
    };
    const opening = setTimeout(() => reject(new Unreachable(t.follow.noSubscription(SILENCE_MS / 1_000))), SILENCE_MS);
    const check = (isQuiet: boolean) => {
      if (isOpen && isQuiet !== isTelling) void listener.onCheck(isQuiet).catch(reject);
    };
    const timers = [
      setInterval(() => {
        silent += 1;
        if (isTelling && silent > SILENCE_MS / 1_000) {
          reject(new Unreachable(t.follow.silent(SILENCE_MS / 1_000)));
        }
      }, 1_000),
      setInterval(() => void readClock().catch(reject), CLOCK_MS),
      setInterval(() => check(false), CHECK_MS),
      setInterval(() => check(true), QUIET_CHECK_MS),
    ];
    signal.addEventListener('abort', () => {
      clearTimeout(opening);
      timers.forEach((timer) => clearInterval(timer));
    });
    const { subscriptions } = connection;
    const open = async () => {
      await Promise.all([
        each(
          () => subscriptions.slotNotifications().subscribe({ abortSignal: signal }),
          ({ slot }) => {
            isTelling = true;
            if (lastSlot !== undefined && slot > lastSlot + LEAP_SLOTS) void readClock().catch(reject);
            lastSlot = slot;
            listener.onSlot(slot);
          },
        ),
        each(
          () =>
            subscriptions
              .logsNotifications({ mentions: [PROGRAM] }, { commitment: COMMITMENT })
              .subscribe({ abortSignal: signal }),
          ({ context: { slot }, value: { err, logs, signature } }) => {
            const hasFailed = err !== null;
            const news = hasFailed
              ? { events: [], changes: { accounts: [], books: [] }, isCut: false }
              : { events: eventsOf(logs), changes: changesOf(logs), isCut: isCut(logs) };
            listener.onTransaction({ signature, slot, hasFailed, ...news });
          },
        ),
        ...scopes.map((scope) =>
          each(
            () =>
              subscriptions
                .programNotifications(PROGRAM, {
                  commitment: COMMITMENT,
                  encoding: 'base64',
                  filters: filtersOf(scope),
                })
                .subscribe({ abortSignal: signal }),
            ({ context, value: { pubkey, account } }) =>
              listener.onAccount(pubkey, { owner: account.owner, data: bytesOf(account.data) }, context.slot),
          ),
        ),
      ]);
      clearTimeout(opening);
      await Promise.all([listener.onOpen(), listener.readClock()]);
      isOpen = true;
      if (!signal.aborted) await listener.onCurrent();
    };
    open().catch(reject);
  });
}
