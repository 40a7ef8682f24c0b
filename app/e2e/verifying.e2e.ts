/** Verifying purchases. */

import { createSolanaRpc } from '@solana/kit';
import { beforeEach, describe, expect, test } from 'vitest';

import { goto, openSuite } from './suite';

const suite = openSuite();

beforeEach(async () => {
  const bus = await suite().bus('Proof Row');
  await suite().list(suite().ben, bus, '1kWh', '0.2');
  await suite().market.cli(suite().buyer, 'buy', bus, '--energy', '400Wh');
});

describe('verifying', () => {
  test('what never happened is said not to have happened, and what is neither is refused', async () => {
    const { page } = await suite().come([], '#/verify');
    await page.getByLabel('Transaction hash or signature').fill('abc');
    await page.getByText('neither a transaction hash').waitFor();
    await page.getByLabel('Transaction hash or signature').fill('ab'.repeat(32));
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('No receipt on chain has this hash').waitFor();
    await page.getByRole('button', { name: 'Look through all transactions' }).click();
    await page.getByText('No purchase with this hash has happened').waitFor();
  });

  test('a signature tells its purchase', async () => {
    const rpc = createSolanaRpc(suite().market.network.rpc_url);
    const { page } = await suite().come([suite().buyer], '#/mine');
    await page.getByRole('table', { name: 'Purchases' }).getByRole('link').first().click();
    await page.getByText('Processed exactly once').waitFor();
    // A long hash stands in the details alone, before and after the whole history was checked.
    const outside = () =>
      page.locator('.receipt').evaluate((receipt) => {
        const copy = receipt.cloneNode(true) as Element;
        copy.querySelector('details')?.remove();
        return copy.textContent;
      });
    expect(await outside()).not.toMatch(/[0-9a-f]{64}/u);
    await page.getByText('The history root on chain proves it').first().waitFor();
    expect(await outside()).not.toMatch(/[0-9a-f]{64}/u);
    await page.getByText('Details for checking').click();
    await page.getByText('History root on chain', { exact: true }).waitFor();
    const signature = await page
      .locator('dd', { hasText: /^[1-9A-HJ-NP-Za-km-z]{80,88}/u })
      .first()
      .innerText();
    expect(await rpc.getSignatureStatuses([signature.trim() as never]).send()).toBeDefined();
    await goto(page, `#/verify/${signature.trim()}`);
    await page.getByText('Processed exactly once').waitFor();
  });
});
