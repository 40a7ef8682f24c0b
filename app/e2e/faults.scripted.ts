/**
 * Faults that people met with the app, one flow for each that no other file has. The node is scripted, so no network is
 * needed.
 */

import type { Address } from '@solana/kit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { traderAddress } from '../src/chain/address';
import { firstOf } from '../src/chain/counter';
import { purchaseLog } from '../src/testing/node';
import type { Keys } from './network';
import { newAddress, newKeys, ScriptedNode } from './scripted';
import { goto, openPages, row } from './suite';

const pages = openPages();
let node: ScriptedNode;
let bus: Address;
let neighbour: Keys;

beforeEach(async () => {
  node = await ScriptedNode.start();
  bus = await node.bus('Mill Lane', { createdAt: 1_700_000_000n });
  await node.offer(bus, { kWh: 5, price: 200_000n });
  await node.offer(bus, { kWh: 5, price: 300_000n });
  neighbour = await newKeys('neighbour');
  await node.fund(neighbour.address, 1_000_000_000, 50_000_000n);
});

afterEach(() => {
  node.stop();
});

const forget = () => {
  node.traffic = { answers: 0, notifications: 0, requests: new Map() };
};

describe('a tab in which nobody does anything', () => {
  test('reads no list again, and finds what no notification told of', async () => {
    for (let index = 0; index < 300; index += 1) await node.offer(bus, { kWh: 1, price: 400_000n + BigInt(index) });
    const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`);
    await page.getByRole('region', { name: 'Recent trades' }).getByText('Nothing was bought here lately').waitFor();
    forget();
    const late = await node.offer(bus, { kWh: 1, price: 150_000n });
    await row(page, late).waitFor({ timeout: 120_000 });
    expect(node.traffic.requests.has('getProgramAccounts')).toBe(false);
    // Three hundred offers alone are two hundred thousand bytes.
    expect(node.traffic.answers + node.traffic.notifications).toBeLessThan(60_000);
  });

  test('that lost its connection reads what it missed, and nothing else', async () => {
    const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`);
    await page.getByRole('region', { name: 'Recent trades' }).getByText('Nothing was traded here yet').waitFor();
    forget();
    // Nobody tells of the offer, and the connection is gone before anybody could have asked.
    const late = await node.offer(bus, { kWh: 1, price: 150_000n });
    node.hangUp();
    await row(page, late).waitFor();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    expect(node.traffic.requests.has('getProgramAccounts')).toBe(false);
  });
});

describe('a stranger’s bus', () => {
  test('with another token and many offers changes no price and is not the front page, and one called alike is marked', async () => {
    const stranger = await node.bus('MiIl Lane', { mint: await newAddress(), createdAt: 1_800_000_000n });
    for (let index = 0; index < 30; index += 1) await node.offer(stranger, { kWh: 50, price: 100_001n });
    const { page } = await pages().visit(node.urls(), [], '#/market');
    await page.locator('.bus-card').getByText('Mill Lane').waitFor();
    await page.locator('.bus-card').getByText('tokens/kWh').waitFor();
    const buses = page.getByRole('navigation', { name: 'Buses' });
    await buses.getByText(`${bus.slice(0, 4)}…`).waitFor();
    await buses.getByText(`${stranger.slice(0, 4)}…`).waitFor();
  });
});

describe('purchases', () => {
  test('of a lane that was closed are still there', async () => {
    const lane = await traderAddress(neighbour.address, 0);
    const nonce = firstOf(500n);
    for (let index = 0; index < 20; index += 1) {
      const hash = index.toString(16).padStart(64, 'b');
      node.land([neighbour.address, lane], purchaseLog(neighbour.address, { hash, nonce: nonce + BigInt(index) }));
    }
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const purchases = page.getByRole('region', { name: 'Purchases' });
    await purchases.getByRole('row').nth(20).waitFor();
  });

  test('are verified by the receipt on chain: one lane and one transaction are read', async () => {
    await node.lane(neighbour.address, 12_345);
    const hash = '01'.repeat(32);
    const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`);
    // The last trades are read by then.
    await page.getByRole('region', { name: 'Recent trades' }).getByText('Nothing was traded here yet').waitFor();
    forget();
    await goto(page, `#/verify/${hash}`);
    await page.getByText('Processed exactly once').waitFor();
    await page.getByText('lane on chain keeps the receipt').waitFor();
    expect(node.traffic.requests.get('getTransaction') ?? 0).toBeLessThan(2);
    await goto(page, `#/verify/${'0f'.repeat(31)}aa`);
    await page.getByText('No receipt on chain has this hash').waitFor();
    await page.getByRole('button', { name: 'Look through all transactions' }).click();
    await page.getByText('No purchase with this hash has happened').waitFor();
  });
});

describe('a lock', () => {
  test('that has expired is released, and offers no settlement', async () => {
    const offer = await node.offer(bus, { kWh: 5, price: 200_000n, fields: { openLocks: 1, reservedWh: 1_000n } });
    const expiresAt = BigInt(Math.floor(Date.now() / 1_000) - 20);
    await node.lock(bus, offer, neighbour.address, { expiresAt });
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const lock = page.locator('[data-lock]').first();
    await lock.getByText('expired').first().waitFor();
    await expect.poll(() => lock.getByRole('button', { name: 'Buy it' }).count()).toBe(0);
    await expect.poll(() => lock.getByRole('button', { name: 'Give it back' }).isEnabled()).toBe(true);
  });
});

describe('a screen', () => {
  test('begins at its top, wherever the one before was', async () => {
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    await page.getByRole('region', { name: 'Purchases' }).waitFor();
    await page.setViewportSize({ width: 390, height: 500 });
    await expect
      .poll(() =>
        page.evaluate(() => {
          window.scrollTo(0, 2_000);
          return window.scrollY;
        }),
      )
      .toBeGreaterThan(100);
    await goto(page, `#/bus/${bus}`);
    await page.getByRole('region', { name: 'Owners' }).waitFor();
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(0);
  });

  test('says what it read of a price', async () => {
    const { page } = await pages().visitUnconnected(node.urls(), [], `#/market/${bus}`, { locale: 'de-DE' });
    await page.getByText('Grenzen', { exact: true }).click();
    await page.getByLabel('Höchster Preis je kWh').fill('0,25');
    await page.getByText(/Das sind 0,25/u).waitFor();
    await page.getByLabel('Höchster Preis je kWh').fill('0.25');
    await page.getByText('Nachkommastellen mit Komma').waitFor();
  });
});

describe('a seller with thousands of offers', () => {
  test('sees the first of them at once, and more at each press', async () => {
    await node.seller(bus, neighbour.address, { openOffers: 2_000 });
    for (let index = 0; index < 2_000; index += 1) {
      await node.offer(bus, { kWh: 1, price: 300_000n, seller: neighbour.address });
    }
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const own = page.getByRole('list', { name: 'Own offers' }).locator('[data-offer]');
    await expect.poll(() => own.count()).toBe(24);
    await page.getByRole('button', { name: 'Show more (1976 left)' }).click();
    await expect.poll(() => own.count()).toBe(48);
  });
});
