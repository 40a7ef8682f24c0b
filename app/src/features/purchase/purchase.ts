/**
 * Purchases: from one offer, from many at once, or by settling a lock; each paid exactly once whatever the network
 * does. A purchase has one nonce of one lane until its fate is known: whatever is signed for it carries that nonce, and
 * the program spends a nonce once.
 */

import type { Signature } from '@solana/kit';

import type { Connection } from '../../chain/connection';
import {
  confirm,
  LAG_BLOCKS,
  latestExpiry,
  prepare,
  sign,
  type Prepared,
  type PurchaseStage,
  type Signer,
  type Submitted,
} from '../../chain/send';
import {
  Declined,
  FateUnknown,
  FIRST_SLOT_INVALID,
  isUnreachable,
  NONCE_MISMATCH,
  Refusal,
  WalletFailure,
  wordsOf,
} from '../../errors/explain';
import type { Fill, Receipt } from '../../market/model';
import { readTransaction } from '../../market/transactions';
import { busyLanes, type Journal, type Pending } from '../../state/journal';
import { t } from '../../words';
import { leaseLanes, nextNonce, readLane, type Lease } from '../trader/lanes';
import { fateOf } from './fate';
import { madeOf, type Plan } from './plan';

/** A purchase that was paid. */
export interface Purchased {
  readonly hash: string;
  readonly signature: Signature | undefined;
  readonly energyWh: bigint;
  /** `undefined` where the node does not tell. */
  readonly paid: bigint | undefined;
  readonly fills: readonly Fill[];
}

/** Everything that a purchase needs. */
export interface PurchaseContext {
  readonly connection: Connection;
  readonly genesis: string;
  readonly signer: Signer;
  readonly journal: Journal;
  readonly onStage: (stage: PurchaseStage) => void;
}

/** What became of one of several purchases. */
export type Outcome =
  | { readonly kind: 'bought'; readonly purchased: Purchased }
  /** Nothing of it happened, nor can it any more. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'unknown'; readonly error: FateUnknown };

/** Quotes within the user's limits before giving up. */
const MAX_QUOTES = 5;
const PATIENCE_MS = 75_000;

/**
 * Makes a purchase happen at most once, and tells for certain whether it did. `quote` is asked for a plan within the
 * user's limits, and anew whenever something moved; it throws a {@link Refusal} where the limits allow none.
 */
export async function purchase(context: PurchaseContext, quote: () => Promise<Plan>): Promise<Purchased> {
  await settleDenied(context);
  // What would be refused anyway is refused before a lane is taken for it.
  let plan = await quote();
  const leases = await lease(context, 1);
  try {
    for (let quotes = 1; ; quotes += 1) {
      const [outcome] = await attempt(context, leases, [plan]);
      if (outcome?.kind === 'bought') return outcome.purchased;
      if (outcome?.kind === 'unknown') throw outcome.error;
      const refusal = outcome?.refusal ?? new Refusal(t.purchase.nothingWasBoughtTryAgain);
      if (!refusal.conflict || quotes >= MAX_QUOTES) throw refusal;
      plan = await quote();
      if (!QUIET.has(refusal.code)) context.onStage({ requoted: refusal.message });
    }
  } finally {
    for (const { release } of leases) release();
  }
}

/**
 * Makes several purchases, each all or nothing in a lane and transaction of its own, with one approval of the wallet.
 * What moves before they are signed is quoted anew; afterwards the outcome of each is told in the order of the plans.
 */
export async function purchaseAll(
  context: PurchaseContext,
  quote: () => Promise<readonly Plan[]>,
): Promise<{ readonly plans: readonly Plan[]; readonly outcomes: readonly Outcome[] }> {
  await settleDenied(context);
  let plans = await quote();
  let leases = await lease(context, plans.length);
  try {
    for (let quotes = 1; ; quotes += 1) {
      const outcomes = await attempt(context, leases, plans);
      const refusals = outcomes.flatMap((outcome) => (outcome.kind === 'refused' ? [outcome.refusal] : []));
      const moved = refusals.find(({ conflict }) => conflict);
      const isUntouched = refusals.length === outcomes.length;
      if (!isUntouched || moved === undefined || quotes >= MAX_QUOTES) return { plans, outcomes };
      plans = await quote();
      if (plans.length > leases.length) leases = [...leases, ...(await lease(context, plans.length - leases.length))];
      if (!QUIET.has(moved.code)) context.onStage({ requoted: moved.message });
    }
  } finally {
    for (const { release } of leases) release();
  }
}

/** Conflicts about lanes, which the app settles without a word. */
const QUIET: ReadonlySet<number | undefined> = new Set([NONCE_MISMATCH, FIRST_SLOT_INVALID]);

/**
 * Lanes for so many purchases, without those whose purchase has an unknown fate. A lane whose purchase is said not to
 * have been sent comes first: the new purchase has the same nonce, so that at most one of the two happens.
 */
async function lease(
  { connection, signer, journal, genesis }: PurchaseContext,
  count: number,
): Promise<readonly Lease[]> {
  const first = new Set(journal.denied(signer.address, genesis).map(({ lane }) => lane));
  const busy = busyLanes(journal.pending.get(), signer.address, genesis);
  return leaseLanes(connection, signer.address, busy, first, count);
}

/**
 * Looks what became of purchases that were said not to have been sent; throws where one happened all the same, since
 * what is bought now is most likely the same energy.
 */
async function settleDenied({ connection, signer, journal, genesis }: PurchaseContext): Promise<void> {
  for (const entry of journal.denied(signer.address, genesis)) {
    const fate = await fateOf(connection, entry);
    if (fate.kind === 'never') journal.forget(entry.hash);
    if (fate.kind === 'paid') {
      throw new Refusal(
        entry.isBid === true
          ? t.purchase.yourBidHappenedAfter(entry.title)
          : t.purchase.yourPurchaseOfHappenedAfter(entry.title),
      );
    }
  }
}

/** A purchase that is ready to be signed. */
interface Ready {
  readonly plan: Plan;
  readonly lane: number;
  readonly nonce: bigint;
  readonly hash: string;
  readonly prepared: Prepared;
}

/**
 * One attempt of each plan under the next nonce of its lane. Nothing is signed unless all of them would go through now;
 * throws `Declined` where the user does not want to.
 */
async function attempt(
  context: PurchaseContext,
  leases: readonly Lease[],
  plans: readonly Plan[],
): Promise<readonly Outcome[]> {
  const { connection, signer, journal, onStage } = context;
  onStage('checking');
  const made = await Promise.all(
    plans.map((plan, index) => {
      const lent = leases[index];
      if (lent === undefined) throw new Error('a purchase has no lane');
      return ready(context, lent, plan);
    }),
  );
  const refusal = made.find((one) => one instanceof Refusal);
  if (refusal instanceof Refusal) return plans.map(() => ({ kind: 'refused', refusal }));
  const all = made.filter((one): one is Ready => !(one instanceof Refusal));

  onStage('signing');
  const asked = all.map((one) => pendingOf(context, one, undefined, one.prepared.lastValidBlockHeight));
  // What a wallet sends itself is under way before it tells.
  if (signer.sends) for (const entry of asked) journal.note(entry);
  let submitted;
  try {
    submitted = await sign(
      connection,
      signer,
      all.map(({ prepared }) => prepared),
    );
  } catch (error) {
    if (!signer.sends) throw error;
    // Whatever it says, it may have sent them, under a blockhash of its own: they are watched until their nonces tell.
    const lastValidBlockHeight = await latestExpiry(connection).catch(() => undefined);
    const isDenied = error instanceof Declined;
    const watched = asked.map((entry) => ({
      ...entry,
      isDenied,
      lastValidBlockHeight: lastValidBlockHeight ?? entry.lastValidBlockHeight + LAG_BLOCKS,
    }));
    for (const entry of watched) journal.note(entry);
    if (isDenied) throw error;
    const words = error instanceof WalletFailure ? error.words : wordsOf(error);
    return watched.map((entry) => ({ kind: 'unknown', error: new FateUnknown(entry, words) }));
  }
  const entries = all.flatMap((one, index) => {
    const sent = submitted[index];
    return sent === undefined
      ? []
      : [{ one, sent, entry: pendingOf(context, one, sent.signature, sent.lastValidBlockHeight) }];
  });
  for (const { entry } of entries) journal.note(entry);

  onStage('confirming');
  return Promise.all(entries.map(({ one, sent, entry }) => follow(context, one, sent, entry)));
}

/** A plan under its lane's next nonce, simulated; the refusal where it would fail. */
async function ready(context: PurchaseContext, lent: Lease, plan: Plan): Promise<Ready | Refusal> {
  const { connection, journal, genesis } = context;
  const { wallet, lane } = lent;
  try {
    const { nonce, opening } = await nextNonce(connection, wallet, lane, await readLane(connection, wallet, lane));
    // Another nonce only once it is known that what had the last one did not happen.
    const denied = journal.denied(wallet, genesis);
    if (denied.some((entry) => entry.lane === lane && entry.nonce < nonce)) await settleDenied(context);
    const { hash, instructions } = await madeOf(plan, wallet, lane, nonce);
    const prepared = await prepare(connection, wallet, [...opening, ...instructions]);
    return { plan, lane, nonce, hash, prepared };
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

const pendingOf = (
  { signer, genesis }: PurchaseContext,
  { plan, lane, nonce, hash }: Ready,
  signature: Signature | undefined,
  lastValidBlockHeight: bigint,
): Pending => ({
  hash,
  wallet: signer.address,
  lane,
  nonce,
  genesis,
  title: plan.title,
  signature,
  lastValidBlockHeight,
  ...(plan.kind === 'bid' ? { isBid: true } : {}),
});

/** Follows a purchase that was signed until its fate is certain, or until patience is over. */
async function follow(
  { connection, journal, signer }: PurchaseContext,
  { plan, hash }: Ready,
  sent: Submitted & { readonly signature: Signature },
  entry: Pending,
): Promise<Outcome> {
  const bought = async (signature: Signature, receipt?: Receipt): Promise<Outcome> => {
    const purchased = await purchasedFrom(connection, hash, signature, plan, receipt);
    journal.forget(hash);
    return { kind: 'bought', purchased };
  };
  try {
    const outcome = await confirm(connection, sent, PATIENCE_MS);
    if (outcome.kind === 'landed') return await bought(sent.signature);
    // Before anything is concluded from a failure, the lane is asked.
    const fate = await fateOf(connection, entry);
    if (fate.kind === 'paid') return await bought(fate.signature ?? sent.signature, fate.receipt);
    // A wallet that sends by itself may have sent more than it tells of: its nonce has the last word.
    if (signer.sends && fate.kind === 'open') journal.note({ ...entry, isDenied: true });
    else journal.forget(hash);
    return {
      kind: 'refused',
      refusal:
        outcome.kind === 'failed' ? outcome.refusal : new Refusal(t.purchase.theNetworkDidNotTake, undefined, true),
    };
  } catch (error) {
    // Whatever a node answers, the transaction may have landed: its fate is open.
    if (!isUnreachable(error)) console.error(error);
    return { kind: 'unknown', error: new FateUnknown(entry) };
  }
}

async function purchasedFrom(
  connection: Connection,
  hash: string,
  signature: Signature,
  plan: Plan,
  receipt: Receipt | undefined,
): Promise<Purchased> {
  const ordered = plan.orders.reduce((sum, order) => sum + order.energyWh, 0n);
  // A bid has bought nothing yet, and its receipt says so.
  if (plan.kind === 'bid') return { hash, signature, energyWh: ordered, paid: undefined, fills: [] };
  const transaction = await readTransaction(connection, signature);
  const event = transaction?.events.find((candidate) => candidate.kind === 'purchased' && candidate.hash === hash);
  const fills = event?.kind === 'purchased' ? event.fills : [];
  if (fills.length === 0) {
    // The node does not serve the transaction's log (yet): what was ordered is what exact purchases get.
    return { hash, signature, energyWh: receipt?.energyWh ?? ordered, paid: receipt?.paid, fills };
  }
  const energyWh = fills.reduce((sum, fill) => sum + fill.energyWh, 0n);
  const paid = fills.reduce((sum, fill) => sum + fill.cost, 0n);
  return { hash, signature, energyWh, paid, fills };
}
