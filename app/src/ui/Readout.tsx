/** Reads out one point of a chart: by a slider, so by pointer, keyboard or screen reader. */

import { useId } from 'react';

/** The slider, and what the point that it is at says. */
export function Readout({
  label,
  count,
  at,
  said,
  onChange,
}: {
  readonly label: string;
  readonly count: number;
  readonly at: number;
  readonly said: string;
  readonly onChange: (at: number) => void;
}) {
  const id = useId();
  return (
    <div className="readout">
      {count > 1 && (
        <>
          <label htmlFor={id} className="visually-hidden">
            {label}
          </label>
          <input
            id={id}
            type="range"
            min={0}
            max={count - 1}
            value={at}
            aria-valuetext={said}
            onChange={(event) => onChange(Number(event.target.value))}
          />
        </>
      )}
      <p className="hint">{said}</p>
    </div>
  );
}
