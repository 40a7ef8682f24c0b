/** Offers that the wallet steers: what is left of each, and reprice, extend, cancel. */

import { useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { duration, windowLabel } from '../../amount/time';
import { formatTokens, parsePrice, plainTokens } from '../../amount/token';
import { freeWh, maySteer, untradable, type Bus, type Offer } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { Dialog } from '../../ui/dialog';
import { TextField } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { Empty, Reading } from '../../ui/parts';
import { Countdown, useNow } from '../../ui/time';
import { t } from '../../words';
import { lockRelease } from '../lock/lock';
import { ExpiryField, readExpiry, type Expiry } from './ExpiryField';
import { offerCancel, offerExtend, offerReprice } from './offer';

/** Offers of the wallet and, where it is an owner, of its buses; only those of one bus where one is given. */
export function OwnOffers({ bus: only }: { readonly bus?: Bus }) {
  const { offers, buses, readAt } = useMarket();
  const { wallet } = useSession();
  const [dialog, setDialog] = useState<{ readonly offer: Offer; readonly what: 'reprice' | 'extend' | 'cancel' }>();
  const own = [...offers.values()]
    .flatMap((offer) => {
      const bus = buses.get(offer.bus);
      if (bus === undefined || (only !== undefined && only.address !== offer.bus)) return [];
      return maySteer(offer, bus, wallet) ? [{ offer, bus }] : [];
    })
    .sort(
      (a, b) =>
        a.bus.name.localeCompare(b.bus.name) ||
        a.offer.windowStart - b.offer.windowStart ||
        b.offer.createdAt - a.offer.createdAt,
    );
  const now = useNow();
  const current = dialog === undefined ? undefined : offers.get(dialog.offer.address);
  const dialogBus = dialog === undefined ? undefined : buses.get(dialog.offer.bus);
  return (
    <>
      {own.length === 0 && readAt === undefined && <Reading what={t.ownOffers.yourOffers} />}
      {own.length === 0 && readAt !== undefined && (
        <Empty>{only === undefined ? t.ownOffers.nothing : t.ownOffers.nothingOn(only.name)}</Empty>
      )}
      <ul className="tiles" aria-label={t.ownOffers.ownOffers}>
        {own.map(({ offer, bus }) => {
          const why = untradable(offer, bus, now);
          return (
            <li key={offer.address} className="tile" data-offer={offer.address}>
              <div className="row spread">
                <span className="row">
                  <SourceIcon source={offer.source} /> <strong>{bus.name}</strong>
                  {offer.ownedByBus && <span className="badge">{t.ownOffers.forTheBus}</span>}
                </span>
                <Tokens units={offer.pricePerKwh} bus={bus} />
              </div>
              <p className="big number">
                {formatEnergy(freeWh(offer))}{' '}
                <span className="hint">{t.ownOffers.freeOf(formatEnergy(offer.listedWh))}</span>
              </p>
              <p className="sub">
                {t.ownOffers.sold(
                  formatEnergy(offer.listedWh - offer.remainingWh),
                  offer.reservedWh > 0n && t.ownOffers.reserved(formatEnergy(offer.reservedWh)),
                  offer.windowStart !== 0 && `, ${windowLabel(offer.windowStart, bus.windowSeconds)}`,
                  offer.expiresAt !== 0 && (
                    <>
                      {t.ownOffers.until(
                        offer.expiresAt - now < 3_600 ? (
                          <Countdown until={offer.expiresAt} />
                        ) : (
                          t.ownOffers.in(duration(offer.expiresAt - now))
                        ),
                      )}
                    </>
                  ),
                )}
              </p>
              {why !== undefined && <p className="sub warning-text">{why}</p>}
              <ExpiredLocks offer={offer} bus={bus} />
              <div className="row">
                <button
                  type="button"
                  className="button small quiet"
                  disabled={offer.cancelled}
                  onClick={() => setDialog({ offer, what: 'reprice' })}
                >
                  {t.ownOffers.reprice}
                </button>
                <button
                  type="button"
                  className="button small quiet"
                  disabled={offer.cancelled || offer.expiresAt === 0}
                  title={offer.expiresAt === 0 ? t.ownOffers.itHasNoExpiry : undefined}
                  onClick={() => setDialog({ offer, what: 'extend' })}
                >
                  {t.ownOffers.extend}
                </button>
                <button
                  type="button"
                  className="button small quiet"
                  onClick={() => setDialog({ offer, what: 'cancel' })}
                >
                  {t.ownOffers.withdraw}
                </button>
              </div>
            </li>
          );
        })}
      </ul>
      {dialog !== undefined && dialogBus !== undefined && (
        <OfferChange
          offer={current ?? dialog.offer}
          isGone={current === undefined}
          bus={dialogBus}
          what={dialog.what}
          onClose={() => setDialog(undefined)}
        />
      )}
    </>
  );
}

/** Locks on an offer that can no longer be settled: whoever likes may free their energy. */
function ExpiredLocks({ offer, bus }: { readonly offer: Offer; readonly bus: Bus }) {
  const { locks } = useMarket();
  const { live, signer } = useSession();
  const now = useNow();
  const action = useAction();
  const expired = [...locks.values()].filter((lock) => lock.offer === offer.address && now > lock.expiresAt);
  if (expired.length === 0 && action.state.kind === 'idle') return null;
  const energyWh = expired.reduce((sum, lock) => sum + lock.energyWh, 0n);
  const free = () => {
    const [first] = expired;
    if (signer === undefined || first === undefined) return;
    void action.run(async (onStage) => {
      await lockRelease(live, signer, first, offer, bus, onStage);
      return { message: <>{t.ownOffers.areFreeAgainTheDeposit(formatEnergy(first.energyWh))}</> };
    });
  };
  return (
    <>
      {expired.length > 0 && (
        <div className="row spread">
          <span className="sub">{t.ownOffers.underExpiredLocks(formatEnergy(energyWh))}</span>
          <WalletButton tone="quiet" onClick={free} busy={action.isRunning}>
            {expired.length > 1 ? t.ownOffers.freeOne : t.ownOffers.freeIt}
          </WalletButton>
        </div>
      )}
      <ActionStatus action={action} />
    </>
  );
}

const TITLES = {
  reprice: t.ownOffers.setANewPrice,
  extend: t.ownOffers.tradeForLonger,
  cancel: t.ownOffers.withdrawWhatIsFree,
} as const;

function OfferChange({
  offer,
  isGone,
  bus,
  what,
  onClose,
}: {
  readonly offer: Offer;
  readonly isGone: boolean;
  readonly bus: Bus;
  readonly what: keyof typeof TITLES;
  readonly onClose: () => void;
}) {
  const { live, signer } = useSession();
  const action = useAction();
  const now = useNow();
  const [priceText, setPriceText] = useState(plainTokens(offer.pricePerKwh, bus.decimals));
  const [expiry, setExpiry] = useState<Expiry>({ kind: '2h', text: '' });
  const price = checkedPrice(priceText, bus);
  const until = readExpiry(expiry, now);
  const isLater = until.ok && (until.value === 0 || until.value > offer.expiresAt);
  const run = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      if (what === 'reprice') {
        if (!price.ok) throw new Error(price.reason);
        await offerReprice(live, signer, offer, price.value, onStage);
        return { message: <>{t.ownOffers.theOfferAsksPerKwh(formatTokens(price.value, bus.decimals))}</> };
      }
      if (what === 'extend') {
        if (!until.ok) throw new Error(until.reason);
        await offerExtend(live, signer, offer, until.value, onStage);
        return { message: <>{t.ownOffers.theOfferTradesForLonger}</> };
      }
      await offerCancel(live, signer, offer, onStage);
      return { message: <>{t.ownOffers.withdrawnTheEnergyIsAvailable}</> };
    });
  };
  const isDone = action.state.kind === 'done';
  return (
    <Dialog title={TITLES[what]} onClose={onClose}>
      <div className="stack">
        {what === 'reprice' && (
          <TextField
            label={t.ownOffers.pricePerKwh}
            value={priceText}
            onChange={setPriceText}
            parsed={price}
            showEmptyError
            suffix={bus.token}
            hint={t.ownOffers.atLeastTheBussBase(formatTokens(bus.basePricePerKwh, bus.decimals))}
          />
        )}
        {what === 'extend' && (
          <>
            <ExpiryField value={expiry} onChange={setExpiry} />
            {until.ok && !isLater && <p className="error-text">{t.ownOffers.chooseATimeLaterThan}</p>}
          </>
        )}
        {what === 'cancel' && (
          <p>
            {t.ownOffers.goBackToTheBus(
              <Energy wh={freeWh(offer)} />,
              offer.openLocks > 0 && t.ownOffers.energyUnderLocksStaysUntil,
            )}
          </p>
        )}
        {!isDone && (
          <WalletButton
            onClick={run}
            busy={action.isRunning}
            tone={what === 'cancel' ? 'danger' : 'primary'}
            disabled={isGone || (what === 'reprice' && !price.ok) || (what === 'extend' && !isLater)}
          >
            {TITLES[what]}
          </WalletButton>
        )}
        <ActionStatus action={action} />
      </div>
    </Dialog>
  );
}

/** Reads a price that a bus accepts. */
export function checkedPrice(text: string, bus: Bus): ReturnType<typeof parsePrice> {
  const parsed = parsePrice(text, bus.decimals);
  if (parsed.ok && parsed.value < bus.basePricePerKwh) {
    return {
      ok: false,
      reason: t.ownOffers.theBussBasePriceIs(formatTokens(bus.basePricePerKwh, bus.decimals)),
    };
  }
  return parsed;
}
