/** Times: the chain's clock, and how long, how long ago and when in words. */

import { useSyncExternalStore } from 'react';

import { useSession } from '../session';
import { t } from '../words';
import { locale } from '../words/language';
import { classes } from './parts';

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
      {duration(left, true)}
    </span>
  );
}

/** `4:59` for clocks, `15 min`, `2 h`, `3 d` for reading. */
export function duration(seconds: number, clock = false): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (clock && whole < 3_600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
  const parts: string[] = [];
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  let left = whole;
  for (const [size, name] of units) {
    if (left >= size && parts.length < 2) parts.push(`${Math.floor(left / size)} ${name}`);
    left %= size;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

const TIME = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const EXACT = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY_TIME = new Intl.DateTimeFormat(locale, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** A time of day, with its date where that is not today, to the second where `exact`. */
export function When({ at, exact = false }: { readonly at: number; readonly exact?: boolean }) {
  const date = new Date(at * 1_000);
  const isToday = date.toDateString() === new Date().toDateString();
  const format = exact ? EXACT : isToday ? TIME : DAY_TIME;
  return <time dateTime={date.toISOString()}>{format.format(date)}</time>;
}

/** How long ago. */
export function Ago({ at }: { readonly at: number }) {
  const now = useNow();
  const seconds = Math.max(0, now - at);
  const text = seconds < 5 ? t.time.now : t.time.ago(duration(seconds).split(' ').slice(0, 2).join(' '));
  return <time dateTime={new Date(at * 1_000).toISOString()}>{text}</time>;
}

/** A delivery window: `12:00–12:15`. */
export function windowLabel(start: number, seconds: number): string {
  const from = new Date(start * 1_000);
  const to = new Date((start + seconds) * 1_000);
  const isToday = from.toDateString() === new Date().toDateString();
  return `${(isToday ? TIME : DAY_TIME).format(from)}–${TIME.format(to)}`;
}
