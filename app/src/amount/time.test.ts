// @vitest-environment node

import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

/** The module as a browser has it whose user speaks a language: zone and language are read when it is loaded. */
async function timesIn(language: 'en' | 'de') {
  vi.stubEnv('TZ', 'Europe/Berlin');
  vi.stubGlobal('navigator', { languages: [language] });
  vi.resetModules();
  const { speak } = await import('../words/spoken');
  speak(language === 'de' ? (await import('../words/de')).de : (await import('../words/en')).en);
  return import('./time');
}

const at = (text: string) => Date.parse(text) / 1_000;

it('windows in the hour that comes twice are told apart', async () => {
  const { clockLabel, spanLabel } = await timesIn('en');
  // At 03:00 summer time of 2026-10-25 clocks in Berlin go back to 02:00.
  const [first, second] = [at('2026-10-25T00:15:00Z'), at('2026-10-25T01:15:00Z')];
  expect(clockLabel(first)).not.toBe(clockLabel(second));
  expect(spanLabel(first, 900)).not.toBe(spanLabel(second, 900));
  // Every other hour is without its zone.
  expect(clockLabel(at('2026-10-25T11:15:00Z'))).toMatch(/^12:15(\sPM)?$/u);
});

it('durations have the units of the language, the two longest that there are', async () => {
  const said = async (language: 'en' | 'de', form?: 'short') => {
    const { duration } = await timesIn(language);
    return [45, 900, 7_200, 5_400, 86_400, 604_800 + 3_600 + 59].map((seconds) => duration(seconds, form));
  };
  const plain = (texts: readonly string[]) => texts.map((text) => text.replaceAll('\u00a0', ' '));
  const en = ['45 sec', '15 min', '2 hr', '1 hr 30 min', '1 day', '7 days 1 hr'];
  expect(plain(await said('en'))).toEqual(en);
  const de = ['45 Sekunden', '15 Minuten', '2 Stunden', '1 Stunde 30 Minuten', '1 Tag', '7 Tage 1 Stunde'];
  expect(plain(await said('de'))).toEqual(de);
  // Where there is little room, days are whole all the same: nobody reads `Tg.`.
  const short = ['45 Sek.', '15 Min.', '2 Std.', '1 Std. 30 Min.', '1 Tag', '7 Tage 1 Std.'];
  expect(plain(await said('de', 'short'))).toEqual(short);
});

it('a number is not parted from its unit where a line breaks', async () => {
  const { duration } = await timesIn('de');
  expect(duration(90_000).split(' ')).toHaveLength(2);
  expect(duration(299, 'clock')).toBe('4:59');
});
