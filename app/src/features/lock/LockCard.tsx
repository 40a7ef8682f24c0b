/** A lock of the wallet: its countdown, and what can be done with it. */

import { shareOf } from '../../amount/cost';
import { formatEnergy } from '../../amount/energy';
import { formatBps } from '../../amount/token';
import { isUnreachable } from '../../errors/explain';
import type { Bus, Lock, Offer } from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { WalletButton, type Action } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { LockIcon } from '../../ui/icons';
import { Countdown, useNow } from '../../ui/time';
import { t } from '../../words';
import { TermsNote } from '../delivery/TermsNote';
import { deliveryOf, planSettle } from '../purchase/plan';
import { FeeLines } from '../purchase/Totals';
import { useBuy } from '../purchase/useBuyer';
import { usePurchasePreview } from '../purchase/usePreview';
import { lockRefund, lockRelease } from './lock';

/** The lock; `action` outlives it, so that what became of a press can be read. */
export function LockCard({ lock, action }: { readonly lock: Lock; readonly action: Action }) {
  const { buses, offers } = useMarket();
  const { live, signer } = useSession();
  const now = useNow();
  const buy = useBuy();
  const bus = buses.get(lock.bus);
  const offer = offers.get(lock.offer);
  const isExpired = now > lock.expiresAt;
  const settlement =
    bus === undefined || offer === undefined || isExpired || lock.isUnpaid
      ? undefined
      : () => planSettle(lock, offer, t.plan.on(formatEnergy(lock.energyWh), bus.name, deliveryOf([{ offer, bus }])));
  const preview = usePurchasePreview(
    lock.address,
    settlement === undefined ? undefined : () => ({ plans: [settlement()] }),
  );
  if (bus === undefined || offer === undefined) return null;
  // The fee is the lock's own: what the bus decides later is of later locks.
  const fee = lock.isUnpaid ? 0n : shareOf(lock.deposit, lock.lockFeeBps);
  const settle = () => {
    if (settlement === undefined) return;
    void action.run(async (onStage) => {
      const bought = await buy(async () => settlement(), onStage);
      return {
        message: <>{t.lockCard.boughtFor(<Energy wh={lock.energyWh} />, <Tokens units={lock.deposit} bus={bus} />)}</>,
        hashes: [bought.hash],
      };
    });
  };
  const release = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const refund = await lockRelease(live, signer, lock, offer, bus, onStage);
      const back = <Tokens units={lock.deposit - fee} bus={bus} />;
      return {
        tone: refund === 'paid' ? 'done' : 'part',
        message:
          refund === 'paid'
            ? t.lockCard.releasedCameBack(back, fee > 0n && <Tokens units={fee} bus={bus} />)
            : refund === 'claimed'
              ? t.lockCard.releasedWaits(back)
              : t.lockCard.refundIsFrozen,
      };
    });
  };
  return (
    <li className="tile" data-lock={lock.address}>
      <div className="row spread">
        <span className="row">
          <LockIcon /> <strong>{bus.name}</strong>
        </span>
        {!lock.isUnpaid && <Countdown until={lock.expiresAt} />}
      </div>
      <p className="big">{lock.isUnpaid ? <Tokens units={lock.deposit} bus={bus} /> : <Energy wh={lock.energyWh} />}</p>
      <p className="sub">{deliveryTime(bus, offer.windowStart)}</p>
      <p className="sub">
        {lock.isUnpaid
          ? t.lockCard.refundIsFrozen
          : t.lockCard.deposited(
              <Tokens units={lock.deposit} bus={bus} />,
              fee > 0n && (
                <>{t.lockCard.releasingCosts(<Tokens units={fee} bus={bus} />, formatBps(lock.lockFeeBps))}</>
              ),
              isExpired && t.lockCard.itCanOnlyBeReleased,
            )}
      </p>
      {!lock.isUnpaid && !isExpired && <TermsNote of={[{ offer, bus }]} />}
      {settlement !== undefined && (
        <dl className="lines">
          <FeeLines preview={preview} account={t.lockCard.purchaseLane} />
        </dl>
      )}
      {!lock.isUnpaid && <RefundNote lock={lock} offer={offer} bus={bus} />}
      <div className="row">
        {settlement !== undefined && (
          <WalletButton onClick={settle} busy={action.isRunning}>
            {t.lockCard.settle}
          </WalletButton>
        )}
        <WalletButton onClick={release} busy={action.isRunning} tone="quiet">
          {lock.isUnpaid ? t.lockCard.payTheRefund : t.lockCard.release}
        </WalletButton>
      </div>
    </li>
  );
}

/** Says where the deposit goes, where it does not just come back. */
function RefundNote({ lock, offer, bus }: { readonly lock: Lock; readonly offer: Offer; readonly bus: Bus }) {
  const { live, wallet } = useSession();
  const refund = useAnswer(
    live,
    `${lock.address} ${lock.number}`,
    () => lockRefund(live.connection, wallet, lock, offer, bus),
    { isPassing: isUnreachable },
  );
  if (refund.kind !== 'answered' || refund.value === 'paid') return null;
  return (
    <p className="status noted" data-payee={refund.value}>
      <span>{refund.value === 'claimed' ? t.lockCard.itBecomesAClaim : t.lockCard.itWouldBeFrozen}</span>
    </p>
  );
}
