/**
 * What no honest network, wallet or browser does: nodes that hang, keep quiet or change the market at the worst moment,
 * wallets that cannot sign here, browsers that keep nothing. The node is scripted, so no network is needed.
 */

import type { Address } from '@solana/kit';
import type { BrowserContext, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { settled } from './browser';
import type { Keys } from './network';
import { MAINNET, names, newAddress, newKeys, ScriptedNode } from './scripted';
import { exactly, goto, openPages, row } from './suite';

const pages = openPages();
let node: ScriptedNode;
let bus: string;
/** The second of two offers of 5 kWh on the bus. */
let dearer: Address;
let neighbour: Keys;

beforeEach(async () => {
  node = await ScriptedNode.start();
  const mill = await node.bus('Mill Lane');
  await node.offer(mill, { kWh: 5, price: 200_000n });
  dearer = await node.offer(mill, { kWh: 5, price: 300_000n });
  bus = mill;
  neighbour = await newKeys('neighbour');
  await node.fund(neighbour.address, 1_000_000_000, 50_000_000n);
});

afterEach(() => {
  node.stop();
});

/** The fields to buy at the best price, with an amount in kWh. */
async function quote(page: Page, kWh: string): Promise<void> {
  await page.getByLabel('Buy at the best price').fill(kWh);
  await page.getByRole('table', { name: 'Chosen offers' }).waitFor();
}

describe('a node', () => {
  test('that never answers simulations does not lock the button', async () => {
    node.simulate = () => 'hang';
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    await quote(page, '1');
    const buy = page.getByRole('button', { name: 'Buy 1 kWh' });
    await buy.click();
    await page.getByText('The network does not answer, so nothing was sent.').waitFor();
    await expect.poll(() => buy.isEnabled()).toBe(true);
    await page.getByText('The network does not answer; asking again').waitFor();
    // It goes on where the node answers again.
    node.simulate = () => 'fine';
    await page.getByText('0.000005 SOL').waitFor();
  });

  test('that does not answer yet makes nothing of what is not known', async () => {
    node.hanging.add('getProgramAccounts');
    node.hanging.add('getBalance');
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    await page.getByText('Reading your purchases…').waitFor();
    for (const screen of ['#/mine', '#/sell', '#/bus', '#/market']) {
      await goto(page, screen);
      await page
        .getByText(/^Reading /u)
        .first()
        .waitFor();
      const text = await page.locator('main').innerText();
      expect(text).not.toMatch(/nothing yet|You own no|no bus on this network|You hold no energy|nothing on offer/u);
      expect(text).not.toMatch(/(^|\s)0\sSOL/u);
      expect(text).not.toContain('Create a bus\nName');
    }
  });

  test('that goes away leaves what was read, with its time', async () => {
    const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`);
    await page.getByRole('row', { name: /0\.20/u }).first().waitFor();
    await page.getByRole('button', { name: /Live/u }).waitFor();
    node.goAway();
    await page.getByText(/is lost; what you see is from \d{1,2}:\d{2}:\d{2}/u).waitFor();
    await page.getByRole('row', { name: /0\.20/u }).first().waitFor();
  });

  test('that goes away before everything was read says that, beside what was read', async () => {
    // What the tokens are is read last.
    node.hanging.add('getMultipleAccounts');
    const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`);
    await page.locator('[data-offer]').first().waitFor();
    node.goAway();
    await page.getByText('is lost; not everything was read yet.').waitFor();
    await page.locator('[data-offer]').first().waitFor();
  });

  test('that takes the subscription to slots and sends nothing is not lost on a quiet market', async () => {
    node.isTellingSlots = false;
    const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`);
    await page.getByRole('button', { name: /Live/u }).waitFor();
    const lost = page.getByText(/The connection to .* is lost/u);
    for (let second = 0; second < 34; second += 1) {
      expect(await lost.count()).toBe(0);
      await page.waitForTimeout(500);
    }
    // What is new is there all the same.
    const late = await node.offer(bus as never, { kWh: 1, price: 150_000n });
    await row(page, late).waitFor();
  });
});

describe('a public network', () => {
  test('is refused to an app for the local program, whose key everybody has', async () => {
    node.genesis = MAINNET;
    const { page } = await pages().visitUnconnected(node.urls('rpc.example'), []);
    await page.getByRole('button', { name: 'Use this node' }).click();
    await page.getByText('whose key everybody has').waitFor();
    expect(await page.getByText('Mill Lane').count()).toBe(0);
    await page.getByRole('button', { name: 'Choose another network' }).click();
    await page.getByRole('dialog').getByLabel('A node of your own').waitFor();
    expect(
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /Mainnet|Devnet/u })
        .count(),
    ).toBe(0);
  });

  test('is what a fork on this machine is not, whatever genesis it tells', async () => {
    node.genesis = MAINNET;
    const abilities = ['signAndSendTransaction'] as const;
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, {
      wallet: { abilities },
    });
    wallet.answer = 'reject';
    await quote(page, '1');
    await page.getByText('0.000005 SOL').waitFor();
    await page.getByRole('button', { name: 'Buy 1 kWh' }).click();
    await page.getByText('You declined in your wallet').waitFor();
    expect(wallet.chain).toBe('solana:localnet');
  });
});

describe('what is signed', () => {
  test('is what was shown: offers that changed are shown again before the wallet opens', async () => {
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    // 5 kWh at 0.20 and 2 kWh at 0.30.
    await quote(page, '7');
    await page.getByText('0.000005 SOL').waitFor();
    const chosen = page.getByRole('table', { name: 'Chosen offers' });
    await chosen.getByRole('row', { name: /2\skWh 0\.30/u }).waitFor();
    // The dearer one becomes the cheaper one; the node does not tell of it by itself.
    await node.offer(bus as never, { kWh: 5, price: 190_000n }, dearer);
    await page.getByRole('button', { name: 'Buy 7 kWh' }).click();
    await page.getByText('The offers have changed since you looked, and nothing was signed.').waitFor();
    expect(wallet.asked).toBe(0);
    // What is chosen now is there to look at, and can be bought.
    await chosen.getByRole('row', { name: /5\skWh 0\.19/u }).waitFor();
    await chosen.getByRole('row', { name: /2\skWh 0\.20/u }).waitFor();
    await page.getByText('0.000005 SOL').waitFor();
    wallet.answer = 'reject';
    await page.getByRole('button', { name: 'Buy 7 kWh' }).click();
    await page.getByText('You declined in your wallet').waitFor();
    expect(wallet.asked).toBe(1);
  });

  test('buys from no bus that was not chosen', async () => {
    const stranger = await node.bus('Mill Lane');
    await node.offer(stranger, { kWh: 50, price: 100_001n });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    await quote(page, '1');
    await exactly(page, '200 000').waitFor();
    await page.getByRole('button', { name: 'On buses I choose' }).click();
    await exactly(page, '200 000').waitFor();
    const choice = page.getByRole('group', { name: 'Buses to buy from' });
    // Two buses with one name are told apart by their addresses.
    await choice.getByLabel(`Mill Lane ${stranger.slice(0, 4)}`).check();
    await exactly(page, '100 001').waitFor();
    // The choice is kept.
    await page.reload();
    await quote(page, '1');
    await page.getByRole('button', { name: 'On buses I choose' }).click();
    await exactly(page, '100 001').waitFor();
  });

  test('leaves out an offer that cannot be bought, and names it', async () => {
    const rotten = await node.offer(bus as never, { kWh: 5, price: 110_000n });
    node.simulate = (transaction) =>
      names(transaction, rotten) ? { custom: 17, program: 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA' } : 'fine';
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    await quote(page, '1');
    await page.getByText('Left out, since buying from it fails now:').waitFor();
    await page.getByText('The token account is frozen').waitFor();
    await exactly(page, '200 000').waitFor();
    await page.getByText('0.000005 SOL').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Buy 1 kWh' }).isEnabled()).toBe(true);
  });
});

describe('what became of an action', () => {
  /** What is wrong with where a message stands, and how far the page has been scrolled. */
  const standing = (page: Page) =>
    page.locator('[role=status]:has(> .status)').evaluate((box) => {
      const { top, bottom } = box.getBoundingClientRect();
      const edges = (selector: string) => document.querySelector(selector)?.getBoundingClientRect();
      const [bar, navigation] = [edges('.buy-bar'), edges('.nav')];
      const isCovered = (by: DOMRect | undefined) => by !== undefined && by.top < bottom && by.bottom > top;
      const isInWindow = top >= 0 && bottom <= innerHeight;
      return { isInWindow, isCovered: isCovered(bar) || isCovered(navigation), scrolled: scrollY };
    });

  test.each([
    [390, 844],
    [320, 640],
    [1_280, 800],
  ])('is in sight at %i by %i, and what is in sight already stays there', async (width, height) => {
    const viewport = { width, height };
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, { viewport });
    wallet.answer = 'reject';
    await quote(page, '7');
    await page.getByText('0.000005 SOL').waitFor();
    const buy = page.getByRole('button', { name: 'Buy 7 kWh' });
    await buy.click();
    const declined = page.getByText('You declined in your wallet');
    await declined.waitFor();
    await settled(page);
    const { scrolled, ...first } = await standing(page);
    expect(first).toEqual({ isInWindow: true, isCovered: false });
    await buy.press('Enter');
    await expect.poll(() => wallet.asked).toBe(2);
    await declined.waitFor();
    await settled(page);
    expect(await standing(page)).toEqual({ isInWindow: true, isCovered: false, scrolled });
  });

  test('is forgotten with the amount that was refused, unless it may have been sent', async () => {
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, {
      wallet: { abilities: ['signAndSendTransaction'] },
    });
    wallet.answer = 'reject';
    await quote(page, '2');
    await page.getByText('0.000005 SOL').waitFor();
    await page.getByRole('button', { name: 'Buy 2 kWh' }).click();
    await page.getByText('You declined in your wallet').waitFor();
    await quote(page, '3');
    await expect.poll(() => page.getByText('You declined in your wallet').count()).toBe(0);
    wallet.answer = { says: 'cancelled: not confirmed in 30 s', afterSending: false };
    await page.getByRole('button', { name: 'Buy 3 kWh' }).click();
    const unknown = page.getByText('It may have sent');
    await unknown.waitFor();
    await quote(page, '4');
    await page.getByRole('button', { name: 'Buy 4 kWh' }).waitFor();
    expect(await unknown.count()).toBe(1);
  });

  test('is in sight in a dialog', async () => {
    const viewport = { width: 390, height: 500 };
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, { viewport });
    wallet.answer = 'reject';
    await page.locator('[data-offer]').first().getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('1');
    await dialog.getByText('0.000005 SOL').waitFor();
    await dialog.getByRole('button', { name: 'Buy now' }).last().click();
    await dialog.getByText('You declined in your wallet').waitFor();
    await settled(page);
    expect((await standing(page)).isInWindow).toBe(true);
    // Another amount is something else.
    await dialog.getByLabel('How much').fill('0.5');
    await expect.poll(() => dialog.getByText('You declined in your wallet').count()).toBe(0);
  });
});

describe('a wallet', () => {
  test('that signs legacy transactions only is named, with the reason', async () => {
    const wallet = { versions: ['legacy'] as const };
    const { page } = await pages().visitUnconnected(node.urls(), [neighbour], '', { wallet });
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('It signs legacy transactions only').waitFor();
    expect(await dialog.getByText('No wallet is installed').count()).toBe(0);
    await expect.poll(() => dialog.getByRole('button', { name: /Test Wallet/u }).isDisabled()).toBe(true);
  });

  test('that signs for the mainnet only is told so where it would sign', async () => {
    const wallet = { chains: ['solana:mainnet'] };
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, { wallet });
    await quote(page, '1');
    await page.getByText('Test Wallet does not sign for').first().waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Buy 1 kWh' }).isDisabled()).toBe(true);
  });

  test('without tokens, and one without SOL, are told what is missing', async () => {
    const poor = await newKeys('poor');
    await node.fund(poor.address, 1_000_000_000);
    const first = await pages().visit(node.urls(), [poor], `#/market/${bus}`);
    await quote(first.page, '1');
    // One card, and nowhere else: what is missing, and where it can be sent to.
    await first.page.getByText('told once nothing is missing').waitFor();
    expect(await first.page.getByText('Your wallet holds no tokens of this market yet').count()).toBe(0);
    const missing = first.page.getByRole('region', { name: 'What is missing' });
    await missing.getByText(/Your wallet holds 0(\.00)?\stokens; this costs 0\.20\stokens/u).waitFor();
    await missing.getByRole('img', { name: 'QR code of your address' }).waitFor();
    // What is to be sent there needs the address, whatever the user calls it.
    await missing.getByText(poor.address).waitFor();
    await missing.getByRole('button', { name: 'Copy the address' }).waitFor();
    await missing.getByRole('button', { name: 'Get it from the local network' }).click();
    await missing.getByText('multibus local fund').waitFor();
    const broke = await newKeys('broke');
    await node.fund(broke.address, 0, 50_000_000n);
    const second = await pages().visit(node.urls(), [broke], `#/market/${bus}`);
    await quote(second.page, '1');
    await second.page
      .getByRole('region', { name: 'What is missing' })
      .getByText('Your wallet has no SOL on this network')
      .waitFor();
    // Who has neither enough SOL nor tokens gets both at once.
    const bare = await newKeys('bare');
    await node.fund(bare.address, 1);
    const third = await pages().visit(node.urls(), [bare], `#/market/${bus}`);
    await quote(third.page, '1');
    const both = third.page.getByRole('region', { name: 'What is missing' });
    await both.getByText(/Your wallet holds 0(\.00)?\stokens; this costs 0\.20\stokens/u).waitFor();
    await both.getByText(/Your wallet has 0\.000000001\sSOL; fee and rent take 0\.0/u).waitFor();
  });

  test('that fails speaks in its own words, and the purchase of one that sends itself is watched', async () => {
    const signing = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, {
      wallet: { abilities: ['signTransaction'] },
    });
    signing.wallet.answer = { says: 'rejected: enable blind signing', afterSending: false };
    await quote(signing.page, '1');
    await signing.page.getByText('0.000005 SOL').waitFor();
    await signing.page.getByRole('button', { name: 'Buy 1 kWh' }).focus();
    await signing.page.keyboard.press('Enter');
    await signing.page.getByText('Your wallet says: “rejected: enable blind signing”. Nothing was sent.').waitFor();
    // The button was disabled meanwhile; the keyboard goes on where the answer is.
    await expect.poll(() => signing.page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('status');

    const sending = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, {
      wallet: { abilities: ['signAndSendTransaction'] },
    });
    sending.wallet.answer = { says: 'cancelled: not confirmed in 30 s', afterSending: false };
    await quote(sending.page, '1');
    await sending.page.getByText('0.000005 SOL').waitFor();
    await sending.page.getByRole('button', { name: 'Buy 1 kWh' }).click();
    await sending.page.getByText('Your wallet says: “cancelled: not confirmed in 30 s”. It may have sent').waitFor();
    await sending.page.getByText(/Asking the chain what became of your purchase of 1\skWh/u).waitFor();
    await sending.page.reload();
    await sending.page.getByText(/Asking the chain what became of your purchase of 1\skWh/u).waitFor();
  });
});

describe('a browser', () => {
  /** Makes the storage of every page throw. */
  const broken = (what: 'blocked' | 'full') => (context: BrowserContext) =>
    context.addInitScript((kind) => {
      if (kind === 'blocked') {
        Object.defineProperty(window, 'localStorage', {
          get: () => {
            throw new DOMException('The operation is insecure.', 'SecurityError');
          },
        });
      } else {
        Storage.prototype.setItem = () => {
          throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
        };
      }
    }, what);

  test.each(['blocked', 'full'] as const)('whose storage is %s can be used, and says so', async (what) => {
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`, { prepare: broken(what) });
    await page.getByText('This browser keeps nothing for this page').waitFor();
    await quote(page, '1');
    await page.getByText('0.000005 SOL').waitFor();
    await page.getByRole('button', { name: /Switch to the dark theme|Switch to the light theme/u }).click();
  });

  test('that has kept what cannot be read forgets it', async () => {
    for (const text of ['{', '[null]', '7', '[{"offer":"x"}]']) {
      const { page } = await pages().visit(node.urls(), [], `#/market/${bus}`, {
        prepare: (context) =>
          context.addInitScript((value) => {
            for (const key of ['basket', 'pending', 'buses', 'network', 'theme', 'wallet']) {
              localStorage.setItem(`multibus:${key}`, value);
            }
          }, text),
      });
      await page.getByRole('row', { name: /0\.20/u }).first().waitFor();
    }
  });

  test('at an address of no page, or of nothing, is told so', async () => {
    const { page } = await pages().visit(node.urls(), []);
    await page.getByRole('button', { name: /Live/u }).waitFor();
    for (const [route, said] of [
      ['#/verify/%E0%A4%A', 'This is neither a transaction hash'],
      ['#/market/100%', 'There is no bus at this address'],
      ['#/market/nonsense', 'There is no bus at this address'],
      [`#/bus/${await newAddress()}`, 'There is no bus at this address'],
      ['#/sell/nonsense', 'There is no bus at this address'],
      ['#/nonsense', 'There is no such page'],
    ] as const) {
      await goto(page, route);
      await page.getByText(said).first().waitFor();
      await page.reload();
      await page.getByText(said).first().waitFor();
    }
  });
});

describe('the keyboard', () => {
  test('is where it was after a dialog has closed', async () => {
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
    const network = page.getByRole('button', { name: /Network Local/u });
    await network.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(focused).toContain('Network');
    const buy = page.locator('[data-offer]').first().getByRole('button', { name: 'Buy', exact: true });
    await buy.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await expect.poll(focused).toBe('Buy');
  });
});

describe('a language', () => {
  test('is the browser’s: German reads and writes a comma, and says what it read', async () => {
    const { page } = await pages().visitUnconnected(node.urls(), [], `#/market/${bus}`, { locale: 'de-DE' });
    await expect.poll(() => page.evaluate(() => document.documentElement.lang)).toBe('de');
    const amount = page.getByLabel('Zum besten Preis kaufen');
    await amount.fill('1,5');
    await page.getByText('Das sind 1,5 kWh.').waitFor();
    await page.getByRole('table', { name: 'Gewählte Angebote' }).getByText('1,5 kWh').waitFor();
    await page.locator('.grand').getByText('0,30').waitFor();
    await amount.fill('1.000');
    await page.getByText('Gerade sind 10 kWh im Angebot').waitFor();
    await amount.fill('0.5');
    await page.getByText('Nachkommastellen mit Komma').waitFor();
    // Another one is chosen in the header, and kept.
    await page.getByRole('button', { name: 'Switch to English' }).click();
    await page.getByLabel('Buy at the best price').waitFor();
    await page.reload();
    await page.getByLabel('Buy at the best price').waitFor();
    await expect.poll(() => page.evaluate(() => document.documentElement.lang)).toBe('en');
  });
});

describe('names', () => {
  test('that the user gives stand wherever an address stands, and come back', async () => {
    const seller = await newAddress();
    const named = await node.offer(bus as never, { kWh: 1, price: 190_000n, seller });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    await row(page, named).getByRole('button', { name: 'Buy', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Name this address' }).click();
    const naming = page.getByRole('dialog', { name: 'Name this address' });
    await naming.getByLabel('Your name for it').fill('Anna, no. 4');
    await naming.getByRole('button', { name: 'Keep the name' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await row(page, named).getByText('Anna, no. 4').waitFor();
    await page.reload();
    await row(page, named).getByText('Anna, no. 4').waitFor();
    await goto(page, '#/mine');
    await page.getByRole('region', { name: 'Names' }).getByText('Anna, no. 4').waitFor();
  });
});

describe('vaults and exits', () => {
  const now = () => BigInt(Math.floor(Date.now() / 1_000));

  test('an offer of the bus is not quoted before it trades, and says when', async () => {
    const mill = bus as Address;
    const from = (second: bigint) => ({ kWh: 5, price: 100_000n, seller: mill, fields: { tradesFrom: second } });
    const early = await node.offer(mill, from(now() + 3_000n));
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${bus}`);
    await row(page, early).getByText('trades in').waitFor();
    await expect.poll(() => row(page, early).getByRole('button', { name: 'Buy', exact: true }).isDisabled()).toBe(true);
    await quote(page, '1');
    await exactly(page, '200 000').waitFor();
    // Once it trades, which time alone brings about, it is the best price.
    await node.offer(mill, from(now() + 4n), early);
    node.tell(early);
    await exactly(page, '100 000').waitFor();
    await expect.poll(() => row(page, early).getByRole('button', { name: 'Buy', exact: true }).isEnabled()).toBe(true);
  });

  test('parts below the least size are neither quoted nor bought', async () => {
    const crate = await node.bus('Crate Yard', { leastWh: 1_000n });
    const fields = { leastWh: 1_000n };
    const first = await node.offer(crate, { kWh: 2, price: 100_000n, fields });
    await node.offer(crate, { kWh: 5, price: 200_000n, fields });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${crate}`);
    await page.getByLabel('Buy at the best price').fill('0.5');
    await page.getByText('parts of at least 1 kWh').waitFor();
    await quote(page, '2.5');
    const chosen = page.getByRole('table', { name: 'Chosen offers' });
    await chosen.getByRole('row', { name: /1\.5\skWh 0\.10/u }).waitFor();
    await chosen.getByRole('row', { name: /1\skWh 0\.20/u }).waitFor();
    await row(page, first).getByRole('button', { name: 'Buy', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How much').fill('0.5');
    await dialog.getByText('parts of at least 1 kWh').waitFor();
    await expect.poll(() => dialog.getByRole('button', { name: 'Buy now' }).last().isDisabled()).toBe(true);
  });

  test('a seller sees what is released and held, and withdraws with one button', async () => {
    const mill = bus as Address;
    const { address: seller } = neighbour;
    await node.seller(mill, seller, { released: 250_000n, openOffers: 1 });
    await node.offer(mill, { kWh: 3, price: 300_000n, seller, fields: { proceeds: 600_000n, deposits: 90_000n } });
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const earned = page.getByRole('region', { name: 'What you earned' });
    await earned.getByText('0.85').waitFor();
    await earned.getByText('0.09').waitFor();
    wallet.answer = 'reject';
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.getByText('You declined in your wallet; nothing was sent.').waitFor();
    expect(wallet.asked).toBe(1);
  });

  test('a suspended seller reads why it cannot list, and its money stays its own', async () => {
    const mill = bus as Address;
    await node.seller(mill, neighbour.address, { suspended: 1, released: 70_000n });
    const { page } = await pages().visit(node.urls(), [neighbour], `#/sell/${bus}`);
    await page.getByText('You are suspended as a seller on this bus').first().waitFor();
    await page.getByLabel('Energy', { exact: true }).fill('1');
    await page.getByLabel('Price per kWh').fill('0.3');
    await expect.poll(() => page.getByRole('button', { name: 'Put on offer' }).isDisabled()).toBe(true);
    const earned = page.getByRole('region', { name: 'What you earned' });
    await expect.poll(() => earned.getByRole('button', { name: 'Withdraw', exact: true }).isEnabled()).toBe(true);
  });

  test('a bus of admitted sellers says what a stranger has to do, and lets an admitted one list', async () => {
    const club = await node.bus('Club Row', { listingPolicy: 1 });
    const stranger = await newKeys('stranger');
    const admitted = await newKeys('admitted');
    for (const { address } of [stranger, admitted]) await node.fund(address, 1_000_000_000);
    await node.seller(club, admitted.address, { admitted: 1 });
    const outside = await pages().visit(node.urls(), [stranger], `#/sell/${club}`);
    await outside.page.getByText('ask the owners or the operator to admit your wallet').waitFor();
    const inside = await pages().visit(node.urls(), [admitted], `#/sell/${club}`);
    await inside.page.getByLabel('Energy', { exact: true }).fill('1');
    await inside.page.getByLabel('Price per kWh').fill('0.3');
    await inside.page.getByText(/Takes [\d.]+\sSOL as rent\./u).waitFor();
    await expect.poll(() => inside.page.getByRole('button', { name: 'Put on offer' }).isEnabled()).toBe(true);
  });

  test('a first listing shows the rent of the seller account', async () => {
    const { page } = await pages().visit(node.urls(), [neighbour], `#/sell/${bus}`);
    await page.getByText('which opens your seller account on this bus').waitFor();
  });

  test('a lock costs its own fee, whatever its bus decided later, and can be settled while the bus is paused', async () => {
    const raised = await node.bus('Fee Row', { lockFeeBps: 500, paused: 1 });
    const offer = await node.offer(raised, { kWh: 5, price: 200_000n, fields: { openLocks: 2 } });
    await node.lock(raised, offer, neighbour.address, { lockFeeBps: 100 });
    const { page } = await pages().visit(node.urls(), [neighbour], '#/mine');
    // 1 % of 0.2, not 5 %.
    await page.getByText('giving it back costs 0.002').waitFor();
    await expect.poll(() => page.getByRole('button', { name: 'Buy it' }).isEnabled()).toBe(true);
    // Its refund may have to wait for the token's issuer.
    await node.lock(raised, offer, neighbour.address, { place: 1, state: 1, energyWh: 0n, deposit: 70_000n });
    await page.reload();
    const frozen = page.locator('[data-lock]', { hasText: 'has frozen the account' });
    await frozen.getByText('0.07').waitFor();
    await frozen.getByRole('button', { name: 'Pay it back now' }).waitFor();
    await expect.poll(() => frozen.getByRole('button', { name: 'Buy it' }).count()).toBe(0);
  });

  test('what could not be paid waits, from a running bus and from a closed one', async () => {
    const [mill, gone] = [bus as Address, await node.bus('Old Mill')];
    await node.claim(mill, neighbour.address, 120_000n);
    await node.claim(gone, neighbour.address, 340_000n);
    await node.close(gone, 1);
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], '#/mine');
    const waiting = page.getByRole('region', { name: 'Waiting for you' });
    await waiting.getByText('0.12').waitFor();
    const closed = waiting.locator('li', { hasText: 'Closed bus' });
    await closed.getByText('0.34').waitFor();
    wallet.answer = 'reject';
    await closed.getByRole('button', { name: 'Get it' }).click();
    await waiting.getByText('You declined in your wallet').waitFor();
    expect(wallet.asked).toBe(1);
    await closed.getByRole('link').click();
    await page.getByText('This bus closed for good').waitFor();
    await page.getByText('0.34').waitFor();
    await goto(page, `#/market/${gone}`);
    await page.getByText('This bus closed for good').waitFor();
  });

  test('a closing bus is shown as such: nothing is sold on it, and anyone winds it down', async () => {
    const mill = await node.bus('Last Mill', { closing: 1 });
    const left = await node.offer(mill, { kWh: 1, price: 200_000n });
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/market/${mill}`);
    await page.locator('.bus-card').getByText('closing').waitFor();
    // Said where one looks for offers and where one buys, not only where a pointer rests.
    const why = page.getByText('This bus is closing; nothing is offered or sold on it any more.');
    await why.first().waitFor();
    await page.getByLabel('Buy at the best price').fill('1');
    await expect.poll(() => why.count()).toBe(2);
    await expect.poll(() => row(page, left).getByRole('button', { name: 'Buy', exact: true }).isDisabled()).toBe(true);
    await goto(page, `#/bus/${mill}`);
    const card = page.getByRole('region', { name: 'This bus is closing' });
    await card.getByText('Open offers').waitFor();
    wallet.answer = 'reject';
    await card.getByRole('button', { name: 'Close what can be closed' }).click();
    await card.getByText('You declined in your wallet').waitFor();
    expect(wallet.asked).toBe(1);
  });

  test('an operator admits and suspends sellers at once', async () => {
    const club = await node.bus('Club Row', { listingPolicy: 1, operator: neighbour.address });
    const seller = await newAddress();
    await node.seller(club, seller, { admitted: 1 });
    const { page, wallet } = await pages().visit(node.urls(), [neighbour], `#/bus/${club}`);
    const card = page.getByRole('region', { name: 'Sellers' });
    await card.getByText('may sell').waitFor();
    wallet.answer = 'reject';
    await card.getByRole('button', { name: 'Suspend' }).click();
    await card.getByText('You declined in your wallet').waitFor();
    await card.getByLabel('Wallet to admit').fill(await newAddress());
    await card.getByRole('button', { name: 'Admit', exact: true }).click();
    await expect.poll(() => wallet.asked).toBe(2);
  });
});

/** Terms with windows of a quarter of an hour. */
const terms = (gateClosureSeconds: number, from = 0) => ({
  ...{ from: BigInt(from), windowSeconds: 900, gateClosureSeconds, gridFeePerKwh: 0n, settlement: 0 },
  ...{ readingDeadlineSeconds: 0, correctionSeconds: 0, auction: 0, reserved: new Uint8Array(6) },
});

/** The first seconds of quarters of an hour, counted from the one in which this is called. */
const quarters = () => {
  const present = Math.floor(Date.now() / 900_000);
  return (index: number) => (present + index) * 900;
};

describe('delivery windows', () => {
  test('can all be chosen, show price and what is free, and the quote says when', async () => {
    const tower = await node.bus('Clock Tower', { terms: terms(60) });
    const quarter = quarters();
    for (let index = 2; index <= 27; index += 1) {
      await node.offer(tower, { kWh: index, price: 100_000n + BigInt(index), windowStart: quarter(index) });
    }
    const { page } = await pages().visit(node.urls(), [neighbour], `#/market/${tower}`);
    const windows = page.getByRole('group', { name: 'Delivery window' }).getByRole('button');
    await expect.poll(() => windows.count()).toBe(26);
    const last = windows.nth(25);
    await expect.poll(() => last.innerText()).toMatch(/0\.100027\n27\skWh/u);
    const [span = ''] = (await last.innerText()).split('\n');
    await last.click();
    await page.getByLabel('Buy at the best price').fill('1');
    const chosen = page.getByRole('table', { name: 'Chosen offers' });
    await chosen.getByText(span).waitFor();
    await exactly(page, '100 027').waitFor();
    // In words: the next window that trades.
    await page.getByRole('button', { name: 'Now', exact: true }).click();
    await exactly(page, '100 002').waitFor();
    // A bar is of the windows that it shows.
    await page.getByRole('img', { name: /^Of 100\skWh:/u }).waitFor();
    await page.locator('[data-offer]').first().getByRole('button', { name: 'Buy', exact: true }).click();
    await page.getByRole('dialog').getByText('Delivery').first().waitFor();
  });
});

describe('every width', () => {
  const WIDTHS = [320, 390, 760, 1_100, 1_280, 1_440, 1_920];

  /** Elements that are wider than what they stand in, and how much. */
  const overflowing = (page: Page) =>
    page.evaluate(() => {
      const found: string[] = [];
      const limit = document.documentElement.clientWidth;
      if (document.documentElement.scrollWidth > limit) found.push(`page ${document.documentElement.scrollWidth}`);
      for (const card of document.querySelectorAll('.card, .total, .dialog-body, .tile')) {
        const { right } = card.getBoundingClientRect();
        for (const inner of card.querySelectorAll('*')) {
          const isHidden = inner.closest('.visually-hidden, svg, .scroller, .bus-list, .windows') !== null;
          if (!isHidden && inner.getBoundingClientRect().right > right + 1) {
            found.push(`${card.className}: ${inner.className || inner.tagName} ${inner.textContent.slice(0, 30)}`);
          }
        }
      }
      return [...new Set(found)].slice(0, 5);
    });

  test('holds every screen, for wallets that are new, empty and rich', async () => {
    const empty = await newKeys('empty');
    const rich = await newKeys('rich');
    await node.fund(rich.address, 987_654_321_012_345, 9_876_543_210_123_456n);
    await node.lane(rich.address, 12_345);
    await node.bus('Gemeinschaftsdach Oberweiler 32b', {
      capacityWh: 987_654_321_012n,
      basePricePerKwh: 98_765_432_101n,
    });
    const quarter = quarters();
    const windowed = await node.bus('Clock Tower', { terms: terms(300) });
    for (let index = 1; index <= 26; index += 1) {
      await node.offer(windowed, { kWh: 1, price: 98_765_432_101n, windowStart: quarter(index) });
    }
    // Paid for what is delivered: what the rich one bought and sold, and operates.
    const delivering = { ...terms(300, quarter(-40)), settlement: 1, gridFeePerKwh: 4_294_967_296n };
    const times = { readingDeadlineSeconds: 3_600, correctionSeconds: 3_600 };
    const delivery = await node.bus('Lieferstraße Oberweiler 32b', {
      terms: { ...delivering, ...times },
      operator: rich.address,
    });
    await node.deliveries(delivery, rich.address, { ...delivering, ...times }, Math.floor(Date.now() / 1_000));
    const found: string[] = [];
    for (const [keys, locale] of [
      [neighbour, 'en-US'],
      [empty, 'en-US'],
      [rich, 'en-US'],
      [rich, 'de-DE'],
    ] as const) {
      const isGerman = locale === 'de-DE';
      const { page } = await pages().visit(node.urls(), [keys], `#/market/${bus}`, { locale });
      const amount = page.getByLabel(isGerman ? 'Zum besten Preis kaufen' : 'Buy at the best price');
      await amount.waitFor();
      for (const route of [
        `#/market/${bus}`,
        `#/market/${windowed}`,
        '#/mine',
        `#/sell/${bus}`,
        `#/bus/${bus}`,
        `#/bus/${delivery}`,
        `#/sell/${delivery}`,
        '#/bus/new',
        '#/verify',
      ]) {
        await goto(page, route);
        if (route === `#/market/${bus}`) {
          await amount.fill(isGerman ? '1,234' : '1.234');
          await page
            .getByText(/0[.,]000005\sSOL|told once nothing is missing/u)
            .first()
            .waitFor();
        }
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          await settled(page);
          for (const what of await overflowing(page))
            found.push(`${keys.name} ${locale} ${route.slice(0, 8)} ${width}: ${what}`);
        }
        await page.setViewportSize({ width: 1_440, height: 900 });
      }
    }
    expect(found).toEqual([]);
  });
});
