/** The frame of a chart: as wide as its place, so that its text has the same size on every screen. */

import type { ReactNode } from 'react';

import { classes } from './classes';
import { useWidth } from './useWidth';

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
