/**
 * The auction that closes a window, on delivery terms, from the terms to the last refund: as owners, bidders, a seller and an
 * operator see it. A local network may prove the price and settle by itself; what is left of that is pressed here.
 */

import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';

import type { Keys } from './network';
import { againFrom, exactly, goto, hashShown, openSuite, pressIfThere, priced } from './suite';

const suite = openSuite();
/** The bus that the first flow creates, the start of the window that is traded, and the hash of the buyer's bid. */
let bus = '';
let windowStart = 0;
let hash = '';
let [operator, seller]: (Keys | undefined)[] = [];

const people = (): { readonly operator: Keys; readonly seller: Keys } => {
  if (operator === undefined || seller === undefined) throw new Error('nobody has come yet');
  return { operator, seller };
};
const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

/** Opens the form to bid in the window. */
async function bidding(page: Page): Promise<Locator> {
  const panel = page.locator('#buy');
  const ways = panel.getByRole('group', { name: 'How to buy' });
  await ways.getByRole('button', { name: 'Bid', exact: true }).click();
  await panel.getByLabel('For which window').selectOption(String(windowStart));
  return panel;
}

/** Bids, and returns the hash that the page shows. */
async function bid(page: Page, kWh: string, limit: string): Promise<string> {
  const panel = await bidding(page);
  await panel.getByLabel('How much you want').fill(kWh);
  await panel.getByLabel('The most you pay per kWh').fill(limit);
  await panel.getByText('0.000005 SOL').waitFor();
  await panel.getByRole('button', { name: `Bid for ${kWh} kWh` }).click();
  await panel.getByText(`You bid for ${kWh} kWh`).waitFor();
  return hashShown(page, panel);
}

/** The card of the window's auction. */
async function auction(page: Page): Promise<Locator> {
  const card = region(page, 'Auction');
  await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(windowStart));
  return card;
}

/** An operator, a seller, and a device of the seller's. */
async function come(): Promise<void> {
  const { market } = suite();
  operator = await market.wallet('auction operator', 0);
  seller = await market.wallet('auction seller', 0);
}

async function register(): Promise<void> {
  const { market } = suite();
  const device = await market.wallet('auction meter', 0);
  await market.cli(people().seller, 'seller', 'open', bus);
  const power = ['--device', device.file, '--power', '8kW', '--source', 'solar'];
  await market.cli(people().operator, 'meter', 'register', bus, people().seller.address, ...power);
}

/** Does on the command line what the flows before a place do. */
async function begin(place: number): Promise<void> {
  if (place === 0) return;
  const { ada, buyer, cem, market } = suite();
  await come();
  bus = await market.bus(ada, 'Auction Again', {
    capacity: '100kWh',
    basePrice: '0.10tokens',
    more: [
      ...['--listing', 'open', '--operator', people().operator.address, '--auction', 'on'],
      ...['--window', '15m', '--gate-closure', '0', '--settlement', 'on-delivery', '--grid-fee', '0.02tokens'],
      ...['--reading-deadline', '1h', '--correction-time', '1h'],
    ],
  });
  if (place === 1) return;
  await register();
  windowStart = await market.windowIn(900, 1_200);
  const window = ['--window', String(windowStart)];
  await suite().list(people().seller, bus, '2kWh', '0.2', ...window);
  if (place === 2) return;
  const bidFor = (who: Keys, energy: string, limit: string) =>
    market.cli(who, 'bid', 'create', bus, '--energy', energy, '--max-price', `${limit}tokens`, ...window);
  hash = await bidFor(buyer, '1.5kWh', '0.32');
  await market.cli(buyer, 'bid', 'cancel', await bidFor(buyer, '3kWh', '0.4'));
  await bidFor(cem, '1kWh', '0.27');
  if (place <= 4) return;
  await market.passUntil(windowStart + 1);
  await market.cli(ada, 'auction', 'clear', bus, ...window);
  await market.cli(ada, 'auction', 'settle', bus, ...window);
}

describe('a bus whose windows an auction closes', () => {
  againFrom(begin);

  test('is created with it, and refused without windows', async () => {
    await come();
    const name = suite().market.fresh('Auction Row');
    const { page } = await suite().come([suite().ada], '#/bus/new');
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Capacity', { exact: true }).fill('100');
    await page.getByLabel('Token to pay with (its address)').fill(suite().market.network.mint);
    await page.getByLabel('Base price per kWh').fill('0.10');
    await page.getByLabel('Who may sell').selectOption('open');
    await page.getByLabel('An auction closes each window').check();
    await page.getByText('An auction closes delivery windows; choose their length.').waitFor();
    await page.getByLabel('Delivery windows').selectOption('900');
    await page.getByRole('button', { name: 'for what is delivered' }).click();
    await page.getByLabel('Operator’s wallet').fill(people().operator.address);
    await page.getByLabel('Time for the first reading').selectOption('3600');
    await page.getByLabel('Time for corrections').selectOption('3600');
    await page.getByLabel('Grid fee per kWh').fill('0.02');
    await page.getByRole('button', { name: 'Create the bus' }).click();
    await page.getByText(`${name} is there.`).waitFor();
    await page.getByRole('link', { name: 'Open it' }).click();
    await page.getByText('for what is delivered, grid fee 0.02 tokens/kWh, with an auction').waitFor();
    bus = page.url().split('/').at(-1) ?? '';
    // Its owners could decide otherwise for later windows.
    await page.getByRole('button', { name: 'Propose a change' }).click();
    await page.getByLabel('What to change').selectOption('termsSet');
    await page.getByLabel('An auction closes each window').waitFor();
  });

  test('has energy on offer, and the seller reads what becomes of what is left', async () => {
    await register();
    windowStart = await suite().market.windowIn(900, 1_200);
    const { page } = await suite().come([people().seller], `#/sell/${bus}`);
    await page.getByLabel('Delivery window').selectOption(String(windowStart));
    await page.getByText('goes into the auction that closes the window').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('2');
    await page.getByLabel('Price per kWh').fill('0.2');
    await priced(page);
    await page.getByRole('button', { name: 'Put on offer' }).click();
    await page.getByText('on offer at 0.20 tokens per kWh').waitFor();
    await page.getByText('2 kWh of it goes into the auction (').waitFor();
  });

  test('takes bids, which are refused before they are sent, made once, and withdrawn', async () => {
    const { page, wallet } = await suite().come([suite().buyer], `#/market/${bus}`);
    const panel = await bidding(page);
    await panel.getByLabel('How much you want').fill('1.5');
    await panel.getByLabel('The most you pay per kWh').fill('0.11');
    await panel.getByText('Bid at least 0.12 tokens per kWh').waitFor();
    await panel.getByLabel('The most you pay per kWh').fill('0.32');
    await exactly(panel, '480 000').waitFor();
    await panel.locator('[data-auction="now"]').getByText('1.5 kWh').waitFor();
    hash = await bid(page, '1.5', '0.32');
    expect(wallet.asked).toBe(1);
    await suite().expectProcessed(hash);
    // A bid that is withdrawn comes back whole.
    await bid(page, '3', '0.4');
    await goto(page, '#/mine');
    const bids = region(page, 'Your bids');
    await bids.locator('.tile', { hasText: '3 kWh' }).getByRole('button', { name: 'Withdraw the bid' }).click();
    await bids.getByText('The bid is withdrawn; 1.20 tokens are back in your wallet.').waitFor();
    await expect.poll(() => bids.locator('.tile').count()).toBe(1);
    const other = await suite().come([suite().cem], `#/market/${bus}`);
    await bid(other.page, '1', '0.27');
    const card = await auction(other.page);
    await card.getByText('2 bids for 2.5 kWh, 1 offer of 2 kWh.').waitFor();
    await card.getByRole('img', { name: /the curves cross at 2\skWh and 0\.27\stokens per kWh/u }).waitFor();
  });

  test('lets nobody withdraw in the last five minutes', async () => {
    await suite().market.passUntil(windowStart - 290);
    const { page } = await suite().come([suite().buyer], '#/mine');
    const bids = region(page, 'Your bids');
    await bids.getByText('In the last five minutes it cannot be withdrawn.').waitFor();
    await expect.poll(() => bids.getByRole('button', { name: 'Withdraw the bid' }).count()).toBe(0);
    await goto(page, `#/market/${bus}`);
    const panel = await bidding(page);
    await panel.getByText('In the last five minutes before trading closes, bids cannot be withdrawn.').waitFor();
  });

  test('closes at one price, which anybody proves and checks', async () => {
    await suite().market.passUntil(windowStart + 1);
    const { page } = await suite().come([suite().ben], `#/market/${bus}`);
    const card = await auction(page);
    const price = card.getByText('bids share 500 Wh');
    await pressIfThere(card.getByRole('button', { name: 'Prove the price' }), price);
    await price.waitFor();
    await card.getByText('0.27').first().waitFor();
    const check = card.getByRole('button', { name: 'Check it yourself' });
    await check.click();
    await card.getByText('Equal: 2 kWh at 0.27 tokens per kWh, as the chain says.').waitFor();
    const settle = card.getByRole('button', { name: 'Settle', exact: true });
    // Where the network has settled by itself, the history tells already.
    const isPressed = await pressIfThere(settle, card.getByText('as the chain’s history has them'));
    if (isPressed) await card.getByText('What fits into one transaction is settled.').waitFor();
    // What was settled has changed the accounts: now the history tells.
    await expect.poll(() => settle.count()).toBe(0);
    await check.click();
    await card.getByText('as the chain’s history has them').waitFor();
    await card.getByText('Equal: 2 kWh at 0.27 tokens per kWh, as the chain says.').waitFor();
  });

  test('holds what bidders pay until the meter is read', async () => {
    const { page } = await suite().come([suite().buyer], '#/mine');
    const bids = region(page, 'Your bids');
    await bids.getByText('You got 1.5 kWh for 0.405').waitFor();
    await bids.getByText('Your payment waits for the meters').waitFor();
    const purchases = region(page, 'Purchases');
    await purchases.getByText('Bid for 1.5 kWh, up to 0.32 tokens per kWh, waits for the meters').waitFor();
    await purchases.getByText('Bid for 3 kWh, up to 0.40 tokens per kWh, withdrawn').waitFor();
    await goto(page, `#/verify/${hash}`);
    await page.getByText('Bid made exactly once').waitFor();
    const receipt = page.locator('.receipt');
    await receipt.getByText('waits for the meters').waitFor();
    await receipt.getByText('0.405').waitFor();
    await receipt.locator('.status.done').waitFor();
    const selling = await suite().come([people().seller], '#/mine');
    await region(selling.page, 'Deliveries').getByText('2 kWh').first().waitFor();
  });

  test('gives back what was not delivered, pays the seller, and certifies the rest', async () => {
    const { market } = suite();
    await market.passUntil(windowStart + 901);
    const { page } = await suite().come([people().operator], `#/bus/${bus}`);
    const readings = region(page, 'Readings');
    await readings.getByLabel('What was delivered').fill('1');
    await readings.getByRole('button', { name: 'Report' }).click();
    await readings.getByText('1 kWh, final').waitFor();
    await market.passUntil((await market.now()) + 3_601);
    const buying = await suite().come([suite().buyer], '#/mine');
    const bids = region(buying.page, 'Your bids');
    await region(buying.page, 'Waiting for you').getByText('1 bid of yours on').waitFor();
    await bids.getByRole('button', { name: 'Get what is yours' }).click();
    // Half was delivered, so half of 0.405 comes back.
    await bids.getByText('750 Wh of 1.5 kWh was delivered; you paid 0.2025').waitFor();
    const certificates = region(buying.page, 'Certificates of origin');
    await certificates.getByRole('button', { name: 'Take it' }).click();
    await certificates.getByText('You have the certificate of 750 Wh.').waitFor();
    await bids.getByRole('button', { name: 'Settle' }).click();
    await bids.locator('.tile').waitFor({ state: 'detached' });
    await region(buying.page, 'Purchases').getByText('up to 0.32 tokens per kWh, settled').waitFor();

    // 1 kWh at 0.25; the grid's part is apart.
    const selling = await suite().come([people().seller], '#/mine');
    const earned = region(selling.page, 'What you earned');
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.getByText('0.25 tokens are in your wallet').waitFor();
  });
});

describe('a book of many orders', () => {
  test('is proven in several transactions of one approval, and what is counted stays counted', async () => {
    const { ada, ben, buyer, market } = suite();
    const more = ['--window', '15m', '--gate-closure', '0', '--auction', 'on', '--listing', 'open'];
    const many = await market.bus(ada, 'Many Orders', { capacity: '100kWh', basePrice: '0.10tokens', more });
    // Longer than sixty bids take on a slow machine.
    const start = await market.windowIn(900, 1_800);
    const window = ['--window', String(start)];
    await suite().list(ben, many, '20kWh', '0.2', ...window);
    const bids = 60;
    for (let index = 0; index < bids; index += 1) {
      const limit = `${(0.3 + index / 1_000).toFixed(3)}tokens`;
      await market.cli(buyer, 'bid', 'create', many, '--energy', '500Wh', '--max-price', limit, ...window);
    }
    await market.passUntil(start + 1);
    const { page, wallet } = await suite().come([ada], `#/market/${many}`);
    const card = region(page, 'Auction');
    await card.getByRole('combobox', { name: 'Delivery window' }).selectOption(String(start));
    const prove = card.getByRole('button', { name: 'Prove the price' });
    // 30 kWh are wanted and 20 offered: the price is that of the first bid that gets nothing, or where the last one still does.
    const price = card.getByText('Price for all, per kWh');
    await prove.or(price).first().waitFor();
    if (await prove.isVisible()) {
      await card.getByText('61 orders take 3 transactions').waitFor();
      await prove.click();
      await card.getByText(/(The price is proven|Somebody else has proven the price)/u).waitFor();
      // All three in one approval.
      expect(wallet.asked).toBe(1);
    }
    await price.waitFor();
    await card.getByRole('button', { name: 'Check it yourself' }).click();
    await card.getByText('Equal: 20 kWh at').waitFor();
  }, 600_000);
});
