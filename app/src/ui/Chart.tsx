/** The frame of a chart: as wide as its place, so that its text has the same size on every screen. */

import type { ReactNode } from 'react';

import { classes } from './classes';
import { useWidth } from './useWidth';

/** Width of a letter of the axes at most, and what is between two labels at least, in pixels. */
export const LETTER = 8;
const BETWEEN = 12;

/** Whether labels have room beside each other. */
export const fits = (labels: readonly string[], room: number): boolean =>
  labels.reduce((sum, label) => sum + label.length * LETTER + BETWEEN, -BETWEEN) <= room;

/** The first of several ways to write the two ends of an axis that has room; the last one if none has. */
export function fittingEnds(choices: readonly [Ends, ...Ends[]], room: number): Ends {
  return choices.find((ends) => fits(ends, room)) ?? choices.at(-1) ?? choices[0];
}

/** What stands at the two ends of an axis. */
export type Ends = readonly [string, string];

/** Width until the chart is drawn, in pixels. */
const FIRST_WIDTH = 640;

/** A drawing in pixels, of this height; `children` are drawn for its width. */
export function Chart({
  label,
  height,
  className,
  children,
}: {
  readonly label: string;
  readonly height: number;
  readonly className?: string;
  readonly children: (width: number) => ReactNode;
}) {
  const [ref, width] = useWidth(FIRST_WIDTH);
  return (
    <svg
      ref={ref}
      className={classes('chart', className)}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={label}
    >
      {children(width)}
    </svg>
  );
}
