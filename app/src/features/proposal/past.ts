/** What was decided on a bus, with its approvals, from the chain: also what was closed since. */

import type { Address, Signature } from '@solana/kit';

import { ledgerAddress } from '../../chain/address';
import { COMMITMENT, type Connection } from '../../chain/connection';
import { actionOf } from '../../market/decode';
import { rawEventsOf, type RawEvent } from '../../market/events';
import type { Action } from '../../market/model';
import { signaturesOf } from '../../market/transactions';
import { compare } from '../../order';

/** Somebody's approval. */
export interface Approval {
  readonly owner: Address;
  /** `undefined` where the node does not tell when. */
  readonly at: number | undefined;
}

/** A decision that was carried out. */
export interface Decision {
  readonly proposal: Address;
  readonly action: Action | undefined;
  readonly proposer: Address;
  readonly proposedAt: number;
  /** Approvals that stood when it was carried out; the proposer's is the first. */
  readonly approvals: readonly Approval[];
  readonly executedAt: number;
  readonly executedBy: Address;
}

/** An event, and when its transaction landed. */
export interface Dated {
  readonly event: RawEvent;
  readonly at: number | undefined;
}

/** Decisions that were carried out, newest first, from the events of their proposals in the order of time. Pure. */
export function decisionsOf(events: readonly Dated[]): readonly Decision[] {
  interface Open {
    readonly proposer: Address;
    readonly proposedAt: number;
    approvals: readonly Approval[];
  }
  const open = new Map<Address, Open>();
  const decided: Decision[] = [];
  for (const { event, at } of events) {
    switch (event.__kind) {
      case 'ProposalCreated': {
        const { proposal, proposer, createdAt } = event.data;
        const proposedAt = Number(createdAt);
        open.set(proposal, { proposer, proposedAt, approvals: [{ owner: proposer, at: proposedAt }] });
        break;
      }
      case 'ProposalApproved':
      case 'ProposalRevoked': {
        const { proposal, owner } = event.data;
        const one = open.get(proposal);
        if (one === undefined) break;
        const others = one.approvals.filter((approval) => approval.owner !== owner);
        one.approvals = event.__kind === 'ProposalApproved' ? [...others, { owner, at }] : others;
        break;
      }
      case 'ProposalExecuted': {
        const { proposal, executedBy, executedAt, action } = event.data;
        const one = open.get(proposal);
        if (one === undefined) break;
        const done = { executedAt: Number(executedAt), executedBy, action: actionOf(action) };
        decided.unshift({ proposal, ...one, ...done });
        break;
      }
      default:
        break;
    }
  }
  return decided;
}

const READ_AT_ONCE = 8;

/** Reads what was decided on a bus; `onProgress` hears of how many transactions were read, and of all. */
export async function readDecisions(
  connection: Connection,
  bus: Address,
  signal: AbortSignal,
  onProgress: (read: number, all: number) => void,
): Promise<readonly Decision[]> {
  // Proposals are made and carried out with the bus's ledger, and approved without it.
  const oldestFirst = async (account: Address) => (await signaturesOf(connection, account, signal)).toReversed();
  const onLedger = await oldestFirst(await ledgerAddress(bus));
  const first = await readEvents(connection, onLedger, signal, (read) => onProgress(read, onLedger.length));
  const proposals = first.flatMap(({ event }) =>
    event.__kind === 'ProposalCreated' && event.data.bus === bus ? [event.data.proposal] : [],
  );
  const known = new Set(onLedger);
  const pages = await Promise.all(proposals.map(oldestFirst));
  const more = [...new Set(pages.flat())].filter((signature) => !known.has(signature));
  const second = await readEvents(connection, more, signal, (read) => onProgress(read, more.length));
  const all = [...first, ...second];
  return decisionsOf(inOrder(all));
}

/** Events in the order of time: those of one slot may come from lists that do not tell it. */
export function inOrder<T extends Placed>(events: readonly T[]): readonly T[] {
  return events.toSorted((a, b) => compare(a.slot, b.slot) || stepOf(a.event) - stepOf(b.event));
}

/** Which events of a proposal in one slot come first: it is made, approved, carried out. */
function stepOf(event: RawEvent): number {
  return event.__kind === 'ProposalCreated' ? 0 : event.__kind === 'ProposalExecuted' ? 2 : 1;
}

/** An event, and the slot of its transaction. */
export interface Placed extends Dated {
  readonly slot: bigint;
}

async function readEvents(
  { rpc }: Connection,
  signatures: readonly Signature[],
  signal: AbortSignal,
  onRead: (count: number) => void,
): Promise<readonly Placed[]> {
  const found: Placed[] = [];
  for (let at = 0; at < signatures.length && !signal.aborted; at += READ_AT_ONCE) {
    onRead(at);
    const some = signatures.slice(at, at + READ_AT_ONCE);
    const read = await Promise.all(
      some.map((signature) =>
        rpc
          .getTransaction(signature, { commitment: COMMITMENT, encoding: 'json', maxSupportedTransactionVersion: 0 })
          .send({ abortSignal: signal }),
      ),
    );
    for (const transaction of read) {
      if (transaction?.meta?.err !== null) continue;
      const { slot, blockTime } = transaction;
      const when = blockTime === null ? undefined : Number(blockTime);
      for (const event of rawEventsOf(transaction.meta.logMessages)) found.push({ event, at: when, slot });
    }
  }
  return found;
}
