/** How components buy: with the connection, wallet and journal of the session. */

import { useCallback, useEffect, useMemo } from 'react';

import { tokenAccountAddress } from '../../chain/address';
import type { PurchaseStage } from '../../chain/send';
import { Refusal } from '../../errors/explain';
import type { Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { busyLanes } from '../../state/journal';
import { useStore } from '../../state/store';
import { useAnswer } from '../../state/useAnswer';
import { t } from '../../words';
import type { Plan } from './plan';
import { purchase, purchaseAll, type Purchased, type PurchaseContext } from './purchase';

/** The session as a purchase needs it; throws where something is missing. */
function usePurchaseContext(): (onStage: (stage: PurchaseStage) => void) => PurchaseContext {
  const { live, genesis, signer, journal } = useSession();
  return useCallback(
    (onStage) => {
      if (signer === undefined) throw new Refusal(t.useBuyer.connectAWalletThatSigns);
      if (genesis === undefined) throw new Refusal(t.useBuyer.theNetworkDoesNotAnswer);
      return { connection: live.connection, genesis, signer, journal, onStage };
    },
    [live, genesis, signer, journal],
  );
}

/** Buys with the session's wallet. */
export function useBuy(): (quoted: () => Promise<Plan>, onStage: (stage: PurchaseStage) => void) => Promise<Purchased> {
  const context = usePurchaseContext();
  return useCallback(async (quoted, onStage) => purchase(context(onStage), quoted), [context]);
}

/** Buys several at once with the session's wallet. */
export function useBuyAll(): (
  quoted: () => Promise<readonly Plan[]>,
  onStage: (stage: PurchaseStage) => void,
) => ReturnType<typeof purchaseAll> {
  const context = usePurchaseContext();
  return useCallback(async (quoted, onStage) => purchaseAll(context(onStage), quoted), [context]);
}

/** Lanes of the wallet with a purchase of unknown fate. */
export function useBusyLanes(): ReadonlySet<number> {
  const { wallet, genesis, journal } = useSession();
  const pending = useStore(journal.pending);
  return useMemo(() => busyLanes(pending, wallet, genesis), [pending, wallet, genesis]);
}

/** How many lanes of the wallet are open and free. */
export function useFreeLanes(): number {
  const busy = useBusyLanes();
  const { holdings } = useMarket();
  return (holdings?.traders ?? []).filter(({ lane }) => !busy.has(lane)).length;
}

/** The wallet's balance of a bus's token, in base units; kept current. */
export function useBalance(bus: Pick<Bus, 'mint' | 'tokenProgram'> | undefined): bigint | undefined {
  const { live, wallet } = useSession();
  const { balances } = useMarket();
  const answer = useAnswer(
    live,
    wallet === undefined || bus === undefined ? undefined : `${wallet} ${bus.mint} ${bus.tokenProgram}`,
    async () =>
      wallet === undefined || bus === undefined ? undefined : tokenAccountAddress(wallet, bus.mint, bus.tokenProgram),
  );
  const account = answer.kind === 'answered' ? answer.value : undefined;
  useEffect(() => (account === undefined ? undefined : live.watchBalance(account)), [live, account]);
  return account === undefined ? undefined : balances.get(account);
}
