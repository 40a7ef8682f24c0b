/** Delivery windows. */

import { describe, expect, test } from 'vitest';

import { grouped } from '../src/amount/decimal';
import { getCapacitySize } from '../src/generated';
import { goto, openSuite } from './suite';

const suite = openSuite();

describe('delivery windows', () => {
  /** A bus of Ada's with windows, and how she lists 1 kWh in one of them, which its start names. */
  async function windowed(name: string, length: string) {
    const terms = { capacity: '20kWh', basePrice: '0.05tokens', more: ['--window', length] };
    const bus = await suite().market.bus(suite().ada, name, terms);
    const list = (start: number, price: string) =>
      suite().list(suite().ada, bus, '1kWh', price, '--window', String(start));
    return { bus, list };
  }

  test('trades are shown in the window of what was sold, also after its offer has closed', async () => {
    const { bus, list } = await windowed('Clock Tower', '1h');
    const first = await suite().market.windowIn(3_600, 1_800);
    const second = first + 3_600;
    const sold = await list(first, '0.111');
    await list(second, '0.222');
    for (const [window, energy] of [
      [first, '1kWh'],
      [second, '400Wh'],
    ] as const) {
      await suite().market.cli(suite().buyer, 'buy', bus, '--energy', energy, '--window', String(window));
    }
    await suite().market.cli(suite().ada, 'offer', 'cancel', sold);
    // A browser that has never seen the offer that closed.
    const { page } = await suite().come([], `#/market/${bus}`);
    const trades = page.getByRole('table', { name: 'Recent trades' });
    const cell = (price: string) => trades.getByText(price).first();
    await cell('0.111').waitFor();
    await cell('0.222').waitFor();
    const windows = page.getByRole('group', { name: 'Delivery window' }).getByRole('button');
    await windows.nth(1).click();
    await cell('0.111').waitFor({ state: 'detached' });
    await cell('0.222').waitFor();
    await page.getByRole('img', { name: /^Price of the last trade at 0\.222\stokens per kWh$/u }).waitFor();
    await windows.nth(0).click();
    await cell('0.222').waitFor({ state: 'detached' });
    await cell('0.111').waitFor();
  });

  test('that are over are closed, and who opened them gets the rent back', async () => {
    const { bus, list } = await windowed('Minute Hand', '60s');
    const start = await suite().market.windowIn(60, 240);
    for (const window of [start, start + 60]) await list(window, '0.2');
    await suite().market.passUntil(start + 240);
    const { page, wallet } = await suite().come([suite().ada], '#/mine');
    const own = page.getByRole('region', { name: 'Rent that you can get back' });
    const advanced = page.getByText('Advanced: lanes, records, rent');
    // Nothing opens by itself; the page says that there is something.
    await page.getByText('You can get rent back').waitFor();
    expect(await own.isVisible()).toBe(false);
    await advanced.click();
    await own.getByText('2 windows can be closed').waitFor();
    await own.getByText(`${grouped(await suite().rentOf(BigInt(getCapacitySize())))} lamports`).waitFor();
    // Anybody sees them on the bus's screen.
    await goto(page, `#/bus/${bus}`);
    await page
      .getByRole('region', { name: 'Past windows' })
      .getByText('1 offer is withdrawn with it')
      .first()
      .waitFor();
    await goto(page, '#/mine');
    await advanced.click();
    await own.getByRole('button', { name: 'Close past windows' }).click();
    await own.getByText('2 windows are closed; the rent went back').waitFor();
    expect(wallet.asked).toBe(1);
    await page.getByText('You can get rent back').waitFor({ state: 'detached' });
    await page.locator('.tile', { hasText: 'Minute Hand' }).first().waitFor({ state: 'detached' });
  });
});
