/** Chromium and the built site, as a user has them. */

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';

import type { Keys, Network } from './network';
import { TestWallet, USUAL, type Kind } from './wallet';

/** The built site. */
export const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

/** Serves a built site on a free port of this machine, as any web server would. */
export async function serve(dist = DIST): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const file = join(dist, path === '/' ? 'index.html' : path);
    readFile(file).then(
      (body) => {
        response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
        response.end(body);
      },
      () => {
        response.statusCode = 404;
        response.end();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Debian's Chromium. The one without windows is the same engine at half of the processor, but shows no notifications. */
const CHROMIUM = { windowless: '/usr/bin/chromium-headless-shell', windowed: '/usr/bin/chromium' } as const;

/** Starts a browser. */
export function launch(kind: keyof typeof CHROMIUM = 'windowless'): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.MULTIBUS_CHROMIUM ?? CHROMIUM[kind],
    // Everything that it opens is this machine's own; root, as in a container, has no sandbox.
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      // Names of hosts far away, for nodes that are not on this machine as far as the app can tell.
      '--host-resolver-rules=MAP *.example 127.0.0.1',
    ],
  });
}

/** What a browser complains of when the wire to a node breaks, or a page goes while it loads something. */
const BROKEN_WIRE =
  /ERR_(ABORTED|CONNECTION|CONTENT_LENGTH|EMPTY|FAILED|INCOMPLETE|INTERNET|NETWORK|SOCKET|TIMED_OUT)|WebSocket|Failed to fetch/u;

/** Complaints that are not about a broken wire. */
export const faultsIn = (complaints: readonly string[]): readonly string[] =>
  complaints.filter((text) => !BROKEN_WIRE.test(text));

/** Waits until a page stands still: its fonts are there, its transitions are over, and it has drawn what it knows. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    const drawn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    await drawn();
    const ending = () =>
      document
        .getAnimations()
        .filter(({ playState, effect }) => playState === 'running' && effect?.getComputedTiming().endTime !== Infinity);
    for (let round = 0; round < 10 && ending().length > 0; round += 1) {
      await Promise.allSettled(ending().map(({ finished }) => finished));
    }
    await drawn();
  });
}

/** A browser of somebody with a wallet. */
export interface Visitor {
  readonly page: Page;
  readonly wallet: TestWallet;
  /** What the page complained about: errors, refused resources, broken policy. */
  readonly complaints: string[];
  readonly close: () => Promise<void>;
}

/** How somebody comes. */
export interface Arrival extends BrowserContextOptions {
  readonly route?: string;
  readonly wallet?: Partial<Kind>;
  /** What is done to the browser before a page opens. */
  readonly prepare?: (context: BrowserContext) => Promise<unknown>;
  /** In a browser that shows notifications. */
  readonly notifies?: boolean;
}

/** Opens the app in a browser of its own. */
export async function visit(
  browser: Browser,
  site: string,
  network: Pick<Network, 'rpc_url' | 'websocket_url'>,
  accounts: readonly Keys[],
  options: Arrival = {},
): Promise<Visitor> {
  const { route = '', wallet: kind, prepare, notifies = false, ...contextOptions } = options;
  // A service worker would ask for the app's files past what a test lets happen to them.
  const usual = { viewport: { width: 1440, height: 900 }, serviceWorkers: 'block' } as const;
  const own = notifies ? await launch('windowed') : undefined;
  const context = await (own ?? browser).newContext({ ...usual, ...contextOptions });
  const like = { ...USUAL, rpcUrl: network.rpc_url, ...kind };
  const wallet = await TestWallet.install(context, like, accounts);
  await prepare?.(context);
  const page = await context.newPage();
  // Longer than the minute after which the app looks for what no notification told it.
  page.setDefaultTimeout(90_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const query = new URLSearchParams({ rpc: network.rpc_url, ws: network.websocket_url });
  await page.goto(`${site}/?${query}${route}`);
  return { page, wallet, complaints, close: () => (own ?? context).close() };
}

/** Connects the test wallet by hand. */
export async function connectWallet({ page }: Visitor): Promise<void> {
  await page.getByRole('button', { name: /^(Connect|Verbinden)$/u }).click();
  await page.getByRole('button', { name: 'Test Wallet' }).click();
  await page.getByRole('button', { name: /Wallet Test Wallet, (account|Konto)/u }).waitFor();
}
