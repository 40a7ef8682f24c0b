/** Something that is asked and answered later, as components see it. */

import { useEffect, useEffectEvent, useState } from 'react';

import { pause } from './retry';

/** Where a question stands. */
export type Answer<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

const NONE = { kind: 'none' } as const;
const ASKING = { kind: 'asking' } as const;

/** How a question is asked. */
export interface Manner {
  /** How long it waits for another one to replace it. */
  readonly delayMs?: number;
  /** Whether it is asked again after a failure. */
  readonly isPassing?: (error: unknown) => boolean;
}

/** How long after a failure a question is asked again. */
const AGAIN_MS = 4_000;

/**
 * Asks, and asks anew whenever `key` or `of` changes; what is answered too late is not heard. Asks nothing while `key`
 * is `undefined`.
 */
export function useAnswer<T>(
  of: object,
  key: string | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
  { delayMs = 0, isPassing = () => false }: Manner = {},
): Answer<T> {
  const [last, setLast] = useState<{ readonly of: object; readonly key: string; readonly answer: Answer<T> }>();
  const onAsk = useEffectEvent(ask);
  const onFailure = useEffectEvent(isPassing);
  useEffect(() => {
    if (key === undefined) return undefined;
    const over = new AbortController();
    const isOver = () => over.signal.aborted;
    const tell = (answer: Answer<T>) => {
      if (!isOver()) setLast({ of, key, answer });
    };
    const question = async () => {
      await pause(delayMs, over.signal);
      while (!isOver()) {
        try {
          tell({ kind: 'answered', value: await onAsk(over.signal) });
          return;
        } catch (error) {
          tell({ kind: 'failed', error });
          if (isOver() || !onFailure(error)) return;
        }
        await pause(AGAIN_MS, over.signal);
      }
    };
    void question();
    return () => over.abort();
  }, [of, key, delayMs]);
  if (key === undefined) return NONE;
  return last?.of === of && last.key === key ? last.answer : ASKING;
}
