/** One round of following a node: subscribes, reads everything, and goes on until something breaks. */

import type { Address, Base58EncodedBytes, Signature } from '@solana/kit';

import { bytesOf, COMMITMENT, type Connection, type RawAccount } from '../chain/connection';
import { Unreachable } from '../errors/explain';
import { PROGRAM } from '../programs';
import { t } from '../words';
import { KINDS, type Kind } from './decode';
import { eventsOf, isCut, type MarketEvent } from './events';

/** A node that takes no subscription for this long, or tells of slots and then says nothing, is taken for lost. */
const SILENCE_MS = 15_000;
const CLOCK_MS = 10_000;
/** Everything is read anew this often, in case a node has lost a notification or cut a log. */
const RESYNC_MS = 60_000;
/**
 * The same where a node tells of no slots: some providers take that subscription and send nothing, and then nobody can
 * tell a quiet market from a dead connection.
 */
const POLL_MS = 15_000;

/** How long after a log that was cut everything is read anew. */
const CUT_MS = 2_000;

/** What is done with the news. */
export interface Listener {
  onSlot(slot: bigint): void;
  onEvents(events: readonly MarketEvent[], signature: Signature, slot: bigint): void;
  onAccount(address: Address, account: RawAccount, slot: bigint): void;
  /** A complete list of the accounts of a kind. */
  onAccounts(kind: Kind['name'], found: readonly (readonly [Address, RawAccount])[], slot: bigint): void;
  /** Reads the chain's time. */
  readClock(): Promise<void>;
  /** Reads trades that happened since they were read last. */
  readTrades(): Promise<void>;
  /** Everything is subscribed to and read. */
  onCurrent(): Promise<void>;
}

/** Follows the market, and what belongs to a wallet where one is given, until something breaks, which it throws. */
export function follow(
  connection: Connection,
  wallet: Address | undefined,
  signal: AbortSignal,
  listener: Listener,
): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
    let heard = Date.now();
    /** Whether the node tells of slots, so that its silence means something. */
    let isTelling = false;
    const each = async <T>(open: () => Promise<AsyncIterable<T>>, handle: (value: T) => void): Promise<void> => {
      const values = await open();
      const pump = async () => {
        for await (const value of values) {
          heard = Date.now();
          handle(value);
        }
        throw new Unreachable(t.follow.endedASubscription);
      };
      pump().catch(reject);
    };
    const kinds = KINDS.filter(({ walletAt }) => walletAt === undefined || wallet !== undefined);
    const readEverything = () => Promise.all(kinds.map((kind) => readAll(connection, wallet, kind, signal, listener)));
    let reread: ReturnType<typeof setTimeout> | undefined;
    /** Whoever fills a log hides what closed in its transaction: accounts tell it, a little later for several such logs. */
    const rereadSoon = () => {
      reread ??= setTimeout(() => {
        reread = undefined;
        void readEverything().catch(reject);
      }, CUT_MS);
    };
    const opening = setTimeout(() => reject(new Unreachable(t.follow.noSubscription(SILENCE_MS / 1_000))), SILENCE_MS);
    const timers = [
      setInterval(() => {
        if (isTelling && Date.now() - heard > SILENCE_MS) {
          reject(new Unreachable(t.follow.silent(SILENCE_MS / 1_000)));
        }
      }, 1_000),
      setInterval(() => void listener.readClock().catch(reject), CLOCK_MS),
      setInterval(() => void readEverything().catch(reject), RESYNC_MS),
      setInterval(() => {
        if (!isTelling) void Promise.all([readEverything(), listener.readTrades()]).catch(reject);
      }, POLL_MS),
    ];
    signal.addEventListener('abort', () => {
      clearTimeout(opening);
      clearTimeout(reread);
      timers.forEach((timer) => clearInterval(timer));
    });
    const { subscriptions } = connection;
    const open = async () => {
      await Promise.all([
        each(
          () => subscriptions.slotNotifications().subscribe({ abortSignal: signal }),
          ({ slot }) => {
            isTelling = true;
            listener.onSlot(slot);
          },
        ),
        each(
          () =>
            subscriptions
              .logsNotifications({ mentions: [PROGRAM] }, { commitment: COMMITMENT })
              .subscribe({ abortSignal: signal }),
          ({ context, value }) => {
            if (value.err !== null) return;
            listener.onEvents(eventsOf(value.logs), value.signature, context.slot);
            if (isCut(value.logs)) rereadSoon();
          },
        ),
        ...kinds.map((kind) =>
          each(
            () =>
              subscriptions
                .programNotifications(PROGRAM, {
                  commitment: COMMITMENT,
                  encoding: 'base64',
                  filters: filtersOf(kind, wallet),
                })
                .subscribe({ abortSignal: signal }),
            ({ context, value: { pubkey, account } }) =>
              listener.onAccount(pubkey, { owner: account.owner, data: bytesOf(account.data) }, context.slot),
          ),
        ),
      ]);
      clearTimeout(opening);
      await Promise.all([readEverything(), listener.readClock()]);
      if (!signal.aborted) await listener.onCurrent();
    };
    open().catch(reject);
  });
}

function filtersOf(kind: Kind, wallet: Address | undefined) {
  const kindFilter = {
    memcmp: { offset: 0n, bytes: kind.discriminator as Base58EncodedBytes, encoding: 'base58' as const },
  };
  if (kind.walletAt === undefined || wallet === undefined) return [kindFilter];
  const bytes = wallet as unknown as Base58EncodedBytes;
  return [kindFilter, { memcmp: { offset: kind.walletAt, bytes, encoding: 'base58' as const } }];
}

async function readAll(
  { rpc }: Connection,
  wallet: Address | undefined,
  kind: Kind,
  signal: AbortSignal,
  listener: Listener,
): Promise<void> {
  const { context, value } = await rpc
    .getProgramAccounts(PROGRAM, {
      commitment: COMMITMENT,
      encoding: 'base64',
      filters: filtersOf(kind, wallet),
      withContext: true,
    })
    .send();
  // Another round may follow another wallet by now.
  if (signal.aborted) return;
  const found = value.map(
    ({ pubkey, account }) => [pubkey, { owner: account.owner, data: bytesOf(account.data) }] as const,
  );
  listener.onAccounts(kind.name, found, context.slot);
}
