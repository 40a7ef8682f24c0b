/** Promised against delivered energy, window by window. */

import { useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { clockLabel, dayLabel, windowLabel } from '../../amount/time';
import { BarChart } from '../../ui/BarChart';
import type { Ends } from '../../ui/Chart';
import { Readout } from '../../ui/Readout';
import { t } from '../../words';
import type { DeliveryBar } from './rows';

/** The chart; a slider under it reads out one window, by pointer, keyboard or screen reader. */
export function DeliveryChart({ bars }: { readonly bars: readonly DeliveryBar[] }) {
  const [chosen, setChosen] = useState<number | undefined>();
  const [first, last] = [bars[0], bars.at(-1)];
  if (first === undefined || last === undefined) return null;
  const at = Math.min(chosen ?? bars.length - 1, bars.length - 1);
  const bar = bars[at] ?? last;
  const highest = bars.reduce((most, { promisedWh, deliveredWh = 0n }) => {
    const both = promisedWh > deliveredWh ? promisedWh : deliveredWh;
    return both > most ? both : most;
  }, 1n);
  const sum = (of: (one: DeliveryBar) => bigint) => formatEnergy(bars.reduce((total, one) => total + of(one), 0n));
  const label = t.delivery.chart(
    bars.length,
    sum(({ promisedWh }) => promisedWh),
    sum(({ deliveredWh = 0n }) => deliveredWh),
  );
  const said = readout(bar);
  return (
    <figure className="chart-figure delivery-chart">
      <BarChart
        label={label}
        bars={bars}
        highest={highest}
        columnClass="delivery-bar"
        keyOf={({ windowStart }) => windowStart}
        endsOf={endsOf}
        at={at}
        onChoose={setChosen}
        draw={({ promisedWh, deliveredWh }, { x, width, y }) => (
          <>
            <rect x={x} y={y(promisedWh)} width={width} height={y(0n) - y(promisedWh)} className="bar-promised" />
            {deliveredWh !== undefined && (
              <rect
                x={x + width * 0.2}
                y={y(deliveredWh)}
                width={width * 0.6}
                height={y(0n) - y(deliveredWh)}
                className="bar-delivered"
              />
            )}
          </>
        )}
      />
      <figcaption>
        <ul className="legend">
          <li>
            <span className="swatch bar-promised" aria-hidden="true" /> {t.delivery.promised}
          </li>
          <li>
            <span className="swatch bar-delivered" aria-hidden="true" /> {t.delivery.delivered}
          </li>
        </ul>
        <Readout label={t.delivery.windowToRead} count={bars.length} at={at} said={said} onChange={setChosen} />
      </figcaption>
    </figure>
  );
}

/** The windows at the ends: with day and time, or with what differs. */
function endsOf(first: DeliveryBar, last: DeliveryBar): readonly [Ends, ...Ends[]] {
  const label = (write: (seconds: number) => string): Ends => [write(first.windowStart), write(last.windowStart)];
  const [days, clocks] = [label(dayLabel), label(clockLabel)];
  const isOneDay = days[0] === days[1];
  return [
    [`${days[0]}, ${clocks[0]}`, `${days[1]}, ${clocks[1]}`],
    isOneDay ? [`${days[0]}, ${clocks[0]}`, clocks[1]] : days,
    isOneDay ? clocks : days,
  ];
}

/** What a bar says, in words. */
export function readout({ windowStart, windowSeconds, promisedWh, deliveredWh }: DeliveryBar): string {
  const when = windowLabel(windowStart, windowSeconds);
  return deliveredWh === undefined
    ? t.delivery.readoutWaiting(when, formatEnergy(promisedWh))
    : t.delivery.readout(when, formatEnergy(promisedWh), formatEnergy(deliveredWh));
}
