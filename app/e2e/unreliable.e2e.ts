/** Closed tabs and lost connections in the middle of purchases. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Keys } from './network';
import { Wire } from './proxy';
import { hold, openSuite, priced, row } from './suite';

const suite = openSuite();
let bus = '';
const list = (seller: Keys, energy: string, price: string, ...more: readonly string[]) =>
  suite().list(seller, bus, energy, price, ...more);

beforeEach(async () => {
  bus = await suite().bus('Storm Row');
});

describe('a closed tab', () => {
  test('while a wallet that sends by itself still asks: the purchase is found when it happens', async () => {
    const offer = await list(suite().ben, '2kWh', '0.35');
    const abilities = ['signAndSendTransaction'] as const;
    const visitor = await suite().come([suite().buyer], `#/market/${bus}`, suite().market.network, { abilities });
    const { page } = visitor;
    await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    await page.getByRole('dialog').getByLabel('How much').fill('2');
    await priced(page.getByRole('dialog'));
    const release = hold(visitor);
    await page.getByRole('dialog').getByRole('button', { name: 'Buy now' }).last().click();
    await page.getByText('Waiting for your wallet').waitFor();
    await page.reload();
    await page.getByText(/Asking the chain what became of your purchase of 2\skWh/u).waitFor();
    release();
    await page.getByText(/Your purchase of 2\skWh on .* went through/u).waitFor();
  });
});

describe('a wallet that sends by itself', () => {
  test('and then fails in words about declining: the purchase is watched, found, and not bought again', async () => {
    const offer = await list(suite().ben, '4kWh', '0.36');
    const abilities = ['signAndSendTransaction'] as const;
    const { page, wallet } = await suite().come([suite().buyer], `#/market/${bus}`, suite().market.network, {
      abilities,
    });
    await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('1');
    await priced(dialog);
    wallet.answer = { says: 'request cancelled: not confirmed in 30 s', afterSending: true };
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('Your wallet says: “request cancelled: not confirmed in 30 s”. It may have sent').waitFor();
    await page.getByText(/Your purchase of 1\skWh on .* went through/u).waitFor();
    const hash = (await page.locator('.recovery a.receipt-link').getAttribute('href'))?.split('/').at(-1) ?? '';
    await suite().expectProcessed(hash);
  });
});

describe('a bad connection', () => {
  let rpc: Wire;
  let ws: Wire;
  const wired = () => ({ rpc_url: `http://127.0.0.1:${rpc.port}`, websocket_url: `ws://127.0.0.1:${ws.port}` });

  beforeEach(async () => {
    rpc = await Wire.to(suite().market.network.rpc_url);
    ws = await Wire.to(suite().market.network.websocket_url);
  });

  afterEach(() => {
    rpc.close();
    ws.close();
  });

  test('is shown, and the market is true again when the node is back', async () => {
    const { page } = await suite().come([], `#/market/${bus}`, wired());
    await page.getByRole('button', { name: /Live/u }).waitFor();
    rpc.cut();
    ws.cut();
    const banner = page.getByText(/The connection to .* is lost/u);
    expect(await banner.innerText()).not.toContain('Solana error');
    const offer = await list(suite().ben, '777Wh', '0.33');
    rpc.mend();
    ws.mend();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    await row(page, offer).waitFor();
  });

  test('in the middle of a purchase: the tab is closed, opened again, and tells the truth', async () => {
    const offer = await list(suite().ben, '3kWh', '0.34');
    const visitor = await suite().come([suite().buyer], `#/market/${bus}`, wired());
    const { page } = visitor;
    await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('3');
    await priced(dialog);
    // The node takes the transaction, and its answer never arrives. Whatever is sent again meets a wire that is cut, or mended.
    let isSent = false;
    await page.route('**/*', async (route) => {
      const isSending = route.request().postData()?.includes('"sendTransaction"') === true;
      if (!isSending || isSent) return route.fallback();
      isSent = true;
      await route.fetch();
      rpc.cut();
      ws.cut();
      return route.abort();
    });
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await page.getByText(/The connection to .* is lost/u).waitFor();
    await page.reload();
    rpc.mend();
    ws.mend();
    await page.getByText(/Your purchase of 3\skWh on .* went through/u).waitFor();
    const hash = (await page.locator('.recovery a.receipt-link').getAttribute('href'))?.split('/').at(-1) ?? '';
    await suite().expectProcessed(hash);
  });
});
