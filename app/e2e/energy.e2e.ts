/** My energy: what was bought and sold, with whom, and the receipt of a purchase. */

import { readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import { openSuite } from './suite';

const suite = openSuite();

describe('my energy', () => {
  test('shows what was bought and sold, the mix of sources, and from whom and to whom', async () => {
    const { ada, ben, buyer, market } = suite();
    await market.awayFromMidnight();
    const bus = await suite().bus('Mixed Row');
    await suite().list(ada, bus, '2kWh', '0.2', '--source', 'solar');
    const wind = await suite().list(ben, bus, '3kWh', '0.3', '--source', 'wind');
    await market.cli(buyer, 'buy', bus, '--energy', '4kWh');
    // An offer that closes: only its history tells of it.
    await market.cli(ben, 'offer', 'cancel', wind);
    const { page } = await suite().come([buyer], '#/mine');
    const card = page.getByRole('region', { name: 'Bought and sold', exact: true });
    // 2 kWh at 0.20 and 2 kWh at 0.30.
    await card.getByText('1.00').first().waitFor();
    await card.getByRole('img', { name: 'Bought: 4 kWh in 7 bars' }).waitFor();
    await card.getByText('4 kWh (2 kWh solar, 2 kWh wind)').waitFor();
    const partners = card.getByRole('table', { name: 'From whom' });
    await expect.poll(() => partners.getByRole('row').count()).toBe(3);
    await partners.getByText('0.60').waitFor();
    await card.getByRole('button', { name: 'Month' }).click();
    await card.getByRole('img', { name: /^Bought: 4\skWh in (28|29|30|31) bars$/u }).waitFor();
    await card.getByRole('button', { name: 'Before that' }).click();
    await card.getByText('You bought and sold nothing then.').waitFor();
    const download = page.waitForEvent('download');
    await card.getByRole('button', { name: 'CSV' }).click();
    const csv = await readFile(await (await download).path(), 'utf8');
    expect(csv.split('\r\n')).toHaveLength(3);
    expect(csv).toContain(ada.address);

    const selling = await suite().come([ada], '#/mine');
    const sold = selling.page.getByRole('region', { name: 'Bought and sold', exact: true });
    await sold.getByRole('button', { name: 'Sold' }).click();
    await sold.getByRole('table', { name: 'To whom' }).getByText('2 kWh').waitFor();
    // Everything is withdrawn with one button.
    const waiting = selling.page.getByRole('region', { name: 'Waiting for you', exact: true });
    await waiting.getByText('0.40 tokens that you earned on Mixed Row').waitFor();
    await waiting.getByRole('button', { name: 'Withdraw it all' }).click();
    await waiting.getByText('In your wallet now').waitFor();
  });

  test('is still listed after its lane is closed: the list comes from the chain', async () => {
    const { ada, market } = suite();
    const leaving = await market.wallet('leaving');
    const bus = await suite().bus('Leaving Row');
    await suite().list(ada, bus, '5kWh', '0.2');
    for (const energy of ['1kWh', '1.5kWh']) await market.cli(leaving, 'buy', bus, '--energy', energy);
    // A lane closes only once the chain is past the slot of its first nonce.
    await market.passUntil((await market.now()) + 900);
    const { page } = await suite().come([leaving], '#/mine');
    const rows = page.getByRole('region', { name: 'Purchases' }).getByRole('row');
    await expect.poll(() => rows.count()).toBe(3);
    await page.getByText('Advanced: lanes, records, rent').click();
    const lanes = page.getByRole('region', { name: 'Purchase lanes' });
    await lanes.getByRole('button', { name: 'Close', exact: true }).click();
    await lanes.getByText('The lane is closed, its rent is back.').waitFor();
    await lanes.getByText('Your first purchase opens').waitFor();
    await expect.poll(() => rows.count()).toBe(3);
    await page.reload();
    await expect.poll(() => rows.count()).toBe(3);
    // The first purchase is the last row, also where both happened in one second.
    await rows.last().getByText('1 kWh', { exact: true }).waitFor();
  });

  test('every purchase has a receipt with its proof, which prints without the rest of the page', async () => {
    const { ben, market } = suite();
    const buyer = await market.wallet('proving');
    const bus = await suite().bus('Receipt Row');
    await suite().list(ben, bus, '5kWh', '0.25');
    await market.cli(buyer, 'buy', bus, '--energy', '4kWh');
    const { page } = await suite().come([buyer], '#/mine');
    await page.getByRole('table', { name: 'Purchases' }).getByRole('link', { name: 'Receipt' }).first().click();
    const receipt = page.locator('.receipt');
    await receipt.getByText('The history root on chain proves it').waitFor();
    // The day is the chain's: other flows move its clock ahead.
    await receipt.getByText(/Receipt, [A-Z][a-z]{2} \d{1,2}, 20\d\d/).waitFor();
    await receipt.getByText('1.00 tokens').waitFor();
    await page.evaluate(() => {
      window.print = () => document.body.setAttribute('data-printed', 'yes');
    });
    await receipt.getByRole('button', { name: 'Print the receipt' }).click();
    await expect.poll(() => page.locator('body').getAttribute('data-printed')).toBe('yes');
    await page.emulateMedia({ media: 'print' });
    await page.locator('.top').waitFor({ state: 'hidden' });
    await page.getByLabel('Transaction hash or signature').waitFor({ state: 'hidden' });
    await receipt.waitFor();
  });
});
