/** What something would cost the network, and whether it would go through, while the buyer still looks at it. */

import type { Address } from '@solana/kit';

import { formatSol } from '../../amount/token';
import { traderAddress } from '../../chain/address';
import { rentOf, type Connection } from '../../chain/connection';
import { prepare } from '../../chain/send';
import { sentence } from '../../errors/explain';
import { getTraderSize } from '../../generated';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { byPreference, nextNonce, openLanes } from '../trader/lanes';
import type { Plan } from './plan';
import { useBusyLanes } from './useBuyer';

/** What something would cost the network, and whether it would go through now. */
export type Preview =
  | { readonly kind: 'none' }
  | { readonly kind: 'checking' }
  | ({ readonly kind: 'good' } & Fees)
  | { readonly kind: 'refused'; readonly reason: string };

/** What the network takes, in lamports. */
export interface Fees {
  readonly fee: bigint;
  /** Rent of accounts that are opened; it comes back when they close. */
  readonly rent: bigint;
}

/** How long the buyer may go on typing before something is asked. */
const TYPING_MS = 300;

/** Finds out fees. `key` tells when what is looked at has changed. */
export function usePreview(key: string, fees: ((wallet: Address) => Promise<Fees>) | undefined): Preview {
  const { live, wallet } = useSession();
  const { holdings } = useMarket();
  const answer = useAnswer(
    live,
    wallet === undefined || fees === undefined ? undefined : `${wallet} ${key}`,
    async () => (wallet === undefined || fees === undefined ? { fee: 0n, rent: 0n } : fees(wallet)),
    TYPING_MS,
  );
  switch (answer.kind) {
    case 'none':
      return { kind: 'none' };
    case 'asking':
      return { kind: 'checking' };
    case 'answered':
      return affordable(answer.value, holdings?.lamports ?? 0n);
    case 'failed':
      return { kind: 'refused', reason: sentence(answer.error) };
  }
}

function affordable({ fee, rent }: Fees, lamports: bigint): Preview {
  if (lamports >= fee + rent) return { kind: 'good', fee, rent };
  const reason = `Your wallet has ${formatSol(lamports)}; fee and rent take ${formatSol(fee + rent)}. Add SOL.`;
  return { kind: 'refused', reason };
}

/** Simulates purchases; the rent is that of the lanes that they open. */
export function usePurchasePreview(key: string, plans: (() => readonly Plan[]) | undefined): Preview {
  const { live } = useSession();
  const busy = useBusyLanes();
  return usePreview(
    key,
    plans === undefined ? undefined : (wallet) => feesOfPlans(live.connection, wallet, busy, plans()),
  );
}

async function feesOfPlans(
  connection: Connection,
  wallet: Address,
  busy: ReadonlySet<number>,
  plans: readonly Plan[],
): Promise<Fees> {
  const open = await openLanes(connection, wallet);
  const lanes = byPreference(open, busy);
  const [rent, ...parts] = await Promise.all([
    rentOf(connection, getTraderSize()),
    ...plans.map(async (plan, index) => {
      const lane = lanes[index] ?? 0;
      const { nonce, opening } = await nextNonce(connection, wallet, lane, open.get(lane));
      const instruction = await plan.build(await traderAddress(wallet, lane), nonce);
      const { fee } = await prepare(connection, wallet, [...opening, instruction]);
      return { fee, opened: BigInt(opening.length) };
    }),
  ]);
  const opened = parts.reduce((sum, part) => sum + part.opened, 0n);
  return { fee: parts.reduce((sum, part) => sum + part.fee, 0n), rent: opened * rent };
}
