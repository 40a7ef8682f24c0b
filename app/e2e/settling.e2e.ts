/** Paid for what is delivered: from the meter to the last base unit, as a seller, a buyer and an operator see it. */

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';

import type { Keys } from './network';
import { againFrom, goto, openSuite, priced } from './suite';

const suite = openSuite();
/** The bus that the first flow creates, and the start of the window that is traded. */
let bus = '';
let windowStart = 0;
let [operator, seller]: (Keys | undefined)[] = [];

const people = (): { readonly operator: Keys; readonly seller: Keys } => {
  if (operator === undefined || seller === undefined) throw new Error('nobody has come yet');
  return { operator, seller };
};
const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

/** A device's key file, as it comes with a meter. */
async function keyFile(): Promise<string> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const seed = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)).slice(-32);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const file = join(await mkdtemp(join(tmpdir(), 'multibus-device-')), 'device.json');
  await writeFile(file, JSON.stringify([...seed, ...publicKey]));
  return file;
}

async function come(): Promise<void> {
  operator = await suite().market.wallet('settling operator', 0);
  seller = await suite().market.wallet('settling seller', 0);
}

/** Does on the command line what the flows before a place do. */
async function begin(place: number): Promise<void> {
  if (place === 0) return;
  const { ada, buyer, market } = suite();
  await come();
  bus = await market.bus(ada, 'Delivery Again', {
    capacity: '100kWh',
    basePrice: '0.10tokens',
    more: [
      ...['--listing', 'open', '--operator', people().operator.address, '--window', '15m', '--gate-closure', '0'],
      ...['--settlement', 'on-delivery', '--grid-fee', '0.02tokens'],
      ...['--reading-deadline', '1h', '--correction-time', '1h'],
    ],
  });
  if (place === 1) return;
  const { address } = people().seller;
  await market.cli(people().operator, 'seller', 'admit', bus, address);
  const power = ['--device', await keyFile(), '--power', '8kW', '--source', 'solar'];
  await market.cli(people().operator, 'meter', 'register', bus, address, ...power);
  if (place === 2) return;
  windowStart = await market.windowIn(900, 1_200);
  const window = ['--window', String(windowStart)];
  await suite().list(people().seller, bus, '2kWh', '0.2', ...window);
  await market.cli(buyer, 'buy', bus, '--energy', '1.5kWh', ...window);
  if (place === 3) return;
  await market.passUntil(windowStart + 901);
  await market.cli(people().operator, 'delivery', 'report', bus, address, '--energy', '750Wh', ...window);
  await market.passUntil((await market.now()) + 3_601);
}

describe('a bus that pays for what is delivered', () => {
  againFrom(begin);

  test('is created with an operator, times for readings and a grid fee', async () => {
    await come();
    const name = suite().market.fresh('Delivery Row');
    const { page } = await suite().come([suite().ada], '#/bus/new');
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Capacity', { exact: true }).fill('100');
    await page.getByLabel('Token to pay with (its address)').fill(suite().market.network.mint);
    await page.getByLabel('Base price per kWh').fill('0.10');
    await page.getByLabel('Who may sell').selectOption('open');
    await page.getByRole('button', { name: 'for what is delivered' }).click();
    await page.getByText('needs delivery windows; choose their length').waitFor();
    await page.getByLabel('Delivery windows').selectOption('900');
    await page.getByText('needs an operator, who registers meters').waitFor();
    await page.getByLabel('Operator’s wallet').fill(people().operator.address);
    await page.getByLabel('Time for the first reading').selectOption('3600');
    await page.getByLabel('Time for corrections').selectOption('3600');
    await page.getByLabel('Grid fee per kWh').fill('0.02');
    await page.getByRole('button', { name: 'Create the bus' }).click();
    await page.getByText(`${name} is there.`).waitFor();
    await page.getByRole('link', { name: 'Open it' }).click();
    await page.getByText('for what is delivered, grid fee 0.02 tokens/kWh').waitFor();
    bus = page.url().split('/').at(-1) ?? '';
  });

  test('lets nobody list without a meter, which the operator registers with the device’s own signature', async () => {
    const selling = await suite().come([people().seller], `#/sell/${bus}`);
    await selling.page.getByText('you have no meter here yet').waitFor();
    const { page, wallet } = await suite().come([people().operator], `#/bus/${bus}`);
    const sellers = region(page, 'Sellers');
    await sellers.getByLabel('Wallet to admit').fill(people().seller.address);
    await sellers.getByRole('button', { name: 'Admit', exact: true }).click();
    await sellers.getByText('The seller is admitted.').waitFor();
    const meters = region(page, 'Meters');
    await meters.getByText('no meter').waitFor();
    await meters.getByRole('button', { name: 'Register' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Power').fill('8');
    const register = dialog.getByRole('button', { name: 'Register a meter' });
    expect(await register.isDisabled()).toBe(true);
    await dialog.getByLabel('Key file of the device').setInputFiles(await keyFile());
    const asked = wallet.asked;
    await register.click();
    await dialog.getByText('The device is the seller’s meter now.').waitFor();
    expect(wallet.asked).toBe(asked + 1);
    await dialog.getByRole('button', { name: 'Close', exact: true }).click();
    await meters.getByText('up to 8 kW').waitFor();
  });

  test('holds what a buyer pays, says so before it is signed, and shows the grid fee in the price', async () => {
    const { page } = await suite().come([people().seller], `#/sell/${bus}`);
    const windows = page.getByLabel('Delivery window');
    // Not the next one, whose gate may close while this is typed.
    windowStart = await suite().market.windowIn(900, 1_200);
    await windows.selectOption(String(windowStart));
    await page.getByLabel('Energy', { exact: true }).fill('2.5');
    await page.getByText('A device of 8 kW can deliver 2 kWh more in this window').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('2');
    await page.getByLabel('Price per kWh').fill('0.2');
    await page.getByText('Buyers pay 0.22 tokens per kWh: your price, and 0.02 tokens for the grid.').waitFor();
    await page.getByText('for your delivery record of these windows, returned later').waitFor();
    await priced(page);
    await page.getByRole('button', { name: 'Put on offer' }).click();
    await page.getByText('on offer at 0.20 tokens per kWh').waitFor();

    const buying = await suite().come([suite().buyer], `#/market/${bus}`);
    await buying.page.getByLabel('Buy at the best price').fill('1.5');
    const panel = buying.page.locator('#buy');
    await panel.getByText('what is not delivered comes back to you').waitFor();
    await panel.getByText('Of it for the grid').waitFor();
    await panel.getByText('Rent of your delivery record, returned later').waitFor();
    await panel.getByRole('button', { name: 'Buy 1.5 kWh' }).click();
    await buying.page.getByText('Bought 1.5 kWh for 0.33').waitFor();
    expect(buying.wallet.asked).toBe(1);
    await goto(buying.page, '#/mine');
    const deliveries = region(buying.page, 'Deliveries');
    await deliveries.getByText('not delivered yet').waitFor();
    await deliveries.getByRole('img', { name: /1 window: 1\.5\skWh promised/u }).waitFor();
    await region(buying.page, 'Purchases').getByText('for what is delivered').waitFor();

    // Once more, with the record open.
    await goto(buying.page, `#/market/${bus}`);
    await buying.page.getByLabel('Buy at the best price').fill('0.5');
    await panel.getByText('Rent of your delivery record').waitFor({ state: 'detached' });
    await panel.getByText('0.000005 SOL').waitFor();
    expect(await panel.getByText('Rent of your delivery record').count()).toBe(0);
  });

  test('asks its operator for a missing reading, and pays seller and buyer by it', async () => {
    await suite().market.passUntil(windowStart + 900 + 1);
    const { page } = await suite().come([people().operator], '#/mine');
    await region(page, 'Waiting for you').getByText('1 window on').waitFor();
    await page.getByRole('link', { name: 'Read the meters' }).click();
    const readings = region(page, 'Readings');
    await readings.getByText('missing, until').waitFor();
    await readings.getByLabel('What was delivered').fill('9');
    await readings.getByText('cannot deliver more than 2.2 kWh').waitFor();
    await readings.getByLabel('What was delivered').fill('0.75');
    await readings.getByRole('button', { name: 'Report' }).click();
    await readings.getByText('750 Wh, final').waitFor();

    await suite().market.passUntil((await suite().market.now()) + 3_601);
    const buying = await suite().come([suite().buyer], '#/mine');
    const waiting = region(buying.page, 'Waiting for you');
    await waiting.getByText('0.165 tokens come back to you').waitFor();
    await waiting.getByRole('button', { name: 'Get it back' }).click();
    await waiting.getByText('What was not delivered is paid back.').waitFor();
    await region(buying.page, 'Deliveries').getByText('0.165 tokens came back').waitFor();

    const selling = await suite().come([people().seller], '#/mine');
    await region(selling.page, 'Waiting for you').getByText('0.15 tokens that you earned on').waitFor();
    const earned = region(selling.page, 'What you earned');
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.getByText('0.15 tokens are in your wallet').waitFor();

    // The grid's part, which has no recipient here, goes to the treasury.
    const owning = await suite().come([suite().ada], `#/bus/${bus}`);
    const treasury = region(owning.page, 'Treasury');
    await treasury.getByText('0.015 tokens wait for the treasury').waitFor();
    await treasury.getByText('wait for').locator('..').getByRole('button', { name: 'Pay out' }).click();
    await treasury.getByText('0.015 tokens of grid fees went to the treasury').waitFor();
  });

  test('certifies where the energy came from, once: taken, given in part, retired for somebody', async () => {
    const { page } = await suite().come([suite().buyer], '#/mine');
    const own = region(page, 'Certificates of origin');
    await own.getByRole('button', { name: 'Take it' }).click();
    await own.getByText('You have the certificate of 750 Wh.').waitFor();
    await own.getByRole('button', { name: 'Give', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much of it').fill('250');
    await dialog.getByLabel('To which wallet').fill(suite().ben.address);
    await dialog.getByRole('button', { name: 'Give it away' }).click();
    await dialog.getByText('250 Wh went to').waitFor();
    await dialog.getByRole('button', { name: 'Close', exact: true }).click();
    await own.getByText('500 Wh', { exact: true }).waitFor();

    const given = await suite().come([suite().ben], '#/mine');
    const bens = region(given.page, 'Certificates of origin');
    await bens.getByText('250 Wh', { exact: true }).waitFor();
    await bens.getByRole('button', { name: 'Retire' }).click();
    await given.page.getByLabel('For whom').fill('Anna, no. 4');
    await given.page.getByRole('dialog').getByRole('button', { name: 'Retire it' }).click();
    await given.page.getByText('The certificate of 250 Wh is retired for Anna, no. 4.').waitFor();
    await given.page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();
    await bens.waitFor({ state: 'detached' });
  });
});
