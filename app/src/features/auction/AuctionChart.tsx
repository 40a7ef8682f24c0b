/** The book of an auction as two curves: what is wanted and what is offered at each price, and where they cross. */

import { useId, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { formatTokens, tokensLabel } from '../../amount/token';
import { clear, levelsOf, type AuctionBook } from '../../market/auction';
import type { Bus } from '../../market/model';
import { Energy } from '../../ui/amounts';
import { Chart } from '../../ui/Chart';
import { Empty, numbers, TableHead } from '../../ui/parts';
import { Readout } from '../../ui/Readout';
import { useShown } from '../../ui/shown';
import { t } from '../../words';
import { across, EnergyAxis, HEIGHT, PriceAxis, priceScale, within, y } from '../market/charts';

/** Rows of the table, at most. */
const ROWS = 60;

/** The chart, a readout of each price, and the same as a table. Prices are shown with the grid fee, as buyers pay them. */
export function AuctionChart({
  book,
  gridFeePerKwh,
  bus,
}: {
  readonly book: AuctionBook;
  readonly gridFeePerKwh: bigint;
  readonly bus: Bus;
}) {
  const id = useId();
  const [chosen, setChosen] = useState<number | undefined>();
  const levels = levelsOf(book);
  const [rows, more] = useShown(levels, ROWS);
  if (levels.length === 0) return <Empty>{t.auction.nobodyBidsOrOffers}</Empty>;
  const full = (price: bigint) => price + gridFeePerKwh;
  const cleared = clear(book);
  const scale = priceScale(levels.map(({ pricePerKwh }) => full(pricePerKwh)));
  const [wanted, offered] = [levels[0]?.bidFromWh ?? 0n, levels.at(-1)?.askUpToWh ?? 0n];
  const most = wanted > offered ? wanted : offered;
  const share = (wh: bigint) => (most === 0n ? 0 : Number((wh * 100_000n) / most) / 100_000);
  const up = (price: bigint) => y(within(scale, Number(full(price))));
  // What is offered grows with the price, what is wanted with every step down.
  const supply = levels.flatMap(({ pricePerKwh, askWh, askUpToWh }) =>
    askWh === 0n ? [] : [[askUpToWh - askWh, pricePerKwh] as const, [askUpToWh, pricePerKwh] as const],
  );
  const demand = levels
    .toReversed()
    .flatMap(({ pricePerKwh, bidWh, bidFromWh }) =>
      bidWh === 0n ? [] : [[bidFromWh - bidWh, pricePerKwh] as const, [bidFromWh, pricePerKwh] as const],
    );
  const price = (units: bigint) => tokensLabel(full(units), bus);
  // The price itself is a point to read out, where it lies between those of the orders.
  const crossing = levels.findIndex(({ pricePerKwh }) => pricePerKwh >= cleared.pricePerKwh);
  const at = Math.min(chosen ?? (crossing === -1 ? levels.length - 1 : crossing), levels.length - 1);
  const read = levels[at];
  return (
    <figure className="chart-figure">
      <Chart
        className="auction"
        height={HEIGHT}
        label={
          cleared.volumeWh === 0n
            ? t.auction.curvesWithoutCrossing(formatEnergy(wanted), formatEnergy(offered))
            : t.auction.curves(
                formatEnergy(wanted),
                formatEnergy(offered),
                formatEnergy(cleared.volumeWh),
                price(cleared.pricePerKwh),
              )
        }
      >
        {(width) => {
          const x = across(width);
          const line = (points: readonly (readonly [bigint, bigint])[]) =>
            points.map(([wh, price]) => `${x(share(wh))},${up(price)}`).join(' ');
          return (
            <>
              <PriceAxis scale={scale} bus={bus} width={width} />
              <polyline points={line(supply)} className="line supply" />
              <polyline points={line(demand)} className="line demand" />
              {read !== undefined && (
                <line
                  x1={x(0)}
                  x2={x(1)}
                  y1={up(read.pricePerKwh)}
                  y2={up(read.pricePerKwh)}
                  className="reading-line"
                />
              )}
              {cleared.volumeWh > 0n && (
                <circle cx={x(share(cleared.volumeWh))} cy={up(cleared.pricePerKwh)} r={6} className="mark chosen" />
              )}
              <EnergyAxis most={most} width={width} />
            </>
          );
        }}
      </Chart>
      <figcaption className="stack tight">
        <ul className="legend">
          <li>
            <span className="swatch demand" aria-hidden="true" /> {t.auction.wanted}
          </li>
          <li>
            <span className="swatch supply" aria-hidden="true" /> {t.auction.offered}
          </li>
        </ul>
        {read !== undefined && (
          <Readout
            label={t.auction.priceToRead}
            count={levels.length}
            at={at}
            onChange={setChosen}
            said={t.auction.atAPrice(
              price(read.pricePerKwh),
              formatEnergy(read.bidFromWh),
              formatEnergy(read.askUpToWh),
            )}
          />
        )}
        <details className="more">
          <summary id={id}>{t.auction.asATable}</summary>
          <table className="plain" aria-labelledby={id}>
            <TableHead columns={[t.auction.perKwh, numbers(t.auction.wanted), numbers(t.auction.offered)]} />
            <tbody>
              {rows.map(({ pricePerKwh, bidFromWh, askUpToWh }) => (
                <tr key={String(pricePerKwh)}>
                  <td className="number">{formatTokens(full(pricePerKwh), bus.decimals)}</td>
                  <td className="end">
                    <Energy wh={bidFromWh} />
                  </td>
                  <td className="end">
                    <Energy wh={askUpToWh} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {more}
        </details>
      </figcaption>
    </figure>
  );
}
