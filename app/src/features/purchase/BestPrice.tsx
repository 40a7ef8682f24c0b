/** Buying an amount at the best price: the chosen offers, the exact total and the guard, before anything is signed. */

import type { Address } from '@solana/kit';
import { useMemo, useState } from 'react';

import { U64_MAX } from '../../amount/cost';
import { formatEnergy, plainEnergy } from '../../amount/energy';
import { short } from '../../amount/text';
import { parsePrice, tokensLabel } from '../../amount/token';
import { freeWh, untradable, type Bus, type Offer } from '../../market/model';
import type { MarketState } from '../../market/state';
import { deliveryTime } from '../../market/terms';
import { useMarket, useSession } from '../../session';
import { chooseBus, chosenBuses } from '../../state/chosenBuses';
import { useStore } from '../../state/store';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { EnergyField, readEnergy, Segmented, TextField, type EnergyInputValue } from '../../ui/fields';
import { AddressLabel } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { Worth } from '../../ui/Worth';
import { t } from '../../words';
import { FillTable } from './FillTable';
import { freshBest } from './fresh';
import { leftOut } from './leftOut';
import { mostOf } from './most';
import { tell } from './outcomes';
import {
  guarded,
  itemsOf,
  plansOf,
  purchasesOf,
  quoteBest,
  refusalOf,
  tooMany,
  type BestPrice as Want,
  type Guard,
  type Scope,
} from './quote';
import type { Batch } from './router';
import { GuardChoice, Shortage, TotalLines } from './Totals';
import { useBalance, useBuyAll, useFreeLanes } from './useBuyer';
import { usePurchasePreview } from './usePreview';

/** Buys an amount on a bus, or on every bus with its token, at the best price. */
export function BestPrice({
  bus,
  windows,
}: {
  readonly bus: Bus;
  /** Delivery windows to buy in, all where it is `undefined`. */
  readonly windows: ReadonlySet<number> | undefined;
}) {
  const { live, wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const [amount, setAmount] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [where, setWhere] = useState<'here' | 'chosen'>('here');
  const [guard, setGuard] = useState<Guard>(0);
  const [limitText, setLimitText] = useState('');
  const [less, setLess] = useState(false);
  const action = useAction();
  const buyAll = useBuyAll();
  const lanes = useFreeLanes();
  const balance = useBalance(bus);

  const energy = readEnergy(amount);
  const limit = limitText.trim() === '' ? undefined : parsePrice(limitText, bus.decimals);
  const energyWh = energy.ok ? energy.value : undefined;
  const maxPricePerKwh = limit === undefined ? U64_MAX : limit.ok ? limit.value : undefined;
  const { offers, buses, positions } = state;
  const windowsKey = windows === undefined ? 'all' : [...windows].join(' ');
  const chosenWindows = useMemo(
    () => (windowsKey === 'all' ? undefined : new Set(windowsKey.split(' ').filter(Boolean).map(Number))),
    [windowsKey],
  );
  const chosen = useStore(chosenBuses);
  const without = useStore(leftOut);
  const alike = useMemo(() => [...buses.values()].filter(({ mint }) => mint === bus.mint), [buses, bus.mint]);
  const want = useMemo<Want | undefined>(
    () =>
      energyWh === undefined || maxPricePerKwh === undefined
        ? undefined
        : {
            scope: {
              mint: bus.mint,
              buses: where === 'here' ? [bus.address] : [bus.address, ...chosen],
              windows: chosenWindows,
              without,
            },
            energyWh,
            minEnergyWh: less ? 1n : energyWh,
            maxPricePerKwh,
            maxTotal: U64_MAX,
          },
    [energyWh, maxPricePerKwh, less, where, chosen, without, bus.mint, bus.address, chosenWindows],
  );
  const quoted = useMemo(
    () => (want === undefined ? undefined : quoteBest({ offers, buses, positions }, want, wallet, now)),
    [want, offers, buses, positions, wallet, now],
  );
  const quote = quoted?.ok === true ? quoted.quote : undefined;
  const most = useMemo(
    () =>
      mostOf(
        [...offers.values()].filter((offer) => {
          const own = buses.get(offer.bus);
          const isInScope =
            where === 'here' ? offer.bus === bus.address : own?.mint === bus.mint && chosen.has(offer.bus);
          const isMeant = chosenWindows === undefined || chosenWindows.has(offer.windowStart);
          const isBuyable = own !== undefined && untradable(offer, own, now) === undefined && offer.wallet !== wallet;
          return (isInScope || offer.bus === bus.address) && isMeant && isBuyable && !without.has(offer.address);
        }),
        wallet === undefined ? undefined : balance,
      ),
    [offers, buses, bus, where, chosen, chosenWindows, without, wallet, balance, now],
  );
  const purchases = useMemo(() => (quote === undefined ? [] : purchasesOf(quote, lanes)), [quote, lanes]);
  const excess = tooMany(purchases);
  const maxTotal = quote === undefined ? 0n : guarded(quote.totalCost, guard);
  const isShort = quote !== undefined && balance !== undefined && wallet !== undefined && balance < quote.totalCost;
  const key =
    quote === undefined
      ? ''
      : quote.fills.map(({ offer, energyWh, cost }) => `${offer.offer}:${energyWh}:${cost}`).join(' ') +
        `${maxTotal}:${purchases.length}:${quote.fills.filter(({ offer }) => offer.opensPosition).length}:${isShort}`;
  const preview = usePurchasePreview(
    key,
    quote === undefined || wallet === undefined || excess !== undefined
      ? undefined
      : () => ({
          plans: plansOf(state, wallet, purchases, maxTotal),
          payment: { bus, total: quote.totalCost },
          replaceable: itemsOf(state, wallet, quote.fills),
        }),
  );

  const changeAmount = (changed: EnergyInputValue) => {
    setAmount(changed);
    action.forgetRefusal();
  };

  const onBuy = () => {
    if (want === undefined || quote === undefined || wallet === undefined) return;
    const limited = { ...want, energyWh: quote.energyWh, minEnergyWh: less ? 1n : quote.energyWh, maxTotal };
    let left: bigint | undefined;
    void action
      .run(async (onStage) => {
        const { plans, outcomes } = await buyAll(() => freshBest(live, limited, purchases, wallet, lanes), onStage);
        const told = tell(plans, outcomes, bus);
        left = told.leftWh;
        return told.done;
      })
      .then(() => {
        // What remains is quoted anew; where the fate of a part is unknown, nobody can say yet how much that is.
        if (left !== undefined) setAmount(({ unit }) => ({ unit, text: left ? plainEnergy(left, unit) : '' }));
      });
  };

  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onBuy();
      }}
    >
      <EnergyField
        label={t.bestPrice.buyAtTheBestPrice}
        value={amount}
        onChange={changeAmount}
        aside={
          <button
            type="button"
            className="button small quiet"
            disabled={most === 0n}
            onClick={() => changeAmount({ ...amount, text: plainEnergy(most, amount.unit) })}
          >
            {t.bestPrice.max}
          </button>
        }
        hint={
          balance === undefined || wallet === undefined
            ? t.bestPrice.anyAmountDownTo1
            : t.bestPrice.youHave(tokensLabel(balance, bus))
        }
        error={
          want !== undefined && quoted?.ok === false && amount.text.trim() !== ''
            ? refusalOf(state, want, quoted)
            : undefined
        }
      />
      {alike.length > 1 && (
        <Segmented
          label={t.bestPrice.whereToBuy}
          options={[
            ['here', t.bestPrice.onBus(bus.name)],
            ['chosen', t.bestPrice.onBusesIChoose],
          ]}
          value={where}
          onChange={setWhere}
        />
      )}
      {where === 'chosen' && <BusChoice buses={alike} current={bus.address} />}
      <details className="more">
        <summary>{t.bestPrice.limits}</summary>
        <div className="stack">
          <TextField
            label={t.bestPrice.highestPricePerKwh}
            value={limitText}
            onChange={setLimitText}
            suffix={bus.token}
            placeholder={t.bestPrice.any}
            {...(limit === undefined ? {} : { parsed: limit })}
            readAs={(units) => tokensLabel(units, bus)}
            hint={t.bestPrice.offersAboveItArePassed}
          />
          <label className="check">
            <input type="checkbox" checked={less} onChange={(event) => setLess(event.target.checked)} />
            {t.bestPrice.takeWhatIsThereIf}
          </label>
        </div>
      </details>
      <LeftOut scope={want?.scope} />
      {quote !== undefined && (
        <>
          <ChosenOffers purchases={purchases} bus={bus} />
          {purchases.length > 1 && excess === undefined && (
            <p className="status noted">{t.bestPrice.moreOffersThanOneTransaction(purchases.length)}</p>
          )}
          <GuardChoice guard={guard} onChange={setGuard} />
          <TotalLines
            total={quote.totalCost}
            maxTotal={maxTotal}
            energyWh={quote.energyWh}
            bus={bus}
            preview={preview}
            parts={quote.fills.flatMap(({ offer: { offer }, energyWh: wh }) => partOf(state, offer, wh))}
          />
          {excess !== undefined && (
            <p className="error-text" role="alert">
              {excess}
            </p>
          )}
          <Shortage balance={balance} total={quote.totalCost} bus={bus} preview={preview} />
        </>
      )}
      <div className="buy-bar">
        {quote !== undefined && (
          <span className="buy-bar-total" aria-hidden="true">
            <Tokens units={quote.totalCost} bus={bus} /> <Worth units={quote.totalCost} bus={bus} />
          </span>
        )}
        <WalletButton
          busy={action.isRunning}
          disabled={quote === undefined || excess !== undefined || isShort || preview.kind === 'refused'}
        >
          {quote === undefined
            ? t.bestPrice.buy
            : t.bestPrice.buyEnergy(formatEnergy(quote.energyWh), purchases.length)}
        </WalletButton>
      </div>
      <ActionStatus action={action} />
    </form>
  );
}

/** A part of an offer, with its bus, where both are known. */
function partOf({ offers, buses }: Pick<MarketState, 'offers' | 'buses'>, address: Address, energyWh: bigint) {
  const offer = offers.get(address);
  const bus = offer === undefined ? undefined : buses.get(offer.bus);
  return offer === undefined || bus === undefined ? [] : [{ offer, bus, energyWh }];
}

/** Buses whose offers take the same token: which of them to buy from. */
function BusChoice({ buses, current }: { readonly buses: readonly Bus[]; readonly current: Bus['address'] }) {
  const chosen = useStore(chosenBuses);
  return (
    <fieldset>
      <legend>{t.bestPrice.busesToBuyFrom}</legend>
      <div className="stack tight">
        {buses.map(({ address, name }) => (
          <label key={address} className="check">
            <input
              type="checkbox"
              checked={address === current || chosen.has(address)}
              disabled={address === current}
              onChange={(event) => chooseBus(address, event.target.checked)}
            />
            <span>
              {name} <span className="hint mono">{short(address)}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Offers of a scope that a best price is made without, and why. */
function LeftOut({ scope }: { readonly scope: Scope | undefined }) {
  const { offers } = useMarket();
  const without = useStore(leftOut);
  const named = [...without].flatMap(([address, why]) => {
    const offer = offers.get(address);
    return offer !== undefined && scope?.buses.includes(offer.bus) === true ? [{ offer, why }] : [];
  });
  if (named.length === 0) return null;
  return (
    <div className="status noted">
      <div>
        {t.bestPrice.leftOut(named.length)}
        <ul className="outcomes">
          {named.map(({ offer, why }) => (
            <li key={offer.address}>
              <AddressLabel address={offer.wallet} /> ({formatEnergy(freeWh(offer))}): {why}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function ChosenOffers({ purchases, bus }: { readonly purchases: readonly Batch[]; readonly bus: Bus }) {
  const { offers } = useMarket();
  return (
    <FillTable
      token={bus.token}
      label={t.bestPrice.chosenOffers}
      from={t.bestPrice.from}
      decimals={bus.decimals}
      groups={purchases.map(({ fills, energyWh, totalCost }, index) => ({
        ...(purchases.length > 1 && {
          title: t.bestPrice.purchaseOfFor(
            index + 1,
            purchases.length,
            formatEnergy(energyWh),
            tokensLabel(totalCost, bus),
          ),
        }),
        rows: fills.map(({ offer, energyWh: wh, cost }) => ({
          key: offer.offer,
          from: (
            <>
              <AddressLabel address={offer.seller} />
              <Delivery of={offers.get(offer.offer)} />
            </>
          ),
          energyWh: wh,
          pricePerKwh: offer.pricePerKwh,
          cost,
        })),
      }))}
    />
  );
}

/** When an offer's energy is delivered. */
function Delivery({ of: offer }: { readonly of: Offer | undefined }) {
  const { buses } = useMarket();
  const bus = offer === undefined ? undefined : buses.get(offer.bus);
  if (offer === undefined || bus === undefined) return null;
  return <span className="sub block">{deliveryTime(bus, offer.windowStart)}</span>;
}
