/**
 * What subscriptions have not brought. Every transaction of the market names the program, so the node's list of them, since
 * the last one that was looked at, shows each that no notification told of.
 */

import type { Signature } from '@solana/kit';

import { COMMITMENT, type Connection } from '../chain/connection';
import { isUnreachable } from '../errors/explain';
import { PROGRAM } from '../programs';
import { pause } from '../state/retry';

/** A transaction that succeeded. */
export interface Happened {
  readonly signature: Signature;
  readonly slot: bigint;
}

/**
 * What a look came to: transactions that nobody told of; `lost` where there are more than a node lists, or the node does
 * not know the last one any more; `silent` where it lists none at all.
 */
export type Look =
  | { readonly kind: 'found'; readonly missed: readonly Happened[] }
  | { readonly kind: 'lost' }
  | { readonly kind: 'silent' };

/** Transactions that are asked for at once: the most that a node lists. */
const PAGE = 1_000;
/** Transactions that are asked for to know where the market stands. */
const FEW = 20;
/** How long a notification may take after its transaction is listed. */
const GRACE_MS = 4_000;
/** Slots after which every node behind an address knows a transaction. */
const SETTLED_SLOTS = 150n;

/** The transactions of the market: which were told of, and up to which all are known. */
export class Gaps {
  /** Transactions that are known, with their slots, of those after `last`. */
  private readonly heard = new Map<Signature, bigint>();
  private last: Happened | undefined;

  /** A notification told of a transaction. */
  hear(signature: Signature, slot: bigint): void {
    this.heard.set(signature, slot);
  }

  /** The newest transactions, newest first; `undefined` where the node lists none. */
  async newest({ rpc }: Connection): Promise<readonly Happened[] | undefined> {
    try {
      return await rpc.getSignaturesForAddress(PROGRAM, { limit: FEW, commitment: COMMITMENT }).send();
    } catch (error) {
      if (isUnreachable(error)) throw error;
      return undefined;
    }
  }

  /** Everything was read as it was at a slot; `page` are the newest transactions. */
  begin(page: readonly Happened[], slot: bigint): void {
    const known = page.filter((one) => one.slot <= slot);
    this.last = known.at(-1);
    this.pass(known, slot);
  }

  /**
   * Looks for transactions that nobody told of; `slot` is the present one. Notifications that may still be on their way are
   * waited for where there are any.
   */
  async look({ rpc }: Connection, slot: bigint, isTold: boolean, signal: AbortSignal): Promise<Look> {
    const { last } = this;
    const unheard = () => page.filter(({ err, signature }) => err === null && !this.heard.has(signature));
    let page: Awaited<ReturnType<ReturnType<typeof rpc.getSignaturesForAddress>['send']>> = [];
    try {
      const until = last === undefined ? {} : { until: last.signature };
      page = await rpc.getSignaturesForAddress(PROGRAM, { limit: PAGE, commitment: COMMITMENT, ...until }).send();
      // Not every node heeds where it should end.
      const end = page.findIndex(({ signature }) => signature === last?.signature);
      if (end !== -1) page = page.slice(0, end);
      if (page.length === PAGE) return { kind: 'lost' };
      if (last !== undefined && unheard().length > 0) {
        // A node that has forgotten the last one lists what happened before it, too.
        const { value } = await rpc.getSignatureStatuses([last.signature], { searchTransactionHistory: true }).send();
        if (value[0] == null) return { kind: 'lost' };
      }
    } catch (error) {
      if (isUnreachable(error)) throw error;
      return { kind: 'silent' };
    }
    if (isTold && unheard().length > 0) await pause(GRACE_MS, signal);
    const missed = unheard().map(({ signature, slot: at }) => ({ signature, slot: at }));
    this.pass(page, slot);
    return { kind: 'found', missed };
  }

  /** All of a page is known, which is what happened after `last`, newest first. */
  private pass(page: readonly Happened[], slot: bigint): void {
    for (const { signature, slot: at } of page) this.heard.set(signature, at);
    const settled = page.find((one) => one.slot + SETTLED_SLOTS <= slot);
    if (settled === undefined) return;
    this.last = { signature: settled.signature, slot: settled.slot };
    for (const [signature, at] of this.heard) if (at < settled.slot) this.heard.delete(signature);
  }
}
