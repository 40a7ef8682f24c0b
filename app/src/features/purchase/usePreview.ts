/** What something would cost the network, and whether it would go through, while the buyer still looks at it. */

import type { Address } from '@solana/kit';

import { formatSol } from '../../amount/token';
import { tokenAccountAddress } from '../../chain/address';
import { readAccounts, rentOf, type Connection } from '../../chain/connection';
import { prepare } from '../../chain/send';
import { isUnreachable, Refusal, sentence } from '../../errors/explain';
import { getPositionBookSize, getTraderSize } from '../../generated';
import type { Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { t } from '../../words';
import { byPreference, nextNonce, openLanes } from '../trader/lanes';
import { failingOffers, leaveOut } from './leftOut';
import { paymentRefusal, TokensMissing } from './payment';
import { madeOf, planSingle, type Item, type Plan } from './plan';
import { useBusyLanes } from './useBuyer';

/** What something would cost the network, and whether it would go through now. */
export type Preview =
  | { readonly kind: 'none' }
  | { readonly kind: 'checking' }
  | ({ readonly kind: 'good' } & Fees)
  | { readonly kind: 'refused'; readonly reason: string; readonly lacks?: Lacking }
  /** Nobody can tell now: it may be tried all the same. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** What a wallet lacks, in sentences. */
export interface Lacking {
  readonly tokens?: string | undefined;
  readonly sol?: string | undefined;
}

/** What the network takes, in lamports. */
export interface Fees {
  readonly fee: bigint;
  /** Rent of accounts that are opened; it comes back when they close. */
  readonly rent: bigint;
  /** Rent of position books that are opened; it comes back once what was bought is settled. */
  readonly positionRent: bigint;
}

/** What the network takes for a signature, in lamports. */
const FEE_OF_A_SIGNATURE = 5_000n;
/** How long the buyer may go on typing before something is asked. */
const TYPING_MS = 300;

/** Finds out fees. `key` tells when what is looked at has changed. */
export function usePreview(key: string, fees: ((wallet: Address) => Promise<Fees>) | undefined): Preview {
  const { live, wallet } = useSession();
  const { holdings } = useMarket();
  const answer = useAnswer(
    live,
    // Who has got SOL since is told anew.
    wallet === undefined || fees === undefined ? undefined : `${wallet} ${key} ${holdings?.lamports === 0n}`,
    async () => (wallet === undefined || fees === undefined ? { fee: 0n, rent: 0n, positionRent: 0n } : fees(wallet)),
    { delayMs: TYPING_MS, isPassing: isUnreachable },
  );
  switch (answer.kind) {
    case 'none':
      return { kind: 'none' };
    case 'asking':
      return { kind: 'checking' };
    case 'answered':
      return affordable(answer.value, holdings?.lamports);
    case 'failed':
      return isUnreachable(answer.error)
        ? { kind: 'unknown', reason: t.usePreview.theNetworkDoesNotAnswer }
        : refused(answer.error, holdings?.lamports);
  }
}

function refused(error: unknown, lamports: bigint | undefined): Preview {
  const reason = sentence(error);
  if (error instanceof TokensMissing) {
    return { kind: 'refused', reason, lacks: { tokens: reason, sol: lackOfSol(lamports, error.leastSol) } };
  }
  return lamports === 0n ? { kind: 'refused', reason, lacks: { sol: reason } } : { kind: 'refused', reason };
}

/** Says that a wallet has less SOL than is taken; `undefined` where it has enough, or where nobody knows what it has. */
function lackOfSol(lamports: bigint | undefined, taken: bigint): string | undefined {
  if (lamports === undefined || lamports >= taken) return undefined;
  return lamports === 0n
    ? t.explain.yourWalletHasNoSol
    : t.usePreview.yourWalletHasFeeAnd(formatSol(lamports), formatSol(taken));
}

function affordable({ fee, rent, positionRent }: Fees, lamports: bigint | undefined): Preview {
  const reason = lackOfSol(lamports, fee + rent + positionRent);
  return reason === undefined
    ? { kind: 'good', fee, rent, positionRent }
    : { kind: 'refused', reason, lacks: { sol: reason } };
}

/** Simulates purchases; the rent is that of the lanes and of the position books that they open. */
export function usePurchasePreview(
  key: string,
  purchases: (() => Simulated | Promise<Simulated>) | undefined,
): Preview {
  const { live } = useSession();
  const busy = useBusyLanes();
  return usePreview(
    key,
    purchases === undefined ? undefined : async (wallet) => feesOf(live.connection, wallet, busy, await purchases()),
  );
}

/** Purchases to simulate. */
export interface Simulated {
  readonly plans: readonly Plan[];
  /** What the wallet pays, and with which token; absent where a deposit pays. */
  readonly payment?: { readonly bus: Bus; readonly total: bigint };
  /** Where other offers may take their place: those that fail by themselves are left out. */
  readonly replaceable?: readonly Item[];
}

async function feesOf(
  connection: Connection,
  wallet: Address,
  busy: ReadonlySet<number>,
  { plans, payment, replaceable = [] }: Simulated,
): Promise<Fees> {
  const open = await openLanes(connection, wallet);
  if (payment !== undefined) {
    const { bus, total } = payment;
    const account = await tokenAccountAddress(wallet, bus.mint, bus.tokenProgram);
    const refusal = paymentRefusal((await readAccounts(connection, [account])).accounts[0], total, bus);
    // Nothing can be simulated without the tokens. What is taken at least is told all the same.
    if (refusal instanceof TokensMissing) {
      refusal.leastSol = FEE_OF_A_SIGNATURE + (open.size === 0 ? await rentOf(connection, getTraderSize()) : 0n);
    }
    if (refusal !== undefined) throw refusal;
  }
  const lanes = byPreference(open, busy);
  const simulate = async (plan: Plan, lane: number) => {
    const { nonce, opening } = await nextNonce(connection, wallet, lane, open.get(lane));
    const { instructions } = await madeOf(plan, wallet, lane, nonce);
    const { fee } = await prepare(connection, wallet, [...opening, ...instructions]);
    return { fee, opened: BigInt(opening.length), opens: plan.opens };
  };
  try {
    const rents = Promise.all(plans.flatMap(({ sizes = [] }) => sizes).map((size) => rentOf(connection, size)));
    const [others, rent, positionRent, ...parts] = await Promise.all([
      rents,
      rentOf(connection, getTraderSize()),
      rentOf(connection, getPositionBookSize()),
      ...plans.map((plan, index) => simulate(plan, lanes[index] ?? 0)),
    ]);
    const sum = (of: (part: (typeof parts)[number]) => bigint) => parts.reduce((total, part) => total + of(part), 0n);
    return {
      fee: sum(({ fee }) => fee),
      rent: others.reduce((total, one) => total + one, sum(({ opened }) => opened) * rent),
      // Whichever of several purchases is first opens a position.
      positionRent: BigInt(new Set(parts.flatMap(({ opens }) => opens)).size) * positionRent,
    };
  } catch (error) {
    if (!(error instanceof Refusal) || error.conflict) throw error;
    const failing = await failingOffers(replaceable, (item) =>
      simulate(planSingle(wallet, item, item.energyWh, ''), lanes[0] ?? 0),
    );
    leaveOut(failing);
    throw error;
  }
}
