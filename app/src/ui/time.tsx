/** Times: the chain's clock, and how long, how long ago and when in words. */

import { useSyncExternalStore } from 'react';

import { duration, exactLabel, timeLabel } from '../amount/time';
import { useSession } from '../session';
import { t } from '../words';
import { classes } from './classes';

/** Seconds of the chain, every second. */
export function useNow(): number {
  const { live } = useSession();
  return useSyncExternalStore(everySecond, () => live.now());
}

const ticking = new Set<() => void>();
let ticker: ReturnType<typeof setInterval> | undefined;

/** One clock for everything on the page. */
function everySecond(listener: () => void): () => void {
  ticking.add(listener);
  ticker ??= setInterval(() => {
    for (const tick of ticking) tick();
  }, 500);
  return () => {
    ticking.delete(listener);
    if (ticking.size > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  };
}

/** `4:59` until a second, "expired" after it. */
export function Countdown({ until, over = t.time.expired }: { readonly until: number; readonly over?: string }) {
  const now = useNow();
  const left = until - now;
  if (left < 0) return <span className="countdown over">{over}</span>;
  return (
    <span className={classes('countdown', left <= 30 && 'soon')} role="timer">
      {duration(left, 'clock')}
    </span>
  );
}

/** A time of day, with its date where that is not today, to the second where `exact`. */
export function When({ at, exact = false }: { readonly at: number; readonly exact?: boolean }) {
  return <time dateTime={new Date(at * 1_000).toISOString()}>{exact ? exactLabel(at) : timeLabel(at)}</time>;
}

/** How long ago. */
export function Ago({ at }: { readonly at: number }) {
  const now = useNow();
  const seconds = Math.max(0, now - at);
  // Nobody counts the seconds of what is minutes ago.
  const text =
    seconds < 5 ? t.time.now : t.time.ago(duration(seconds < 60 ? seconds : seconds - (seconds % 60), 'short'));
  return <time dateTime={new Date(at * 1_000).toISOString()}>{text}</time>;
}
