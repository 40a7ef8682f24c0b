/**
 * What the app costs: bytes of a tab in which nobody does anything, and the time until it can be used, at several sizes of
 * the market. The node is scripted, so that every build meets the same market.
 *
 *     npm run measure                              the build in dist
 *     MULTIBUS_BUILDS="/tmp/old dist" npm run measure    several builds, one after the other
 *     MULTIBUS_SIZES="100 1000" MULTIBUS_IDLE_SECONDS=30  other sizes, and another time
 */

import { relative, resolve } from 'node:path';

import type { Browser, BrowserContext, CDPSession } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { connectWallet, DIST, launch, serve, visit, type Visitor } from './browser';
import type { Keys } from './network';
import { newKeys, ScriptedNode } from './scripted';

const words = (variable: string, usual: string) => (process.env[variable] ?? usual).split(/\s+/u).filter(Boolean);
const SIZES = words('MULTIBUS_SIZES', '100 1000 10000').map(Number);
const OWN = words('MULTIBUS_OWN', '3000 10000').map(Number);
const IDLE_SECONDS = Number(process.env.MULTIBUS_IDLE_SECONDS ?? 120);
const BUILDS = words('MULTIBUS_BUILDS', DIST).map((path) => resolve(path));
/** Nobody waits longer. */
const PATIENCE_MS = 120_000;

let browser: Browser;
/** What was measured: what of, and of which build. */
const table = new Map<string, Map<string, string>>();

function note(what: string, build: string, figure: string): void {
  table.set(what, (table.get(what) ?? new Map<string, string>()).set(build, figure));
}

beforeAll(async () => {
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  // As docs/app.md has it.
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rows = [...table].map(([what, figures]) => line([what, ...BUILDS.map((build) => figures.get(build) ?? '')]));
  console.log(
    [
      line(['', ...BUILDS.map((build) => relative('', build))]),
      line(['---', ...BUILDS.map(() => '---')]),
      ...rows,
    ].join('\n'),
  );
});

const size = (bytes: number) =>
  bytes < 100_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
const bytesOf = ({ traffic: { answers, notifications } }: ScriptedNode) => answers + notifications;
const forget = (node: ScriptedNode) => {
  node.traffic = { answers: 0, notifications: 0, requests: new Map() };
};

/** A market with so many offers on one bus, of one seller where one is given. */
async function market(offers: number, seller?: Keys): Promise<{ readonly node: ScriptedNode; readonly bus: string }> {
  const node = await ScriptedNode.start();
  const bus = await node.bus('Mill Lane');
  if (seller !== undefined) await node.seller(bus, seller.address, { openOffers: offers });
  for (let index = 0; index < offers; index += 1) {
    const price = 200_000n + BigInt(index);
    await node.offer(bus, { kWh: 5, price, ...(seller === undefined ? {} : { seller: seller.address }) });
  }
  return { node, bus };
}

/** How long something takes, in milliseconds; `undefined` where it does not happen. */
async function timed(work: () => Promise<unknown>): Promise<number | undefined> {
  const start = performance.now();
  try {
    await work();
    return Math.round(performance.now() - start);
  } catch {
    return undefined;
  }
}

const shownMs = (ms: number | undefined) => (ms === undefined ? `not in ${PATIENCE_MS / 1_000} s` : `${ms} ms`);

const shownSeconds = (ms: number | undefined) => (ms === undefined ? shownMs(ms) : `${(ms / 1_000).toFixed(1)} s`);

/** Milliseconds of the processor that a page has taken, which other work on this machine does not change much. */
class Processor {
  private devtools: Promise<CDPSession> | undefined;

  /** Counts from the moment at which the page is there. */
  readonly watch = (context: BrowserContext) => {
    context.on('page', (page) => {
      this.devtools = context.newCDPSession(page).then(async (devtools) => {
        await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
        return devtools;
      });
    });
    return Promise.resolve();
  };

  async taken(): Promise<number> {
    const { metrics } = (await (await this.devtools)?.send('Performance.getMetrics')) ?? { metrics: [] };
    return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  }
}

describe.each(BUILDS)('%s', (dist) => {
  let site: Awaited<ReturnType<typeof serve>>;
  let visitor: Visitor | undefined;

  beforeAll(async () => {
    site = await serve(dist);
  });

  afterAll(() => site.server.close());

  test.each(SIZES)('an idle tab with %i offers', async (offers) => {
    const { node, bus } = await market(offers);
    try {
      forget(node);
      const processor = new Processor();
      const ready = await timed(async () => {
        const coming = { route: `#/market/${bus}`, prepare: processor.watch };
        visitor = await visit(browser, site.url, node.urls(), [], coming);
        visitor.page.setDefaultTimeout(PATIENCE_MS);
        await visitor.page.getByLabel('Buy at the best price').fill('7');
        await visitor.page.getByRole('table', { name: 'Chosen offers' }).waitFor();
        await visitor.page.locator('[data-offer]').first().waitFor();
      });
      // What comes once, such as the latest trades, is no part of what comes again and again.
      await visitor?.page
        .getByRole('region', { name: 'Recent trades' })
        .getByText(/Nothing was (traded here yet|bought here lately)/u)
        .waitFor();
      await visitor?.page.waitForTimeout(2_000);
      const once = bytesOf(node);
      forget(node);
      const before = await processor.taken();
      await visitor?.page.waitForTimeout(IDLE_SECONDS * 1_000);
      const busy = ((await processor.taken()) - before) / IDLE_SECONDS;
      const minutes = IDLE_SECONDS / 60;
      const asked = [...node.traffic.requests].map(([method, times]) => `${times} ${method}`).join(', ');
      console.log(
        `${offers} offers: usable after ${shownMs(ready)}, ${before.toFixed(0)} ms of a processor and ${size(once)}; idle: ${size(bytesOf(node) / minutes)} a minute ` +
          `(answers ${size(node.traffic.answers / minutes)}: ${asked}), ${busy.toFixed(0)} ms of a processor a second`,
      );
      const many = offers.toLocaleString('en');
      note(`idle, ${many} offers`, dist, `${size(bytesOf(node) / minutes)} a minute`);
      note(`the market with ${many} offers can be used`, dist, `after ${shownSeconds(ready)}, ${size(once)}`);
      expect(ready).toBeDefined();
    } finally {
      await visitor?.close();
      visitor = undefined;
      node.stop();
    }
  });

  test.each(OWN)('“My energy” with %i own offers', async (offers) => {
    const keys = await newKeys('seller');
    const { node } = await market(offers, keys);
    await node.fund(keys.address, 1_000_000_000, 50_000_000n);
    try {
      const processor = new Processor();
      const come = await visit(browser, site.url, node.urls(), [keys], { route: '#/market', prepare: processor.watch });
      visitor = come;
      come.page.setDefaultTimeout(PATIENCE_MS);
      await connectWallet(come);
      await come.page.locator('[data-offer]').first().waitFor();
      const before = await processor.taken();
      const ready = await timed(async () => {
        await come.page.evaluate(() => {
          location.hash = '#/mine';
        });
        await come.page.getByRole('list', { name: 'Own offers' }).locator('[data-offer]').first().waitFor();
        await come.page.getByRole('button', { name: 'Change the price' }).first().click();
        await come.page.getByRole('dialog').getByLabel('Price per kWh').fill('0.3');
      });
      const busy = (await processor.taken()) - before;
      console.log(
        `${offers} own offers: “My energy” can be used after ${shownMs(ready)}, ${busy.toFixed(0)} ms of a processor`,
      );
      note(
        `“My energy” with ${offers.toLocaleString('en')} own offers can be used`,
        dist,
        `after ${shownSeconds(ready)}`,
      );
    } finally {
      await visitor?.close();
      visitor = undefined;
      node.stop();
    }
  });
});
