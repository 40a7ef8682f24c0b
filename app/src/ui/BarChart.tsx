/** The frame of bars of energy over time: a grid, one column for each bar, and the ends of the time axis. */

import type { ReactNode } from 'react';

import { formatEnergy } from '../amount/energy';
import { Chart, fittingEnds, LETTER, type Ends } from './Chart';
import { classes } from './classes';

const HEIGHT = 200;
/** What is between a label and its line. */
const GAP = 8;
const BOTTOM = 28;
const TOP = 10;
const RIGHT = 8;

/** Where a column's bars are drawn, in pixels. Floats are used here for pixels, and nowhere else. */
export interface Column {
  readonly x: number;
  readonly width: number;
  /** Height above which an amount of energy ends, from the top. */
  readonly y: (wh: bigint) => number;
}

/** Columns for bars that `draw` fills; the one at `at` is marked, and a pointer over another chooses that. */
export function BarChart<Bar>({
  label,
  bars,
  highest,
  columnClass,
  keyOf,
  endsOf,
  at,
  onChoose,
  draw,
}: {
  readonly label: string;
  readonly bars: readonly Bar[];
  /** The energy that the highest bar may have; above 0. */
  readonly highest: bigint;
  readonly columnClass: string;
  readonly keyOf: (bar: Bar) => number;
  /** What stands under the first bar and under the last: the longest way to write it first. */
  readonly endsOf: (first: Bar, last: Bar) => readonly [Ends, ...Ends[]];
  readonly at: number;
  readonly onChoose: (index: number) => void;
  readonly draw: (bar: Bar, column: Column) => ReactNode;
}) {
  const [first, last] = [bars[0], bars.at(-1)];
  const y = (wh: bigint) => HEIGHT - BOTTOM - (Number((wh * 10_000n) / highest) / 10_000) * (HEIGHT - BOTTOM - TOP);
  const labels = [0n, highest / 2n, highest].map((wh) => ({ wh, text: formatEnergy(wh) }));
  // Room for the longest label.
  const left = LETTER * Math.max(...labels.map(({ text }) => text.length)) + GAP;
  return (
    <Chart label={label} height={HEIGHT}>
      {(wide) => {
        const step = (wide - left - RIGHT) / bars.length;
        const width = Math.min(step * 0.76, 34);
        const ends =
          first === undefined || last === undefined
            ? undefined
            : fittingEnds(endsOf(first, last), bars.length > 1 ? wide - left - RIGHT : Infinity);
        return (
          <>
            <g className="axis">
              {labels.map(({ wh, text }, index) => (
                <g key={index}>
                  <line x1={left} x2={wide - RIGHT} y1={y(wh)} y2={y(wh)} className="grid" />
                  <text x={left - 6} y={y(wh) + 4} textAnchor="end">
                    {text}
                  </text>
                </g>
              ))}
            </g>
            {bars.map((bar, index) => (
              <g
                key={keyOf(bar)}
                className={classes(columnClass, index === at && 'chosen')}
                onPointerEnter={() => onChoose(index)}
              >
                <rect
                  x={left + step * index}
                  y={TOP}
                  width={step}
                  height={HEIGHT - BOTTOM - TOP}
                  className="bar-ground"
                />
                {draw(bar, { x: left + step * index + (step - width) / 2, width, y })}
              </g>
            ))}
            <g className="axis">
              {ends !== undefined && (
                <text x={left} y={HEIGHT - 8} textAnchor="start">
                  {ends[0]}
                </text>
              )}
              {ends !== undefined && bars.length > 1 && (
                <text x={wide - RIGHT} y={HEIGHT - 8} textAnchor="end">
                  {ends[1]}
                </text>
              )}
            </g>
          </>
        );
      }}
    </Chart>
  );
}
