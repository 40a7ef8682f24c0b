/** Buying: from one offer, from many at once, in races and refusals. */

import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { grouped } from '../src/amount/decimal';
import { getTraderSize } from '../src/generated';
import { crowd, type Crowd } from './crowd';
import type { Keys } from './network';
import { exactly, goto, hashShown, hold, openSuite, priced, row } from './suite';

const suite = openSuite();
let bus = '';
const list = (seller: Keys, energy: string, price: string, ...more: readonly string[]) =>
  suite().list(seller, bus, energy, price, ...more);

describe('buying', () => {
  beforeEach(async () => {
    bus = await suite().bus('Buyers Row');
  });

  test('part of an offer: one signature opens the lane and buys, price and rent are exact, the hash verifies', async () => {
    const offer = await list(suite().ben, '10kWh', '0.2001', '--source', 'wind');
    const { page, wallet } = await suite().come([await suite().market.wallet('newcomer')], `#/market/${bus}`);
    await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('11');
    await dialog.getByText('Only 10 kWh of this offer is free').waitFor();
    await dialog.getByRole('button', { name: 'Wh', exact: true }).click();
    await dialog.getByLabel('How much').fill('1234');
    // ceil(1234 x 200100 / 1000) = 246924
    await exactly(dialog, '246 924').waitFor();
    await dialog.getByText('In the smallest units').click();
    await dialog.getByText('0.000005 SOL').waitFor();
    await dialog.getByText('5 000 lamports').waitFor();
    const rent = await suite().rentOf(BigInt(getTraderSize()));
    await dialog.getByText(`${grouped(rent)} lamports`).waitFor();
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('Bought 1.234 kWh for 0.246924').waitFor();
    const hash = await hashShown(page, dialog);
    await suite().expectProcessed(hash);
    expect(wallet.asked).toBe(1);

    await goto(page, `#/verify/${hash}`);
    await page.getByText('Processed exactly once').waitFor();
    await page.getByText('The history root on chain proves it').waitFor();
  });

  test('an amount at the best price over several offers', async () => {
    await list(suite().ben, '10kWh', '0.2001', '--source', 'wind');
    await list(suite().ada, '2kWh', '0.15');
    await list(suite().cem, '3kWh', '0.18', '--source', 'storage');
    const { page, wallet } = await suite().come([suite().buyer], `#/market/${bus}`);
    await page.getByLabel('Buy at the best price').fill('6');
    const chosen = page.getByRole('table', { name: 'Chosen offers' });
    await chosen.getByRole('row').nth(3).waitFor();
    await expect.poll(() => chosen.getByRole('row').count()).toBe(4);
    // 2 x 0.15 + 3 x 0.18 + 1 x 0.2001
    await exactly(page, '1 040 100').waitFor();
    await page.getByText('0.000005 SOL').waitFor();
    await page.getByRole('button', { name: 'Buy 6 kWh' }).click();
    await page.getByText('Bought 6 kWh for 1.0401').waitFor();
    expect(wallet.asked).toBe(1);
    await suite().expectProcessed(await hashShown(page));
  });

  test('a basket over two buses in one transaction', async () => {
    const other = await suite().market.bus(suite().ada, 'Other Side', { capacity: '20kWh', basePrice: '0.05tokens' });
    const there = await suite().list(suite().ada, other, '5kWh', '0.11');
    const here = await list(suite().cem, '2kWh', '0.16');
    const { page, wallet } = await suite().come([suite().buyer], `#/market/${bus}`);
    for (const [place, offer, amount] of [
      [bus, here, '1.5'],
      [other, there, '2'],
    ] as const) {
      await goto(page, `#/market/${place}`);
      await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Basket', exact: true }).click();
      await page.getByRole('dialog').getByLabel('How much').fill(amount);
      await page.getByRole('button', { name: 'Add to the basket' }).click();
    }
    await page.getByRole('button', { name: 'Basket (2)' }).click();
    // 1.5 x 0.16 + 2 x 0.11
    await exactly(page, '460 000').waitFor();
    await page.getByRole('button', { name: 'Buy all in one transaction' }).click();
    await page.getByText('Bought 3.5 kWh from 2 offers for 0.46').waitFor();
    expect(wallet.asked).toBe(1);
    await page.getByText('The basket is empty').waitFor();
  });

  test('a price that moves while the wallet is open: bought anew within the guard, else explained with a fresh quote', async () => {
    const offer = await list(suite().ada, '2kWh', '0.101');
    const visitor = await suite().come([suite().buyer], `#/market/${bus}`);
    const { page, wallet } = visitor;
    /** Buys by the keyboard, and has the seller change the price while the wallet asks. */
    const buyWhile = async (price: string) => {
      const release = hold(visitor);
      await page.getByLabel('Buy at the best price').press('Enter');
      await page.getByText('Waiting for your wallet').waitFor();
      await suite().market.cli(suite().ada, 'offer', 'reprice', offer, '--price', `${price}tokens`);
      release();
    };
    // With the keyboard alone: the amount, and Enter.
    await page.getByLabel('Buy at the best price').focus();
    await page.keyboard.type('1');
    await page.getByRole('button', { name: '+5 %' }).click();
    await page.getByText('0.10605', { exact: true }).waitFor();
    await page.getByText('0.000005 SOL').waitFor();
    await buyWhile('0.105');
    await page.getByText('Bought 1 kWh for 0.105').waitFor();
    expect(wallet.asked).toBe(2);

    await page.getByLabel('Buy at the best price').fill('1');
    await page.getByRole('button', { name: 'exact' }).click();
    await page.getByText('0.000005 SOL').waitFor();
    await buyWhile('0.11');
    await page.getByText('The price moved: this costs 0.11 tokens now, and your limit is 0.105 tokens.').waitFor();
    expect(wallet.asked).toBe(3);
  });

  test('declined in the wallet: nothing is sent, and it can be tried again', async () => {
    const offer = await list(suite().ben, '1kWh', '0.5');
    const { page, wallet } = await suite().come([suite().buyer], `#/market/${bus}`);
    await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('1');
    await priced(dialog);
    wallet.answer = 'reject';
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('You declined in your wallet; nothing was sent.').waitFor();
    wallet.answer = 'approve';
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('Bought 1 kWh for 0.50').waitFor();
  });

  test('two browsers race for the last Wh: one gets it, the other is told and shown what is left', async () => {
    const offer = await list(suite().ada, '1Wh', '0.9');
    await list(suite().ada, '500Wh', '0.95');
    const rival = await suite().market.wallet('rival');
    const racers = await Promise.all([
      suite().come([suite().buyer], `#/market/${bus}`),
      suite().come([rival], `#/market/${bus}`),
    ]);
    // The rival's lane is opened first, so that both are ready.
    await suite().market.cli(rival, 'trader', 'open');
    const release: (() => void)[] = [];
    for (const { page, wallet } of racers) {
      await row(page, offer).getByRole('button', { name: 'Buy', exact: true }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Wh', exact: true }).click();
      await dialog.getByLabel('How much').fill('1');
      await priced(dialog);
      wallet.hold = new Promise((resolve) => release.push(resolve));
    }
    // Both simulate while the Wh is there, and both wallets sign it.
    await Promise.all(
      racers.map(({ page }) => page.getByRole('dialog').getByRole('button', { name: 'Buy now' }).last().click()),
    );
    await Promise.all(racers.map(({ page }) => page.getByText('Waiting for your wallet').waitFor()));
    for (const let_ of release) let_();
    const outcomes = await Promise.all(
      racers.map(async ({ page }) => {
        const dialog = page.getByRole('dialog');
        await dialog.locator('.status.done, .status.failed').first().waitFor();
        return dialog.locator('.status.done, .status.failed').first().innerText();
      }),
    );
    expect(outcomes.filter((text) => text.includes('Bought 1 Wh'))).toHaveLength(1);
    expect(outcomes.filter((text) => /gone|faster|sold out/u.test(text))).toHaveLength(1);
    const loser = racers[outcomes.findIndex((text) => !text.includes('Bought'))];
    await loser?.page.getByText(/The same amount costs .* from 1 other offer/u).waitFor();
  });
});

describe('more offers than one transaction holds', () => {
  let square: Crowd;
  /** Two purchases: with new lanes, twelve offers of one seller fit into each. */
  const WANTED = 18;

  beforeAll(async () => {
    // More than both tries of all flows can buy.
    square = await crowd(suite().market, 'Market Square', 100, 1);
  });

  /** Somebody with many tokens, one lane, and no purchase yet. */
  const comer = async (): Promise<Keys> => {
    const keys = await suite().market.wallet('comer', 500);
    await suite().market.cli(keys, 'trader', 'open');
    return keys;
  };

  test('are bought in several purchases, shown before, signed in one go', async () => {
    const { page, wallet } = await suite().come([await comer()], `#/market/${square.bus}`);
    await page.getByLabel('Buy at the best price').fill(String(WANTED));
    const chosen = page.getByRole('table', { name: 'Chosen offers' });
    await chosen.getByText('Purchase 1 of 2:').waitFor();
    await chosen.getByText('Purchase 2 of 2:').waitFor();
    await page.getByText('2 purchases, each all or nothing, signed together').waitFor();
    // Two transactions; the second lane is opened by its purchase.
    await page.getByText('0.00001 SOL').waitFor();
    await page.getByText('In the smallest units').click();
    await page.getByText(`${grouped(await suite().rentOf(1_048n))} lamports`).waitFor();
    const total = await page.locator('.grand .amount').first().getAttribute('title');
    await page.getByRole('button', { name: `Buy ${WANTED} kWh in 2 purchases` }).click();
    await page.getByText(`Bought ${WANTED} kWh for`).waitFor();
    await page.getByText('in 2 purchases.').waitFor();
    expect(wallet.asked).toBe(1);
    const links = page.locator('.status.done a.receipt-link');
    await expect.poll(() => links.count()).toBe(2);
    const hashes = await links.evaluateAll((all) => all.map((link) => link.getAttribute('title') ?? ''));
    expect(new Set(hashes).size).toBe(2);
    for (const hash of hashes) await suite().expectProcessed(hash);
    const paid = await page.locator('.status.done .amount').last().getAttribute('title');
    expect(paid).toBe(total);
  });

  test('where one purchase fails, the others are told, and what remains is quoted anew', async () => {
    const visitor = await suite().come([await comer()], `#/market/${square.bus}`);
    const { page, wallet } = visitor;
    await page.getByLabel('Buy at the best price').fill(String(WANTED));
    await page.getByText('0.00001 SOL').waitFor();
    const release = hold(visitor);
    await page.getByRole('button', { name: `Buy ${WANTED} kWh in 2 purchases` }).click();
    await page.getByText('Waiting for your wallet').waitFor();
    // The cheapest offer that is left is in the first purchase.
    const left = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('[data-offer]')].map(({ dataset }) => dataset.offer),
    );
    const cheapest = square.offers.find((offer) => left.includes(offer));
    if (cheapest === undefined) throw new Error('nothing is left');
    await suite().market.cli(square.sellerOf(cheapest), 'offer', 'reprice', cheapest, '--price', '0.9tokens');
    release();
    await page.getByText('in 1 of 2 purchases').waitFor();
    await page.getByText(/Purchase \d, .*\skWh: The offer.s price with the grid fee is above your limit/u).waitFor();
    expect(wallet.asked).toBe(1);
    const remaining = page.getByText(/that remains is quoted anew above/u);
    const field = page.getByLabel('Buy at the best price');
    await expect
      .poll(async () => (await remaining.innerText()).includes(`The ${await field.inputValue()}\u00a0kWh that remain`))
      .toBe(true);
    const amount = await field.inputValue();
    // One click buys what remains.
    await page.getByRole('button', { name: `Buy ${amount} kWh` }).click();
    await page.getByText(`Bought ${amount} kWh`).waitFor();
    expect(wallet.asked).toBe(2);
  });

  test('are bought through a wallet that only signs, and one that only signs and sends', async () => {
    for (const abilities of [['signTransaction'], ['signAndSendTransaction']] as const) {
      const { page, wallet } = await suite().come([suite().buyer], `#/market/${square.bus}`, suite().market.network, {
        abilities,
      });
      await page.getByLabel('Buy at the best price').fill('0.5');
      await page.getByText('0.000005 SOL').waitFor();
      wallet.answer = 'reject';
      await page.getByRole('button', { name: 'Buy 500 Wh' }).click();
      await page.getByText('You declined in your wallet; nothing was sent.').waitFor();
      wallet.answer = 'approve';
      await page.getByRole('button', { name: 'Buy 500 Wh' }).click();
      await page.getByText('Bought 500 Wh for').waitFor();
      await suite().expectProcessed(await hashShown(page));
      expect(wallet.asked).toBe(2);
      await expect.poll(() => page.locator('.recovery').count()).toBe(0);
    }
  });

  test('do not fit into a basket, which says how many do', async () => {
    // A lane that is open leaves room for thirteen.
    const { page } = await suite().come([await comer()]);
    const fill = async (count: number) => {
      const items = square.offers.slice(-count).map((offer) => ({ offer, energyWh: '100' }));
      await page.evaluate((text) => localStorage.setItem('multibus:basket', text), JSON.stringify(items));
      await page.reload();
      await page.getByRole('button', { name: `Basket (${count})` }).click();
    };
    await fill(3);
    await page.getByText('These 3 offers are one transaction, all or nothing; there is room for').waitFor();
    await fill(14);
    await page.getByText('One transaction cannot hold so many offers').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Buy all in one transaction' }).isDisabled()).toBe(true);
    await page
      .getByRole('button', { name: /Take the offer of .* out of the basket/u })
      .first()
      .click();
    await page.getByText('These 13 offers are one transaction').waitFor();
    // A fourteenth is refused before it is in.
    await goto(page, `#/market/${square.bus}`);
    await page.locator('[data-offer]').first().getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Basket', exact: true }).click();
    await dialog.getByLabel('How much').fill('0.1');
    await dialog.getByText('The basket is full').waitFor();
    await expect.poll(() => dialog.getByRole('button', { name: 'Add to the basket' }).isDisabled()).toBe(true);
  });
});
