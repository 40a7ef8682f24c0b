/** Promised against delivered energy, window by window. Floats are used here for pixels, and nowhere else. */

import { useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { clockLabel, dayLabel, windowLabel } from '../../amount/time';
import { classes } from '../../ui/classes';
import { Readout } from '../../ui/Readout';
import { t } from '../../words';
import type { DeliveryBar } from './rows';

const WIDTH = 640;
const HEIGHT = 200;
const LEFT = 62;
const BOTTOM = 28;
const TOP = 10;
const RIGHT = 8;

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
  const y = (wh: bigint) => HEIGHT - BOTTOM - (Number((wh * 10_000n) / highest) / 10_000) * (HEIGHT - BOTTOM - TOP);
  const step = (WIDTH - LEFT - RIGHT) / bars.length;
  const thick = Math.min(step * 0.76, 34);
  const x = (index: number) => LEFT + step * index + (step - thick) / 2;
  const sum = (of: (one: DeliveryBar) => bigint) => formatEnergy(bars.reduce((total, one) => total + of(one), 0n));
  const label = t.delivery.chart(
    bars.length,
    sum(({ promisedWh }) => promisedWh),
    sum(({ deliveredWh = 0n }) => deliveredWh),
  );
  const said = readout(bar);
  return (
    <figure className="chart-figure delivery-chart">
      <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        <g className="axis">
          {[0n, highest / 2n, highest].map((wh, index) => (
            <g key={index}>
              <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(wh)} y2={y(wh)} className="grid" />
              <text x={LEFT - 6} y={y(wh) + 4} textAnchor="end">
                {formatEnergy(wh)}
              </text>
            </g>
          ))}
        </g>
        {bars.map(({ windowStart, promisedWh, deliveredWh }, index) => (
          <g
            key={windowStart}
            className={classes('delivery-bar', index === at && 'chosen')}
            onPointerEnter={() => setChosen(index)}
          >
            <rect x={LEFT + step * index} y={TOP} width={step} height={HEIGHT - BOTTOM - TOP} className="bar-ground" />
            <rect
              x={x(index)}
              y={y(promisedWh)}
              width={thick}
              height={y(0n) - y(promisedWh)}
              className="bar-promised"
            />
            {deliveredWh !== undefined && (
              <rect
                x={x(index) + thick * 0.2}
                y={y(deliveredWh)}
                width={thick * 0.6}
                height={y(0n) - y(deliveredWh)}
                className="bar-delivered"
              />
            )}
          </g>
        ))}
        <g className="axis">
          <text x={LEFT} y={HEIGHT - 8} textAnchor="start">
            {endLabel(first)}
          </text>
          {bars.length > 1 && (
            <text x={WIDTH - RIGHT} y={HEIGHT - 8} textAnchor="end">
              {endLabel(last)}
            </text>
          )}
        </g>
      </svg>
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

const endLabel = ({ windowStart }: DeliveryBar) => `${dayLabel(windowStart)}, ${clockLabel(windowStart)}`;

/** What a bar says, in words. */
export function readout({ windowStart, windowSeconds, promisedWh, deliveredWh }: DeliveryBar): string {
  const when = windowLabel(windowStart, windowSeconds);
  return deliveredWh === undefined
    ? t.delivery.readoutWaiting(when, formatEnergy(promisedWh))
    : t.delivery.readout(when, formatEnergy(promisedWh), formatEnergy(deliveredWh));
}
