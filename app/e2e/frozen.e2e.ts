/**
 * Money for somebody whose token account the token's issuer has frozen, or who has closed it: the app says so before
 * anything is pressed, signs nothing that would fail, and pays to another account that is named, or opens the usual one.
 */

import type { Locator, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';

import type { Keys } from './network';
import { openSuite } from './suite';
import { FreezableToken } from './token';

const suite = openSuite();
let token: FreezableToken;

beforeAll(async () => {
  token = await FreezableToken.make(suite().market);
});

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

/** A bus of a wallet's that is paid in the token. */
const busOf = (owner: Keys, name: string, ...more: readonly string[]): Promise<string> =>
  suite().market.bus(owner, name, { capacity: '50kWh', basePrice: '0.10tokens', mint: token.mint, more });

/** Somebody else with the token, and the account that has it. */
async function friend(): Promise<{
  readonly keys: Keys;
  readonly account: string;
  readonly held: () => Promise<bigint>;
}> {
  const keys = await token.wallet('friend', 1);
  const account = await token.accountOf(keys.address);
  return { keys, account, held: () => token.heldIn(account) };
}

/** Names an account that is to be paid. */
async function name(scope: Locator, account: string): Promise<void> {
  await scope.getByText('Pay it to another account').click();
  await scope.getByLabel('Token account to pay').fill(account);
}

describe('somebody whose token account is frozen', () => {
  test('withdraws what it earned to another account', async () => {
    const seller = await token.wallet('frozen seller', 1);
    const buyer = await token.wallet('buyer', 100);
    const bus = await busOf(suite().ada, 'Frozen Sellers Row', '--listing', 'open');
    await suite().list(seller, bus, '2kWh', '0.3');
    await suite().market.cli(buyer, 'buy', bus, '--energy', '1.5kWh');
    await token.freeze(seller.address);
    const other = await friend();

    const { page, wallet } = await suite().come([seller], '#/mine');
    const earned = region(page, 'What you earned');
    await earned.getByText('Your usual token account takes no payment now').waitFor();
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.locator('.status.failed').getByText('Name another account').waitFor();
    const waiting = region(page, 'Waiting for you');
    await waiting.getByRole('button', { name: 'Withdraw it all' }).click();
    await waiting.getByText('Under “What you earned” you can withdraw to another one.').waitFor();
    // An account that is frozen itself is no way out.
    await name(earned, await token.accountOf(seller.address));
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.getByText('That is no token account of this token that can be paid').waitFor();
    expect(wallet.asked).toBe(0);

    await earned.getByLabel('Token account to pay').fill(other.account);
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.getByText(/0\.45\s\S+ are in the token account/u).waitFor();
    expect(wallet.asked).toBe(1);
    expect(await other.held()).toBe(1_450_000n);
  });

  test('gives back what it held, and gets the deposit to another account', async () => {
    const buyer = await token.wallet('frozen holder', 10);
    const bus = await busOf(suite().ben, 'Frozen Holders Row');
    const offer = await suite().list(suite().ben, bus, '2kWh', '0.4');
    await suite().market.cli(buyer, 'lock', 'take', offer, '--energy', '1kWh');
    await token.freeze(buyer.address);
    const other = await friend();

    const { page, wallet } = await suite().come([buyer], '#/mine');
    const held = region(page, 'Held for you');
    await held.getByText('The account that paid the deposit takes no payment now').waitFor();
    await held.getByRole('button', { name: 'Give it back' }).click();
    await held.getByText(/0\.40\s\S+ could not be paid to the account that they came from/u).waitFor();
    const claim = region(page, 'Waiting for you').locator('[data-claim]');
    await claim.getByText('Your usual token account takes no payment now').waitFor();
    await claim.getByRole('button', { name: 'Get it' }).click();
    const refused = region(page, 'Waiting for you').locator('.status.failed');
    await refused.getByText('Name another account').waitFor();
    expect(wallet.asked).toBe(1);

    await name(claim, other.account);
    await claim.getByRole('button', { name: 'Get it' }).click();
    await claim.waitFor({ state: 'detached' });
    expect(wallet.asked).toBe(2);
    expect(await other.held()).toBe(1_400_000n);
  });

  test('withdraws a bid, and gets the deposit to another account', async () => {
    const buyer = await token.wallet('frozen bidder', 10);
    const bus = await busOf(
      suite().cem,
      'Frozen Bidders Row',
      ...['--window', '15m', '--gate-closure', '0', '--auction', 'on'],
    );
    const start = await suite().market.windowIn(900, 1_800);
    const window = ['--window', String(start), '--max-price', '0.4tokens'];
    await suite().market.cli(buyer, 'bid', 'create', bus, '--energy', '1kWh', ...window);
    await token.freeze(buyer.address);
    const other = await friend();

    const { page, wallet } = await suite().come([buyer], '#/mine');
    const bids = region(page, 'Your bids');
    await bids.getByText('Your usual token account takes no payment now').waitFor();
    await bids.getByRole('button', { name: 'Withdraw the bid' }).click();
    await bids.locator('.status.failed').getByText('Name another account').waitFor();
    expect(wallet.asked).toBe(0);
    await name(bids.locator('[data-bid]'), other.account);
    await bids.getByRole('button', { name: 'Withdraw the bid' }).click();
    await bids.getByText('It is in the token account that you named.').waitFor();
    expect(await other.held()).toBe(1_400_000n);
  });

  test('gets its share of a treasury to another account; for others it says where that goes', async () => {
    const [owner, partner] = [await token.wallet('frozen owner', 1), await token.wallet('frozen partner', 1)];
    const buyer = await token.wallet('buyer', 100);
    const shares = ['--owner', `${owner.address}=60%`, '--owner', `${partner.address}=40%`, '--threshold', '2'];
    const bus = await busOf(owner, 'Frozen Owners Row', ...shares);
    await suite().list(owner, bus, '1kWh', '0.5', '--for-bus');
    await suite().market.passUntil((await suite().market.now()) + 122);
    await suite().market.cli(buyer, 'buy', bus, '--energy', '1kWh');
    await suite().market.cli(buyer, 'seller', 'withdraw', bus, '--for-bus');
    await token.freeze(owner.address);
    await token.freeze(partner.address);
    const other = await friend();

    const { page, wallet } = await suite().come([owner], `#/bus/${bus}`);
    const treasury = region(page, 'Treasury');
    const rows = treasury.getByRole('table', { name: 'Claims' });
    await treasury.getByText('Your usual token account takes no payment now').waitFor();
    await rows.getByRole('button', { name: 'Claim' }).click();
    await treasury.locator('.status.failed').getByText('Name another account').waitFor();
    expect(wallet.asked).toBe(0);
    await name(treasury, other.account);
    await rows.getByRole('button', { name: 'Claim' }).click();
    await treasury.getByText(/0\.30\s\S+ went to/u).waitFor();
    expect(await other.held()).toBe(1_300_000n);
    // The partner, who does not ask itself, gets a claim.
    await treasury.getByText('“Pay out” pays an owner’s usual token account.').waitFor();
    await rows.getByRole('button', { name: 'Pay out' }).click();
    await treasury.getByText(/0\.20\s\S+ could not be paid now and wait for/u).waitFor();

    const left = await suite().come([partner], '#/mine');
    const claim = region(left.page, 'Waiting for you').locator('[data-claim]');
    await name(claim, other.account);
    await claim.getByRole('button', { name: 'Get it' }).click();
    await claim.waitFor({ state: 'detached' });
    expect(await other.held()).toBe(1_500_000n);
  });
});

describe('somebody who has closed the token account', () => {
  test('withdraws what it earned: the account is opened again', async () => {
    const seller = await token.wallet('closed seller', 1);
    const buyer = await token.wallet('buyer', 100);
    const bus = await busOf(suite().ada, 'Closed Sellers Row', '--listing', 'open');
    await suite().list(seller, bus, '2kWh', '0.3');
    await suite().market.cli(buyer, 'buy', bus, '--energy', '1.5kWh');
    await token.close(seller);

    const { page, wallet } = await suite().come([seller], '#/mine');
    const earned = region(page, 'What you earned');
    await earned.getByText('You have no account for this token, or it was closed.').waitFor();
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.locator('.status.done').waitFor();
    expect(wallet.asked).toBe(1);
    expect(await token.heldIn(await token.accountOf(seller.address))).toBe(450_000n);
  });

  test('withdraws what it earned to somebody else, and opens no account', async () => {
    const seller = await token.wallet('closed giver', 1);
    const buyer = await token.wallet('buyer', 100);
    const bus = await busOf(suite().ada, 'Closed Givers Row', '--listing', 'open');
    await suite().list(seller, bus, '1kWh', '0.3');
    await suite().market.cli(buyer, 'buy', bus, '--energy', '1kWh');
    await token.close(seller);
    const other = await friend();

    const { page } = await suite().come([seller], '#/mine');
    const earned = region(page, 'What you earned');
    await earned.getByText('You have no account for this token, or it was closed.').waitFor();
    await name(earned, other.account);
    await earned.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await earned.getByText(/0\.30\s\S+ are in the token account/u).waitFor();
    expect(await other.held()).toBe(1_300_000n);
    await expect(token.heldIn(await token.accountOf(seller.address))).rejects.toThrow();
  });

  test('gives back what it held, and the deposit opens the account again', async () => {
    const buyer = await token.wallet('closed holder', 10);
    const bus = await busOf(suite().ben, 'Closed Holders Row');
    const offer = await suite().list(suite().ben, bus, '2kWh', '0.4');
    await suite().market.cli(buyer, 'lock', 'take', offer, '--energy', '1kWh');
    await token.close(buyer);

    const { page, wallet } = await suite().come([buyer], '#/mine');
    const held = region(page, 'Held for you');
    await held.getByRole('button', { name: 'Give it back' }).click();
    await held.getByText(/Given back; 0\.40\s\S+ came back\./u).waitFor();
    expect(wallet.asked).toBe(1);
    expect(await token.heldIn(await token.accountOf(buyer.address))).toBe(400_000n);
  });

  test('gets its share also where somebody else pays it out, who opens the account again', async () => {
    const [owner, partner] = [await token.wallet('payer', 1), await token.wallet('closed partner', 1)];
    const buyer = await token.wallet('buyer', 100);
    const shares = ['--owner', `${owner.address}=60%`, '--owner', `${partner.address}=40%`, '--threshold', '2'];
    const bus = await busOf(owner, 'Closed Partners Row', ...shares);
    await suite().list(owner, bus, '1kWh', '0.5', '--for-bus');
    await suite().market.passUntil((await suite().market.now()) + 122);
    await suite().market.cli(buyer, 'buy', bus, '--energy', '1kWh');
    await suite().market.cli(buyer, 'seller', 'withdraw', bus, '--for-bus');
    await token.close(partner);

    const { page } = await suite().come([owner], `#/bus/${bus}`);
    const treasury = region(page, 'Treasury');
    await treasury.getByRole('table', { name: 'Claims' }).getByRole('button', { name: 'Pay out' }).click();
    await treasury.getByText(/0\.20\s\S+ went to/u).waitFor();
    expect(await token.heldIn(await token.accountOf(partner.address))).toBe(200_000n);
  });
});
