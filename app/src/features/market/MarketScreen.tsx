/** The market: buses, the chosen bus, its offers, depth, prices and trades, and the panel to buy. All live. */

import type { Address } from '@solana/kit';
import { useMemo, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { formatBps, formatTokens } from '../../amount/token';
import {
  freeWh,
  isOwner,
  SOURCES,
  tradePartsOf,
  untradable,
  type Bus,
  type Capacity,
  type Offer,
  type Source,
} from '../../market/model';
import type { MarketState } from '../../market/state';
import { useMarket, useSession } from '../../session';
import { useStore } from '../../state/store';
import { Energy, EnergyBar } from '../../ui/amounts';
import { Field, Segmented } from '../../ui/fields';
import { PauseIcon, SourceIcon } from '../../ui/icons';
import {
  AddressLabel,
  Card,
  classes,
  CopyButton,
  Empty,
  Facts,
  NotFound,
  numbers,
  Reading,
  TableHead,
} from '../../ui/parts';
import { Ago, duration, useNow, windowLabel } from '../../ui/time';
import { t } from '../../words';
import { OfferDialog } from '../offer/OfferDialog';
import { basket, buyTab } from '../purchase/basket';
import { BasketPanel } from '../purchase/BasketPanel';
import { BestPrice } from '../purchase/BestPrice';
import { DepthChart, PriceChart } from './charts';
import { OfferTable } from './OfferTable';

/** What a bus has now, counted from its accounts. */
export interface BusFigures {
  readonly bus: Bus;
  readonly general: Capacity | undefined;
  readonly windows: readonly Capacity[];
  readonly offers: readonly Offer[];
  readonly tradable: readonly Offer[];
  readonly sources: readonly Source[];
  readonly lowest: bigint | undefined;
  readonly highest: bigint | undefined;
}

/** Figures of every bus. */
export function useFigures(): ReadonlyMap<Address, BusFigures> {
  const { buses, offers, capacities } = useMarket();
  const now = useNow();
  return useMemo(() => figuresOf({ buses, offers, capacities }, now), [buses, offers, capacities, now]);
}

function figuresOf(
  { buses, offers, capacities }: Pick<MarketState, 'buses' | 'offers' | 'capacities'>,
  now: number,
): ReadonlyMap<Address, BusFigures> {
  const of = <T extends { readonly bus: Address }>(values: Iterable<T>): Map<Address, T[]> => {
    const map = new Map<Address, T[]>();
    for (const value of values) {
      const list = map.get(value.bus);
      if (list === undefined) map.set(value.bus, [value]);
      else list.push(value);
    }
    return map;
  };
  const offersOf = of(offers.values());
  const capacitiesOf = of(capacities.values());
  const figures = new Map<Address, BusFigures>();
  for (const bus of buses.values()) {
    const listed = offersOf.get(bus.address) ?? [];
    const tradable = listed.filter((offer) => untradable(offer, bus, now) === undefined);
    const prices = tradable.map(({ pricePerKwh }) => pricePerKwh);
    const own = capacitiesOf.get(bus.address) ?? [];
    figures.set(bus.address, {
      bus,
      general: own.find(({ windowStart }) => windowStart === 0),
      windows: own.filter(({ windowStart }) => windowStart !== 0).sort((a, b) => a.windowStart - b.windowStart),
      offers: listed,
      tradable,
      sources: SOURCES.filter((source) => listed.some((offer) => offer.source === source)),
      lowest: prices.length === 0 ? undefined : prices.reduce((a, b) => (a < b ? a : b)),
      highest: prices.length === 0 ? undefined : prices.reduce((a, b) => (a > b ? a : b)),
    });
  }
  return figures;
}

/** The screen; `chosen` is the bus in the page's address. */
export function MarketScreen({ chosen }: { readonly chosen: string | undefined }) {
  const state = useMarket();
  const figures = useFigures();
  const [windowStart, setWindowStart] = useState<number | undefined>();
  const [dialog, setDialog] = useState<Offer | undefined>();
  const sorted = useMemo(
    () =>
      [...figures.values()].sort(
        (a, b) => b.tradable.length - a.tradable.length || a.bus.name.localeCompare(b.bus.name),
      ),
    [figures],
  );
  const current = chosen === undefined ? sorted[0] : figures.get(chosen as Address);
  if (current === undefined) {
    if (chosen !== undefined && state.readAt !== undefined) {
      return <NotFound what={t.marketScreen.thereIsNoBusAt} />;
    }
    return (
      <div className="page">
        <h1 className="visually-hidden">{t.marketScreen.market}</h1>
        <Card title={t.marketScreen.market}>
          {state.readAt === undefined ? (
            <Reading what={t.marketScreen.theMarket} />
          ) : (
            <Empty>{t.marketScreen.thereIsNoBusOn(<a href="#/bus/new">{t.marketScreen.createTheFirstOne}</a>)}</Empty>
          )}
        </Card>
      </div>
    );
  }
  const { bus } = current;
  const chosenWindow = current.windows.some((capacity) => capacity.windowStart === windowStart)
    ? windowStart
    : undefined;
  const tradable = new Set(current.tradable);
  // What is sold out waits for its seller to close it, and interests nobody else.
  const offers = current.offers.filter(
    (offer) => offer.remainingWh > 0n && (chosenWindow === undefined || offer.windowStart === chosenWindow),
  );
  return (
    <div className="page market">
      <h1 className="visually-hidden">{t.marketScreen.market}</h1>
      <BusSelector sorted={sorted} current={bus.address} />
      <div className="main-column">
        <BusCard figures={current} windowStart={chosenWindow} onWindow={setWindowStart} />
        <Card title={t.marketScreen.offers} className="offers-card">
          <OfferTable key={bus.address} bus={bus} offers={offers} onChoose={setDialog} />
        </Card>
        <div className="two">
          <Card title={t.marketScreen.depth}>
            <DepthChart offers={offers.filter((offer) => tradable.has(offer))} bus={bus} />
          </Card>
          <Prices bus={bus} windowStart={chosenWindow} />
        </div>
        <Trades bus={bus} windowStart={chosenWindow} />
      </div>
      <BuyColumn bus={bus} windowStart={chosenWindow} />
      {dialog !== undefined && <OfferDialog offer={dialog} onClose={() => setDialog(undefined)} />}
    </div>
  );
}

function BuyColumn({ bus, windowStart }: { readonly bus: Bus; readonly windowStart: number | undefined }) {
  const items = useStore(basket);
  const tab = useStore(buyTab);
  return (
    <aside className="buy-column" id="buy" aria-label={t.marketScreen.buy}>
      <Card className="buy-card">
        <Segmented
          label={t.marketScreen.howToBuy}
          options={[
            ['best', t.marketScreen.bestPrice],
            ['basket', t.marketScreen.basketTab(items.length)],
          ]}
          value={tab}
          onChange={(next) => buyTab.set(next)}
        />
        {tab === 'best' ? <BestPrice key={bus.address} bus={bus} windowStart={windowStart} /> : <BasketPanel />}
      </Card>
    </aside>
  );
}

function BusSelector({ sorted, current }: { readonly sorted: readonly BusFigures[]; readonly current: Address }) {
  const [search, setSearch] = useState('');
  const [source, setSource] = useState<Source | 'any'>('any');
  const needle = search.trim().toLowerCase();
  const shown = sorted.filter(
    ({ bus, sources }) =>
      (source === 'any' || sources.includes(source)) &&
      (needle === '' ||
        bus.name.toLowerCase().includes(needle) ||
        bus.address.toLowerCase().startsWith(needle) ||
        bus.owners.some(({ wallet }) => wallet.toLowerCase().startsWith(needle))),
  );
  return (
    <nav className="bus-selector" aria-label={t.marketScreen.buses}>
      <Field label={t.marketScreen.findABus}>
        {({ 'aria-invalid': _, ...props }) => (
          <div className="input">
            <input
              {...props}
              type="search"
              placeholder={t.marketScreen.nameOwnerOrAddress}
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
          </div>
        )}
      </Field>
      <div className="filters" role="group" aria-label={t.marketScreen.busesWithEnergyFrom}>
        {(['any', 'solar', 'wind', 'hydro', 'biomass', 'storage'] as const).map((candidate) => (
          <button
            key={candidate}
            type="button"
            className="chip"
            aria-pressed={source === candidate}
            aria-label={candidate === 'any' ? t.marketScreen.anySource : t.sources[candidate]}
            title={candidate === 'any' ? t.marketScreen.anySource : t.sources[candidate]}
            onClick={() => setSource(candidate)}
          >
            {candidate === 'any' ? t.marketScreen.any2 : <SourceIcon source={candidate} size={15} />}
          </button>
        ))}
      </div>
      <ul className="bus-list">
        {shown.map((figures) => (
          <li key={figures.bus.address}>
            <BusLink figures={figures} isCurrent={figures.bus.address === current} />
          </li>
        ))}
        {shown.length === 0 && <Empty>{t.marketScreen.noBusIsLikeThat}</Empty>}
      </ul>
    </nav>
  );
}

function BusLink({
  figures: { bus, tradable, sources, lowest },
  isCurrent,
}: {
  readonly figures: BusFigures;
  readonly isCurrent: boolean;
}) {
  const { wallet } = useSession();
  const free = tradable.reduce((sum, offer) => sum + freeWh(offer), 0n);
  return (
    <a
      href={`#/market/${bus.address}`}
      className={classes('bus-link', isCurrent && 'current')}
      aria-current={isCurrent ? 'true' : undefined}
    >
      <span className="row spread">
        <strong>{bus.name}</strong>
        <span className="row sources">
          {sources.map((source) => (
            <SourceIcon key={source} source={source} size={14} />
          ))}
        </span>
      </span>
      <span className="row spread sub">
        <span>
          {bus.paused
            ? t.marketScreen.paused
            : tradable.length === 0
              ? t.marketScreen.nothingOnOffer
              : t.marketScreen.free(formatEnergy(free))}
          {isOwner(bus, wallet) && t.marketScreen.yours}
        </span>
        {lowest !== undefined && (
          <span className="number">{t.marketScreen.from(formatTokens(lowest, bus.decimals))}</span>
        )}
      </span>
    </a>
  );
}

function BusCard({
  figures,
  windowStart,
  onWindow,
}: {
  readonly figures: BusFigures;
  readonly windowStart: number | undefined;
  readonly onWindow: (start: number | undefined) => void;
}) {
  const { bus, general, windows, offers, lowest, highest } = figures;
  const now = useNow();
  const isWindowed = bus.windowSeconds !== 0;
  const shownWindows = windows.filter((capacity) => capacity.windowStart + capacity.windowSeconds > now);
  const capacities = !isWindowed
    ? general === undefined
      ? []
      : [general]
    : windowStart === undefined
      ? shownWindows
      : windows.filter((capacity) => capacity.windowStart === windowStart);
  const keys = new Set(capacities.map(({ address }) => address));
  const inScope = offers.filter((offer) => keys.has(offer.capacity));
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
  const soldOpen = sum(inScope.map((offer) => offer.listedWh - offer.remainingWh));
  const reserved = sum(inScope.map(({ reservedWh }) => reservedWh));
  const sold = sum(capacities.map(({ soldWh }) => soldWh)) + soldOpen;
  const listed = sum(capacities.map(({ listedWh }) => listedWh)) - soldOpen - reserved;
  const available = sum(capacities.map(({ availableWh }) => availableWh));
  const total = sum(capacities.map(({ totalWh }) => totalWh));
  return (
    <Card
      className="bus-card"
      title={
        <span className="row">
          {bus.name}
          {bus.paused && (
            <span className="badge warning">
              <PauseIcon size={13} /> {t.marketScreen.paused2}
            </span>
          )}
        </span>
      }
      aside={
        <span className="row">
          <a className="button small quiet" href={`#/bus/${bus.address}`}>
            {t.marketScreen.ownersAndDecisions}
          </a>
          <CopyButton text={bus.address} label={t.marketScreen.copyTheBussAddress} />
        </span>
      }
    >
      <ul className="owners" aria-label={t.marketScreen.ownersAndTheirShares}>
        {bus.owners.map((owner) => (
          <li key={owner.wallet}>
            <AddressLabel address={owner.wallet} /> <span className="number">{formatBps(owner.shareBps)}</span>
          </li>
        ))}
      </ul>
      {isWindowed && shownWindows.length > 0 && (
        <div className="filters" role="group" aria-label={t.marketScreen.deliveryWindow}>
          <button
            type="button"
            className="chip"
            aria-pressed={windowStart === undefined}
            onClick={() => onWindow(undefined)}
          >
            {t.marketScreen.allWindows}
          </button>
          {shownWindows.slice(0, 12).map((capacity) => (
            <button
              key={capacity.address}
              type="button"
              className="chip"
              aria-pressed={windowStart === capacity.windowStart}
              onClick={() => onWindow(capacity.windowStart)}
            >
              {windowLabel(capacity.windowStart, capacity.windowSeconds)}
            </button>
          ))}
        </div>
      )}
      <EnergyBar
        label={t.marketScreen.capacityOf({
          total: formatEnergy(total),
          sold: formatEnergy(sold),
          listed: formatEnergy(listed),
          reserved: formatEnergy(reserved),
          available: formatEnergy(available),
        })}
        parts={[
          { label: t.marketScreen.sold, wh: sold, tone: 'sold' },
          { label: t.marketScreen.onOffer, wh: listed, tone: 'listed' },
          { label: t.marketScreen.reserved, wh: reserved, tone: 'reserved' },
          { label: t.marketScreen.available, wh: available, tone: 'available' },
        ]}
      />
      <Facts
        facts={[
          [
            t.marketScreen.capacity,
            <Energy key="c" wh={isWindowed && windowStart === undefined ? bus.capacityWh : total} />,
          ],
          [
            t.marketScreen.pricesNow,
            lowest === undefined || highest === undefined ? (
              <span key="p" className="hint">
                {t.marketScreen.nothingOnOffer2}
              </span>
            ) : (
              <span key="p" className="number">
                {formatTokens(lowest, bus.decimals)}
                {highest !== lowest && ` – ${formatTokens(highest, bus.decimals)}`}{' '}
                <span className="unit">{t.marketScreen.kwh(bus.token)}</span>
              </span>
            ),
          ],
          [
            t.marketScreen.delivery,
            isWindowed
              ? t.marketScreen.windowsGateClosesBefore(duration(bus.windowSeconds), duration(bus.gateClosureSeconds))
              : t.marketScreen.anyTime,
          ],
          [t.marketScreen.listing, bus.openListing ? t.marketScreen.openToEverybody : t.marketScreen.ownersOnly],
        ]}
      />
    </Card>
  );
}

/** Parts of trades that are of a bus, and of a window where one is chosen. */
function useTradesOf(bus: Bus, windowStart: number | undefined): ReturnType<typeof tradePartsOf> {
  const { trades, origins } = useMarket();
  return useMemo(
    () => tradePartsOf(trades, origins, bus.address, windowStart),
    [trades, origins, bus.address, windowStart],
  );
}

function Prices({ bus, windowStart }: { readonly bus: Bus; readonly windowStart: number | undefined }) {
  const { parts } = useTradesOf(bus, windowStart);
  return (
    <Card title={t.marketScreen.prices}>
      <PriceChart trades={parts.slice(0, 80)} bus={bus} />
    </Card>
  );
}

function Trades({ bus, windowStart }: { readonly bus: Bus; readonly windowStart: number | undefined }) {
  const { parts, unplaced } = useTradesOf(bus, windowStart);
  const { tradesMissing, tradesRead } = useMarket();
  return (
    <Card title={t.marketScreen.recentTrades}>
      {tradesMissing !== undefined && <p className="hint">{t.marketScreen.olderTradesCouldNotBe(tradesMissing)}</p>}
      {unplaced > 0 && <p className="hint">{t.marketScreen.unplaced(unplaced)}</p>}
      {parts.length === 0 ? (
        tradesRead ? (
          <Empty>{t.marketScreen.nothingWasTradedHereYet}</Empty>
        ) : (
          tradesMissing === undefined && <Reading what={t.marketScreen.trades} />
        )
      ) : (
        <table className="plain" aria-label={t.marketScreen.recentTrades}>
          <TableHead
            columns={[
              t.marketScreen.when,
              t.marketScreen.buyer,
              numbers(t.marketScreen.energy),
              numbers(t.marketScreen.perKwh),
              { title: t.marketScreen.paid, as: 'end wide-only' },
              { title: t.marketScreen.hash, as: 'end wide-only' },
            ]}
          />
          <tbody>
            {parts.slice(0, 12).map(({ key, at, source, trade, energyWh, pricePerKwh, cost }) => (
              <tr key={key}>
                <td>
                  <span className="row">
                    {source !== undefined && <SourceIcon source={source} size={14} />}
                    <Ago at={at} />
                  </span>
                </td>
                <td>
                  <AddressLabel address={trade.buyer} />
                </td>
                <td className="end number">{formatEnergy(energyWh)}</td>
                <td className="end number">{formatTokens(pricePerKwh, bus.decimals)}</td>
                <td className="end number wide-only">{formatTokens(cost, bus.decimals)}</td>
                <td className="end wide-only">
                  <a className="mono" href={`#/verify/${trade.hash}`}>
                    {trade.hash.slice(0, 8)}…
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
