/**
 * What screens say exactly: units, durations, reasons, what there is to get. In both languages. The node is scripted, so no
 * network is needed.
 */

import type { Address } from '@solana/kit';
import type { Locator, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { settled } from './browser';
import type { Keys } from './network';
import { parted } from './parted';
import { newKeys, ScriptedNode } from './scripted';
import { goto, openPages } from './suite';

const pages = openPages();
let node: ScriptedNode;
let mill: Address;
let neighbour: Keys;

/** Terms with windows of a quarter of an hour. */
const terms = {
  ...{ from: 0n, windowSeconds: 900, gateClosureSeconds: 3_600, gridFeePerKwh: 0n, settlement: 0 },
  ...{ readingDeadlineSeconds: 0, correctionSeconds: 0, auction: 0, reserved: new Uint8Array(6) },
};
const phone = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true };

beforeEach(async () => {
  node = await ScriptedNode.start();
  neighbour = await newKeys('neighbour');
  await node.fund(neighbour.address, 1_000_000_000, 1_500_000n);
  mill = await node.bus('Mill Lane', { timelockSeconds: 86_400, threshold: 1 }, [neighbour.address]);
});

afterEach(() => {
  node.stop();
});

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });
const now = () => Math.floor(Date.now() / 1_000);

/** Nothing on a page is wider than the page, and no text is cut off. */
async function expectFitting(page: Page): Promise<void> {
  await settled(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  const cut = await page.locator('.facts dd, .facts dt, .td, .countdown, .chip').evaluateAll((all) =>
    all
      .filter((one) => one.getBoundingClientRect().width > 0)
      .filter((one) => one.getBoundingClientRect().right > 320 || one.scrollWidth > one.clientWidth + 1)
      .filter((one) => getComputedStyle(one).display !== 'inline')
      .map((one) => one.textContent),
  );
  expect(cut).toEqual([]);
}

describe('the list of buses', () => {
  test('says what a price is in, and for how much', async () => {
    await node.offer(mill, { kWh: 5, price: 190_000n });
    await node.offer(mill, { kWh: 5, price: 250_000n });
    for (const [locale, list, price] of [
      ['en-US', 'Buses', 'from 0.19 tokens/kWh'],
      ['de-DE', 'Busse', 'ab 0,19 Token/kWh'],
    ] as const) {
      for (const more of [{}, phone]) {
        const { page } = await pages().visitUnconnected(node.urls(), [], `#/market/${mill}`, { locale, ...more });
        await page.getByRole('navigation', { name: list }).getByText(price, { exact: true }).waitFor();
        if (more === phone) await expectFitting(page);
      }
    }
  });
});

describe('an owner', () => {
  test('cannot propose what is so already, and reads why', async () => {
    for (const { locale, words } of [
      {
        locale: 'en-US',
        words: {
          propose: 'Propose a change',
          what: 'What to change',
          price: 'New base price per kWh',
          approvals: 'Approvals that a decision needs',
          capacity: 'New capacity',
          owner: 'New owner’s wallet',
          reserve: 'Own energy for at least, per kWh',
          recipient: 'Wallet that gets the grid fees',
          send: 'Propose',
          why: 'It is so already',
          twice: 'This wallet is an owner already',
          point: '.',
        },
      },
      {
        locale: 'de-DE',
        words: {
          propose: 'Änderung vorschlagen',
          what: 'Was ändern',
          price: 'Neuer Mindestpreis je kWh',
          approvals: 'Zustimmungen, die ein Beschluss braucht',
          capacity: 'Neue Kapazität',
          owner: 'Wallet des neuen Eigentümers',
          reserve: 'Eigene Energie ab, je kWh',
          recipient: 'Wallet, die die Netzentgelte erhält',
          send: 'Vorschlagen',
          why: 'So ist es schon',
          twice: 'Diese Wallet gehört schon zu den Eigentümern',
          point: ',',
        },
      },
    ]) {
      const { page } = await pages().visit(node.urls(), [neighbour], `#/bus/${mill}`, { locale });
      await page.getByRole('button', { name: words.propose }).click();
      const dialog = page.getByRole('dialog');
      const send = dialog.getByRole('button', { name: words.send, exact: true });
      const what = dialog.getByLabel(words.what);
      // A form that nobody has touched says nothing of it.
      for (const [kind, field] of [
        ['reservePriceSet', words.reserve],
        ['gridRecipientSet', words.recipient],
      ] as const) {
        await what.selectOption(kind);
        await dialog.getByLabel(field).waitFor();
        expect(await dialog.getByText(words.why).count()).toBe(0);
        expect(await send.isDisabled()).toBe(true);
        await dialog.getByLabel(field).fill('1');
        await dialog.getByLabel(field).fill('');
        await dialog.getByText(words.why).waitFor();
      }
      // Each starts at what is so already.
      for (const kind of ['timelockSet', 'listingPolicySet', 'operatorSet', 'pauseQuorumSet', 'termsSet']) {
        await what.selectOption(kind);
        await dialog
          .locator(kind === 'operatorSet' ? 'input' : 'select')
          .nth(kind === 'operatorSet' ? 0 : 1)
          .waitFor();
        expect(await dialog.getByRole('table').count()).toBe(0);
        expect(await dialog.getByText(words.why).count()).toBe(0);
        expect(await send.isDisabled()).toBe(true);
      }
      await what.selectOption('basePriceSet');
      await dialog.getByLabel(words.price).fill(`0${words.point}10`);
      await dialog.getByText(words.why).waitFor();
      expect(await send.isDisabled()).toBe(true);
      await dialog.getByLabel(words.price).fill(`0${words.point}11`);
      await dialog.getByText(words.why).waitFor({ state: 'detached' });
      expect(await send.isDisabled()).toBe(false);
      await what.selectOption('capacitySet');
      await dialog.getByLabel(words.capacity).fill('100');
      await dialog.getByText(words.why).waitFor();
      await what.selectOption('thresholdSet');
      await dialog.getByLabel(words.approvals).waitFor();
      expect(await dialog.getByText(words.why).count()).toBe(0);
      expect(await send.isDisabled()).toBe(true);
      await dialog.getByLabel(words.approvals).selectOption('1');
      await dialog.getByText(words.why).waitFor();
      await what.selectOption('ownerAdd');
      await dialog.getByLabel(words.owner).fill(neighbour.address);
      await dialog.getByText(words.twice).waitFor();
      expect(await send.isDisabled()).toBe(true);
    }
  });
});

describe('durations', () => {
  test('have the units of the language, and fit a page of 320 pixels', async () => {
    const tower = await node.bus('Clock Tower', { terms, timelockSeconds: 604_800 }, [neighbour.address]);
    const expiresAt = BigInt(now() + 2 * 86_400 + 23 * 3_600 + 1_800);
    await node.offer(mill, { kWh: 98_765, price: 98_765_432_101n, fields: { expiresAt } });
    const start = (Math.floor(now() / 900) + 40) * 900;
    await node.offer(tower, { kWh: 98_765, price: 98_765_432_101n, windowStart: start, fields: { expiresAt } });
    for (const { locale, all } of [
      { locale: 'en-US', all: ['2 days 23 hr', '7 days', '1 day', '15 min windows, trading closes 1 hr before'] },
      {
        locale: 'de-DE',
        all: ['2 Tage 23 Std.', '7 Tage', '1 Tag', 'Zeitfenster von 15 Minuten, Handelsschluss 1 Stunde vorher'],
      },
    ] as const) {
      const [left, week, day, windows] = all;
      const { page } = await pages().visitUnconnected(node.urls(), [], `#/market/${mill}`, { locale, ...phone });
      await page.getByText(left).first().waitFor();
      await expectFitting(page);
      await goto(page, `#/bus/${mill}`);
      await page.getByText(week, { exact: true }).waitFor();
      await page.getByText(day, { exact: true }).waitFor();
      await expectFitting(page);
      await goto(page, `#/market/${tower}`);
      await page.getByText(windows).waitFor();
      await expectFitting(page);
    }
  });
});

describe('rent that the wallet can get back', () => {
  test('is told outside “Advanced”, which opens only when it is pressed', async () => {
    const start = (Math.floor(now() / 900) - 4) * 900;
    await node.window(mill, start, { ...terms, gateClosureSeconds: 60 }, { rentPayer: neighbour.address });
    for (const [locale, hint, summary, card] of [
      ['en-US', 'You can get rent back', 'Advanced: lanes, records, rent', 'Rent that you can get back'],
      [
        'de-DE',
        'Sie können Miete zurückholen',
        'Erweitert: Kaufspuren, Bücher, Miete',
        'Miete, die Sie zurückholen können',
      ],
    ] as const) {
      const { page } = await pages().visit(node.urls(), [neighbour], '#/mine', { locale });
      await page.getByText(hint).waitFor();
      expect(await region(page, card).isVisible()).toBe(false);
      await page.getByText(summary).click();
      await region(page, card).waitFor();
    }
  });

  test('is not told where there is none', async () => {
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    await page.getByText('Nothing waits for you.').waitFor();
    await page.getByText('Advanced: lanes, records, rent').waitFor();
    expect(await page.getByText('You can get rent back').count()).toBe(0);
  });
});

describe('certificates to take', () => {
  test('wait for the wallet, with a link to them', async () => {
    const delivering = { ...terms, from: BigInt((Math.floor(now() / 900) - 40) * 900), settlement: 1 };
    const times = { readingDeadlineSeconds: 3_600, correctionSeconds: 3_600 };
    const bus = await node.bus('Delivery Row');
    await node.deliveries(bus, neighbour.address, { ...delivering, ...times }, now());
    for (const { locale, card, link, title } of [
      {
        locale: 'en-US',
        card: 'Waiting for you',
        link: 'Look at what you can take',
        title: 'Certificates of origin',
      },
      {
        locale: 'de-DE',
        card: 'Wartet auf Sie',
        link: 'Ansehen, was Sie abholen können',
        title: 'Herkunftsnachweise',
      },
    ]) {
      const { page } = await pages().visit(node.urls(), [neighbour], '#/mine', { locale });
      const waits = region(page, card).locator('[data-waiting="certificates"]');
      await waits.getByRole('link', { name: link }).click();
      const certificates = region(page, title);
      expect(await certificates.evaluate((one) => one === document.activeElement)).toBe(true);
      await expect.poll(() => certificates.evaluate((one) => one.getBoundingClientRect().top < innerHeight)).toBe(true);
      expect(page.url()).toContain('#/mine');
    }
  });
});

describe('a word of this market', () => {
  test('is explained where people first meet it', async () => {
    await node.offer(mill, { kWh: 5, price: 190_000n });
    for (const { locale, welcome, list, bus, guard, amount } of [
      {
        locale: 'en-US',
        welcome: 'Here a neighbourhood is called a bus.',
        list: 'Buses',
        bus: 'A bus is the market of one neighbourhood',
        guard: 'How much more than is shown you would pay',
        amount: 'Buy at the best price',
      },
      {
        locale: 'de-DE',
        welcome: 'Eine Nachbarschaft heißt hier Bus.',
        list: 'Busse',
        bus: 'Ein Bus ist der Markt einer Nachbarschaft',
        guard: 'Wie viel mehr als angezeigt Sie zahlen würden',
        amount: 'Zum besten Preis kaufen',
      },
    ]) {
      const { page } = await pages().visitUnconnected(node.urls(), [], `#/market/${mill}`, { locale });
      await page.getByText(welcome).waitFor();
      await page.getByRole('navigation', { name: list }).getByText(bus).waitFor();
      await page.getByLabel(amount).fill('1');
      await page.getByText(guard).waitFor();
      await goto(page, `#/bus/${mill}`);
      await page.getByText(bus).waitFor();
    }
  });
});

describe('an amount', () => {
  test('stays with its unit at every width', async () => {
    const seller = neighbour.address;
    await node.offer(mill, { kWh: 18.5, price: 200_000n });
    await node.offer(mill, { kWh: 123.456, price: 210_000n, fields: { reservedWh: 1_250n, openLocks: 1 } });
    await node.offer(mill, { kWh: 7.25, price: 220_000n, seller });
    const tower = await node.bus('Clock Tower', { terms });
    const start = (Math.floor(now() / 900) + 40) * 900;
    await node.offer(tower, { kWh: 18.5, price: 200_000n, windowStart: start });
    await node.lane(neighbour.address, 3);
    for (const locale of ['en-US', 'de-DE']) {
      for (const width of [320, 390, 1280, 1366, 1440, 1920]) {
        const size = { viewport: { width, height: 900 } };
        const { page, close } = await pages().visit(node.urls(), [neighbour], `#/market/${mill}`, { locale, ...size });
        const found: string[] = [];
        for (const route of [`#/market/${mill}`, `#/market/${tower}`, '#/mine', `#/bus/${mill}`, `#/sell/${mill}`]) {
          await goto(page, route);
          await page.locator('h2').first().waitFor();
          await settled(page);
          found.push(...(await parted(page)).map((text) => `${width} ${route.slice(0, 7)} ${text}`));
        }
        expect(found).toEqual([]);
        await close();
      }
    }
  });
});

describe('a page of 1920 pixels', () => {
  const wide = { viewport: { width: 1920, height: 1080 } };
  /** Lines that a text takes. */
  const lines = (of: Locator) =>
    of.evaluate((one) => {
      const range = document.createRange();
      range.selectNodeContents(one);
      return new Set(
        [...range.getClientRects()].filter(({ width }) => width > 0).map(({ bottom }) => Math.round(bottom / 8)),
      ).size;
    });

  test('has times of delivery and receipts in one line, and no card with a sentence across all of it', async () => {
    const tower = await node.bus('Clock Tower', { terms });
    const start = (Math.floor(now() / 900) + 40) * 900;
    await node.offer(tower, { kWh: 5, price: 200_000n, windowStart: start });
    await node.lane(neighbour.address, 3);
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${tower}`, wide);
    const delivery = page.locator('[data-offer] .td-expires > .block').first();
    await delivery.waitFor();
    await settled(page);
    expect(await lines(delivery)).toBe(1);
    await goto(page, '#/mine');
    const receipt = page.locator('td:has(> .receipt-link)').first();
    await receipt.waitFor();
    await settled(page);
    const [link, copy] = [receipt.locator('.receipt-link'), receipt.getByRole('button')];
    const [a, b] = [await link.boundingBox(), await copy.boundingBox()];
    expect(Math.abs((a?.y ?? 0) + (a?.height ?? 0) / 2 - (b?.y ?? 0) - (b?.height ?? 0) / 2)).toBeLessThan(8);

    const alone = await pages().visitUnconnected(node.urls(), [], '#/mine', wide);
    const card = region(alone.page, 'My energy');
    await card.waitFor();
    expect((await card.boundingBox())?.width).toBeLessThan(800);
  });

  test('has “My energy” in two columns beside the wallet', async () => {
    await node.lane(neighbour.address, 3);
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine', wide);
    await region(page, 'Purchases').waitFor();
    await settled(page);
    const box = async (name: string) => {
      const found = await region(page, name).boundingBox();
      if (found === null) throw new Error(`${name} is not in sight`);
      return found;
    };
    const [waits, bought, wallet] = [await box('Waiting for you'), await box('Purchases'), await box('Wallet')];
    expect(bought.x).toBeGreaterThan(waits.x + waits.width);
    expect(wallet.x).toBeGreaterThan(bought.x + bought.width);
    expect(Math.abs(bought.width - waits.width)).toBeLessThan(4);
    expect(waits.width).toBeGreaterThan(560);
  });

  test('has a bus in two columns that are about as long', async () => {
    const delivering = { ...terms, from: BigInt((Math.floor(now() / 900) - 40) * 900), settlement: 1 };
    const times = { readingDeadlineSeconds: 3_600, correctionSeconds: 3_600 };
    const bus = await node.bus('Delivery Row', { terms: { ...delivering, ...times }, operator: neighbour.address });
    await node.deliveries(bus, neighbour.address, { ...delivering, ...times }, now());
    const { page } = await pages().visit(node.urls(), [neighbour], `#/bus/${bus}`, wide);
    await region(page, 'Readings').waitFor();
    const left = async (name: string) => (await region(page, name).boundingBox())?.x ?? Number.NaN;
    for (const name of ['Sellers', 'Meters', 'Readings']) {
      expect(await left(name)).toBe(await left('Decisions'));
    }
    expect(await left('Treasury')).toBeLessThan(await left('Decisions'));
  });
});
