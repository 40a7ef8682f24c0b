/** Something that is asked and answered later, as components see it. */

import { useEffect, useEffectEvent, useState } from 'react';

/** Where a question stands. */
export type Answer<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown };

const NONE = { kind: 'none' } as const;
const ASKING = { kind: 'asking' } as const;

/**
 * Asks, and asks anew whenever `key` or `of` changes; what is answered too late is not heard. Asks nothing while `key`
 * is `undefined`. A question waits `delayMs` for another one to replace it.
 */
export function useAnswer<T>(
  of: object,
  key: string | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
  delayMs = 0,
): Answer<T> {
  const [last, setLast] = useState<{ readonly of: object; readonly key: string; readonly answer: Answer<T> }>();
  const onAsk = useEffectEvent(ask);
  useEffect(() => {
    if (key === undefined) return undefined;
    const over = new AbortController();
    const tell = (answer: Answer<T>) => {
      if (!over.signal.aborted) setLast({ of, key, answer });
    };
    const question = async () => {
      try {
        tell({ kind: 'answered', value: await onAsk(over.signal) });
      } catch (error) {
        tell({ kind: 'failed', error });
      }
    };
    const timer = setTimeout(() => void question(), delayMs);
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [of, key, delayMs]);
  if (key === undefined) return NONE;
  return last?.of === of && last.key === key ? last.answer : ASKING;
}
