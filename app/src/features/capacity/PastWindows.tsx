/** Windows that are over: closing them gives their rent back to who paid it. */

import { windowLabel } from '../../amount/time';
import { formatSol, formatUnits } from '../../amount/token';
import { rentOf } from '../../chain/connection';
import { isUnreachable } from '../../errors/explain';
import { getCapacitySize } from '../../generated';
import { soldWh, type Capacity } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy } from '../../ui/amounts';
import { AddressLabel, Card } from '../../ui/parts';
import { useShown } from '../../ui/shown';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { capacityClose, pastWindows } from './capacity';

/** Windows that are listed at first. */
const LISTED = 6;

/** The card, where there is something to close; `isWanted` says whose windows. */
export function PastWindows({
  title,
  isWanted,
}: {
  readonly title: string;
  readonly isWanted: (capacity: Capacity) => boolean;
}) {
  const { live, signer, wallet } = useSession();
  const { capacities, offers, bids, buses } = useMarket();
  const now = useNow();
  const action = useAction();
  const rent = useRent();
  const windows = pastWindows({ capacities, offers, bids, buses }, wallet, now, isWanted);
  const [shown, more] = useShown(windows, LISTED);
  const free = windows.filter(({ isHeldUp }) => !isHeldUp);
  if (windows.length === 0 && action.state.kind === 'idle') return null;
  const close = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const { closed } = await capacityClose(live, signer, free, onStage);
      const count = closed.length;
      return {
        message: t.pastWindows.closed(count, rent === undefined ? undefined : formatSol(rent * BigInt(count))),
      };
    });
  };
  return (
    <Card title={title}>
      {windows.length > 0 && (
        <>
          <p className="hint">
            {t.pastWindows.over(windows.length)}{' '}
            {rent !== undefined && <>{t.pastWindows.closingGivesTheRentBack(formatSol(rent), formatUnits(rent))}</>}
          </p>
          <ul className="lines-list" aria-label={t.pastWindows.pastWindows}>
            {shown.map(({ capacity, isHeldUp, offers: left }) => (
              <li key={capacity.address} className="row spread wrap">
                <span>
                  {windowLabel(capacity.windowStart, capacity.terms.windowSeconds)}{' '}
                  <span className="hint">{buses.get(capacity.bus)?.name}</span>
                  {left.length > 0 && (
                    <span className="hint">
                      {', '}
                      {isHeldUp ? t.pastWindows.locksHoldItUpFree : t.pastWindows.withdrawn(left.length)}
                    </span>
                  )}
                </span>
                <span className="row">
                  <Energy wh={soldWh([capacity], left)} /> <AddressLabel address={capacity.rentPayer} />
                </span>
              </li>
            ))}
          </ul>
          {more}
          <WalletButton tone="quiet" onClick={close} busy={action.isRunning} disabled={free.length === 0}>
            {t.pastWindows.closePastWindows}
          </WalletButton>
        </>
      )}
      <ActionStatus action={action} />
    </Card>
  );
}

/** Rent of a window in lamports, once the node has told it. */
function useRent(): bigint | undefined {
  const { live } = useSession();
  const answer = useAnswer(live, 'rent', () => rentOf(live.connection, getCapacitySize()), {
    isPassing: isUnreachable,
  });
  return answer.kind === 'answered' ? answer.value : undefined;
}
