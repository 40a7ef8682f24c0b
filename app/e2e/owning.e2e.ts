/** A bus from its creation: energy on offer, decisions, treasury. */

import { describe, expect, test } from 'vitest';

import type { Keys } from './network';
import { againFrom, openSuite, priced, row } from './suite';

const suite = openSuite();
/** The bus that the first flow creates. */
let bus = '';
const list = (seller: Keys, energy: string, price: string, ...more: readonly string[]) =>
  suite().list(seller, bus, energy, price, ...more);

/** The bus as the first flow creates it, made on the command line. */
async function createAgain(): Promise<void> {
  const { ada, ben, cem, market } = suite();
  bus = await market.bus(ada, 'Mill Again', {
    capacity: '100kWh',
    basePrice: '0.10tokens',
    more: [
      ...['--owner', `${ada.address}=50%`, '--owner', `${ben.address}=33.33%`, '--owner', `${cem.address}=16.67%`],
      ...['--threshold', '2', '--lock-fee', '1%', '--reserve-price', '0.2tokens', '--least-size', '10Wh'],
      ...['--listing', 'admitted', '--operator', cem.address],
    ],
  });
}

describe('a bus of three owners', () => {
  againFrom(async (place) => (place === 0 ? undefined : createAgain()));

  test('is created with shares, a threshold and a lock fee', async () => {
    const name = suite().market.fresh('Mill Row');
    const { page } = await suite().come([suite().ada], '#/bus/new');
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Capacity', { exact: true }).fill('100');
    await page.getByLabel('Token to pay with (its address)').fill(suite().market.network.mint);
    await page.getByLabel('Base price per kWh').fill('0.10');
    await page.getByRole('button', { name: 'Add an owner' }).click();
    await page.getByRole('button', { name: 'Add an owner' }).click();
    await page.getByLabel('Owner 2', { exact: true }).fill(suite().ben.address);
    await page.getByLabel('Owner 3', { exact: true }).fill(suite().cem.address);
    await page.getByLabel('Share of owner 1').fill('50');
    await page.getByLabel('Share of owner 2').fill('33.33');
    await page.getByLabel('Share of owner 3').fill('16.6');
    await page.getByText('The shares make 99.93 %').waitFor();
    await page.getByLabel('Share of owner 3').fill('16.67');
    // More than half of them, until somebody chooses.
    expect(await page.getByLabel('Approvals that a decision needs').inputValue()).toBe('2');
    await page.getByLabel('Fee for holding').fill('1');
    await page.getByLabel('Own energy for at least, per kWh').fill('0.2');
    await page.getByLabel('Least size', { exact: true }).fill('10');
    await page.getByLabel('Who may sell').selectOption('admitted');
    await page.getByLabel('Operator’s wallet').fill(suite().cem.address);
    await page.getByText('most of which comes back when the bus closes').waitFor();
    const create = page.getByRole('button', { name: 'Create the bus' });
    await create.click();
    await page.getByText(`${name} is there.`).waitFor();
    // A second press would make a second one.
    expect(await create.isDisabled()).toBe(true);
    await page.getByRole('link', { name: 'Open it' }).click();
    await page.getByRole('heading', { name }).waitFor();
    await page.getByText('2 of 3 owners').first().waitFor();
    await page.getByText('owners and admitted sellers').waitFor();
    await page.getByText('0.20 tokens/kWh').waitFor();
    await page.getByText('7 days', { exact: true }).waitFor();
    bus = page.url().split('/').at(-1) ?? '';
    expect(await suite().market.cli('alice', 'bus', 'show', bus, '--output', 'json')).toContain(name);
  });

  test('lists energy, which another browser sees at once; reprices it, changes its end and withdraws it', async () => {
    const watcher = await suite().come([], `#/market/${bus}`);
    await watcher.page.getByText('Nothing is on offer here now.').first().waitFor();
    const { page } = await suite().come([suite().ada], `#/sell/${bus}`);
    await page.getByLabel('Energy', { exact: true }).fill('200');
    await page.getByText('has 100 kWh available').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('0.0005');
    await page.getByText('at most 3 decimals').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('4.25');
    await page.getByLabel('Price per kWh').fill('0.05');
    await page.getByText('ask at least that').waitFor();
    await page.getByLabel('Price per kWh').fill('0.3');
    await page.getByRole('button', { name: '2 hr', exact: true }).click();
    await priced(page);
    await page.getByRole('button', { name: 'Put on offer' }).click();
    await page.getByText('on offer at 0.30 tokens per kWh').waitFor();
    await watcher.page.getByRole('row', { name: /4\.25\skWh/u }).waitFor();

    await page.getByRole('button', { name: 'Change the price' }).click();
    await page.getByRole('dialog').getByLabel('Price per kWh').fill('0.275');
    await page.getByRole('dialog').getByRole('button', { name: 'Set a new price' }).click();
    await page.getByText('asks 0.275 tokens per kWh now').waitFor();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await watcher.page.getByRole('row', { name: /0\.275/u }).waitFor();

    await page.getByRole('button', { name: 'Change its end' }).click();
    await page.getByRole('dialog').getByRole('button', { name: '1 day' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Trade until another time' }).click();
    await page.getByText('The offer trades until').waitFor();
    await page.getByRole('button', { name: 'Close', exact: true }).click();

    await page.locator('.tile').getByRole('button', { name: 'Withdraw' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw what is free' }).click();
    await page.getByText('available to the bus again').waitFor();
    await watcher.page.getByText('Nothing is on offer here now.').first().waitFor();
  });
});

describe('decisions', () => {
  againFrom(createAgain);

  test('a proposal goes from its creation to its execution by two wallets', async () => {
    const proposer = await suite().come([suite().ada], `#/bus/${bus}`);
    const approver = await suite().come([suite().ben], `#/bus/${bus}`);
    const { page } = proposer;
    await page.getByRole('button', { name: 'Propose a change' }).click();
    await page.getByLabel('What to change').selectOption('basePriceSet');
    await page.getByLabel('New base price per kWh').fill('0.12');
    const change = page.getByRole('dialog').getByRole('table', { name: 'What changes' });
    await change.getByText('0.10 tokens/kWh').waitFor();
    await change.getByText('0.12 tokens/kWh').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Propose', exact: true }).click();
    await page.getByText('Proposed and approved by you').waitFor();

    await approver.page.getByText('1 of 2 needed').waitFor();
    await approver.page.getByRole('button', { name: 'Approve' }).click();
    await approver.page.getByText('ready to be carried out').waitFor();
    await approver.page.getByRole('button', { name: 'Carry out' }).click();
    await approver.page.getByText('carried out', { exact: true }).waitFor();
    await approver.page.locator('.facts').getByText('0.12 tokens/kWh').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();
    await page.locator('.facts').getByText('0.12 tokens/kWh').waitFor();
    // Once it is closed, it is still readable, with who approved it.
    const card = page.locator('[data-proposal]').first();
    await card.getByRole('button', { name: 'Put away' }).click();
    await card.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Show what was decided before' }).click();
    const past = page.getByRole('list', { name: 'Earlier decisions' });
    await past.getByText('Change the base price').waitFor();
    await past.getByText('0.12 tokens/kWh').first().waitFor();
    await expect.poll(() => past.getByRole('list', { name: 'Approvals' }).getByRole('listitem').count()).toBe(2);
  });

  test('the treasury pays an owner its exact share', async () => {
    const offer = await list(suite().ada, '1kWh', '0.3', '--for-bus');
    const sale = await suite().come([suite().buyer], `#/market/${bus}`);
    // The other owners see it for two minutes before anyone can buy it.
    await row(sale.page, offer).getByText('trades in').waitFor();
    await suite().market.passUntil((await suite().market.now()) + 122);
    await row(sale.page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    await sale.page.getByRole('dialog').getByLabel('How much').fill('1');
    await priced(sale.page.getByRole('dialog'));
    await sale.page.getByRole('dialog').getByRole('button', { name: 'Buy now' }).last().click();
    await sale.page.getByText('Bought 1 kWh').waitFor();

    const { page } = await suite().come([suite().ben], `#/bus/${bus}`);
    // Sales count for the owners once they are in the treasury.
    await page.getByRole('button', { name: 'Move it to the treasury' }).click();
    await page.getByText('0.30 tokens went to the treasury').waitFor();
    // floor(300000 x 3333 / 10000) = 99990
    const claim = page.getByRole('table', { name: 'Claims' }).getByRole('row', { name: /^You\b/u });
    await claim.getByText('0.09999').waitFor();
    await claim.getByRole('button', { name: 'Claim' }).click();
    await page.getByText('0.09999 tokens went to You').waitFor();
    await claim.getByText('0.00').waitFor();
  });
});
