/** Auctions as the app shows them, on a scripted node: so no network is needed, and every moment can be looked at. */

import type { Address } from '@solana/kit';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { findings } from './axe';
import { settled } from './browser';
import type { Keys } from './network';
import { newAddress, newKeys, ScriptedNode } from './scripted';
import { exactly, goto, openPages } from './suite';

const pages = openPages();
let node: ScriptedNode;
let neighbour: Keys;
let bus: Address;

/** Terms with windows of a quarter of an hour that an auction closes, at their start. */
const terms = {
  ...{ from: 0n, windowSeconds: 900, gateClosureSeconds: 0, gridFeePerKwh: 20_000n, settlement: 0, auction: 1 },
  ...{ readingDeadlineSeconds: 0, correctionSeconds: 0, reserved: new Uint8Array(6) },
};
const seconds = () => Math.floor(Date.now() / 1_000);
/** The first second of a quarter of an hour from now on; never one whose last five minutes are near. */
const quarter = (index: number) => (Math.floor(seconds() / 900) + index) * 900;
const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

/** Puts an offer into the window's auction. */
const ask = (windowStart: number, kWh: number, price: bigint) =>
  node.offer(bus, {
    ...{ kWh, price, windowStart },
    fields: {
      ...{ gridFeePerKwh: 20_000n, fullPricePerKwh: price + 20_000n, inAuction: 1 },
      ...{ expiresAt: BigInt(windowStart), gateClosesAt: BigInt(windowStart) },
    },
  });

beforeEach(async () => {
  node = await ScriptedNode.start();
  bus = await node.bus('Auction Yard', { terms });
  neighbour = await newKeys('neighbour');
  await node.fund(neighbour.address, 1_000_000_000, 5_000_000n);
});

afterEach(() => {
  node.stop();
});

describe('a bid', () => {
  test('says what is deposited, what comes back and when it is decided, and what it would get now', async () => {
    const start = quarter(2);
    await node.window(bus, start, terms, { openBids: 1, openOffers: 2 });
    await ask(start, 2, 200_000n);
    await ask(start, 2, 300_000n);
    await node.bid(bus, await newAddress(), start, { kWh: 1, price: 400_000n });
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    await page.getByRole('button', { name: 'Bid', exact: true }).click();
    const panel = page.locator('#buy');
    await panel.getByLabel('For which window').selectOption(String(start));
    await panel.getByText('You can withdraw the bid until').waitFor();
    await panel.getByLabel('How much you want').fill('2');
    const limit = panel.getByLabel('The most you pay per kWh');
    await limit.fill('0.1');
    await panel.getByText('Bid at least 0.12 tokens per kWh').waitFor();
    await limit.fill('0.25');
    // 1 kWh is left at 0.20 and the grid fee; the price is between the bid's limit and that of the next offer.
    await exactly(panel, '500 000').waitFor();
    await panel.getByText('What the auction does not take comes back').waitFor();
    await panel.locator('[data-auction="now"]').getByText('1 kWh').waitFor();
    await limit.fill('0.15');
    await panel.getByText('you would get nothing').waitFor();
    // All that the balance pays for at the limit.
    await limit.fill('0.5');
    await panel.getByRole('button', { name: 'Max', exact: true }).click();
    await expect.poll(() => panel.getByLabel('How much you want').inputValue()).toBe('10');
    await panel.getByText('0.000005 SOL').waitFor();
    wallet.answer = 'reject';
    await panel.getByRole('button', { name: 'Bid for 10 kWh' }).click();
    await panel.getByText('You declined in your wallet; nothing was sent.').waitFor();
    await panel.getByLabel('How much you want').fill('200');
    await panel.getByText('at most 100 kWh').waitFor();
    await expect.poll(() => panel.getByRole('button', { name: 'Bid for 200 kWh' }).isDisabled()).toBe(true);
  });

  test('of a wallet that sends itself and then fails is watched as a bid, also after a reload', async () => {
    const start = quarter(2);
    await node.window(bus, start, terms);
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, {
      wallet: { abilities: ['signAndSendTransaction'] },
    });
    wallet.answer = { says: 'cancelled: not confirmed in 30 s', afterSending: false };
    await page.getByRole('button', { name: 'Bid', exact: true }).click();
    const panel = page.locator('#buy');
    await panel.getByLabel('For which window').selectOption(String(start));
    await panel.getByLabel('How much you want').fill('1');
    await panel.getByLabel('The most you pay per kWh').fill('0.3');
    await panel.getByText('0.000005 SOL').waitFor();
    await panel.getByRole('button', { name: 'Bid for 1 kWh' }).click();
    await page.getByText(/Asking the chain what became of your bid for 1\skWh/u).waitFor();
    await page.reload();
    await page.getByText(/Asking the chain what became of your bid for 1\skWh/u).waitFor();
  });

  test('in German has a comma, and is read by the keyboard alone', async () => {
    const start = quarter(2);
    await node.window(bus, start, terms, { openBids: 1, openOffers: 1 });
    await ask(start, 2, 200_000n);
    await node.bid(bus, await newAddress(), start, { kWh: 1, price: 400_000n });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, { locale: 'de-DE' });
    await page.getByRole('button', { name: 'Bieten', exact: true }).focus();
    await page.keyboard.press('Enter');
    const panel = page.locator('#buy');
    await panel.getByLabel('Für welches Zeitfenster').selectOption(String(start));
    await panel.getByLabel('Wie viel Sie möchten').fill('1,5');
    await panel.getByLabel('Das Höchste, was Sie je kWh zahlen').fill('0,25');
    await panel.getByText('Das sind 0,25').waitFor();
    await panel.locator('.grand').getByText('0,375').waitFor();
    const card = region(page, 'Auktion');
    await card.getByLabel('Preis zum Ablesen').focus();
    await page.keyboard.press('ArrowLeft');
    await card.getByText(/Bei 0,22\s.* je kWh: 1\skWh gesucht, 2\skWh angeboten/u).waitFor();
    await region(page, 'Letzte Käufe').getByText('Hier wurde noch nichts direkt gekauft').waitFor();
  });
});

describe('a book', () => {
  test('is two curves with their crossing, a readout, and a table beside', async () => {
    const start = quarter(2);
    await node.window(bus, start, terms, { openBids: 2, openOffers: 2 });
    await ask(start, 2, 200_000n);
    await ask(start, 2, 300_000n);
    for (const price of [400_000n, 250_000n]) await node.bid(bus, await newAddress(), start, { kWh: 1, price });
    const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`);
    const card = region(page, 'Auction');
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    await card.getByText('2 bids for 2 kWh, 2 offers of 4 kWh.').waitFor();
    // Both bids meet the first offer; at 0.20 and the grid fee, all of it is sold.
    await card.getByRole('img', { name: /2\skWh wanted and 4\skWh offered; the curves cross at 2\skWh/u }).waitFor();
    await card.locator('[data-auction="preview"]').getByText('2 kWh').waitFor();
    await card.getByText('As a table').click();
    await card.getByRole('table').getByRole('row', { name: '0.22 2 kWh 2 kWh' }).waitFor();
    await card.getByRole('table').getByRole('row', { name: '0.42 1 kWh 4 kWh' }).waitFor();
  });

  test('that is fixed is proven by whoever likes, in as many transactions as its orders take', async () => {
    const start = quarter(0);
    await node.window(bus, start, terms, { openBids: 1, openOffers: 1 });
    await ask(start, 2, 200_000n);
    await node.bid(bus, await newAddress(), start, { kWh: 1, price: 400_000n });
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    const card = region(page, 'Auction');
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    await card.getByText('The book is fixed').waitFor();
    await card.locator('[data-auction="preview"]').getByText('as your browser counts them').waitFor();
    await card.getByText('It costs you a network fee.').waitFor();
    wallet.answer = 'reject';
    await card.getByRole('button', { name: 'Prove the price' }).click();
    await card.getByText('You declined in your wallet').waitFor();
    expect(wallet.asked).toBe(1);
    await node.window(bus, start, terms, { openBids: 24, openOffers: 1 });
    for (let count = 0; count < 23; count += 1) {
      await node.bid(bus, await newAddress(), start, { kWh: 1, price: 300_000n });
    }
    await page.reload();
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    await card.getByText('25 orders take 2 transactions').waitFor();
    await card.getByRole('button', { name: 'Prove the price' }).click();
    // Both in one approval.
    await expect.poll(() => wallet.asked).toBe(2);
    await card.getByText('You declined in your wallet').waitFor();
    // A node that shows only a part of the book proves nothing.
    await node.window(bus, start, terms, { openBids: 25, openOffers: 1 });
    await page.reload();
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    await card.getByText('Not all orders of this window are known here yet').waitFor();
    await expect.poll(() => card.getByRole('button', { name: 'Prove the price' }).isDisabled()).toBe(true);
  });
});

describe('a result', () => {
  /** What the chain has of a window that sold 2 kWh at 0.30. */
  const cleared = (start: number) => ({
    ...{ clearedAt: BigInt(start), pricePerKwh: 300_000n, volumeWh: 2_000n, openBids: 2, openOffers: 1, escrowed: 1n },
    bids: { atPriceWh: 3_000n, filledWh: 2_000n, settledWh: 0n },
    asks: { atPriceWh: 0n, filledWh: 0n, settledWh: 0n },
  });

  test('tells price, volume and who got a part, is checked in the browser, and one’s own part is fetched', async () => {
    const start = quarter(-1);
    await node.window(bus, start, terms, cleared(start));
    await ask(start, 2, 200_000n);
    const price = 300_000n;
    const deposit = { deposit: 640_000n, maxPricePerKwh: 320_000n };
    await node.bid(bus, await newAddress(), start, { kWh: 1, price, fields: { ...deposit, deposit: 320_000n } });
    const gone = { ...deposit, refund: await newAddress() };
    await node.bid(bus, neighbour.address, start, { kWh: 2, price, fields: gone });
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    const card = region(page, 'Auction');
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    await card.getByText('bids share 2 kWh of 3 kWh').waitFor();
    await card.getByText('0.32').first().waitFor();
    await card.getByRole('button', { name: 'Check it yourself' }).click();
    await card.getByText('Equal: 2 kWh at 0.32 tokens per kWh, as the chain says.').waitFor();
    await card.getByText('Computed from 2 bids and 1 offer, as they are on chain.').waitFor();
    // A chain that says anything else is found out. Its history is not there, and that is said.
    await node.window(bus, start, terms, { ...cleared(start), pricePerKwh: 310_000n });
    await page.reload();
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    await card.getByRole('button', { name: 'Check it yourself' }).click();
    await card.getByText('The node does not have the history of this window').waitFor();
    await node.window(bus, start, terms, cleared(start));
    await page.reload();
    await goto(page, '#/mine');
    const waiting = region(page, 'Waiting for you');
    await waiting.getByText('1 bid of yours on Auction Yard is decided').waitFor();
    const bids = region(page, 'Your bids');
    // Two thirds of 2 kWh, at the price and the grid fee.
    await bids.getByText('You get 1.333 kWh for 0.42656 tokens; 0.21344 tokens come back.').waitFor();
    // It names an account that is not there; the usual one is paid, or one that is named here and can be paid.
    await bids.getByText('What comes back goes to your usual token account instead.').waitFor();
    await bids.getByText('Pay it to another account').click();
    const elsewhere = bids.getByLabel('Token account to pay');
    await elsewhere.fill('nowhere');
    await expect.poll(() => bids.getByRole('button', { name: 'Get what is yours' }).isDisabled()).toBe(true);
    await elsewhere.fill(await newAddress());
    await bids.getByRole('button', { name: 'Get what is yours' }).click();
    await bids.getByText('That is no token account of this token that can be paid').waitFor();
    await elsewhere.fill('');
    wallet.answer = 'reject';
    await bids.getByRole('button', { name: 'Get what is yours' }).click();
    await bids.getByText('You declined in your wallet').waitFor();
    expect(wallet.asked).toBe(1);
  });

  test('of an auction that did not take place says so, and every bid can be returned by anyone', async () => {
    const start = quarter(-1);
    await node.window(bus, start, terms, { openBids: 1, openOffers: 0 });
    await node.bid(bus, neighbour.address, start, { kWh: 2, price: 300_000n });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    const card = region(page, 'Auction');
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    await card.getByText('Nothing was on offer when trading closed').waitFor();
    await card.getByRole('button', { name: 'Settle' }).waitFor();
    await goto(page, '#/mine');
    await region(page, 'Your bids').getByText('The auction gave you nothing; 0.60 tokens come back.').waitFor();
  });
});

describe('a seller', () => {
  test('sees its offer in the auction and what it got, and nothing is withdrawn that must stay', async () => {
    const [ahead, past] = [quarter(2), quarter(-1)];
    const own = { seller: neighbour.address };
    const fields = (start: number) => ({
      ...{ inAuction: 1, expiresAt: BigInt(start), gateClosesAt: BigInt(start), rentPayer: neighbour.address },
    });
    await node.seller(bus, neighbour.address, { openOffers: 2 });
    await node.window(bus, ahead, terms, { openOffers: 1 });
    await node.window(bus, past, terms, {
      ...{ openOffers: 1, clearedAt: BigInt(past), pricePerKwh: 300_000n, volumeWh: 2_000n },
      asks: { atPriceWh: 0n, filledWh: 0n, settledWh: 0n },
    });
    await node.offer(bus, { kWh: 2, price: 200_000n, windowStart: ahead, ...own, fields: fields(ahead) });
    await node.offer(bus, { kWh: 2, price: 200_000n, windowStart: past, ...own, fields: fields(past) });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/sell/${bus}`);
    await page.getByText('goes into the auction (').waitFor();
    await page.getByText('The auction sells 2 kWh of it for 0.30 tokens per kWh.').waitFor();
    await page.getByRole('button', { name: 'Settle the sale' }).waitFor();
    await page
      .locator('[data-offer]', { hasText: 'The auction sells' })
      .getByRole('button', { name: 'Withdraw' })
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('The auction owes this offer a sale; settle it first.').waitFor();
    await expect.poll(() => dialog.getByRole('button', { name: 'Withdraw what is free' }).isDisabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByText('What is not sold by').waitFor();
  });
});

describe('every width', () => {
  test('holds the auction, the bid and the bids, in both languages, and every screen is accessible', async () => {
    const [ahead, past] = [quarter(2), quarter(-1)];
    const rich = await newKeys('rich');
    await node.fund(rich.address, 987_654_321_012_345, 9_876_543_210_123_456n);
    const large = { kWh: 98_765, price: 98_765_432_101n };
    const deposit = { deposit: 9_754_587_901_655_265n, maxPricePerKwh: 98_765_452_101n };
    for (const start of [ahead, past]) {
      const isPast = start === past;
      const outcome = { clearedAt: BigInt(past), pricePerKwh: large.price, volumeWh: 98_765_000n };
      const ration = { atPriceWh: 987_654_321n, filledWh: 98_765_000n, settledWh: 0n };
      const result = isPast ? { ...outcome, bids: ration, asks: { ...ration, atPriceWh: 98_765_000n } } : {};
      await node.window(bus, start, terms, { totalWh: 987_654_321_012n, openBids: 1, openOffers: 1, ...result });
      await ask(start, large.kWh, large.price);
      await node.bid(bus, rich.address, start, { ...large, fields: deposit });
    }
    const found: string[] = [];
    for (const locale of ['en-US', 'de-DE']) {
      const { page } = await pages().visit(node.urls(), [rich], `#/market/${bus}`, { locale });
      const isGerman = locale === 'de-DE';
      await page.getByRole('button', { name: isGerman ? 'Bieten' : 'Bid', exact: true }).click();
      const panel = page.locator('#buy');
      await panel.getByLabel(isGerman ? 'Wie viel Sie möchten' : 'How much you want').fill('98765');
      await panel
        .getByLabel(isGerman ? 'Das Höchste, was Sie je kWh zahlen' : 'The most you pay per kWh')
        .fill(isGerman ? '98765,4321' : '98765.4321');
      await panel.locator('.total').waitFor();
      for (const start of [ahead, past]) {
        await goto(page, `#/market/${bus}`);
        const card = region(page, isGerman ? 'Auktion' : 'Auction');
        await card.getByRole('combobox').selectOption(String(start));
        await widths(page, found, `${locale} market ${start === past ? 'past' : 'ahead'}`);
      }
      for (const route of ['#/mine', `#/sell/${bus}`, '#/bus/new', `#/bus/${bus}`]) {
        await goto(page, route);
        await page.locator('.card:visible').first().waitFor();
        await widths(page, found, `${locale} ${route.slice(0, 8)}`);
      }
    }
    expect(found).toEqual([]);
  });
});

/** Notes what is wider than the page, or refused by axe. */
async function widths(page: Page, found: string[], where: string): Promise<void> {
  for (const what of await findings(page)) found.push(`${where}: ${what}`);
  for (const width of [320, 390, 760, 1_280]) {
    await page.setViewportSize({ width, height: 900 });
    await settled(page);
    const wide = await page.evaluate(() => {
      const limit = document.documentElement.clientWidth;
      const all = [...document.querySelectorAll('.card *, .total *, .tile *')].filter(
        (one) => one.closest('.visually-hidden, svg, .scroller, .bus-list, .windows') === null,
      );
      const over = all.filter((one) => one.getBoundingClientRect().right > limit + 1);
      const said = over.map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 40)}`);
      const own = document.documentElement.scrollWidth;
      return [...(own > limit ? [`page ${own}`] : []), ...said].slice(0, 4);
    });
    for (const what of wide) found.push(`${where} ${width}: ${what}`);
  }
  await page.setViewportSize({ width: 1_440, height: 900 });
}
