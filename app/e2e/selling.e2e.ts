/** Selling: from the first listing to the money in the wallet, who may list, and a bus that closes. */

import { describe, expect, test } from 'vitest';

import { goto, openSuite, priced, row } from './suite';

const suite = openSuite();

describe('a seller', () => {
  test('lists for the first time in one transaction, is paid into its vault, and withdraws with one button', async () => {
    const more = ['--listing', 'open'];
    const bus = await suite().market.bus(suite().ada, 'Open Row', { capacity: '50kWh', basePrice: '0.10tokens', more });
    const seller = await suite().market.wallet('seller', 0);
    const { page, wallet } = await suite().come([seller], `#/sell/${bus}`);
    await page.getByText('which opens your seller account on this bus').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('2');
    await page.getByLabel('Price per kWh').fill('0.3');
    await priced(page);
    await page.getByRole('button', { name: 'Put on offer' }).click();
    await page.getByText('on offer at 0.30 tokens per kWh').waitFor();
    expect(wallet.asked).toBe(1);

    const buyer = await suite().come([suite().buyer], `#/market/${bus}`);
    await buyer.page.getByLabel('Buy at the best price').fill('1.5');
    await buyer.page.getByText('0.000005 SOL').waitFor();
    await buyer.page.getByRole('button', { name: 'Buy 1.5 kWh' }).click();
    await buyer.page.getByText('Bought 1.5 kWh for 0.45').waitFor();

    await goto(page, '#/mine');
    const earned = page.getByRole('region', { name: 'What you earned' });
    await earned.getByText('0.45').first().waitFor();
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.getByText('0.45 tokens are in your wallet').waitFor();
    // Collected, withdrawn, and its token account created, in one transaction.
    expect(wallet.asked).toBe(2);
    await page.getByRole('region', { name: 'Wallet' }).getByText('0.45').waitFor();
  });

  test('is admitted and suspended by the operator, who withdraws what it has left', async () => {
    const more = ['--listing', 'admitted', '--operator', suite().ben.address];
    const bus = await suite().market.bus(suite().ada, 'Club Row', { capacity: '50kWh', basePrice: '0.10tokens', more });
    const seller = await suite().market.wallet('member', 0);
    const member = await suite().come([seller], `#/sell/${bus}`);
    await member.page.getByText('ask the owners or the operator to admit your wallet').waitFor();

    const operator = await suite().come([suite().ben], `#/bus/${bus}`);
    const sellers = operator.page.getByRole('region', { name: 'Sellers' });
    await sellers.getByLabel('Wallet to admit').fill(seller.address);
    await sellers.getByRole('button', { name: 'Admit', exact: true }).click();
    await sellers.getByText('The seller is admitted.').waitFor();

    await member.page.getByLabel('Energy', { exact: true }).fill('2');
    await member.page.getByLabel('Price per kWh').fill('0.3');
    await priced(member.page);
    await member.page.getByRole('button', { name: 'Put on offer' }).click();
    await member.page.getByText('on offer at 0.30 tokens per kWh').waitFor();

    await sellers.getByRole('button', { name: 'Suspend' }).click();
    await sellers.getByText('The seller is suspended.').waitFor();
    await member.page.getByText('You are suspended as a seller on this bus').first().waitFor();

    await goto(operator.page, `#/sell/${bus}`);
    await operator.page.locator('.tile').getByRole('button', { name: 'Withdraw' }).click();
    await operator.page.getByRole('dialog').getByRole('button', { name: 'Withdraw what is free' }).click();
    await operator.page.getByText('available to the bus again').waitFor();
  });
});

describe('a bus that closes', () => {
  test('is wound down by a stranger, and its owner pulls what its treasury had', async () => {
    const bus = await suite().market.bus(suite().cem, 'Last Row', { capacity: '50kWh', basePrice: '0.10tokens' });
    const offer = await suite().list(suite().cem, bus, '2kWh', '0.3', '--for-bus');
    await suite().market.passUntil((await suite().market.now()) + 122);
    await suite().market.cli(suite().buyer, 'buy', bus, '--energy', '1kWh');

    const owner = await suite().come([suite().cem], `#/bus/${bus}`);
    await owner.page.getByRole('button', { name: 'Propose a change' }).click();
    await owner.page.getByLabel('What to change').selectOption('busClose');
    await owner.page.getByRole('dialog').getByRole('button', { name: 'Close Last Row for good' }).click();
    await owner.page.getByText('Decided and carried out').waitFor();

    const stranger = await suite().market.wallet('stranger', 0);
    const { page } = await suite().come([stranger], `#/market/${bus}`);
    await expect.poll(() => row(page, offer).getByRole('button', { name: 'Buy', exact: true }).isDisabled()).toBe(true);
    await goto(page, `#/bus/${bus}`);
    const card = page.getByRole('region', { name: 'This bus is closing' });
    // Offers, then the seller account and the decision, then the bus. What the button says may change while it is pressed.
    const close = card.getByRole('button', { name: /^Close (what can be closed|the bus for good)$/u });
    const [part, closed] = [card.getByText('A part of it is closed.'), page.getByText('This bus closed for good')];
    while (!(await closed.isVisible())) {
      await close.click();
      await part.or(closed).first().waitFor();
      if (await part.isVisible()) await card.getByRole('button', { name: 'Dismiss' }).click();
    }

    await goto(owner.page, '#/mine');
    const waiting = owner.page.getByRole('region', { name: 'Waiting for you' });
    await waiting.getByText('0.30').waitFor();
    await waiting.getByRole('button', { name: 'Get it' }).click();
    await waiting.getByText('Nothing waits for you.').waitFor();
    await goto(page, `#/bus/${bus}`);
    await page.getByText('All that it owed is paid.').waitFor();
  });
});
