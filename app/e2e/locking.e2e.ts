/** Locks: holding energy, settling, letting go. */

import { beforeEach, describe, expect, test } from 'vitest';

import type { Keys } from './network';
import { exactly, goto, openSuite, priced, row } from './suite';

const suite = openSuite();
let bus = '';
const list = (seller: Keys, energy: string, price: string, ...more: readonly string[]) =>
  suite().list(seller, bus, energy, price, ...more);

beforeEach(async () => {
  bus = await suite().bus('Holders Row');
});

describe('locks', () => {
  test('hold energy: a second browser watches the countdown, and the holder settles', async () => {
    const offer = await list(suite().ben, '2kWh', '0.4');
    const watcher = await suite().come([], `#/market/${bus}`);
    const { page } = await suite().come([suite().buyer], `#/market/${bus}`);
    await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Hold 5 min' }).click();
    await dialog.getByLabel('How much').fill('1.5');
    await exactly(dialog, '600 000').waitFor();
    await dialog.getByText('less 1 % for the seller (0.006 tokens)').waitFor();
    await dialog.getByText('Rent of what you hold, comes back').waitFor();
    await priced(dialog);
    await dialog.getByRole('button', { name: 'Hold for five minutes' }).click();
    await dialog.getByText('Holding 1.5 kWh for five minutes').waitFor();

    const held = watcher.page
      .getByRole('list', { name: 'Energy held of this offer' })
      .filter({ hasText: '1.5 kWh held by' });
    const seconds = async () => {
      const [minutes = '0', rest = '0'] = (await held.getByRole('timer').innerText()).split(':');
      return Number(minutes) * 60 + Number(rest);
    };
    await held.waitFor();
    const first = await seconds();
    // Five minutes, as exactly as a busy machine knows the time of the chain.
    expect(first).toBeGreaterThan(120);
    expect(first).toBeLessThan(360);
    await expect.poll(seconds).toBeLessThan(first);
    await watcher.page.getByText('1.5 kWh reserved').first().waitFor();

    await goto(page, '#/mine');
    await page.getByRole('button', { name: 'Buy it' }).click();
    await page.getByText('You hold no energy').waitFor();
    await held.waitFor({ state: 'detached' });
    await page.getByRole('table', { name: 'Purchases' }).getByText('1.5 kWh').first().waitFor();
  });

  test('of one buyer on one offer can be several, each settled or released by itself', async () => {
    const offer = await list(suite().ben, '3kWh', '0.4');
    for (const energy of ['1kWh', '500Wh']) {
      await suite().market.cli(suite().buyer, 'lock', 'take', offer, '--energy', energy);
    }
    const { page } = await suite().come([suite().buyer], '#/mine');
    const tiles = page.locator('[data-lock]');
    await tiles.nth(1).waitFor();
    await tiles.filter({ hasText: '500 Wh' }).getByRole('button', { name: 'Give it back' }).click();
    await tiles.filter({ hasText: '500 Wh' }).waitFor({ state: 'detached' });
    await tiles.filter({ hasText: '1 kWh' }).getByRole('button', { name: 'Buy it' }).click();
    await page.getByText('You hold no energy').waitFor();
  });

  test('expire: the holder cannot settle any more and gets the deposit back', async () => {
    const offer = await list(suite().cem, '1kWh', '0.4');
    await suite().market.cli(suite().buyer, 'lock', 'take', offer, '--energy', '1kWh');
    const expiring = (await suite().market.now()) + 300;
    const { page } = await suite().come([suite().buyer], '#/mine');
    await page.getByRole('button', { name: 'Buy it' }).waitFor();
    await suite().market.passUntil(expiring + 2);
    await page.getByText('it can only be given back now').waitFor();
    await page.getByRole('button', { name: 'Buy it' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Give it back' }).click();
    await page.getByText('You hold no energy').waitFor();
  });
});
