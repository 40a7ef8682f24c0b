/** The basket: several offers, of one bus or many, bought in one atomic transaction. */

import { useState } from 'react';

import { cost } from '../../amount/cost';
import { formatEnergy, plainEnergy } from '../../amount/energy';
import { tokensLabel } from '../../amount/token';
import { opensPosition } from '../../market/delivery';
import { freeWh, isLargeEnough, untradable, type Bus, type Offer } from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { useMarket, useSession } from '../../session';
import { useStore } from '../../state/store';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { EnergyField, readEnergy, type EnergyInputValue } from '../../ui/fields';
import { CloseIcon, SourceIcon } from '../../ui/icons';
import { Empty } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { basket, emptyBasket, putIntoBasket, takeFromBasket, type BasketItem } from './basket';
import { freshItems } from './fresh';
import { planItems } from './plan';
import { guarded, type Guard } from './quote';
import { accountsOf, batchLimits, fits, roomFor } from './router';
import { GuardChoice, PaidFor, Shortage, TotalLines } from './Totals';
import { useBalance, useBuy, useFreeLanes } from './useBuyer';
import { usePurchasePreview } from './usePreview';

interface Line {
  readonly item: BasketItem;
  readonly offer: Offer | undefined;
  readonly bus: Bus | undefined;
  /** Why it cannot be bought like this now. */
  readonly refused: string | undefined;
}

/** Everything in the basket, by settlement token: each token is one transaction. */
export function BasketPanel() {
  const items = useStore(basket);
  // Held here, so that what was bought is told after the basket has emptied.
  const action = useAction();
  const state = useMarket();
  const now = useNow();
  const lines = items.map((item): Line => {
    const offer = state.offers.get(item.offer);
    const bus = offer === undefined ? undefined : state.buses.get(offer.bus);
    if (offer === undefined || bus === undefined) {
      return { item, offer, bus, refused: t.basketPanel.thisOfferIsGoneIt };
    }
    const short =
      freeWh(offer) < item.energyWh ? t.basketPanel.onlyOfThisOfferAre(formatEnergy(freeWh(offer))) : undefined;
    const small = isLargeEnough(item.energyWh, offer) ? undefined : t.quote.partsOfAtLeast(formatEnergy(offer.leastWh));
    return { item, offer, bus, refused: untradable(offer, bus, now) ?? short ?? small };
  });
  const mints = [...new Set(lines.map(({ bus }) => bus?.mint ?? ''))];
  return (
    <div className="stack">
      {items.length === 0 && <Empty>{t.basketPanel.theBasketIsEmptyChoose}</Empty>}
      {mints.map((mint) => (
        <BasketOfToken key={mint} lines={lines.filter(({ bus }) => (bus?.mint ?? '') === mint)} action={action} />
      ))}
      <ActionStatus action={action} />
    </div>
  );
}

function BasketOfToken({ lines, action }: { readonly lines: readonly Line[]; readonly action: Action }) {
  const { live, wallet } = useSession();
  const { positions } = useMarket();
  const opens = (offer: Pick<Offer, 'book'>) => wallet !== undefined && opensPosition(positions, offer, wallet);
  const [guard, setGuard] = useState<Guard>(0);
  const buy = useBuy();
  const bus = lines.find((line) => line.bus !== undefined)?.bus;
  const balance = useBalance(bus);
  const bought = lines.flatMap(({ item, offer, bus: of, refused }) =>
    offer === undefined || of === undefined || refused !== undefined
      ? []
      : [
          {
            ...{ offer, bus: of, energyWh: item.energyWh, maxPricePerKwh: offer.fullPricePerKwh },
            opensPosition: opens(offer),
          },
        ],
  );
  const isWhole = bought.length === lines.length && lines.length > 0;
  const total = bought.reduce((sum, { energyWh, offer }) => sum + (cost(energyWh, offer.fullPricePerKwh) ?? 0n), 0n);
  const energyWh = bought.reduce((sum, item) => sum + item.energyWh, 0n);
  const maxTotal = guarded(total, guard);
  const isShort = wallet !== undefined && balance !== undefined && balance < total;
  const key = `${bought.map(({ offer, energyWh: wh }) => `${offer.address}:${wh}:${offer.fullPricePerKwh}:${opens(offer)}`).join(' ')} ${maxTotal} ${isShort}`;
  const limits = batchLimits(useFreeLanes() === 0);
  const parts = accountsOf(
    lines.flatMap(({ offer }) => (offer === undefined ? [] : [offer])),
    opens,
  );
  const isTooLarge = !fits(parts, limits);
  const preview = usePurchasePreview(
    key,
    isWhole && wallet !== undefined && bus !== undefined && !isTooLarge
      ? () => ({ plans: [planItems(wallet, bought, maxTotal)], payment: { bus, total } })
      : undefined,
  );

  const onBuy = () => {
    if (wallet === undefined || bus === undefined) return;
    const wanted = bought.map(({ offer, energyWh: wh }) => ({
      offer: offer.address,
      energyWh: wh,
      maxPricePerKwh: guarded(offer.fullPricePerKwh, guard),
    }));
    void action
      .run(async (onStage) => {
        const done = await buy(
          async () => planItems(wallet, await freshItems(live, wallet, wanted), maxTotal),
          onStage,
        );
        return {
          message: (
            <>
              {t.basketPanel.bought(
                <Energy wh={done.energyWh} />,
                wanted.length,
                <PaidFor paid={[done.paid]} bus={bus} />,
              )}
            </>
          ),
          hashes: [done.hash],
        };
      })
      .then((isDone) => {
        if (isDone) emptyBasket(wanted.map(({ offer }) => offer));
      });
  };

  return (
    <div className="stack">
      <ul className="basket" aria-label={t.basketPanel.basket}>
        {lines.map((line) => (
          <BasketLine key={line.item.offer} line={line} />
        ))}
      </ul>
      {bus !== undefined && bought.length > 0 && (
        <>
          <GuardChoice guard={guard} onChange={setGuard} />
          <TotalLines
            total={total}
            maxTotal={maxTotal}
            energyWh={energyWh}
            bus={bus}
            preview={preview}
            parts={bought}
          />
        </>
      )}
      {isTooLarge ? (
        <p className="error-text" role="alert">
          {t.basketPanel.oneTransactionCannotHoldSo}
        </p>
      ) : (
        <p className="hint">{t.basketPanel.room(parts.length, roomFor(parts, limits))}</p>
      )}
      {bus !== undefined && wallet !== undefined && (
        <Shortage balance={balance} total={total} bus={bus} preview={preview} />
      )}
      <WalletButton
        onClick={onBuy}
        busy={action.isRunning}
        disabled={!isWhole || isShort || isTooLarge || preview.kind === 'refused'}
      >
        {t.basketPanel.buyAllInOneTransaction}
      </WalletButton>
    </div>
  );
}

function BasketLine({ line: { item, offer, bus, refused } }: { readonly line: Line }) {
  const [value, setValue] = useState<EnergyInputValue>({ text: plainEnergy(item.energyWh, 'kWh'), unit: 'kWh' });
  const onChange = (next: EnergyInputValue) => {
    setValue(next);
    const energy = readEnergy(next);
    if (energy.ok) putIntoBasket({ offer: item.offer, energyWh: energy.value });
  };
  const units = offer === undefined ? undefined : cost(item.energyWh, offer.fullPricePerKwh);
  return (
    <li>
      <div className="row spread">
        <span className="row">
          {offer !== undefined && <SourceIcon source={offer.source} />}
          <strong>{bus?.name ?? t.basketPanel.gone}</strong>
          {offer !== undefined && bus !== undefined && (
            <span className="hint">
              {t.basketPanel.perKwh(tokensLabel(offer.fullPricePerKwh, bus))}, {deliveryTime(bus, offer.windowStart)}
            </span>
          )}
        </span>
        <button
          type="button"
          className="icon-button small"
          aria-label={t.basketPanel.takeTheOfferOfOut(bus?.name ?? t.basketPanel.aGoneBus)}
          onClick={() => takeFromBasket(item.offer)}
        >
          <CloseIcon size={14} />
        </button>
      </div>
      <EnergyField
        label={t.basketPanel.energyFrom(bus?.name ?? t.basketPanel.thisOffer)}
        value={value}
        onChange={onChange}
        error={refused}
        hint={units === undefined || bus === undefined ? undefined : <Tokens units={units} bus={bus} />}
      />
    </li>
  );
}
