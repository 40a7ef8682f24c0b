/** Wallets and nodes: connecting, switching, declining, agreeing. */

import { describe, expect, test } from 'vitest';

import { connectWallet } from './browser';
import { newKeys } from './scripted';
import { openSuite } from './suite';

const suite = openSuite();

describe('wallet', () => {
  test('declines, connects, follows a change of account, and disconnects from either side', async () => {
    const visitor = await suite().arrive([suite().ada, suite().ben]);
    const { page, wallet } = visitor;
    wallet.answer = 'reject';
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByRole('button', { name: 'Test Wallet' }).click();
    await page.getByText('You declined in Test Wallet').waitFor();
    wallet.answer = 'approve';
    await page.getByRole('button', { name: 'Test Wallet' }).click();
    await page.getByRole('button', { name: new RegExp(`account ${suite().ada.address}`, 'u') }).waitFor();

    await wallet.switchTo(page, suite().ben);
    await page.getByRole('button', { name: new RegExp(`account ${suite().ben.address}`, 'u') }).waitFor();

    // A wallet that knows the page connects again by itself.
    await page.reload();
    await page.getByRole('button', { name: new RegExp(`account ${suite().ben.address}`, 'u') }).click();
    await page.getByRole('button', { name: 'Disconnect' }).click();
    await page.getByRole('button', { name: 'Connect', exact: true }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Connect', exact: true }).waitFor();

    await connectWallet(visitor);
    await wallet.disconnectFromWallet(page);
    await page.getByRole('button', { name: 'Connect', exact: true }).waitFor();
  });
});

describe('network', () => {
  test('is chosen in the app and kept', async () => {
    const { page } = await suite().come([]);
    await page.goto(suite().site.url);
    await page.getByRole('button', { name: /Network Local/u }).click();
    await page.getByLabel('A node of your own').fill('nonsense');
    await page.getByText('Give the address of an RPC node').waitFor();
    await page.getByLabel('A node of your own').fill(suite().market.network.rpc_url);
    await expect
      .poll(() => page.getByLabel('Its subscriptions').inputValue())
      .toBe(suite().market.network.websocket_url);
    await page.getByRole('button', { name: 'Use this node' }).click();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: /Live/u }).waitFor();
  });

  test('of a link is used only by who agrees', async () => {
    const { page } = await suite().come([]);
    const asked: string[] = [];
    await page.route('http://node.example/**', (route) => {
      asked.push(route.request().url());
      return route.abort();
    });
    await page.goto(`${suite().site.url}/?rpc=http://node.example`);
    const question = page.getByRole('region', { name: "The link's node" });
    await question.getByText('http://node.example').waitFor();
    await page.getByRole('button', { name: /Network Local/u }).waitFor();
    expect(asked).toEqual([]);
    await question.getByRole('button', { name: 'Stay with Local' }).click();
    await question.waitFor({ state: 'detached' });
    await page.reload();
    await question.getByRole('button', { name: 'Use this node' }).click();
    await page.getByRole('button', { name: /Network node.example/u }).waitFor();
    await expect.poll(() => asked.length).toBeGreaterThan(0);
    // Who has agreed is not asked again.
    await page.reload();
    await page.getByRole('button', { name: /Network node.example/u }).waitFor();
    expect(await question.count()).toBe(0);
  });
});

describe('a wallet with nothing', () => {
  test('is told what is missing, and gets it from a local network', async () => {
    const bus = await suite().bus('Beginners Row');
    await suite().list(suite().ben, bus, '2kWh', '0.2');
    const nobody = await newKeys('nobody');
    const { page } = await suite().come([nobody], `#/market/${bus}`);
    await page.getByLabel('Buy at the best price').fill('1');
    const missing = page.getByRole('region', { name: 'What is missing' });
    await missing.getByText('Your wallet holds 0').waitFor();
    // Both are missing, and both are said before anything is got.
    await missing.getByText('Your wallet has no SOL').waitFor();
    await missing.getByRole('button', { name: 'Get it from the local network' }).click();
    await missing.waitFor({ state: 'detached' });
    await page.getByText('0.000005 SOL').waitFor();
    await page.getByRole('button', { name: 'Buy 1 kWh' }).click();
    await page.getByText('Bought 1 kWh for 0.20').waitFor();
  });
});
