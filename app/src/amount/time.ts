/** Times as people read them, in the page's language and the zone of this machine. */

import { t } from '../words';
import { language, locale } from '../words/language';

/** How lengths of time are written: in whole words, short where there is little room, or as a clock below an hour. */
export type DurationForm = 'words' | 'short' | 'clock';

/** How a language writes so many of a unit. */
const unit = (name: 'day' | 'hour' | 'minute' | 'second', unitDisplay: 'short' | 'long') =>
  new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay });
/** Units of time by their seconds, the longest first. Days are whole: nobody reads the German `Tg.`. */
const unitsOf = (display: 'short' | 'long') =>
  [
    [86_400, unit('day', 'long')],
    [3_600, unit('hour', display)],
    [60, unit('minute', display)],
    [1, unit('second', display)],
  ] as const;
const SHORT = unitsOf('short');
/** English is read as `15 min`; German is not abbreviated where there is room. */
const WORDS = language === 'de' ? unitsOf('long') : SHORT;

/** For reading `15 min`, `2 hr`, `3 days 4 hr`, as the language writes it; `4:59` for clocks. */
export function duration(seconds: number, form: DurationForm = 'words'): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (form === 'clock' && whole < 3_600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
  const units = form === 'words' ? WORDS : SHORT;
  const parts: string[] = [];
  let left = whole;
  for (const [size, unitOf] of units) {
    if (left >= size && parts.length < 2) parts.push(unitOf.format(Math.floor(left / size)));
    left %= size;
  }
  if (parts.length === 0) parts.push(units[3][1].format(0));
  // A number stays with its unit where lines break.
  return parts.map((part) => part.replaceAll(' ', '\u00a0')).join(' ');
}

const TIME = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
const EXACT = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const ZONED = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' });
const DAY = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'short' });

const MOMENT = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });

const dateOf = (seconds: number) => new Date(seconds * 1_000);

/** Days from today to a second: 0 today, 1 tomorrow, -1 yesterday. */
function daysAway(seconds: number): number {
  const day = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return Math.round((day(dateOf(seconds)) - day(new Date())) / 86_400_000);
}

/** A date: `Mon 2 Dec`. */
export const dateLabel = (seconds: number): string => DAY.format(dateOf(seconds));

/** A moment with its date and its year, as a receipt has it. */
export const momentLabel = (seconds: number): string => MOMENT.format(dateOf(seconds));

/** A day: today, tomorrow, or its date. */
export function dayLabel(seconds: number): string {
  const days = daysAway(seconds);
  return days === 0 ? t.time.today : days === 1 ? t.time.tomorrow : DAY.format(dateOf(seconds));
}

/** A time of day; with its zone in the hour that comes twice when clocks go back. */
export function clockLabel(seconds: number): string {
  const shown = TIME.format(dateOf(seconds));
  const comesTwice = [-3_600, 3_600].some((away) => TIME.format(dateOf(seconds + away)) === shown);
  // `PM` stays with its hour where lines break.
  return (comesTwice ? ZONED.format(dateOf(seconds)) : shown).replaceAll(' ', '\u00a0');
}

/** A time of day to the second. */
export const exactTime = (seconds: number): string => EXACT.format(dateOf(seconds));

/** A time of day to the second, with its day where that is not today. */
export const exactLabel = (seconds: number): string =>
  daysAway(seconds) === 0 ? exactTime(seconds) : `${dayLabel(seconds)}, ${exactTime(seconds)}`;

/** A time of day, with its day where that is not today. */
export function timeLabel(seconds: number): string {
  return daysAway(seconds) === 0 ? clockLabel(seconds) : `${dayLabel(seconds)}, ${clockLabel(seconds)}`;
}

/** A delivery window within its day: `12:00–12:15`; its start alone where its length is not known. */
export function spanLabel(start: number, seconds: number | undefined): string {
  return seconds === undefined ? clockLabel(start) : `${clockLabel(start)}–${clockLabel(start + seconds)}`;
}

/** A delivery window with its date, today as well: `Mon 2 Dec, 12:00–12:15`. */
export function windowLabel(start: number, seconds: number | undefined): string {
  return `${dateLabel(start)}, ${spanLabel(start, seconds)}`;
}

/** When energy is delivered: in a window, or at any time where the bus has none. */
export function deliveryLabel(windowStart: number, windowSeconds: number | undefined): string {
  return windowStart === 0 ? t.time.anyTime : windowLabel(windowStart, windowSeconds);
}
