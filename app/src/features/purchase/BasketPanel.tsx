/** The basket: several offers, of one bus or many, bought in one atomic transaction. */

import { useEffect, useMemo, useState } from 'react';

import { cost } from '../../amount/cost';
import { formatEnergy, plainEnergy } from '../../amount/energy';
import { formatTokens } from '../../amount/token';
import { useStore } from '../../chain/store';
import { freeWh, untradable, type Bus, type Offer } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { CloseIcon, SourceIcon } from '../../ui/icons';
import { Empty, Energy, EnergyField, readEnergy, Tokens, useNow, type EnergyInputValue } from '../../ui/parts';
import { basket, emptyBasket, putIntoBasket, takeFromBasket, type BasketItem } from './basket';
import { GuardChoice, TotalLines } from './BestPrice';
import { planItems, fits, freshItems, guarded, useBalance, useBuy, usePreview, type Guard } from './useBuyer';

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
      return { item, offer, bus, refused: 'This offer is gone: it was sold out or withdrawn.' };
    }
    const short =
      freeWh(offer) < item.energyWh ? `Only ${formatEnergy(freeWh(offer))} of this offer are left.` : undefined;
    return { item, offer, bus, refused: untradable(offer, bus, now) ?? short };
  });
  const mints = [...new Set(lines.map(({ bus }) => bus?.mint ?? ''))];
  return (
    <div className="stack">
      {items.length === 0 && (
        <Empty>The basket is empty. Choose an offer and add part of it; everything here is bought in one go.</Empty>
      )}
      {mints.map((mint) => (
        <BasketOfToken key={mint} lines={lines.filter(({ bus }) => (bus?.mint ?? '') === mint)} action={action} />
      ))}
      <ActionStatus action={action} />
    </div>
  );
}

function BasketOfToken({ lines, action }: { readonly lines: readonly Line[]; readonly action: Action }) {
  const { live, wallet } = useSession();
  const [guard, setGuard] = useState<Guard>(0);
  const buy = useBuy();
  const bus = lines.find((line) => line.bus !== undefined)?.bus;
  const balance = useBalance(bus);
  const bought = lines.flatMap(({ item, offer, bus: of, refused }) =>
    offer === undefined || of === undefined || refused !== undefined
      ? []
      : [{ offer, bus: of, energyWh: item.energyWh, maxPricePerKwh: offer.pricePerKwh }],
  );
  const isWhole = bought.length === lines.length && lines.length > 0;
  const total = bought.reduce((sum, { energyWh, offer }) => sum + (cost(energyWh, offer.pricePerKwh) ?? 0n), 0n);
  const energyWh = bought.reduce((sum, item) => sum + item.energyWh, 0n);
  const maxTotal = guarded(total, guard);
  const key =
    bought.map(({ offer, energyWh: wh }) => `${offer.address}:${wh}:${offer.pricePerKwh}`).join(' ') + maxTotal;
  const isTooLarge = useTooLarge(
    key,
    isWhole && wallet !== undefined ? () => planItems(wallet, bought, maxTotal) : undefined,
  );
  const preview = usePreview(
    key,
    isWhole && wallet !== undefined && isTooLarge === false ? () => planItems(wallet, bought, maxTotal) : undefined,
  );
  const isShort = wallet !== undefined && balance !== undefined && balance < total;

  const onBuy = () => {
    if (wallet === undefined || bus === undefined) return;
    const wanted = bought.map(({ offer, energyWh: wh }) => ({
      offer: offer.address,
      energyWh: wh,
      maxPricePerKwh: guarded(offer.pricePerKwh, guard),
    }));
    void action
      .run(async (onStage) => {
        const done = await buy(async () => planItems(wallet, await freshItems(live, wanted), maxTotal), onStage);
        return {
          message: (
            <>
              Bought <Energy wh={done.energyWh} /> from {wanted.length} offers for{' '}
              <Tokens units={done.paid} bus={bus} />.
            </>
          ),
          hash: done.hash,
        };
      })
      .then((isDone) => {
        if (isDone) emptyBasket(wanted.map(({ offer }) => offer));
      });
  };

  return (
    <div className="stack">
      <ul className="basket" aria-label="Basket">
        {lines.map((line) => (
          <BasketLine key={line.item.offer} line={line} />
        ))}
      </ul>
      {bus !== undefined && bought.length > 0 && (
        <>
          <GuardChoice guard={guard} onChange={setGuard} />
          <TotalLines total={total} maxTotal={maxTotal} energyWh={energyWh} bus={bus} preview={preview} />
        </>
      )}
      {isTooLarge === true && (
        <p className="error-text" role="alert">
          These offers do not fit into one transaction; take some out and buy them afterwards.
        </p>
      )}
      {isShort && bus !== undefined && (
        <p className="error-text" role="alert">
          Your wallet holds {formatTokens(balance, bus.decimals)}; this costs {formatTokens(total, bus.decimals)}.
        </p>
      )}
      <WalletButton
        onClick={onBuy}
        busy={action.isRunning}
        disabled={!isWhole || isShort || isTooLarge === true || preview.kind === 'refused'}
      >
        Buy all in one transaction
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
  const units = offer === undefined ? undefined : cost(item.energyWh, offer.pricePerKwh);
  return (
    <li>
      <div className="row spread">
        <span className="row">
          {offer !== undefined && <SourceIcon source={offer.source} />}
          <strong>{bus?.name ?? 'Gone'}</strong>
          {offer !== undefined && bus !== undefined && (
            <span className="hint">{formatTokens(offer.pricePerKwh, bus.decimals)} per kWh</span>
          )}
        </span>
        <button
          type="button"
          className="icon-button small"
          aria-label={`Take the offer of ${bus?.name ?? 'a gone bus'} out of the basket`}
          onClick={() => takeFromBasket(item.offer)}
        >
          <CloseIcon size={14} />
        </button>
      </div>
      <EnergyField
        label={`Energy from ${bus?.name ?? 'this offer'}`}
        value={value}
        onChange={onChange}
        error={refused}
        hint={units === undefined || bus === undefined ? undefined : <Tokens units={units} bus={bus} />}
      />
    </li>
  );
}

/** Whether a plan is too large for one transaction; `undefined` until that is known. */
function useTooLarge(key: string, plan: (() => ReturnType<typeof planItems>) | undefined): boolean | undefined {
  const { wallet } = useSession();
  const [known, setKnown] = useState<{ readonly key: string; readonly isTooLarge: boolean }>();
  const made = useMemo(plan ?? (() => undefined), [key, plan === undefined]);
  useEffect(() => {
    if (made === undefined || wallet === undefined) return undefined;
    let isOver = false;
    void fits(made, wallet).then((isFitting) => {
      if (!isOver) setKnown({ key, isTooLarge: !isFitting });
    });
    return () => {
      isOver = true;
    };
  }, [made, wallet, key]);
  return known?.key === key ? known.isTooLarge : undefined;
}
