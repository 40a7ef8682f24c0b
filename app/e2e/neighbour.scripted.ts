/**
 * The app as a neighbour has it: time first, names, favourites, what waits, phones. The node is scripted, so no network is
 * needed.
 */

import { readFile } from 'node:fs/promises';

import type { Address } from '@solana/kit';
import type { Locator, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { settled } from './browser';
import type { Keys } from './network';
import { newAddress, newKeys, ScriptedNode } from './scripted';
import { exactly, goto, openPages, row } from './suite';

const pages = openPages();
let node: ScriptedNode;
let mill: Address;
let neighbour: Keys;

beforeEach(async () => {
  node = await ScriptedNode.start();
  mill = await node.bus('Mill Lane');
  await node.offer(mill, { kWh: 5, price: 200_000n });
  await node.offer(mill, { kWh: 5, price: 300_000n });
  neighbour = await newKeys('neighbour');
  await node.fund(neighbour.address, 1_000_000_000, 1_500_000n);
});

afterEach(() => {
  node.stop();
});

const seconds = () => Math.floor(Date.now() / 1_000);
const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

/** Terms with windows of a quarter of an hour. */
const terms = {
  ...{ from: 0n, windowSeconds: 900, gateClosureSeconds: 60, gridFeePerKwh: 0n, settlement: 0 },
  ...{ readingDeadlineSeconds: 0, correctionSeconds: 0, auction: 0, reserved: new Uint8Array(6) },
};

/** The first seconds of quarters of an hour, counted from the one in which this is called. */
const quarters = () => {
  const present = Math.floor(seconds() / 900);
  return (index: number) => (present + index) * 900;
};

/** A time as the app writes it: with its date. */
const dated = (start: number) => {
  const date = new Date(start * 1_000);
  return new Intl.DateTimeFormat('en-US', { weekday: 'short', day: 'numeric', month: 'short' }).format(date);
};

describe('time first', () => {
  test('now, the next hour, a time that is picked: each quote is of its windows, with the date', async () => {
    const tower = await node.bus('Clock Tower', { terms });
    const quarter = quarters();
    // Cheaper, the later.
    const places = [2, 3, 40];
    for (const index of places) {
      await node.offer(tower, { kWh: 2, price: 400_000n - BigInt(index) * 1_000n, windowStart: quarter(index) });
    }
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${tower}`);
    const when = region(page, 'When do you need it?');
    await page.getByLabel('Buy at the best price').fill('1');
    await exactly(page, '360 000').waitFor();
    await when.getByText('Whenever it is cheapest.').waitFor();
    await when.getByRole('button', { name: 'Now', exact: true }).click();
    await exactly(page, '398 000').waitFor();
    await when
      .getByText(`${dated(quarter(2))}, `)
      .first()
      .waitFor();
    await when.getByText('2 kWh free, from 0.398 tokens per kWh').waitFor();
    // What is bought says when it is delivered, with its date.
    await page.locator('.total').getByText('Delivery', { exact: true }).waitFor();
    await page
      .locator('.total')
      .getByText(dated(quarter(2)))
      .waitFor();
    await when.getByRole('button', { name: 'Next hour' }).click();
    await exactly(page, '397 000').waitFor();
    await when.getByRole('button', { name: 'Pick a time' }).click();
    await when.getByText('Pick one of the times below.').waitFor();
    const windows = when.getByRole('group', { name: 'Delivery window' }).getByRole('button');
    // The last one is far from what is in sight, until it is meant.
    const isInSight = (button: Locator) =>
      button.evaluate((one) => {
        const [own, strip] = [one, one.closest('.windows')].map((box) => box?.getBoundingClientRect());
        return own !== undefined && strip !== undefined && own.left >= strip.left && own.right <= strip.right;
      });
    expect(await isInSight(windows.last())).toBe(false);
    await windows.last().click();
    await exactly(page, '360 000').waitFor();
    await expect.poll(() => isInSight(windows.last())).toBe(true);
    await page
      .locator('.total')
      .getByText(dated(quarter(40)))
      .waitFor();
    // Between them there are windows in which nothing is on offer.
    await windows.nth(2).click();
    await when.getByText('nothing is on offer').waitFor();
    await page.getByText('Nothing is on offer within your limits now.').waitFor();
  });

  test('charts have units and dates, and are read out by the keyboard', async () => {
    const { page } = await pages().visit(node.urls(), [], `#/market/${mill}`);
    const depth = region(page, 'Depth');
    await depth.getByText('tokens/kWh').waitFor();
    await depth.getByText('10 kWh is on offer at up to 0.30 tokens per kWh.').waitFor();
    await depth.getByLabel('Offer to read out').focus();
    await page.keyboard.press('ArrowLeft');
    await depth.getByText('5 kWh is on offer at up to 0.20 tokens per kWh.').waitFor();
  });

  test('a value in the user’s currency stands beside what is paid, where a rate is given', async () => {
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${mill}`);
    await page.getByLabel('Buy at the best price').fill('5');
    await exactly(page, '1 000 000').waitFor();
    expect(await page.getByText('≈').count()).toBe(0);
    await goto(page, '#/mine');
    const wallet = region(page, 'Wallet');
    await wallet.getByText('Show what it is worth in my currency').click();
    await wallet.getByLabel('1 tokens is worth').fill('0.92');
    await wallet.getByText('≈ €1.38').waitFor();
    await page.reload();
    await wallet.getByText('≈ €1.38').waitFor();
    await goto(page, `#/market/${mill}`);
    await page.getByLabel('Buy at the best price').fill('5');
    await page.locator('.grand').getByText('≈ €0.92').waitFor();
  });
});

describe('names and places', () => {
  test('the market begins where the user says, and favourites come first', async () => {
    // Older than Mill Lane, so it comes first until the user says otherwise.
    const busy = await node.bus('Busy Square', { createdAt: 1_600_000_000n });
    for (let count = 0; count < 3; count += 1) await node.offer(busy, { kWh: 1, price: 150_000n });
    const quiet = await node.bus('Quiet Yard');
    const { page } = await pages().visit(node.urls(), [], '#/market');
    const card = page.locator('.bus-card');
    const links = page.locator('.bus-link strong');
    await card.getByRole('heading', { name: 'Busy Square' }).waitFor();
    await goto(page, `#/market/${mill}`);
    await card.getByRole('button', { name: 'Favourite' }).click();
    await expect.poll(() => links.first().innerText()).toBe('Mill Lane');
    await goto(page, `#/market/${quiet}`);
    await card.getByRole('button', { name: 'Begin here' }).click();
    await page.goto(page.url().replace(/#.*/u, '#/market'));
    await page.reload();
    await card.getByRole('heading', { name: 'Quiet Yard' }).waitFor();
    await expect.poll(() => links.allInnerTexts()).toEqual(['Quiet Yard', 'Mill Lane', 'Busy Square']);
  });

  test('names go out to a file and come back in another browser, and an address is named by hand', async () => {
    const seller = await newAddress();
    const offer = await node.offer(mill, { kWh: 1, price: 190_000n, seller });
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const names = region(page, 'Names');
    await names.getByText('Name an address').click();
    await names.getByLabel('Address').fill('nonsense');
    await names.getByText('This is not an address').waitFor();
    // One’s own is called “You” everywhere, so that a name for it would be nowhere.
    await names.getByLabel('Address').fill(neighbour.address);
    await names.getByLabel('Your name for it').fill('Me');
    await names.getByText('This is your own address').waitFor();
    await expect.poll(() => names.getByRole('button', { name: 'Keep the name' }).isDisabled()).toBe(true);
    await names.getByLabel('Address').fill(seller);
    await names.getByLabel('Your name for it').fill('Anna, no. 4');
    await names.getByRole('button', { name: 'Keep the name' }).click();
    await names.getByRole('listitem').getByText('Anna, no. 4').waitFor();
    await names.getByText('The name Anna, no. 4 is kept.').waitFor();
    await expect
      .poll(() => names.getByRole('textbox', { name: 'Address' }).evaluate((field) => field === document.activeElement))
      .toBe(true);
    const download = page.waitForEvent('download');
    await names.getByRole('button', { name: 'Export names' }).click();
    const file = await (await download).path();
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ [seller]: 'Anna, no. 4' });
    const other = await pages().visit(node.urls(), [neighbour], '#/mine');
    await region(other.page, 'Names').locator('input[type=file]').setInputFiles(file);
    await region(other.page, 'Names').getByText('1 name imported.').waitFor();
    await goto(other.page, `#/market/${mill}`);
    await row(other.page, offer).getByText('Anna, no. 4').waitFor();
  });

  test('who comes for the first time is told what this is, and chooses a neighbourhood', async () => {
    const yard = await node.bus('Quiet Yard');
    const { page } = await pages().visitUnconnected(node.urls(), [neighbour], '#/market');
    const welcome = region(page, 'Energy from your neighbours');
    await expect.poll(() => welcome.getByRole('listitem').count()).toBe(3);
    await welcome.getByLabel('Neighbourhood').selectOption(yard);
    await page.locator('.bus-card').getByRole('heading', { name: 'Quiet Yard' }).waitFor();
    await welcome.getByRole('button', { name: 'Choose a wallet' }).click();
    await page.getByRole('dialog', { name: 'Connect a wallet' }).waitFor();
    await page.keyboard.press('Escape');
    await welcome.getByRole('button', { name: 'See what is on offer' }).click();
    await welcome.waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate(() => document.activeElement?.closest('#buy') !== null)).toBe(true);
    await page.goto(page.url().replace(/#.*/u, '#/market'));
    await page.reload();
    await page.locator('.bus-card').getByRole('heading', { name: 'Quiet Yard' }).waitFor();
    await expect.poll(() => welcome.count()).toBe(0);
  });
});

describe('what waits', () => {
  test('is counted on every screen: a decision, a lock that ends, an offer that ended, money', async () => {
    const { address } = neighbour;
    const shared = await node.bus('Shared Roof', {}, [await newAddress(), address]);
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${mill}`);
    const badge = page.locator('.nav .count');
    await page.getByRole('button', { name: /Live/u }).waitFor();
    expect(await badge.count()).toBe(0);
    await node.proposal(shared, await newAddress(), 1);
    const offer = await node.offer(mill, { kWh: 5, price: 200_000n, fields: { openLocks: 1 } });
    await node.lock(mill, offer, address, { expiresAt: BigInt(seconds() + 110) });
    const fields = { expiresAt: BigInt(seconds() - 5) };
    await node.offer(mill, { kWh: 1, price: 200_000n, seller: address, fields });
    await node.seller(mill, address, { released: 250_000n });
    await page.reload();
    await expect.poll(() => badge.getAttribute('data-count')).toBe('4');
    await goto(page, '#/mine');
    const waiting = region(page, 'Waiting for you');
    await waiting.getByText('Shared Roof: “Change the base price” waits for your approval.').waitFor();
    await waiting.getByText('1 kWh that you hold on Mill Lane is free again soon').waitFor();
    await waiting.getByText('1 offer of yours on Mill Lane has ended.').waitFor();
    await waiting.getByText('0.25 tokens that you earned on Mill Lane are yours to withdraw.').waitFor();
    wallet.answer = 'reject';
    await waiting.getByRole('button', { name: 'Withdraw it all' }).click();
    await waiting.getByText('You declined in your wallet').waitFor();
    await waiting.getByRole('button', { name: 'Close it' }).click();
    await expect.poll(() => wallet.asked).toBe(2);
    await waiting.getByRole('link', { name: 'Look at it and decide' }).click();
    await page.getByText('1 of 2 needed').waitFor();
  });

  test('is told by the browser where the user allows it, once', async () => {
    const shown: string[] = [];
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine', {
      permissions: ['notifications'],
      notifies: true,
      prepare: async (context) => {
        await context.exposeFunction('noticeShown', (body: string) => shown.push(body));
        // What the browser would show on the user's screen, which a test cannot see.
        await context.addInitScript(() => {
          const Real = window.Notification;
          window.Notification = new Proxy(Real, {
            construct(target, [title, options]: [string, NotificationOptions]) {
              void (window as never as { noticeShown: (body: string) => Promise<void> }).noticeShown(
                options.body ?? '',
              );
              return new target(title, options);
            },
          });
        });
      },
    });
    const waiting = region(page, 'Waiting for you');
    await waiting.getByText('Nothing waits for you.').waitFor();
    await waiting.getByRole('button', { name: 'Tell me when something waits' }).click();
    await waiting.getByRole('button', { name: 'Tell me no more' }).waitFor();
    await node.seller(mill, neighbour.address, { released: 250_000n });
    await page.reload();
    await expect.poll(() => shown).toEqual(['0.25\u00a0tokens that you earned on Mill Lane are yours to withdraw.']);
    await page.reload();
    await waiting.getByText('0.25 tokens').waitFor();
    await page.waitForTimeout(1_000);
    expect(shown).toHaveLength(1);
  });
});

test('a browser that refuses notifications says so, and has no button that does nothing', async () => {
  const { page } = await pages().visit(node.urls(), [neighbour], '#/mine', {
    prepare: (context) =>
      context.addInitScript(() => {
        // It asks once, and the user refuses for good.
        let permission: NotificationPermission = 'default';
        Object.defineProperty(Notification, 'permission', { get: () => permission });
        Notification.requestPermission = () => {
          permission = 'denied';
          return Promise.resolve(permission);
        };
      }),
  });
  const waiting = region(page, 'Waiting for you');
  const button = waiting.getByRole('button', { name: 'Tell me when something waits' });
  await button.click();
  const hint = waiting.getByText('Your browser does not allow notifications of this page');
  await hint.waitFor();
  await expect.poll(() => button.count()).toBe(0);
  expect(await hint.evaluate((one) => one === document.activeElement)).toBe(true);
});

describe('selling', () => {
  test('without a wallet says nothing of what is on offer, which nobody knows', async () => {
    const { page } = await pages().visitUnconnected(node.urls(), [neighbour], `#/sell/${mill}`);
    await page.getByText('Connect a wallet to see where you may sell.').waitFor();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    expect(await page.getByText('nothing on offer').count()).toBe(0);
  });

  test('shows the market beside the price, the fee and the rent', async () => {
    const { page } = await pages().visit(node.urls(), [neighbour], `#/sell/${mill}`);
    const market = region(page, 'The market at this time');
    await market.getByText('Others sell 10 kWh for this time, at 0.20 to 0.30 tokens per kWh.').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('1');
    await page.getByLabel('Price per kWh').fill('0.25');
    await market.getByText('5 kWh of it would be sold before yours.').waitFor();
    await page.getByText('Network fee').waitFor();
    await page.getByText('0.000005 SOL').waitFor();
    await page.getByText(/Takes [\d.]+\sSOL as rent/u).waitFor();
    await page.getByLabel('Price per kWh').fill('0.19');
    await market.getByText('Yours would be the cheapest.').waitFor();
  });
});

describe('a phone', () => {
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

  test('has the amount in sight, with the balance and “max”, and the button stays in sight', async () => {
    const tower = await node.bus('Clock Tower', { terms });
    const quarter = quarters();
    await node.offer(tower, { kWh: 5, price: 200_000n, windowStart: quarter(3) });
    await node.offer(tower, { kWh: 5, price: 300_000n, windowStart: quarter(4) });
    for (const bus of [mill, tower]) {
      const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, phone);
      const amount = page.getByLabel('Buy at the best price');
      await amount.waitFor();
      await page.getByText('You have 1.50 tokens.').waitFor();
      await settled(page);
      const nav = await page.locator('.nav').boundingBox();
      const bottom = async (of: Locator) => {
        const box = await of.boundingBox();
        return (box?.y ?? Number.NaN) + (box?.height ?? Number.NaN);
      };
      expect(await bottom(amount)).toBeLessThan(nav?.y ?? 0);
      expect(await page.evaluate(() => scrollY)).toBe(0);
      // All that the balance pays for: 5 kWh at 0.20, and 1.666 kWh at 0.30.
      await page.getByRole('button', { name: 'Max', exact: true }).click();
      await expect.poll(() => amount.inputValue()).toBe('6.666');
      await page.getByRole('table', { name: 'Chosen offers' }).waitFor();
      const buy = page.getByRole('button', { name: 'Buy 6.666 kWh' });
      await buy.waitFor();
      await settled(page);
      expect(await bottom(buy)).toBeLessThanOrEqual(nav?.y ?? 0);
      await expect.poll(() => page.locator('.buy-bar-total').innerText()).toContain('1.49');
    }
  });

  test('has room for the welcome at 320 pixels', async () => {
    for (const locale of ['en-US', 'de-DE']) {
      const { page } = await pages().visitUnconnected(node.urls(), [], `#/market/${mill}`, {
        ...phone,
        locale,
        viewport: { width: 320, height: 640 },
      });
      await page.locator('.welcome').waitFor();
      await settled(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
      const right = await page.evaluate(() =>
        Math.max(...[...document.querySelectorAll('.welcome *')].map((one) => one.getBoundingClientRect().right)),
      );
      expect(right).toBeLessThanOrEqual(320);
      await goto(page, '#/verify');
      await page.locator('main form').waitFor();
      await settled(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
      // The names of the screens have one line each, so that the button above them is not covered.
      const heights = await page
        .locator('.nav a > span:not(.count)')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height));
      expect(Math.max(...heights)).toBeLessThan(22);
    }
  });

  test('can be installed, and without a network shows what was there last, and says so', async () => {
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${mill}`, {
      ...phone,
      serviceWorkers: 'allow',
    });
    const manifest = await page.evaluate(async () => {
      const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]');
      return (await (await fetch(link?.href ?? '')).json()) as { display: string; icons: { src: string }[] };
    });
    expect(manifest.display).toBe('standalone');
    for (const { src } of manifest.icons) {
      expect(await page.evaluate(async (icon) => (await fetch(icon)).ok, src)).toBe(true);
    }
    await page.getByText('You have 1.50 tokens.').waitFor();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      // What is shown is kept once the page goes.
      const asked = <T>(request: IDBRequest<T>) =>
        new Promise<T>((resolve, reject) => {
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error ?? new Error('the browser keeps nothing'));
        });
      const leftAt = Date.now();
      dispatchEvent(new Event('pagehide'));
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const database = await asked(indexedDB.open('multibus', 1));
        const kept = await asked(database.transaction('last').objectStore('last').getAll());
        database.close();
        if ((kept as { at: number }[]).some(({ at }) => at >= leftAt)) return;
      }
    });
    // The site goes away, and the node.
    await page.context().setOffline(true);
    node.goAway();
    await page.reload();
    await page.getByText(/is lost; what you see is from \d{1,2}:\d{2}:\d{2}/u).waitFor();
    await row(page, (await page.locator('[data-offer]').first().getAttribute('data-offer')) ?? '').waitFor();
    await expect.poll(() => page.locator('[data-offer]').count()).toBe(2);
    // Screens that were not open before are there as well.
    await goto(page, '#/mine');
    await region(page, 'Waiting for you').waitFor();
    const wallet = region(page, 'Wallet');
    await wallet.getByText('1 SOL').waitFor();
    await wallet.getByText('1.50 tokens').waitFor();
  });

  test('without a wallet leads into Phantom’s browser, and on Android lists the phone’s wallet apps', async () => {
    const userAgent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148';
    // The test wallet is for another chain: no phone has it.
    const ios = await pages().visitUnconnected(node.urls(), [neighbour], `#/market/${mill}`, {
      ...phone,
      userAgent,
      wallet: { chains: ['other:chain'] },
    });
    await ios.page.getByRole('button', { name: 'Connect', exact: true }).click();
    const link = ios.page.getByRole('link', { name: 'Open in Phantom' });
    const here = ios.page.url();
    expect(await link.getAttribute('href')).toBe(
      `https://phantom.app/ul/browse/${encodeURIComponent(here)}?ref=${encodeURIComponent(new URL(here).origin)}`,
    );
    const android = await pages().visitUnconnected(node.urls(), [neighbour], `#/market/${mill}`, {
      ...phone,
      userAgent: 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537.36',
      wallet: { chains: ['other:chain'] },
    });
    await android.page.getByRole('button', { name: 'Connect', exact: true }).click();
    await android.page.getByRole('dialog').getByRole('button', { name: 'Mobile Wallet Adapter' }).waitFor();
  });
});
