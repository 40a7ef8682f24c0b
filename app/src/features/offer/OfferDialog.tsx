/** One offer: buy any part of it now, hold it for five minutes, or put it into the basket. */

import { useMemo, useState } from 'react';

import { cost, shareOf } from '../../amount/cost';
import { formatEnergy, plainEnergy } from '../../amount/energy';
import { formatBps, tokensLabel } from '../../amount/token';
import { LOCK_MARGIN_SECONDS, LOCK_SECONDS } from '../../generated';
import { opensPosition } from '../../market/delivery';
import { freeWh, isLargeEnough, untradable, type Bus, type Offer } from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { useMarket, useSession } from '../../session';
import { useStore } from '../../state/store';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { Dialog } from '../../ui/dialog';
import { EnergyField, readEnergy, Segmented, type EnergyInputValue } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { AddressLabel, Facts } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { TermsNote } from '../delivery/TermsNote';
import { lockTake, lockTakeFees } from '../lock/lock';
import { basket, putIntoBasket } from '../purchase/basket';
import { freshItems } from '../purchase/fresh';
import { deliveryOf, planSingle } from '../purchase/plan';
import { guarded, quoteBest, type Guard } from '../purchase/quote';
import { accountsOf, batchLimits, fits } from '../purchase/router';
import { Exactly, FeeLines, GuardChoice, PaidFor, Shortage, TotalLines } from '../purchase/Totals';
import { useBalance, useBuy, useFreeLanes } from '../purchase/useBuyer';
import { usePreview, usePurchasePreview } from '../purchase/usePreview';

type Way = 'buy' | 'lock' | 'basket';

/** The dialog of an offer; it follows the offer live. */
export function OfferDialog({ offer: chosen, onClose }: { readonly offer: Offer; readonly onClose: () => void }) {
  const state = useMarket();
  const { live, wallet, signer } = useSession();
  const now = useNow();
  const offer = state.offers.get(chosen.address);
  const bus = state.buses.get(chosen.bus);
  const [way, setWay] = useState<Way>('buy');
  const [amount, setAmount] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [guard, setGuard] = useState<Guard>(0);
  const [less, setLess] = useState(false);
  const action = useAction();
  const buy = useBuy();
  const balance = useBalance(bus);
  const energy = readEnergy(amount);
  const energyWh = energy.ok ? energy.value : undefined;
  const price = offer?.fullPricePerKwh ?? chosen.fullPricePerKwh;
  const maxPrice = guarded(price, guard);
  const total = energyWh === undefined ? undefined : cost(energyWh, price);
  const maxTotal = energyWh === undefined ? undefined : cost(energyWh, maxPrice);
  const why = offer === undefined || bus === undefined ? t.offerDialog.thisOfferIsGoneIt : untradable(offer, bus, now);
  const free = offer === undefined ? 0n : freeWh(offer);
  const isTooMuch = energyWh !== undefined && energyWh > free && !(less && way === 'buy');
  const isTooLittle =
    energyWh !== undefined && offer !== undefined && energyWh <= free && !isLargeEnough(energyWh, offer);
  const refused =
    why ??
    (isTooMuch
      ? t.offerDialog.onlyOfThisOfferAre(formatEnergy(free))
      : isTooLittle
        ? t.quote.partsOfAtLeast(formatEnergy(offer.leastWh))
        : undefined);
  const isShort = total !== undefined && balance !== undefined && wallet !== undefined && balance < total;
  const ready =
    offer !== undefined && bus !== undefined && energyWh !== undefined && total !== undefined && refused === undefined;
  const opens = wallet !== undefined && offer !== undefined && opensPosition(state.positions, offer, wallet);
  const preview = usePurchasePreview(
    `${way}:${energyWh}:${maxPrice}:${less}:${price}:${opens}:${isShort}`,
    ready && wallet !== undefined && way === 'buy'
      ? () => ({
          plans: [
            planSingle(
              wallet,
              { offer, bus, energyWh, maxPricePerKwh: maxPrice, opensPosition: opens },
              less ? 1n : energyWh,
              '',
            ),
          ],
          payment: { bus, total },
        })
      : undefined,
  );
  const lockPreview = usePreview(
    `${way}:${energyWh}:${maxPrice}:${price}:${opens}:${isShort}`,
    ready && way === 'lock'
      ? (buyer) => lockTakeFees(live, buyer, { offer: offer.address, energyWh, maxPricePerKwh: maxPrice })
      : undefined,
  );
  const settled = offer?.book === undefined ? t.offerDialog.theSellerGetsIt : t.offerDialog.itWaitsForTheDelivery;
  const isFull = !useRoomInBasket(offer);
  const elsewhere = useElsewhere(bus, offer, energyWh, refused !== undefined || action.state.kind === 'failed');
  const lockOutlives =
    offer !== undefined &&
    bus !== undefined &&
    now + Number(LOCK_SECONDS) + Number(LOCK_MARGIN_SECONDS) > offer.expiresAt;

  const onBuy = () => {
    if (bus === undefined || energyWh === undefined || wallet === undefined) return;
    const least = less ? 1n : energyWh;
    void action.run(async (onStage) => {
      const bought = await buy(async () => {
        const wanted = { offer: chosen.address, energyWh: least, maxPricePerKwh: maxPrice };
        const [item] = await freshItems(live, wallet, [wanted]);
        if (item === undefined) throw new Error('the offer is gone');
        const title = t.plan.on(formatEnergy(energyWh), bus.name, deliveryOf([item]));
        return planSingle(wallet, { ...item, energyWh, maxPricePerKwh: maxPrice }, least, title);
      }, onStage);
      setAmount((before) => ({ ...before, text: '' }));
      return {
        message: (
          <>{t.offerDialog.bought(<Energy wh={bought.energyWh} />, <PaidFor paid={[bought.paid]} bus={bus} />)}</>
        ),
        hashes: [bought.hash],
      };
    });
  };

  const onLock = () => {
    if (bus === undefined || energyWh === undefined || signer === undefined) return;
    void action.run(async (onStage) => {
      await lockTake(live, signer, { offer: chosen.address, energyWh, maxPricePerKwh: maxPrice }, onStage);
      setAmount((before) => ({ ...before, text: '' }));
      return {
        message: (
          <>
            {t.offerDialog.holdingForFiveMinutesSettle(
              <Energy wh={energyWh} />,
              <a href="#/mine">{t.offerDialog.myEnergy}</a>,
            )}
          </>
        ),
      };
    });
  };

  const onAdd = () => {
    if (energyWh === undefined) return;
    putIntoBasket({ offer: chosen.address, energyWh });
    onClose();
  };

  return (
    <Dialog title={bus === undefined ? t.offerDialog.offer : t.offerDialog.offerOn(bus.name)} onClose={onClose}>
      <div className="stack">
        {offer !== undefined && bus !== undefined && (
          <Facts
            facts={[
              [
                t.offerDialog.source,
                <span key="s" className="row">
                  <SourceIcon source={offer.source} /> {t.sources[offer.source]}
                </span>,
              ],
              [t.offerDialog.pricePerKwh, <Tokens key="p" units={offer.fullPricePerKwh} bus={bus} />],
              ...(offer.gridFeePerKwh === 0n
                ? []
                : [[t.offerDialog.ofItGridFee, <Tokens key="g" units={offer.gridFeePerKwh} bus={bus} />] as const]),
              [t.offerDialog.delivery, <strong key="d">{deliveryTime(bus, offer.windowStart)}</strong>],
              [t.offerDialog.payment, offer.book === undefined ? t.terms.onPurchase : t.terms.onDelivery],
              [t.offerDialog.free, <Energy key="f" wh={freeWh(offer)} />],
              [t.offerDialog.seller, <AddressLabel key="a" address={offer.wallet} copy />],
            ]}
          />
        )}
        <Segmented
          label={t.offerDialog.whatToDo}
          options={[
            ['buy', t.offerDialog.buyNow],
            ['lock', t.offerDialog.hold5Min],
            ['basket', t.offerDialog.basket],
          ]}
          value={way}
          onChange={setWay}
        />
        <div className="with-button">
          <EnergyField
            label={t.offerDialog.howMuch}
            value={amount}
            onChange={setAmount}
            hint={t.offerDialog.anyPartOfItDown}
            error={refused}
          />
          <button
            type="button"
            className="button quiet small"
            disabled={free === 0n}
            onClick={() => setAmount((before) => ({ ...before, text: plainEnergy(free, before.unit) }))}
          >
            {t.offerDialog.allThatIsFree}
          </button>
        </div>
        {way === 'buy' && (
          <label className="check">
            <input type="checkbox" checked={less} onChange={(event) => setLess(event.target.checked)} />
            {t.offerDialog.takeWhatIsLeftIf}
          </label>
        )}
        {bus !== undefined &&
          total !== undefined &&
          maxTotal !== undefined &&
          energyWh !== undefined &&
          way !== 'basket' && (
            <>
              <GuardChoice guard={guard} onChange={setGuard} />
              {way === 'buy' ? (
                <TotalLines
                  total={total}
                  maxTotal={maxTotal}
                  energyWh={energyWh}
                  bus={bus}
                  preview={preview}
                  parts={offer === undefined ? [] : [{ offer, bus, energyWh }]}
                />
              ) : (
                <div className="total">
                  <div className="row spread grand">
                    <span>{t.offerDialog.deposit}</span>
                    <Tokens units={total} bus={bus} />
                  </div>
                  <p className="hint">
                    {bus.lockFeeBps === 0
                      ? t.offerDialog.deposited(settled)
                      : t.offerDialog.depositedWithFee(
                          settled,
                          formatBps(bus.lockFeeBps),
                          tokensLabel(shareOf(total, bus.lockFeeBps), bus),
                        )}
                  </p>
                  {offer !== undefined && <TermsNote of={[{ offer, bus }]} />}
                  <dl className="lines">
                    <FeeLines preview={lockPreview} account={t.offerDialog.yourLock} isLackSaid />
                  </dl>
                  <Exactly total={total} preview={lockPreview} />
                </div>
              )}
            </>
          )}
        {bus !== undefined && total !== undefined && wallet !== undefined && (
          <Shortage balance={balance} total={total} bus={bus} preview={way === 'lock' ? lockPreview : preview} />
        )}
        {way === 'basket' && isFull && (
          <p className="error-text" role="alert">
            {t.offerDialog.theBasketIsFullOne}
          </p>
        )}
        {way === 'lock' && lockOutlives && (
          <p className="error-text" role="alert">
            {t.offerDialog.thisOfferStopsTradingIn}
          </p>
        )}
        {way === 'buy' && (
          <WalletButton
            onClick={onBuy}
            busy={action.isRunning}
            disabled={!ready || isShort || preview.kind === 'refused'}
          >
            {t.offerDialog.buyNow}
          </WalletButton>
        )}
        {way === 'lock' && (
          <WalletButton
            onClick={onLock}
            busy={action.isRunning}
            disabled={!ready || isShort || lockOutlives || lockPreview.kind === 'refused'}
          >
            {t.offerDialog.holdForFiveMinutes}
          </WalletButton>
        )}
        {way === 'basket' && (
          <button type="button" className="button primary" disabled={!ready || isFull} onClick={onAdd}>
            {t.offerDialog.addToTheBasket}
          </button>
        )}
        <ActionStatus action={action} />
        {elsewhere !== undefined && bus !== undefined && (
          <p className="status noted">
            {t.offerDialog.elsewhere(tokensLabel(elsewhere.total, bus), elsewhere.offers, bus.name)}
          </p>
        )}
      </div>
    </Dialog>
  );
}

/** Whether an offer fits into the basket beside what is bought with the same token. */
function useRoomInBasket(offer: Offer | undefined): boolean {
  const { offers, buses, positions } = useMarket();
  const { wallet } = useSession();
  const items = useStore(basket);
  const lanes = useFreeLanes();
  if (offer === undefined) return true;
  const opens = (one: Pick<Offer, 'book'>) => wallet !== undefined && opensPosition(positions, one, wallet);
  const mintOf = ({ bus }: Offer) => buses.get(bus)?.mint;
  const beside = items
    .flatMap((item) => offers.get(item.offer) ?? [])
    .filter((other) => other.address !== offer.address && mintOf(other) === mintOf(offer));
  return fits(accountsOf([...beside, offer], opens), batchLimits(lanes === 0));
}

/** What the same amount costs from the other offers, where this one does not do. */
function useElsewhere(
  bus: Bus | undefined,
  offer: Offer | undefined,
  energyWh: bigint | undefined,
  isWanted: boolean,
): { readonly total: bigint; readonly offers: number } | undefined {
  const state = useMarket();
  const { wallet, live } = useSession();
  return useMemo(() => {
    if (!isWanted || bus === undefined || energyWh === undefined) return undefined;
    const others = new Map(state.offers);
    if (offer !== undefined) others.delete(offer.address);
    const max = (1n << 64n) - 1n;
    const scope = {
      mint: bus.mint,
      buses: [bus.address],
      windows: offer === undefined ? undefined : new Set([offer.windowStart]),
    };
    const want = { scope, energyWh, minEnergyWh: energyWh, maxPricePerKwh: max, maxTotal: max };
    const quoted = quoteBest({ ...state, offers: others }, want, wallet, live.now());
    return quoted.ok ? { total: quoted.quote.totalCost, offers: quoted.quote.fills.length } : undefined;
  }, [isWanted, bus, offer, energyWh, state, wallet, live]);
}
