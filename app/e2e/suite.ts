/** What every flow stands on: the network, Chromium, the built site, and people with wallets. */

import { createSolanaRpc } from '@solana/kit';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

import { connectWallet, faultsIn, launch, serve, visit, type Arrival, type Visitor } from './browser';
import { Market, type Keys } from './network';
import type { Kind } from './wallet';

/** A node, as a browser reaches it. */
export interface Node {
  readonly rpc_url: string;
  readonly websocket_url: string;
}

/** What a visitor comes with, beside wallet and place. */
export type Coming = Omit<Arrival, 'route'>;

/** Chromium and the built site, and who has come. */
export class Pages {
  private readonly visitors: Visitor[] = [];

  protected constructor(
    readonly browser: Browser,
    readonly site: Awaited<ReturnType<typeof serve>>,
  ) {}

  static async openAlone(): Promise<Pages> {
    const [browser, site] = await Promise.all([launch(), serve()]);
    return new Pages(browser, site);
  }

  /** Opens the app for somebody, with the wallet connected where one is given. */
  async visit(node: Node, accounts: readonly Keys[], route = '', coming: Coming = {}): Promise<Visitor> {
    const visitor = await this.visitUnconnected(node, accounts, route, coming);
    if (accounts.length > 0) await connectWallet(visitor);
    return visitor;
  }

  /** Opens the app for somebody whose wallet is not connected. */
  async visitUnconnected(node: Node, accounts: readonly Keys[], route = '', coming: Coming = {}): Promise<Visitor> {
    const visitor = await visit(this.browser, this.site.url, node, accounts, { route, ...coming });
    this.visitors.push(visitor);
    return visitor;
  }

  /** Closes what a test opened; nothing may have been wrong with its pages. */
  async leave(): Promise<void> {
    const visitors = this.visitors.splice(0);
    await Promise.all(visitors.map((visitor) => visitor.close()));
    expect(faultsIn(visitors.flatMap(({ complaints }) => complaints))).toEqual([]);
  }

  /** Makes everything anew that a first try of a flow may have changed. */
  renew(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.site.server.close();
  }
}

/** Who trades in the flows of a file. */
interface People {
  readonly ada: Keys;
  readonly ben: Keys;
  readonly cem: Keys;
  /** Has 500 tokens; the others have 100. */
  readonly buyer: Keys;
}

/** New wallets of everybody. */
async function people(market: Market): Promise<People> {
  const [ada, ben, cem, buyer] = await Promise.all([
    market.wallet('ada'),
    market.wallet('ben'),
    market.wallet('cem'),
    market.wallet('buyer', 500),
  ]);
  return { ada, ben, cem, buyer };
}

/** The suite of one file: pages, and a network with people. */
export class Suite extends Pages {
  private constructor(
    pages: Pages,
    readonly market: Market,
    private people: People,
  ) {
    super(pages.browser, pages.site);
  }

  static async open(): Promise<Suite> {
    const market = await Market.open();
    const [pages, everybody] = await Promise.all([Pages.openAlone(), people(market)]);
    return new Suite(pages, market, everybody);
  }

  /** Everybody is somebody else, who has neither bought nor sold. */
  override async renew(): Promise<void> {
    this.people = await people(this.market);
  }

  get ada(): Keys {
    return this.people.ada;
  }

  get ben(): Keys {
    return this.people.ben;
  }

  get cem(): Keys {
    return this.people.cem;
  }

  get buyer(): Keys {
    return this.people.buyer;
  }

  /** Opens the app on the network for somebody, with the wallet connected where one is given. */
  come(
    accounts: readonly Keys[],
    route = '',
    node: Node = this.market.network,
    wallet: Partial<Kind> = {},
  ): Promise<Visitor> {
    return this.visit(node, accounts, route, { wallet });
  }

  /** Opens the app on the network for somebody whose wallet is not connected. */
  arrive(accounts: readonly Keys[]): Promise<Visitor> {
    return this.visitUnconnected(this.market.network, accounts);
  }

  /** A bus of Ada, Ben and Cem: two of them decide, and releasing a lock costs 1 %. */
  bus(name: string): Promise<string> {
    const owners = [
      [this.ada, '50%'],
      [this.ben, '33.33%'],
      [this.cem, '16.67%'],
    ] as const;
    return this.market.bus(this.ada, name, {
      capacity: '100kWh',
      basePrice: '0.10tokens',
      more: [
        ...owners.flatMap(([{ address }, share]) => ['--owner', `${address}=${share}`]),
        ...['--threshold', '2', '--lock-fee', '1%'],
      ],
    });
  }

  /** Puts energy on offer; returns the offer. */
  list(seller: Keys, bus: string, energy: string, price: string, ...more: readonly string[]): Promise<string> {
    const terms = ['--energy', energy, '--price', `${price}tokens`, ...more];
    return this.market.cli(seller, 'offer', 'create', bus, ...terms);
  }

  /** Rent of an account with so many bytes, in lamports. */
  rentOf(bytes: bigint): Promise<bigint> {
    return createSolanaRpc(this.market.network.rpc_url).getMinimumBalanceForRentExemption(bytes).send();
  }

  /** The chain itself says that a purchase happened. */
  async expectProcessed(hash: string): Promise<void> {
    expect(hash).toMatch(/^[0-9a-f]{64}$/u);
    await expect(this.market.cli('alice', 'tx', 'verify', hash)).resolves.toBeDefined();
  }
}

/** What a hook sees of a flow. */
interface Tried {
  readonly result?: { readonly retryCount?: number };
  readonly suite?: { readonly tasks: readonly unknown[] };
}

const isSecondTry = ({ result }: Tried): boolean => (result?.retryCount ?? 0) > 0;

/**
 * Of a group of flows of which each goes on where the one before has stopped: `begin` brings a new market to where a flow
 * begins that is tried a second time. It gets the place of the flow in its group.
 */
export function againFrom(begin: (place: number) => Promise<void>): void {
  beforeEach(async ({ task }) => {
    if (isSecondTry(task)) await begin(task.suite?.tasks.indexOf(task) ?? 0);
  });
}

/** Opens something for the tests of a file; it is there from the first hook on. */
function opened<T extends Pages>(open: () => Promise<T>): () => T {
  let pages: T | undefined;
  const there = () => {
    if (pages === undefined) throw new Error('the suite is not open yet');
    return pages;
  };
  beforeAll(async () => {
    pages = await open();
  });
  beforeEach(async ({ task }) => {
    if (isSecondTry(task)) await there().renew();
  });
  afterEach(() => there().leave());
  afterAll(() => pages?.close());
  return there;
}

/** Opens a suite for the tests of a file. */
export const openSuite = (): (() => Suite) => opened(() => Suite.open());

/** Opens pages without a network for the tests of a file. */
export const openPages = (): (() => Pages) => opened(() => Pages.openAlone());

/** Goes to a screen without loading the page anew. */
export async function goto(page: Page, route: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, route);
}

/** The total of what is about to be bought, in base units: `200 000`. */
export const exactly = (scope: Page | Locator, units: string): Locator =>
  scope.locator(`.grand [title="${units.replaceAll(' ', '\u00a0')} base units"]`);

/** An offer's row in the table of offers. */
export const row = (page: Page, offer: string): Locator => page.locator(`[data-offer="${offer}"]`).first();

/** The transaction hash that a purchase which went through shows. */
export async function hashShown(page: Page, scope: Locator = page.locator('body')): Promise<string> {
  const link = scope.locator('.status.done a.receipt-link').first();
  await link.waitFor();
  return (await link.getAttribute('title')) ?? '';
}

/** Waits until the network's fee is told: a button that it moves, in the middle of a press, is not pressed. */
export const priced = (scope: Page | Locator): Promise<void> => scope.getByText('0.000005 SOL').first().waitFor();

/** Presses a button that may be there, once it or what there is instead of it is. */
export async function pressIfThere(button: Locator, instead: Locator): Promise<boolean> {
  await button.or(instead).first().waitFor();
  const isThere = await button.isVisible();
  if (isThere) await button.click();
  return isThere;
}

/** Holds the wallet's question open until the returned function is called. */
export function hold({ wallet }: Visitor): () => void {
  let release: () => void = () => undefined;
  wallet.hold = new Promise((resolve) => {
    release = resolve;
  });
  return () => {
    wallet.hold = undefined;
    release();
  };
}
