/**
 * When energy is delivered, wherever it is named: in the basket, in what is held, in purchases and in receipts. And the table
 * of trades on a small phone. The node is scripted, so no network is needed.
 */

import type { Address } from '@solana/kit';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { traderAddress } from '../src/chain/address';
import { firstOf } from '../src/chain/counter';
import { purchaseLog } from '../src/testing/node';
import { settled } from './browser';
import type { Keys } from './network';
import { newKeys, ScriptedNode } from './scripted';
import { goto, openPages, row } from './suite';

const pages = openPages();
let node: ScriptedNode;
let bus: Address;
let neighbour: Keys;

/** Terms with windows of a quarter of an hour. */
const terms = {
  ...{ from: 0n, windowSeconds: 900, gateClosureSeconds: 60, gridFeePerKwh: 0n, settlement: 0, auction: 0 },
  ...{ readingDeadlineSeconds: 0, correctionSeconds: 0, reserved: new Uint8Array(6) },
};
/** A quarter of an hour of the day after tomorrow: its date is not today's, whenever midnight is. */
const start = (Math.floor(Date.now() / 900_000) + 192) * 900;
const [day, clock] = (() => {
  const date = new Date(start * 1_000);
  return [
    new Intl.DateTimeFormat('en-US', { weekday: 'short', day: 'numeric', month: 'short' }).format(date),
    // The hour stays with its `PM`.
    new Intl.DateTimeFormat('en-US', { hour: '2-digit', minute: '2-digit' }).format(date).replaceAll(' ', '\u00a0'),
  ];
})();
const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

beforeEach(async () => {
  node = await ScriptedNode.start();
  bus = await node.bus('Clock Tower', { terms });
  neighbour = await newKeys('neighbour');
  await node.fund(neighbour.address, 1_000_000_000, 50_000_000n);
});

afterEach(() => {
  node.stop();
});

describe('the time of delivery, with its date,', () => {
  test('stands in the basket, beside each offer and in the total', async () => {
    const offer = await node.offer(bus, { kWh: 5, price: 200_000n, windowStart: start });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Basket' }).click();
    await dialog.getByLabel('How much').fill('1');
    await dialog.getByRole('button', { name: 'Add to the basket' }).click();
    await page.getByRole('button', { name: /^Basket/u }).click();
    const line = page.getByRole('list', { name: 'Basket' }).getByRole('listitem');
    await expect.poll(() => line.innerText()).toContain(`${day}, ${clock}`);
    await expect.poll(() => page.locator('#buy .total').innerText()).toContain(`${day}, ${clock}`);
  });

  test('stands at energy that is held', async () => {
    const offer = await node.offer(bus, {
      ...{ kWh: 5, price: 200_000n, windowStart: start },
      fields: { openLocks: 1, reservedWh: 1_000n },
    });
    await node.lock(bus, offer, neighbour.address);
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const lock = page.locator('[data-lock]').first();
    await lock.getByRole('button', { name: 'Buy it' }).waitFor();
    await expect.poll(() => lock.innerText()).toContain(`${day}, ${clock}`);
  });

  test('stands in purchases, in receipts, and among the trades of the bus', async () => {
    const offer = await node.offer(bus, { kWh: 5, price: 200_000n, windowStart: start });
    const hash = 'e'.repeat(64);
    const fill = { offer, energyWh: 1_500n, pricePerKwh: 200_000n, cost: 300_000n };
    const lane = await traderAddress(neighbour.address, 0);
    const log = purchaseLog(neighbour.address, { hash, nonce: firstOf(500n) }, fill);
    node.land([neighbour.address, lane, offer], log);
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const purchases = region(page, 'Purchases');
    await purchases.getByRole('link', { name: 'Receipt' }).waitFor();
    await expect.poll(() => purchases.innerText()).toContain(`${day}, ${clock}`);
    await purchases.getByRole('link', { name: 'Receipt' }).click();
    await page.getByText('Processed exactly once').waitFor();
    await expect.poll(() => page.locator('.receipt').innerText()).toContain(`${day}, ${clock}`);
    await goto(page, `#/market/${bus}`);
    const trades = region(page, 'Recent trades');
    await trades.getByRole('row').nth(1).waitFor();
    await expect.poll(() => trades.innerText()).toContain(`${day}, ${clock}`);
  });
});

describe('the table of trades', () => {
  test('fits a page of 320 pixels, in both languages, with the largest trades', async () => {
    const fill = { energyWh: 987_654_321n, pricePerKwh: 98_765_432_101n };
    const cost = (fill.energyWh * fill.pricePerKwh + 999n) / 1_000n;
    for (let index = 0; index < 6; index += 1) {
      const offer = await node.offer(bus, { kWh: 1, price: fill.pricePerKwh, windowStart: start + index * 900 });
      const log = purchaseLog(
        neighbour.address,
        { hash: index.toString(16).padStart(64, 'f'), nonce: firstOf(500n) + BigInt(index) },
        { ...fill, offer, cost },
      );
      node.land([neighbour.address, offer], log);
    }
    for (const locale of ['en-US', 'de-DE']) {
      const { page } = await pages().visitUnconnected(node.urls(), [], `#/market/${bus}`, {
        locale,
        ...{ viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true },
      });
      const table = page.getByRole('table', { name: locale === 'de-DE' ? 'Letzte Käufe' : 'Recent trades' });
      await table.getByRole('row').nth(6).waitFor();
      await settled(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
      const box = await table.boundingBox();
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(320);
      const cells = await table
        .locator('td, th')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).filter(({ width }) => width > 0));
      expect(Math.max(...cells.map(({ right }) => right))).toBeLessThanOrEqual(320);
      for (const cell of await table.locator('tbody td').all()) {
        expect(await cell.evaluate((one) => one.scrollWidth - one.clientWidth)).toBeLessThanOrEqual(0);
      }
    }
  });
});
