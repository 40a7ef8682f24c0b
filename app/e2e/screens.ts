/** A lively market to look at: the village, and what its people are in the middle of. */

import type { Visitor } from './browser';
import type { Keys, Market } from './network';

/** Screens that are shown, and how to get to each. */
export interface Screen {
  readonly name: string;
  readonly route: string;
  /** Whose wallet is connected. */
  readonly who: 'erin' | 'alice';
  prepare?(visitor: Visitor): Promise<void>;
}

/** Makes the village lively and returns its screens. */
export async function scenes(market: Market): Promise<{
  readonly screens: readonly Screen[];
  readonly keys: Readonly<Record<'erin' | 'alice', Keys>>;
}> {
  const keysOf = (name: string) => market.keys(name, market.village(name).keypair);
  const [erin, alice] = await Promise.all([keysOf('erin'), keysOf('alice')]);
  const [bob, carol] = [market.village('bob').address, market.village('carol').address];
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
  await market.cli('erin', 'lock', 'take', first, '--energy', '1.5kWh');
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
        prepare: async ({ page }) => {
          await page.getByLabel('Buy at the best price').fill('7.5');
          await page.getByText('0.000005 SOL').waitFor();
        },
      },
      {
        name: 'offer',
        route: at('market'),
        who: 'erin',
        prepare: async ({ page }) => {
          await page.locator(`[data-offer="${first}"]`).getByRole('button', { name: 'Buy' }).click();
          await page.getByRole('dialog').getByLabel('How much').fill('2.5');
          await page.getByRole('dialog').getByText('0.000005 SOL').waitFor();
        },
      },
      { name: 'sell', route: at('sell'), who: 'alice' },
      {
        name: 'mine',
        route: '#/mine',
        who: 'erin',
        prepare: async ({ page }) => page.getByRole('button', { name: 'Settle' }).first().waitFor(),
      },
      {
        name: 'bus',
        route: at('bus'),
        who: 'alice',
        prepare: async ({ page }) => page.getByRole('button', { name: 'Claim' }).first().waitFor(),
      },
      {
        name: 'seller',
        route: '#/mine',
        who: 'alice',
        prepare: async ({ page }) => page.getByRole('region', { name: 'What you earned' }).waitFor(),
      },
      { name: 'create', route: '#/bus/new', who: 'alice' },
      {
        name: 'verify',
        route: '#/mine',
        who: 'erin',
        prepare: async ({ page }) => {
          await page.getByRole('table', { name: 'Purchases' }).getByRole('link').first().click();
          await page.getByText('The history root on chain proves it').waitFor();
        },
      },
    ],
  };
}
