/** The first of a long list, and a button for more of it. */

import { useState, type ReactNode } from 'react';

import { t } from '../words';

/** Entries that a press on "Show more" adds at least; it adds as many as are shown. */
const MORE = 24;

/** The first entries of a list, `atFirst` of them, and what stands below: a button for more, while there is more. */
export function useShown<T>(all: readonly T[], atFirst: number): readonly [shown: readonly T[], more: ReactNode] {
  const [most, setMost] = useState(atFirst);
  const left = all.length - most;
  return [
    all.slice(0, most),
    left > 0 && (
      <button type="button" className="button small quiet" onClick={() => setMost(most + Math.max(most, MORE))}>
        {t.parts.showMore(left)}
      </button>
    ),
  ];
}
