/**
 * What people do with the app, from the first connection to the last decision: in a real Chromium, on a real local
 * network, with wallets whose keys the page never sees.
 */

import { createSolanaRpc } from '@solana/kit';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { grouped } from '../src/amount/decimal';
import { connectWallet, launch, serve, visit, type Visitor } from './browser';
import { crowd, type Crowd } from './crowd';
import { Market, type Keys } from './network';
import { Wire } from './proxy';
import type { Kind } from './wallet';

let market: Market;
let browser: Browser;
let site: Awaited<ReturnType<typeof serve>>;
const open: Visitor[] = [];

let ada: Keys;
let ben: Keys;
let cem: Keys;
let buyer: Keys;
/** The bus that the first flow creates, and its name. */
let bus = '';
const NAME = `Mill Lane ${Math.floor(Math.random() * 10_000)}`;

/** Opens the app for somebody, with the wallet connected where one is given. */
async function come(
  accounts: readonly Keys[],
  route = '',
  network: { rpc_url: string; websocket_url: string } = market.network,
  wallet: Partial<Kind> = {},
): Promise<Visitor> {
  const visitor = await visit(browser, site.url, network, accounts, { route, wallet });
  open.push(visitor);
  if (accounts.length > 0) await connectWallet(visitor);
  return visitor;
}

async function goto(page: Page, route: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, route);
}

const hashShown = async (page: Page, scope = page.locator('body')) => {
  const link = scope.locator('.status.done a.mono').first();
  await link.waitFor();
  return (await link.getAttribute('title')) ?? '';
};

/** The chain itself says that a purchase happened. */
async function expectProcessed(hash: string): Promise<void> {
  expect(hash).toMatch(/^[0-9a-f]{64}$/u);
  await expect(market.cli('alice', 'tx', 'verify', hash)).resolves.toBeDefined();
}

const list = (seller: Keys, energy: string, price: string, ...more: readonly string[]) =>
  market.cli(seller, 'offer', 'create', bus, '--energy', energy, '--price', `${price}tokens`, ...more);

/** Rent of an account with so many bytes, in lamports. */
const rentOf = (bytes: bigint) =>
  createSolanaRpc(market.network.rpc_url).getMinimumBalanceForRentExemption(bytes).send();

const row = (page: Page, offer: string) => page.locator(`[data-offer="${offer}"]`).first();

beforeAll(async () => {
  market = await Market.open();
  [browser, site] = await Promise.all([launch(), serve()]);
  ada = await market.wallet('ada');
  ben = await market.wallet('ben');
  cem = await market.wallet('cem');
  buyer = await market.wallet('buyer', 500);
});

afterEach(async () => {
  const complaints = open.flatMap(({ complaints: found }) => found);
  await Promise.all(open.splice(0).map((visitor) => visitor.close()));
  // Where a test cuts the connection, the browser says so; nothing else may be wrong with the page.
  expect(
    complaints.filter((text) => !/ERR_(CONNECTION|EMPTY|SOCKET|FAILED)|WebSocket|Failed to fetch/u.test(text)),
  ).toEqual([]);
});

afterAll(async () => {
  await browser.close();
  site.server.close();
});

describe('wallet', () => {
  test('declines, connects, follows a change of account, and disconnects from either side', async () => {
    const visitor = await visit(browser, site.url, market.network, [ada, ben]);
    open.push(visitor);
    const { page, wallet } = visitor;
    wallet.answer = 'reject';
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByRole('button', { name: 'Test Wallet' }).click();
    await page.getByText('You declined in Test Wallet').waitFor();
    wallet.answer = 'approve';
    await page.getByRole('button', { name: 'Test Wallet' }).click();
    await page.getByRole('button', { name: new RegExp(`account ${ada.address}`, 'u') }).waitFor();

    await wallet.switchTo(page, ben);
    await page.getByRole('button', { name: new RegExp(`account ${ben.address}`, 'u') }).waitFor();

    // A wallet that knows the page connects again by itself.
    await page.reload();
    await page.getByRole('button', { name: new RegExp(`account ${ben.address}`, 'u') }).click();
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
    const { page } = await come([]);
    await page.goto(site.url);
    await page.getByRole('button', { name: /Network Local/u }).click();
    await page.getByLabel('A node of your own').fill('nonsense');
    await page.getByText('Give the address of an RPC node').waitFor();
    await page.getByLabel('A node of your own').fill(market.network.rpc_url);
    expect(await page.getByLabel('Its subscriptions').inputValue()).toBe(market.network.websocket_url);
    await page.getByRole('button', { name: 'Use this node' }).click();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: /Live/u }).waitFor();
  });

  test('of a link is used only by who agrees', async () => {
    const { page } = await come([]);
    const asked: string[] = [];
    await page.route('http://node.example/**', (route) => {
      asked.push(route.request().url());
      return route.abort();
    });
    await page.goto(`${site.url}/?rpc=http://node.example`);
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

describe('a bus of three owners', () => {
  test('is created with shares, a threshold and a lock fee', async () => {
    const { page } = await come([ada], '#/bus/new');
    await page.getByLabel('Name', { exact: true }).fill(NAME);
    await page.getByLabel('Capacity', { exact: true }).fill('100');
    await page.getByLabel('Settlement token (mint)').fill(market.network.mint);
    await page.getByLabel('Base price per kWh').fill('0.10');
    await page.getByRole('button', { name: 'Add an owner' }).click();
    await page.getByRole('button', { name: 'Add an owner' }).click();
    await page.getByLabel('Owner 2', { exact: true }).fill(ben.address);
    await page.getByLabel('Owner 3', { exact: true }).fill(cem.address);
    await page.getByLabel('Share of owner 1').fill('50');
    await page.getByLabel('Share of owner 2').fill('33.33');
    await page.getByLabel('Share of owner 3').fill('16.6');
    await page.getByText('The shares make 99.93 %').waitFor();
    await page.getByLabel('Share of owner 3').fill('16.67');
    await page.getByLabel('Approvals that a decision needs').selectOption('2');
    await page.getByLabel('Lock fee').fill('1');
    await page.getByRole('button', { name: 'Create the bus' }).click();
    await page.getByText(`${NAME} is there.`).waitFor();
    await page.getByRole('link', { name: 'Open it' }).click();
    await page.getByRole('heading', { name: NAME }).waitFor();
    await page.getByText('2 of 3 owners').first().waitFor();
    bus = page.url().split('/').at(-1) ?? '';
    expect(await market.cli('alice', 'bus', 'show', bus, '--output', 'json')).toContain(NAME);
  });

  test('lists energy, which another browser sees at once; reprices, extends and withdraws it', async () => {
    const watcher = await come([], `#/market/${bus}`);
    await watcher.page.getByText('Nothing is on offer here now.').first().waitFor();
    const { page } = await come([ada], `#/sell/${bus}`);
    await page.getByLabel('Energy', { exact: true }).fill('200');
    await page.getByText('has 100 kWh available').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('0.0005');
    await page.getByText('at most 3 decimals').waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('4.25');
    await page.getByLabel('Price per kWh').fill('0.05');
    await page.getByText('ask at least that').waitFor();
    await page.getByLabel('Price per kWh').fill('0.3');
    await page.getByRole('button', { name: '2 h', exact: true }).click();
    await page.getByRole('button', { name: 'Put on offer' }).click();
    await page.getByText('on offer at 0.30 per kWh').waitFor();
    await watcher.page.getByRole('row', { name: /4\.25 kWh/u }).waitFor();

    await page.getByRole('button', { name: 'Reprice' }).click();
    await page.getByRole('dialog').getByLabel('Price per kWh').fill('0.275');
    await page.getByRole('dialog').getByRole('button', { name: 'Set a new price' }).click();
    await page.getByText('asks 0.275 per kWh now').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await watcher.page.getByRole('row', { name: /0\.275/u }).waitFor();

    await page.getByRole('button', { name: 'Extend' }).click();
    await page.getByRole('dialog').getByRole('button', { name: '1 day' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Trade for longer' }).click();
    await page.getByText('trades for longer now').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();

    await page.getByRole('button', { name: 'Withdraw' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw what is free' }).click();
    await page.getByText('available to the bus again').waitFor();
    await watcher.page.getByText('Nothing is on offer here now.').first().waitFor();
  });
});

describe('buying', () => {
  test('part of an offer: one signature opens the lane and buys, price and rent are exact, the hash verifies', async () => {
    const offer = await list(ben, '10kWh', '0.2001', '--source', 'wind');
    const { page, wallet } = await come([buyer], `#/market/${bus}`);
    await row(page, offer).getByRole('button', { name: 'Buy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('11');
    await dialog.getByText('Only 10 kWh of this offer are free').waitFor();
    await dialog.getByRole('button', { name: 'Wh', exact: true }).click();
    await dialog.getByLabel('How much').fill('1234');
    // ceil(1234 x 200100 / 1000) = 246924
    await dialog.getByText('246 924 base units').first().waitFor();
    await dialog.getByText('0.000005 SOL').waitFor();
    await dialog.getByText('5 000 lamports').waitFor();
    const rent = await rentOf(1_048n);
    await dialog.getByText(`${grouped(rent)} lamports`).waitFor();
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('Bought 1.234 kWh for 0.246924').waitFor();
    const hash = await hashShown(page, dialog);
    await expectProcessed(hash);
    expect(wallet.asked).toBe(1);

    await goto(page, `#/verify/${hash}`);
    await page.getByText('Processed exactly once').waitFor();
    await page.getByText('The history root on chain proves it').waitFor();
  });

  test('an amount at the best price over several offers', async () => {
    await list(ada, '2kWh', '0.15');
    await list(cem, '3kWh', '0.18', '--source', 'storage');
    const { page, wallet } = await come([buyer], `#/market/${bus}`);
    await page.getByLabel('Buy at the best price').fill('6');
    const chosen = page.getByRole('table', { name: 'Chosen offers' });
    await chosen.getByRole('row').nth(3).waitFor();
    expect(await chosen.getByRole('row').count()).toBe(4);
    // 2 x 0.15 + 3 x 0.18 + 1 x 0.2001
    await page.getByText('1 040 100 base units').first().waitFor();
    await page.getByText('0.000005 SOL').waitFor();
    await page.getByRole('button', { name: 'Buy 6 kWh' }).click();
    await page.getByText('Bought 6 kWh for 1.0401').waitFor();
    expect(wallet.asked).toBe(1);
    await expectProcessed(await hashShown(page));
  });

  test('a basket over two buses in one transaction', async () => {
    const other = await market.cli(
      ada,
      'bus',
      'create',
      '--name',
      'Other Side',
      '--mint',
      market.network.mint,
      '--capacity',
      '20kWh',
      '--base-price',
      '0.05tokens',
    );
    const there = await market.cli(ada, 'offer', 'create', other, '--energy', '5kWh', '--price', '0.11tokens');
    const here = await list(cem, '2kWh', '0.16');
    const { page, wallet } = await come([buyer], `#/market/${bus}`);
    for (const [market_, offer, amount] of [
      [bus, here, '1.5'],
      [other, there, '2'],
    ] as const) {
      await goto(page, `#/market/${market_}`);
      await row(page, offer).getByRole('button', { name: 'Buy' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Basket', exact: true }).click();
      await page.getByRole('dialog').getByLabel('How much').fill(amount);
      await page.getByRole('button', { name: 'Add to the basket' }).click();
    }
    await page.getByRole('button', { name: 'Basket (2)' }).click();
    // 1.5 x 0.16 + 2 x 0.11
    await page.getByText('460 000 base units').first().waitFor();
    await page.getByRole('button', { name: 'Buy all in one transaction' }).click();
    await page.getByText('Bought 3.5 kWh from 2 offers for 0.46').waitFor();
    expect(wallet.asked).toBe(1);
    await page.getByText('The basket is empty').waitFor();
  });

  test('a price that moves while the wallet is open: bought anew within the guard, else explained with a fresh quote', async () => {
    const offer = await list(ada, '2kWh', '0.101');
    const { page, wallet } = await come([buyer], `#/market/${bus}`);
    /** Buys by the keyboard, and has the seller change the price while the wallet asks. */
    const buyWhile = async (price: string) => {
      let release: () => void = () => undefined;
      wallet.hold = new Promise((resolve) => {
        release = resolve;
      });
      await page.getByLabel('Buy at the best price').press('Enter');
      await page.getByText('Waiting for your wallet').waitFor();
      await market.cli(ada, 'offer', 'reprice', offer, '--price', `${price}tokens`);
      wallet.hold = undefined;
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
    await page.getByText('The price moved: this costs 0.11 now, and your limit is 0.105.').waitFor();
    expect(wallet.asked).toBe(3);
    await market.cli(ada, 'offer', 'cancel', offer);
  });

  test('declined in the wallet: nothing is sent, and it can be tried again', async () => {
    const offer = await list(ben, '1kWh', '0.5');
    const { page, wallet } = await come([buyer], `#/market/${bus}`);
    await row(page, offer).getByRole('button', { name: 'Buy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('1');
    wallet.answer = 'reject';
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('You declined in your wallet; nothing was sent.').waitFor();
    wallet.answer = 'approve';
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('Bought 1 kWh for 0.50').waitFor();
  });

  test('two browsers race for the last Wh: one gets it, the other is told and shown what is left', async () => {
    const offer = await list(ada, '1Wh', '0.9');
    await list(ada, '500Wh', '0.95');
    const rival = await market.wallet('rival');
    const racers = await Promise.all([come([buyer], `#/market/${bus}`), come([rival], `#/market/${bus}`)]);
    // The rival's lane is opened first, so that both are ready.
    await market.cli(rival, 'trader', 'open');
    const release: (() => void)[] = [];
    for (const { page, wallet } of racers) {
      await row(page, offer).getByRole('button', { name: 'Buy' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Wh', exact: true }).click();
      await dialog.getByLabel('How much').fill('1');
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
  /** Two purchases: with new lanes, eleven offers of one seller fit into each. */
  const WANTED = 18;

  beforeAll(async () => {
    square = await crowd(market, 'Market Square', 60);
  });

  /** Holds the wallet's question open until the returned function is called. */
  const hold = ({ wallet }: Visitor) => {
    let release: () => void = () => undefined;
    wallet.hold = new Promise((resolve) => {
      release = resolve;
    });
    return () => {
      wallet.hold = undefined;
      release();
    };
  };

  test('are bought in several purchases, shown before, signed in one go', async () => {
    const { page, wallet } = await come([buyer], `#/market/${square.bus}`);
    await page.getByLabel('Buy at the best price').fill(String(WANTED));
    const chosen = page.getByRole('table', { name: 'Chosen offers' });
    await chosen.getByText('Purchase 1 of 2:').waitFor();
    await chosen.getByText('Purchase 2 of 2:').waitFor();
    await page.getByText('2 purchases, each all or nothing, signed together').waitFor();
    // Two transactions; the second lane is opened by its purchase.
    await page.getByText('0.00001 SOL').waitFor();
    await page.getByText(`${grouped(await rentOf(1_048n))} lamports`).waitFor();
    const total = await page.locator('.grand .base-units').first().innerText();
    await page.getByRole('button', { name: `Buy ${WANTED} kWh in 2 purchases` }).click();
    await page.getByText(`Bought ${WANTED} kWh for`).waitFor();
    await page.getByText('in 2 purchases.').waitFor();
    expect(wallet.asked).toBe(1);
    const hashes = await page
      .locator('.status.done a.mono')
      .evaluateAll((links) => links.map((link) => link.getAttribute('title') ?? ''));
    expect(new Set(hashes).size).toBe(2);
    for (const hash of hashes) await expectProcessed(hash);
    const paid = await page.locator('.status.done .amount').last().getAttribute('title');
    expect(paid).toBe(total);
  });

  test('where one purchase fails, the others are told, and what remains is quoted anew', async () => {
    const visitor = await come([buyer], `#/market/${square.bus}`);
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
    await market.cli(square.seller, 'offer', 'reprice', cheapest ?? '', '--price', '0.9tokens');
    release();
    await page.getByText('in 1 of 2 purchases').waitFor();
    await page.getByText(/Purchase \d, .* kWh: The offer.s price is above your limit/u).waitFor();
    expect(wallet.asked).toBe(1);
    const remaining = await page.getByText(/that remain are quoted anew above/u).innerText();
    const amount = await page.getByLabel('Buy at the best price').inputValue();
    expect(remaining).toContain(`${amount} kWh`);
    // One click buys what remains.
    await page.getByRole('button', { name: `Buy ${amount} kWh` }).click();
    await page.getByText(`Bought ${amount} kWh`).waitFor();
    expect(wallet.asked).toBe(2);
  });

  test('are bought through a wallet that only signs, and one that only signs and sends', async () => {
    for (const abilities of [['signTransaction'], ['signAndSendTransaction']] as const) {
      const { page, wallet } = await come([buyer], `#/market/${square.bus}`, market.network, { abilities });
      await page.getByLabel('Buy at the best price').fill('0.5');
      await page.getByText('0.000005 SOL').waitFor();
      wallet.answer = 'reject';
      await page.getByRole('button', { name: 'Buy 500 Wh' }).click();
      await page.getByText('You declined in your wallet; nothing was sent.').waitFor();
      wallet.answer = 'approve';
      await page.getByRole('button', { name: 'Buy 500 Wh' }).click();
      await page.getByText('Bought 500 Wh for').waitFor();
      await expectProcessed(await hashShown(page));
      expect(wallet.asked).toBe(2);
      expect(await page.locator('.recovery').count()).toBe(0);
    }
  });

  test('do not fit into a basket, which says how many do', async () => {
    const { page } = await come([buyer]);
    const fill = async (count: number) => {
      const items = square.offers.slice(-count).map((offer) => ({ offer, energyWh: '100' }));
      await page.evaluate((text) => localStorage.setItem('multibus:basket', text), JSON.stringify(items));
      await page.reload();
      await page.getByRole('button', { name: `Basket (${count})` }).click();
    };
    await fill(3);
    await page.getByText('These 3 offers are one transaction, all or nothing; there is room for').waitFor();
    await fill(13);
    await page.getByText('One transaction cannot hold so many offers').waitFor();
    expect(await page.getByRole('button', { name: 'Buy all in one transaction' }).isDisabled()).toBe(true);
    await page
      .getByRole('button', { name: /Take the offer of .* out of the basket/u })
      .first()
      .click();
    await page.getByText('These 12 offers are one transaction').waitFor();
    // A thirteenth is refused before it is in.
    await goto(page, `#/market/${square.bus}`);
    await page.locator('[data-offer]').first().getByRole('button', { name: 'Buy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Basket', exact: true }).click();
    await dialog.getByLabel('How much').fill('0.1');
    await dialog.getByText('The basket is full').waitFor();
    expect(await dialog.getByRole('button', { name: 'Add to the basket' }).isDisabled()).toBe(true);
  });
});

describe('delivery windows', () => {
  /** A bus of Ada's with windows, and how she lists 1 kWh in one of them. */
  async function windowed(name: string, length: string) {
    const terms = ['--capacity', '20kWh', '--base-price', '0.05tokens', '--window', length];
    const bus = await market.cli(ada, 'bus', 'create', '--name', name, '--mint', market.network.mint, ...terms);
    const list = (window: string, price: string) =>
      market.cli(ada, 'offer', 'create', bus, '--energy', '1kWh', '--price', price, '--window', window);
    return { bus, list };
  }

  test('trades are shown in the window of what was sold, also after its offer has closed', async () => {
    const { bus, list } = await windowed('Clock Tower', '1h');
    const sold = await list('+1h', '0.111tokens');
    await list('+2h', '0.222tokens');
    for (const window of ['+1h', '+2h']) {
      await market.cli(buyer, 'buy', bus, '--energy', window === '+1h' ? '1kWh' : '400Wh', '--window', window);
    }
    await market.cli(ada, 'offer', 'cancel', sold);
    // A browser that has never seen the offer that closed.
    const { page } = await come([], `#/market/${bus}`);
    const trades = page.getByRole('table', { name: 'Recent trades' });
    const cell = (price: string) => trades.getByText(price).first();
    await cell('0.111').waitFor();
    await cell('0.222').waitFor();
    const windows = page.getByRole('group', { name: 'Delivery window' }).getByRole('button');
    await windows.nth(2).click();
    await cell('0.111').waitFor({ state: 'detached' });
    await cell('0.222').waitFor();
    await page.getByRole('img', { name: 'Prices of the last 1 trades, the latest at 0.222 per kWh' }).waitFor();
    await windows.nth(1).click();
    await cell('0.222').waitFor({ state: 'detached' });
    await cell('0.111').waitFor();
  });

  test('that are over are closed, and who opened them gets the rent back', async () => {
    const { bus, list } = await windowed('Minute Hand', '60s');
    for (const window of ['+1min', '+2min']) {
      await list(window, '0.2tokens');
    }
    await market.passUntil((await market.now()) + 300);
    const { page, wallet } = await come([ada], '#/mine');
    const own = page.getByRole('region', { name: 'Rent to get back' });
    await own.getByText('2 windows are over').waitFor();
    await own.getByText(`${grouped(await rentOf(328n))} lamports`).waitFor();
    // Anybody sees them on the bus's screen.
    await goto(page, `#/bus/${bus}`);
    await page
      .getByRole('region', { name: 'Past windows' })
      .getByText('1 offers are withdrawn with it')
      .first()
      .waitFor();
    await goto(page, '#/mine');
    await own.getByRole('button', { name: 'Close past windows' }).click();
    await own.getByText('2 windows are closed; the rent went back').waitFor();
    expect(wallet.asked).toBe(1);
    await page.locator('.tile', { hasText: 'Minute Hand' }).first().waitFor({ state: 'detached' });
  });
});

describe('locks', () => {
  let expiring = 0;

  test('hold energy: a second browser watches the countdown, and the holder settles', async () => {
    const offer = await list(ben, '2kWh', '0.4');
    const watcher = await come([], `#/market/${bus}`);
    const { page } = await come([buyer], `#/market/${bus}`);
    await row(page, offer).getByRole('button', { name: 'Buy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Hold 5 min' }).click();
    await dialog.getByLabel('How much').fill('1.5');
    await dialog.getByText('600 000 base units').first().waitFor();
    await dialog.getByText('less 1 % for the seller (6 000 base units)').waitFor();
    await dialog.getByText('Rent of your lock, comes back').waitFor();
    await dialog.getByRole('button', { name: 'Hold for five minutes' }).click();
    await dialog.getByText('Holding 1.5 kWh for five minutes').waitFor();

    const held = watcher.page.getByRole('list', { name: 'Locks on this offer' }).filter({ hasText: '1.5 kWh held by' });
    const seconds = async () => {
      const [minutes = '0', rest = '0'] = (await held.getByRole('timer').innerText()).split(':');
      return Number(minutes) * 60 + Number(rest);
    };
    await held.waitFor();
    const first = await seconds();
    expect(first).toBeGreaterThan(270);
    await watcher.page.waitForTimeout(2_500);
    const later = await seconds();
    expect(later).toBeLessThan(first);
    await watcher.page.getByText('1.5 kWh reserved').first().waitFor();

    await goto(page, '#/mine');
    await page.getByRole('button', { name: 'Settle' }).click();
    await page.getByText('You hold no energy').waitFor();
    await held.waitFor({ state: 'detached' });
    await page.getByRole('table', { name: 'Purchases' }).getByText('1.5 kWh').first().waitFor();
  });

  test('expire: the holder cannot settle any more and gets the deposit back', async () => {
    const offer = await list(cem, '1kWh', '0.4');
    await market.cli(buyer, 'lock', 'take', offer, '--energy', '1kWh');
    expiring = (await market.now()) + 300;
    const { page } = await come([buyer], '#/mine');
    await page.getByRole('button', { name: 'Settle' }).waitFor();
    await market.passUntil(expiring + 2);
    await page.getByText('it can only be released now').waitFor({ timeout: 60_000 });
    expect(await page.getByRole('button', { name: 'Settle' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Release' }).click();
    await page.getByText('You hold no energy').waitFor();
  }, 420_000);
});

describe('decisions', () => {
  test('a proposal goes from its creation to its execution by two wallets', async () => {
    const proposer = await come([ada], `#/bus/${bus}`);
    const approver = await come([ben], `#/bus/${bus}`);
    const { page } = proposer;
    await page.getByRole('button', { name: 'Propose a change' }).click();
    await page.getByLabel('What to change').selectOption('basePriceSet');
    await page.getByLabel('New base price per kWh').fill('0.12');
    const change = page.getByRole('dialog').getByRole('table', { name: 'What changes' });
    await change.getByText('0.10', { exact: true }).waitFor();
    await change.getByText('0.12', { exact: true }).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Propose', exact: true }).click();
    await page.getByText('Proposed and approved by you').waitFor();

    await approver.page.getByText('1 of 2 needed').waitFor();
    await approver.page.getByRole('button', { name: 'Approve' }).click();
    await approver.page.getByText('ready to be carried out').waitFor();
    await approver.page.getByRole('button', { name: 'Carry out' }).click();
    await approver.page.getByText('carried out', { exact: true }).waitFor();
    await approver.page.getByText('0.12 tokens/kWh').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).click();
    await page.getByText('0.12 tokens/kWh').waitFor();
  });

  test('the treasury pays an owner its exact share', async () => {
    const offer = await list(ada, '1kWh', '0.3', '--for-bus');
    await market.cli(buyer, 'offer', 'show', offer);
    const sale = await come([buyer], `#/market/${bus}`);
    await row(sale.page, offer).getByRole('button', { name: 'Buy' }).click();
    await sale.page.getByRole('dialog').getByLabel('How much').fill('1');
    await sale.page.getByRole('dialog').getByRole('button', { name: 'Buy now' }).last().click();
    await sale.page.getByText('Bought 1 kWh').waitFor();

    const { page } = await come([ben], `#/bus/${bus}`);
    // floor(300000 x 3333 / 10000) = 99990
    const claim = page.getByRole('table', { name: 'Claims' }).getByRole('row', { name: /You/u });
    await claim.getByText('0.09999').waitFor();
    await claim.getByRole('button', { name: 'Claim' }).click();
    await page.getByText('0.09999 tokens went to You').waitFor();
    await claim.getByText('0.00').waitFor();
  });
});

describe('verifying', () => {
  test('what never happened is said not to have happened, and what is neither is refused', async () => {
    const { page } = await come([], '#/verify');
    await page.getByLabel('Transaction hash or signature').fill('abc');
    await page.getByText('neither a transaction hash').waitFor();
    await page.getByLabel('Transaction hash or signature').fill('ab'.repeat(32));
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('No purchase with this hash has happened').waitFor({ timeout: 60_000 });
  });

  test('a signature tells its purchase', async () => {
    const rpc = createSolanaRpc(market.network.rpc_url);
    const { page } = await come([buyer], '#/mine');
    await page.getByRole('table', { name: 'Purchases' }).getByRole('link').first().click();
    await page.getByText('Processed exactly once').waitFor();
    const signature = await page
      .locator('dd', { hasText: /^[1-9A-HJ-NP-Za-km-z]{80,88}/u })
      .first()
      .innerText();
    expect(await rpc.getSignatureStatuses([signature.trim() as never]).send()).toBeDefined();
    await goto(page, `#/verify/${signature.trim()}`);
    await page.getByText('Processed exactly once').waitFor();
  });
});

describe('a closed tab', () => {
  test('while a wallet that sends by itself still asks: the purchase is found when it happens', async () => {
    const offer = await list(ben, '2kWh', '0.35');
    const abilities = ['signAndSendTransaction'] as const;
    const { page, wallet } = await come([buyer], `#/market/${bus}`, market.network, { abilities });
    await row(page, offer).getByRole('button', { name: 'Buy' }).click();
    await page.getByRole('dialog').getByLabel('How much').fill('2');
    let release: () => void = () => undefined;
    wallet.hold = new Promise((resolve) => {
      release = resolve;
    });
    await page.getByRole('dialog').getByRole('button', { name: 'Buy now' }).last().click();
    await page.getByText('Waiting for your wallet').waitFor();
    await page.reload();
    await page.getByText(/Asking the chain what became of your purchase of 2 kWh/u).waitFor();
    release();
    await page.getByText(/Your purchase of 2 kWh on .* went through/u).waitFor();
  });
});

describe('a bad connection', () => {
  let rpc: Wire;
  let ws: Wire;
  const wired = () => ({ rpc_url: `http://127.0.0.1:${rpc.port}`, websocket_url: `ws://127.0.0.1:${ws.port}` });

  beforeAll(async () => {
    rpc = await Wire.to(market.network.rpc_url);
    ws = await Wire.to(market.network.websocket_url);
  });

  afterAll(() => {
    rpc.close();
    ws.close();
  });

  test('is shown, and the market is true again when the node is back', async () => {
    const { page } = await come([], `#/market/${bus}`, wired());
    await page.getByRole('button', { name: /Live/u }).waitFor();
    rpc.cut();
    ws.cut();
    const banner = page.getByText(/The connection to .* is lost/u);
    await banner.waitFor();
    expect(await banner.innerText()).not.toContain('Solana error');
    const offer = await list(ben, '777Wh', '0.33');
    rpc.mend();
    ws.mend();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    await row(page, offer).waitFor();
  });

  test('in the middle of a purchase: the tab is closed, opened again, and tells the truth', async () => {
    const offer = await list(ben, '3kWh', '0.34');
    const visitor = await come([buyer], `#/market/${bus}`, wired());
    const { page } = visitor;
    await row(page, offer).getByRole('button', { name: 'Buy' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('3');
    // The node takes the transaction, and its answer never arrives.
    await page.route('**/*', async (route) => {
      const isSending = route.request().postData()?.includes('"sendTransaction"') === true;
      if (!isSending) return route.fallback();
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
    await page.getByText(/Your purchase of 3 kWh on .* went through/u).waitFor({ timeout: 60_000 });
    const hash = (await page.locator('.recovery a.mono').getAttribute('href'))?.split('/').at(-1) ?? '';
    await expectProcessed(hash);
  });
});
