/** Depth and price charts. Floats are used here for pixels, and nowhere else. */

import { useId, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { clockLabel, dateLabel } from '../../amount/time';
import { tokensLabel } from '../../amount/token';
import { freeWh, newestTrade, type Bus, type Offer, type TradePart } from '../../market/model';
import { compare, compareAges } from '../../order';
import { Chart, fits, fittingEnds } from '../../ui/Chart';
import { Empty } from '../../ui/parts';
import { Readout } from '../../ui/Readout';
import { t } from '../../words';
import { locale } from '../../words/language';

/** The height of a chart, and its margins, in pixels. */
export const HEIGHT = 214;
const LEFT = 54;
const BOTTOM = 26;
const TOP = 34;
const RIGHT = 12;

/** Where a share of the width lies, in a chart of this width. */
export const across = (width: number) => (share: number) => LEFT + share * (width - LEFT - RIGHT);
/** Where a share of the height lies. */
export const y = (share: number) => HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);

/** A range of prices. */
export interface Scale {
  readonly low: number;
  readonly high: number;
}

/** A range around prices, with some air. */
export function priceScale(prices: readonly bigint[]): Scale {
  const low = Number(prices.reduce((a, b) => (a < b ? a : b)));
  const high = Number(prices.reduce((a, b) => (a > b ? a : b)));
  const air = Math.max((high - low) * 0.15, high * 0.02, 1);
  return { low: Math.max(0, low - air), high: high + air };
}

/** Where a value lies in a range. */
export const within = ({ low, high }: Scale, value: number) => (value - low) / (high - low);

/** The axis of prices, with the token's name. */
export function PriceAxis({ scale, bus, width }: { readonly scale: Scale; readonly bus: Bus; readonly width: number }) {
  return (
    <g className="axis">
      <text x={0} y={13}>
        {t.marketScreen.kwh(bus.token)}
      </text>
      {[0, 0.5, 1].map((share) => {
        const price = BigInt(Math.round(scale.low + share * (scale.high - scale.low)));
        return (
          <g key={share}>
            <line x1={LEFT} x2={width - RIGHT} y1={y(share)} y2={y(share)} className="grid" />
            <text x={LEFT - 8} y={y(share) + 4} textAnchor="end">
              {axisPrice(price, bus.decimals)}
            </text>
          </g>
        );
      })}
    </g>
  );
}

/** The axis of energy, from nothing to the most. */
export function EnergyAxis({ most, width }: { readonly most: bigint; readonly width: number }) {
  const x = across(width);
  const labels = ([0n, 1n, 2n] as const).map((half) => ({ half, text: formatEnergy(rounded((half * most) / 2n)) }));
  const [start = '', middle = '', end = ''] = labels.map(({ text }) => text);
  // The middle reaches as far to each side: where it came near one of the ends, it is left out.
  const longest = start.length > end.length ? start : end;
  const hasRoom = fits([longest, middle, longest], x(1) - x(0));
  return (
    <g className="axis">
      {labels
        .filter(({ half }) => half !== 1n || hasRoom)
        .map(({ half, text }) => (
          <text
            key={String(half)}
            x={x(Number(half) / 2)}
            y={HEIGHT - 8}
            textAnchor={half === 0n ? 'start' : half === 2n ? 'end' : 'middle'}
          >
            {text}
          </text>
        ))}
    </g>
  );
}

const COMPACT = new Intl.NumberFormat(locale, { notation: 'compact', maximumSignificantDigits: 4 });

/** A price as there is room for at an axis: four digits that matter, and what they are thousands or millions of. */
export function axisPrice(price: bigint, decimals: number): string {
  return COMPACT.format(Number(price) / 10 ** decimals);
}

/** How much energy is on offer up to each price. */
export function DepthChart({ offers, bus }: { readonly offers: readonly Offer[]; readonly bus: Bus }) {
  const gradient = useId();
  const [chosen, setChosen] = useState<number | undefined>();
  const sorted = offers
    .filter((offer) => freeWh(offer) > 0n)
    .sort((a, b) => compare(a.fullPricePerKwh, b.fullPricePerKwh) || compareAges(a, b));
  const total = sorted.reduce((sum, offer) => sum + freeWh(offer), 0n);
  if (sorted.length === 0) return <Empty>{t.charts.nothingIsOnOfferHere}</Empty>;
  const scale = priceScale(sorted.map(({ fullPricePerKwh }) => fullPricePerKwh));
  const share = (wh: bigint) => Number((wh * 100_000n) / total) / 100_000;
  let sum = 0n;
  const sums: bigint[] = [];
  for (const offer of sorted) {
    sum += freeWh(offer);
    sums.push(sum);
  }
  const line = (x: (share: number) => number) =>
    sorted
      .map((offer, index) => {
        const level = y(within(scale, Number(offer.fullPricePerKwh)));
        return `${x(share(sums[index - 1] ?? 0n))},${level} ${x(share(sums[index] ?? 0n))},${level}`;
      })
      .join(' ');
  const at = Math.min(chosen ?? sorted.length - 1, sorted.length - 1);
  const [offer, upTo] = [sorted[at], sums[at] ?? 0n];
  const cheapest = sorted[0]?.fullPricePerKwh ?? 0n;
  return (
    <figure className="chart-figure">
      <Chart label={t.charts.depth(formatEnergy(total), sorted.length, tokensLabel(cheapest, bus))} height={HEIGHT}>
        {(width) => {
          const x = across(width);
          return (
            <>
              <defs>
                <linearGradient id={gradient} x1="0" x2="0" y1="0" y2="1">
                  <stop offset="0" className="fade-from" />
                  <stop offset="1" className="fade-to" />
                </linearGradient>
              </defs>
              <PriceAxis scale={scale} bus={bus} width={width} />
              <polygon points={`${x(0)},${y(0)} ${line(x)} ${x(1)},${y(0)}`} fill={`url(#${gradient})`} />
              <polyline points={line(x)} className="line" />
              {offer !== undefined && (
                <circle
                  cx={x(share(upTo))}
                  cy={y(within(scale, Number(offer.fullPricePerKwh)))}
                  r={5}
                  className="mark"
                />
              )}
              <EnergyAxis most={total} width={width} />
            </>
          );
        }}
      </Chart>
      {offer !== undefined && (
        <figcaption>
          <Readout
            label={t.charts.offerToRead}
            count={sorted.length}
            at={at}
            onChange={setChosen}
            said={t.charts.depthUpTo(formatEnergy(upTo), tokensLabel(offer.fullPricePerKwh, bus))}
          />
        </figcaption>
      )}
    </figure>
  );
}

/** Energy as an axis has room for it: to 10 Wh where it is some kWh, to 100 Wh where it is many. */
export function rounded(wh: bigint): bigint {
  const step = wh < 1_000n ? 1n : wh < 100_000n ? 10n : 100n;
  return ((wh + step / 2n) / step) * step;
}

/** Prices of recent trades. Each is of an offer and a window of its own, so no line joins them. */
export function PriceChart({ trades, bus }: { readonly trades: readonly TradePart[]; readonly bus: Bus }) {
  const [chosen, setChosen] = useState<number | undefined>();
  const sorted = [...trades].sort((a, b) => newestTrade(b.trade, a.trade));
  const scale = priceScale(sorted.map(({ pricePerKwh }) => pricePerKwh));
  const first = sorted[0]?.at ?? 0;
  const last = sorted.at(-1)?.at ?? first;
  const time = (at: number, index: number) =>
    last > first ? (at - first) / (last - first) : sorted.length === 1 ? 0.5 : index / (sorted.length - 1);
  const largest = Math.max(...sorted.map(({ energyWh }) => Number(energyWh)));
  const at = Math.min(chosen ?? sorted.length - 1, sorted.length - 1);
  const read = sorted[at];
  return (
    <figure className="chart-figure">
      <Chart label={t.charts.prices(sorted.length, tokensLabel(sorted.at(-1)?.pricePerKwh ?? 0n, bus))} height={HEIGHT}>
        {(width) => {
          const x = across(width);
          const [begin, end] = fittingEnds(
            dateLabel(first) === dateLabel(last)
              ? [[momentLabel(first), clockLabel(last)]]
              : [
                  [momentLabel(first), momentLabel(last)],
                  [dateLabel(first), dateLabel(last)],
                ],
            x(1) - x(0),
          );
          return (
            <>
              <PriceAxis scale={scale} bus={bus} width={width} />
              {sorted.map((trade, index) => (
                <circle
                  key={trade.key}
                  cx={x(time(trade.at, index))}
                  cy={y(within(scale, Number(trade.pricePerKwh)))}
                  r={3 + 4 * Math.sqrt(Number(trade.energyWh) / largest)}
                  className={index === at ? 'mark chosen' : 'mark'}
                />
              ))}
              <g className="axis">
                <text x={x(0)} y={HEIGHT - 8}>
                  {last > first ? begin : momentLabel(first)}
                </text>
                {last > first && (
                  <text x={x(1)} y={HEIGHT - 8} textAnchor="end">
                    {end}
                  </text>
                )}
              </g>
            </>
          );
        }}
      </Chart>
      {read !== undefined && (
        <figcaption>
          <Readout
            label={t.charts.tradeToRead}
            count={sorted.length}
            at={at}
            onChange={setChosen}
            said={t.charts.tradeAt(
              momentLabel(read.at),
              formatEnergy(read.energyWh),
              tokensLabel(read.pricePerKwh, bus),
            )}
          />
        </figcaption>
      )}
    </figure>
  );
}

/** A moment with its date. */
const momentLabel = (seconds: number) => `${dateLabel(seconds)}, ${clockLabel(seconds)}`;
