/** A lively market to look at: the village, and what its people are in the middle of. */

import type { Locator, Page } from 'playwright-core';

import type { Words } from '../src/words/en';
import type { Visitor } from './browser';
import type { Keys, Market } from './network';

/** Screens that are shown, and how to get to each. */
export interface Screen {
  readonly name: string;
  readonly route: string;
  /** Whose wallet is connected. */
  readonly who: 'erin' | 'alice';
  /** Brings it into the state to look at; the page speaks with these words. */
  prepare?(visitor: Visitor, words: Words): Promise<void>;
}

/** Makes the village lively and returns its screens. */
export async function scenes(market: Market): Promise<{
  readonly screens: readonly Screen[];
  readonly keys: Readonly<Record<'erin' | 'alice', Keys>>;
}> {
  const keysOf = (name: string) => market.keys(name, market.village(name).keypair);
  const [erin, alice] = await Promise.all([keysOf('erin'), keysOf('alice')]);
  const [bob, carol] = [market.village('bob').address, market.village('carol').address];
  const metered = await deliveries(market);
  const auctioned = await auctions(market);
  const garden = await market.bus('alice', 'Garden Terrace', {
    capacity: '120kWh',
    basePrice: '0.10tokens',
    more: [
      ...['--owner', `${alice.address}=50%`, '--owner', `${bob}=30%`, '--owner', `${carol}=20%`],
      ...['--threshold', '2', '--pause-quorum', '1', '--lock-fee', '1%', '--listing', 'open'],
    ],
  });
  const offer = (who: string, energy: string, price: string, ...more: readonly string[]) =>
    market.cli(who, 'offer', 'create', garden, '--energy', energy, '--price', `${price}tokens`, ...more);
  const first = await offer('alice', '12kWh', '0.21', '--source', 'solar');
  await offer('alice', '20kWh', '0.1999', '--source', 'solar', '--for-bus');
  await offer('bob', '9.5kWh', '0.18', '--source', 'wind', '--expires', '+40min');
  await offer('carol', '8kWh', '0.26', '--source', 'storage', '--expires', '+6h');
  await offer('dave', '9.25kWh', '0.235', '--source', 'biomass');
  await offer('frank', '3kWh', '0.223', '--source', 'hydro', '--expires', '+2h');
  for (const [who, energy] of [
    ['frank', '1.25kWh'],
    ['erin', '2kWh'],
    ['frank', '2.5kWh'],
    ['dave', '600Wh'],
    ['erin', '3.2kWh'],
    ['frank', '900Wh'],
  ] as const) {
    await market.cli(who, 'buy', garden, '--energy', energy);
  }
  await market.cli('frank', 'lock', 'take', first, '--energy', '2kWh');
  let heldUntil = 0;
  /** Erin holds energy for as long as a look at it takes. */
  const hold = async () => {
    const now = await market.now();
    if (now < heldUntil - 60) return;
    heldUntil = now + 300;
    await market.cli('erin', 'lock', 'take', first, '--energy', '1.5kWh');
  };
  await hold();
  await market.cli('bob', 'proposal', 'create', garden, 'base-price', '0.12tokens');
  await market.cli('alice', 'proposal', 'create', garden, 'capacity', '160kWh');
  const at = (screen: string) => `#/${screen}/${garden}`;
  return {
    keys: { erin, alice },
    screens: [
      {
        name: 'market',
        route: at('market'),
        who: 'erin',
        prepare: async ({ page }, t) => {
          await page.getByLabel(t.bestPrice.buyAtTheBestPrice).fill('7');
          await page
            .getByText(/0[.,]000005\sSOL/u)
            .first()
            .waitFor();
        },
      },
      {
        name: 'delivery',
        route: `#/market/${metered}`,
        who: 'erin',
        prepare: async ({ page }, t) => {
          await page.getByRole('button', { name: t.dayStrip.pick, exact: true }).click();
          await page.getByRole('group', { name: t.marketScreen.deliveryWindow }).getByRole('button').last().click();
          await page.getByLabel(t.bestPrice.buyAtTheBestPrice).fill('1');
          await page
            .getByText(/0[.,]000005\sSOL/u)
            .first()
            .waitFor();
        },
      },
      {
        name: 'offer',
        route: at('market'),
        who: 'erin',
        prepare: async ({ page }, t) => {
          await page
            .locator(`[data-offer="${first}"]`)
            .getByRole('button', { name: t.offerTable.buy, exact: true })
            .click();
          await page.getByRole('dialog').getByLabel(t.offerDialog.howMuch).fill('2');
          await page
            .getByRole('dialog')
            .getByText(/0[.,]000005\sSOL/u)
            .first()
            .waitFor();
        },
      },
      {
        name: 'auction',
        route: `#/market/${auctioned.bus}`,
        who: 'erin',
        prepare: async ({ page }, t) => {
          await auctionOf(page, t, auctioned.ahead);
          const panel = page.locator('#buy');
          await panel.getByRole('button', { name: t.auction.bid, exact: true }).click();
          await panel.getByLabel(t.auction.forWhichWindow).selectOption(String(auctioned.ahead));
          await panel.getByLabel(t.auction.howMuch).fill('1');
          await panel.getByLabel(t.auction.theMostPerKwh).fill(t.auction.bid === 'Bid' ? '0.30' : '0,30');
          await panel.getByText(/0[.,]000005\sSOL/u).waitFor();
          await page.evaluate(() => window.scrollTo(0, 0));
        },
      },
      {
        name: 'result',
        route: `#/market/${auctioned.bus}`,
        who: 'alice',
        prepare: async ({ page }, t) => {
          const card = await auctionOf(page, t, auctioned.decided);
          await card.getByText(t.auction.price, { exact: true }).waitFor();
          await card.getByRole('button', { name: t.auction.checkItYourself }).click();
          await card.locator('.status.done').waitFor();
          await card.scrollIntoViewIfNeeded();
        },
      },
      {
        name: 'bids',
        route: '#/mine',
        who: 'erin',
        prepare: async ({ page }, t) => {
          const card = page.getByRole('region', { name: t.auction.yourBids, exact: true });
          await card.locator('[data-bid]').first().waitFor();
          await card.scrollIntoViewIfNeeded();
        },
      },
      { name: 'sell', route: at('sell'), who: 'alice' },
      {
        name: 'mine',
        route: '#/mine',
        who: 'erin',
        prepare: async ({ page }, t) => {
          await hold();
          await page.evaluate(() => window.scrollTo(0, 0));
          await page.getByRole('button', { name: t.lockCard.settle, exact: true }).first().waitFor();
          await page.getByRole('region', { name: t.delivery.deliveries, exact: true }).getByRole('img').waitFor();
          await page.getByRole('button', { name: t.certificate.take, exact: true }).first().waitFor();
        },
      },
      {
        name: 'bus',
        route: at('bus'),
        who: 'alice',
        prepare: async ({ page }, t) =>
          page.getByRole('button', { name: t.treasury.claim, exact: true }).first().waitFor(),
      },
      {
        name: 'seller',
        route: '#/mine',
        who: 'alice',
        prepare: async ({ page }, t) =>
          page.getByRole('region', { name: t.seller.whatYouEarned, exact: true }).waitFor(),
      },
      {
        name: 'meters',
        route: `#/bus/${metered}`,
        who: 'alice',
        prepare: async ({ page }, t) => {
          await page
            .getByRole('region', { name: t.meter.meters, exact: true })
            .getByText(t.meter.upTo('8 kW'))
            .first()
            .waitFor();
          await page
            .getByRole('region', { name: t.delivery.readings, exact: true })
            .getByText(t.delivery.missingUntil('').trim())
            .waitFor();
        },
      },
      {
        name: 'create',
        route: '#/bus/new',
        who: 'alice',
        prepare: async ({ page }, t) => {
          await page.getByLabel(t.createBus.deliveryWindows).selectOption('900');
          await page.getByRole('button', { name: t.terms.onDelivery }).click();
          await page.getByLabel(t.terms.gridFeePerKwh).fill('0');
        },
      },
      {
        name: 'verify',
        route: '#/mine',
        who: 'erin',
        prepare: async ({ page }, t) => {
          await page.getByRole('table', { name: t.purchases.purchases, exact: true }).getByRole('link').first().click();
          await page.locator('.receipt .status.done').waitFor();
        },
      },
    ],
  };
}

/** The card of a window's auction. */
async function auctionOf(page: Page, t: Words, windowStart: number): Promise<Locator> {
  const card = page.getByRole('region', { name: t.auction.auction, exact: true });
  await card.getByRole('combobox', { name: t.auction.window }).selectOption(String(windowStart));
  return card;
}

/** A bus whose windows an auction closes: the price of one is proven, and another one takes bids. Erin bid in both. */
async function auctions(
  market: Market,
): Promise<{ readonly bus: string; readonly decided: number; readonly ahead: number }> {
  const bus = await market.bus('alice', 'Garden Auction', {
    capacity: '100kWh',
    basePrice: '0.10tokens',
    more: [
      '--listing',
      'open',
      '--window',
      '15m',
      '--gate-closure',
      '0',
      '--auction',
      'on',
      '--grid-fee',
      '0.02tokens',
    ],
  });
  const fill = async (start: number) => {
    const window = ['--window', String(start)];
    for (const [who, energy, price, source] of [
      ['bob', '2kWh', '0.18', 'solar'],
      ['carol', '3kWh', '0.22', 'wind'],
      ['dave', '2.5kWh', '0.3', 'storage'],
    ] as const) {
      const own = ['--energy', energy, '--price', `${price}tokens`, '--source', source];
      await market.cli(who, 'offer', 'create', bus, ...own, ...window);
    }
    for (const [who, energy, limit] of [
      ['erin', '2kWh', '0.34'],
      ['frank', '1.5kWh', '0.28'],
      ['dave', '1kWh', '0.25'],
      ['erin', '2kWh', '0.22'],
    ] as const) {
      await market.cli(who, 'bid', 'create', bus, '--energy', energy, '--max-price', `${limit}tokens`, ...window);
    }
  };
  const decided = await market.windowIn(900, 1_200);
  await fill(decided);
  await market.passUntil(decided + 1);
  await market.cli('alice', 'auction', 'clear', bus, '--window', String(decided));
  const ahead = decided + 7_200;
  await fill(ahead);
  return { bus, decided, ahead };
}

/** A bus that pays for what is delivered: Erin bought of two sellers, of whom one is read for good, one not yet. */
async function deliveries(market: Market): Promise<string> {
  const metered = await market.bus('alice', 'Garden Meters', {
    capacity: '50kWh',
    basePrice: '0.10tokens',
    more: [
      ...['--listing', 'open', '--operator', market.village('alice').address],
      ...['--window', '15m', '--gate-closure', '0', '--settlement', 'on-delivery', '--grid-fee', '0.02tokens'],
      ...['--reading-deadline', '1d', '--correction-time', '1h'],
    ],
  });
  const start = await market.windowIn(900, 1_200);
  const window = ['--window', String(start)];
  for (const who of ['bob', 'carol']) {
    const device = await market.wallet(`${who}'s meter`, 0);
    await market.cli(who, 'seller', 'open', metered);
    const power = ['--device', device.file, '--power', '8kW', '--source', 'solar'];
    await market.cli('alice', 'meter', 'register', metered, market.village(who).address, ...power);
    const own = ['--energy', '2kWh', '--price', '0.2tokens', '--source', 'solar'];
    await market.cli(who, 'offer', 'create', metered, ...own, ...window);
  }
  await market.cli('erin', 'buy', metered, '--energy', '4kWh', ...window);
  await market.passUntil(start + 901);
  const read = ['--energy', '1500Wh', ...window];
  await market.cli('alice', 'delivery', 'report', metered, market.village('bob').address, ...read);
  await market.passUntil((await market.now()) + 3_601);
  // What can be bought of later windows.
  for (const [hours, price] of [
    [1, '0.24'],
    [2, '0.19'],
    [3, '0.21'],
  ] as const) {
    const later = ['--window', String(await market.windowIn(900, hours * 3_600))];
    const own = ['--energy', '2kWh', '--price', `${price}tokens`, '--source', 'solar'];
    await market.cli('carol', 'offer', 'create', metered, ...own, ...later);
  }
  return metered;
}
