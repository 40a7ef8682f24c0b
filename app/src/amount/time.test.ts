// @vitest-environment node

import { beforeAll, expect, it, vi } from 'vitest';

let clockLabel: (seconds: number) => string;
let spanLabel: (start: number, seconds: number) => string;

beforeAll(async () => {
  // The zone is read when the module is.
  vi.stubEnv('TZ', 'Europe/Berlin');
  vi.resetModules();
  const { speak } = await import('../words/spoken');
  speak((await import('../words/en')).en);
  ({ clockLabel, spanLabel } = await import('./time'));
});

const at = (text: string) => Date.parse(text) / 1_000;

it('windows in the hour that comes twice are told apart', () => {
  // At 03:00 summer time of 2026-10-25 clocks in Berlin go back to 02:00.
  const [first, second] = [at('2026-10-25T00:15:00Z'), at('2026-10-25T01:15:00Z')];
  expect(clockLabel(first)).not.toBe(clockLabel(second));
  expect(spanLabel(first, 900)).not.toBe(spanLabel(second, 900));
  // Every other hour is without its zone.
  expect(clockLabel(at('2026-10-25T11:15:00Z'))).toMatch(/^12:15( PM)?$/u);
});
