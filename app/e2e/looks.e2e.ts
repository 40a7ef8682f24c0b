/**
 * How the app looks and feels: no serious accessibility finding on any screen, in either theme; a quick first paint;
 * a thousand offers that scroll. With MULTIBUS_SCREENSHOTS, pictures of every screen go to that folder.
 */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { de } from '../src/words/de';
import { en } from '../src/words/en';
import { findings } from './axe';
import { connectWallet, faultsIn, launch, serve, settled, visit, type Visitor } from './browser';
import { crowd } from './crowd';
import { Market, type Keys } from './network';
import { parted } from './parted';
import { scenes, type Screen } from './screens';

const SHOTS = process.env.MULTIBUS_SCREENSHOTS;

const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1440, height: 1000 }, isMobile: false },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1440, height: 1000 }, isMobile: false },
  { name: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true },
] as const;

let market: Market;
let browser: Browser;
let site: Awaited<ReturnType<typeof serve>>;
let screens: readonly Screen[];
let keys: Readonly<Record<'erin' | 'alice', Keys>>;

beforeAll(async () => {
  market = await Market.open();
  [browser, site] = await Promise.all([launch(), serve()]);
  ({ screens, keys } = await scenes(market));
  if (SHOTS !== undefined) await mkdir(SHOTS, { recursive: true });
});

afterAll(async () => {
  await browser.close();
  site.server.close();
});

/** Who has come; they leave after each test, also after one that failed. */
const guests: Visitor[] = [];

async function come(...[accounts, options]: [readonly Keys[], Parameters<typeof visit>[4]?]): Promise<Visitor> {
  const guest = await visit(browser, site.url, market.network, accounts, options);
  guests.push(guest);
  return guest;
}

afterEach(async () => {
  const gone = guests.splice(0);
  await Promise.all(gone.map((guest) => guest.close()));
  expect(faultsIn(gone.flatMap(({ complaints }) => complaints))).toEqual([]);
});

/** Every look in every language. */
const SPOKEN = LOOKS.flatMap((look) => [
  { ...look, locale: 'en-US', words: en, suffix: '' },
  { ...look, locale: 'de-DE', words: de, suffix: '-de' },
]);

describe.each(SPOKEN)('$name in $locale', ({ name, colorScheme, viewport, isMobile, locale, words, suffix }) => {
  test('every screen is accessible and as wide as the window', async () => {
    const size = { viewport, isMobile, hasTouch: isMobile, deviceScaleFactor: isMobile ? 2 : 1 };
    const device = { colorScheme, locale, ...size };
    const visitors = {
      erin: await come([keys.erin], device),
      alice: await come([keys.alice], device),
    };
    for (const visitor of Object.values(visitors)) await connectWallet(visitor);
    const found: string[] = [];
    for (const screen of screens) {
      const visitor = visitors[screen.who];
      const { page } = visitor;
      await page.evaluate((hash) => {
        location.hash = hash;
      }, screen.route);
      await page.getByRole('button', { name: /Live/u }).waitFor();
      await screen.prepare?.(visitor, words);
      await settled(page);
      found.push(...(await findings(page)).map((finding) => `${screen.name}: ${finding}`));
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > viewport.width) found.push(`${screen.name} is ${width} pixels wide in a window of ${viewport.width}`);
      found.push(...(await parted(page)).map((text) => `${screen.name} parts ${text}`));
      // A short number stays in one piece.
      const broken = await page.evaluate(() =>
        [...document.querySelectorAll('.plain td.number')]
          .map((cell) => ({ text: cell.textContent.trim(), cell }))
          .filter(({ text }) => text.length > 0 && text.length <= 9)
          .filter(({ cell }) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 2;
          })
          .map(({ text }) => text),
      );
      found.push(...broken.map((text) => `${screen.name} breaks ${text}`));
      // What stands at the axes of a chart can be read.
      const small = await page.evaluate(() =>
        [...document.querySelectorAll<SVGTextElement>('svg.chart text')].flatMap((text) => {
          const scale = text.getScreenCTM()?.a ?? 0;
          const size = Number.parseFloat(getComputedStyle(text).fontSize) * scale;
          return size > 0 && size < 10 ? [`${text.textContent} has ${size.toFixed(1)} pixels`] : [];
        }),
      );
      found.push(...small.map((text) => `${screen.name}: ${text}`));
      if (SHOTS !== undefined) {
        await page.screenshot({ path: join(SHOTS, `${screen.name}-${name}${suffix}.png`) });
      }
      await page.keyboard.press('Escape');
    }
    expect(found).toEqual([]);
  });
});

describe('policy', () => {
  test('the page loads its own files alone, and runs no script that somebody puts into it', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('websocket', (socket) => asked.push(socket.url()));
    const { rpc_url: rpc, websocket_url: ws } = market.network;
    await page.goto(`${site.url}/?${new URLSearchParams({ rpc, ws })}`);
    await page.getByRole('button', { name: /Live/u }).waitFor();
    const origins = [...new Set(asked.map((url) => new URL(url).origin))].sort();
    expect(origins).toEqual([site.url, rpc, ws].map((url) => new URL(url).origin).sort());
    const refused: string[] = [];
    page.on('console', (message) => refused.push(message.text()));
    const ran = await page.evaluate(async () => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.body.append(script);
      const image = new Image();
      const loaded = new Promise((resolve) => {
        image.onload = () => resolve(true);
        image.onerror = () => resolve(false);
      });
      image.src = 'http://127.0.0.1:9/remote.png';
      return [(window as { ran?: boolean }).ran === true, await loaded];
    });
    expect(ran).toEqual([false, false]);
    await expect
      .poll(() => refused.filter((text) => text.includes('Content Security Policy')).length)
      .toBeGreaterThanOrEqual(2);
    await context.close();
  });
});

describe('speed', () => {
  test('the first paint comes within 1.5 seconds', async () => {
    // The best of several: a machine that is busy with something else is not what is measured.
    const paints: number[] = [];
    for (let round = 0; round < 3 || (round < 20 && Math.min(...paints) >= 1_500); round += 1) {
      const { page, close } = await come([]);
      await page.getByRole('link', { name: 'MultiBus, to the market' }).waitFor();
      paints.push(
        await page.evaluate(
          () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.POSITIVE_INFINITY,
        ),
      );
      await close();
    }
    console.log(`first contentful paint: ${paints.map((paint) => `${Math.round(paint)} ms`).join(', ')}`);
    expect(Math.min(...paints)).toBeLessThan(1_500);
  });

  test('a thousand offers scroll smoothly, and only those in sight are drawn', async () => {
    const crowded = await crowd(market, 'Crowded Square', 1_000);
    const { page } = await come([], { route: `#/market/${crowded.bus}` });
    await page.getByRole('button', { name: 'All 1000', exact: true }).waitFor();
    const table = page.getByRole('rowgroup', { name: 'Offers, scrollable' });
    const rows = table.locator('[data-offer]');
    await rows.first().waitFor();
    await settled(page);
    expect(await rows.count()).toBeLessThan(60);
    // The processor's time of the page itself, which other work on this machine does not change.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    const busy = async () => {
      const { metrics } = await devtools.send('Performance.getMetrics');
      return 1_000 * (metrics.find((metric) => metric.name === 'TaskDuration')?.value ?? Number.NaN);
    };
    const flick = async () => {
      const before = await busy();
      const { frames, reached } = await table.evaluate(async (element) => {
        // A quick flick, over all of it.
        element.scrollTop = 0;
        let frames = 0;
        while (element.scrollTop + element.clientHeight < element.scrollHeight - 2 && frames < 1_000) {
          element.scrollTop += 240;
          await new Promise(requestAnimationFrame);
          frames += 1;
        }
        return { frames, reached: element.scrollTop + element.clientHeight >= element.scrollHeight - 2 };
      });
      expect(reached).toBe(true);
      const each = ((await busy()) - before) / frames;
      console.log(
        `scrolling a thousand offers takes ${each.toFixed(1)} ms of a processor for each of ${frames} frames`,
      );
      return each;
    };
    // A frame at 60 Hz has 16.7 ms. Beside other work, and while code is still compiled, a frame takes longer: the best of three.
    let best = await flick();
    for (let round = 1; round < 3 && best >= 16.7; round += 1) best = Math.min(best, await flick());
    expect(best).toBeLessThan(16.7);
    await page.getByRole('row').last().getByText('0.2998').waitFor();
  });
});
