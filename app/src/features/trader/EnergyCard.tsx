/** The wallet's energy by day, week and month: figures, bars with the sources' mix, from whom and to whom. */

import { useMemo, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { clockLabel, dateLabel } from '../../amount/time';
import { SOURCES } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { Energy, Tokens } from '../../ui/amounts';
import { BarChart } from '../../ui/BarChart';
import { Segmented } from '../../ui/fields';
import { saveFile } from '../../ui/file';
import { AddressLabel, Card, Empty, Facts, numbers, Reading, TableHead } from '../../ui/parts';
import { Readout } from '../../ui/Readout';
import { useNow } from '../../ui/time';
import { Worth } from '../../ui/Worth';
import { t } from '../../words';
import { deliveryRows, type DeliveryRow } from '../delivery/rows';
import {
  barsOf,
  energyCsv,
  figuresOf,
  partnersOf,
  periodOf,
  withRecords,
  type EnergyBarOf,
  type Entry,
  type Period,
  type Span,
} from './energy';
import { useEnergy } from './useEnergy';

/** The card. */
export function EnergyCard() {
  const { wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const { entries, isRead } = useEnergy();
  const [span, setSpan] = useState<Span>('week');
  const [ahead, setAhead] = useState(0);
  const [choice, setSide] = useState<Entry['side']>();
  const { positions, books, buses, sellers, capacities } = state;
  // By the minute: bars and stages do not change faster.
  const minute = Math.floor(now / 60) * 60;
  const period = useMemo(() => periodOf(span, minute, ahead), [span, minute, ahead]);
  const rows = useMemo(
    () => deliveryRows({ positions, books, buses, sellers, capacities }, wallet, minute),
    [positions, books, buses, sellers, capacities, wallet, minute],
  );
  const figures = useMemo(() => figuresOf(entries, rows, period), [entries, rows, period]);
  const all = useMemo(() => withRecords(entries, rows), [entries, rows]);
  // Who only sold sees that first.
  const isSeller = figures.every(({ boughtWh }) => boughtWh === 0n) && figures.some(({ soldWh }) => soldWh > 0n);
  const side = choice ?? (isSeller ? 'sold' : 'bought');
  const sides = { bought: t.delivery.bought, sold: t.delivery.sold };
  return (
    <Card
      title={t.energyCard.title}
      aside={
        <button
          type="button"
          className="button small quiet"
          disabled={all.length === 0}
          onClick={() =>
            saveFile(
              'multibus-energy.csv',
              energyCsv(all, (bus) => buses.get(bus)?.name),
              'text/csv',
            )
          }
        >
          {t.purchases.csv}
        </button>
      }
    >
      <div className="stack">
        <div className="row spread wrap">
          <Segmented
            label={t.energyCard.howLong}
            options={[
              ['day', t.energyCard.day],
              ['week', t.energyCard.week],
              ['month', t.energyCard.month],
            ]}
            value={span}
            onChange={(next) => {
              setSpan(next);
              setAhead(0);
            }}
          />
          <div className="row">
            <button
              type="button"
              className="icon-button small"
              aria-label={t.energyCard.before}
              onClick={() => setAhead(ahead - 1)}
            >
              ‹
            </button>
            <strong className="number">{periodLabel(span, period)}</strong>
            <button
              type="button"
              className="icon-button small"
              aria-label={t.energyCard.after}
              onClick={() => setAhead(ahead + 1)}
            >
              ›
            </button>
          </div>
        </div>
        {!isRead && <Reading what={t.energyCard.whatYouTraded} />}
        {figures.length === 0 && isRead && <Empty>{t.energyCard.nothingThen}</Empty>}
        {figures.map(({ bus, boughtWh, spent, soldWh, earned, released, held }) => (
          <Facts
            key={bus.mint}
            facts={[
              [t.delivery.bought, <Energy key="b" wh={boughtWh} />],
              [t.energyCard.spent, <Money key="s" units={spent} bus={bus} />],
              [t.delivery.sold, <Energy key="o" wh={soldWh} />],
              [t.energyCard.earned, <Money key="e" units={earned} bus={bus} />],
              [t.energyCard.released, <Money key="r" units={released} bus={bus} />],
              [t.energyCard.held, <Money key="h" units={held} bus={bus} />],
            ]}
          />
        ))}
        {[...buses.values()].some((bus) => bus.lockFeeBps > 0) && (
          <p className="hint">{t.energyCard.withoutHoldingFees}</p>
        )}
        {figures.length > 0 && (
          <>
            <Segmented
              label={t.delivery.boughtOrSold}
              options={[
                ['bought', sides.bought],
                ['sold', sides.sold],
              ]}
              value={side}
              onChange={setSide}
            />
            <EnergyChart bars={barsOf(all, side, period)} span={span} side={side} name={sides[side]} />
            <Partners entries={all} rows={rows} side={side} period={period} />
          </>
        )}
      </div>
    </Card>
  );
}

function Money({ units, bus }: Parameters<typeof Worth>[0] & Parameters<typeof Tokens>[0]) {
  return (
    <>
      <Tokens units={units} bus={bus} /> <Worth units={units} bus={bus} />
    </>
  );
}

function periodLabel(span: Span, { from, to }: Period): string {
  return span === 'day' ? dateLabel(from) : `${dateLabel(from)} – ${dateLabel(to - 1)}`;
}

/** Bars of energy, stacked by source. */
function EnergyChart({
  bars,
  span,
  side,
  name,
}: {
  readonly bars: readonly EnergyBarOf[];
  readonly span: Span;
  readonly side: Entry['side'];
  readonly name: string;
}) {
  const [chosen, setChosen] = useState<number | undefined>();
  const highest = bars.reduce((most, { totalWh }) => (totalWh > most ? totalWh : most), 1n);
  const label = (from: number) => (span === 'day' ? clockLabel(from) : dateLabel(from));
  const fullest = bars.reduce((best, { totalWh }, index) => (totalWh > (bars[best]?.totalWh ?? 0n) ? index : best), 0);
  const at = Math.min(chosen ?? fullest, bars.length - 1);
  const bar = bars[at];
  const all = bars.reduce((sum, { totalWh }) => sum + totalWh, 0n);
  if (all === 0n) return <Empty>{side === 'bought' ? t.energyCard.nothingBought : t.energyCard.nothingSold}</Empty>;
  const present = SOURCES.filter((source) =>
    bars.some(({ bySource }) => bySource.some((one) => one.source === source)),
  );
  const mix = (of: EnergyBarOf) =>
    of.bySource.map(({ source, wh }) => `${formatEnergy(wh)} ${t.sources[source]}`).join(', ');
  return (
    <figure className="chart-figure energy-chart">
      <BarChart
        label={t.energyCard.chart(name, formatEnergy(all), bars.length)}
        bars={bars}
        highest={highest}
        columnClass="energy-column"
        keyOf={({ from }) => from}
        endsOf={(first, last) => [[label(first.from), label(last.from)]]}
        at={at}
        onChoose={setChosen}
        draw={({ bySource }, { x, width, y }) => {
          let under = 0n;
          return bySource.map(({ source, wh }) => {
            const [bottom, top] = [y(under), y(under + wh)];
            under += wh;
            return <rect key={source} x={x} y={top} width={width} height={bottom - top} className={`fill-${source}`} />;
          });
        }}
      />
      <figcaption>
        <ul className="legend">
          {present.map((source) => (
            <li key={source}>
              <span className={`swatch fill-${source}`} aria-hidden="true" /> {t.sources[source]}
            </li>
          ))}
        </ul>
        {bar !== undefined && (
          <Readout
            label={t.energyCard.barToRead}
            count={bars.length}
            at={at}
            onChange={setChosen}
            said={t.energyCard.readout(label(bar.from), formatEnergy(bar.totalWh), mix(bar))}
          />
        )}
      </figcaption>
    </figure>
  );
}

function Partners({
  entries,
  rows,
  side,
  period,
}: {
  readonly entries: readonly Entry[];
  readonly rows: readonly DeliveryRow[];
  readonly side: Entry['side'];
  readonly period: Period;
}) {
  const partners = partnersOf(entries, rows, side, period);
  if (partners.length === 0) return null;
  const title = side === 'bought' ? t.energyCard.fromWhom : t.energyCard.toWhom;
  return (
    <table className="plain" aria-label={title}>
      <TableHead
        columns={[
          title,
          numbers(t.purchases.energy),
          numbers(side === 'bought' ? t.fillTable.cost : t.energyCard.forYou),
        ]}
      />
      <tbody>
        {partners.map(({ who, energyWh, units, bus }) => (
          <tr key={`${who ?? ''} ${bus?.mint ?? ''}`}>
            <td>{who === undefined ? t.energyCard.notKnown : <AddressLabel address={who} copy />}</td>
            <td className="end">
              <Energy wh={energyWh} />
            </td>
            <td className="end">{bus === undefined ? '' : <Tokens units={units} bus={bus} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
