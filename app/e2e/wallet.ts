/**
 * A wallet for tests: registered through the Wallet Standard before the page loads, its key in this process and never
 * in the page. It behaves like Phantom: it asks before it connects and signs, can be made to decline, switches accounts
 * and disconnects on its own.
 */

import { getTransactionDecoder, getTransactionEncoder, partiallySignTransaction } from '@solana/kit';
import type { BrowserContext, Page } from 'playwright-core';

import type { Keys } from './network';

/** How the owner answers the next questions. */
export type Answer = 'approve' | 'reject';

/** What the page may know of an account. */
interface PageAccount {
  readonly address: string;
  readonly publicKey: readonly number[];
}

/** The wallet of one browser. */
export class TestWallet {
  /** How the owner answers. */
  answer: Answer = 'approve';
  /** How often the owner was asked to sign. */
  asked = 0;
  /** Held back while this is set: the owner looks at the question and does nothing. */
  hold: Promise<void> | undefined;
  private trusted = false;
  private current = 0;

  private constructor(private readonly accounts: readonly Keys[]) {}

  /** Installs a wallet into every page of a browser context. */
  static async install(context: BrowserContext, ...accounts: readonly Keys[]): Promise<TestWallet> {
    const wallet = new TestWallet(accounts);
    await context.exposeBinding('testWalletConnect', (_, silent: boolean) => wallet.connect(silent));
    await context.exposeBinding('testWalletSign', (_, address: string, bytes: number[]) => wallet.sign(address, bytes));
    await context.exposeBinding('testWalletForget', () => {
      wallet.trusted = false;
    });
    await context.addInitScript(registerWallet);
    return wallet;
  }

  /** The account in use. */
  get account(): Keys {
    const account = this.accounts[this.current];
    if (account === undefined) throw new Error('the wallet has no account');
    return account;
  }

  /** Its owner switches to another account, as in Phantom's list of accounts. */
  async switchTo(page: Page, keys: Keys): Promise<void> {
    this.current = this.accounts.indexOf(keys);
    const account = await this.pageAccount();
    await page.evaluate((next) => window.testWalletSet?.([next]), account);
  }

  /** Its owner disconnects the page in the wallet. */
  async disconnectFromWallet(page: Page): Promise<void> {
    this.trusted = false;
    await page.evaluate(() => window.testWalletSet?.([]));
  }

  private async connect(silent: boolean): Promise<readonly PageAccount[] | 'rejected'> {
    if (silent) return this.trusted ? [await this.pageAccount()] : [];
    if (this.answer === 'reject') return 'rejected';
    this.trusted = true;
    return [await this.pageAccount()];
  }

  private async pageAccount(): Promise<PageAccount> {
    const { address, keyPair } = this.account;
    const raw = new Uint8Array(await crypto.subtle.exportKey('raw', keyPair.publicKey));
    return { address, publicKey: [...raw] };
  }

  private async sign(address: string, bytes: readonly number[]): Promise<readonly number[] | 'rejected'> {
    this.asked += 1;
    await this.hold;
    const keys = this.accounts.find((account) => account.address === address);
    if (this.answer === 'reject' || keys === undefined) return 'rejected';
    const transaction = getTransactionDecoder().decode(Uint8Array.from(bytes));
    const signed = await partiallySignTransaction([keys.keyPair], transaction);
    return [...getTransactionEncoder().encode(signed)];
  }
}

declare global {
  interface Window {
    testWalletConnect(silent: boolean): Promise<readonly PageAccount[] | 'rejected'>;
    testWalletSign(address: string, bytes: number[]): Promise<readonly number[] | 'rejected'>;
    testWalletForget(): Promise<void>;
    testWalletSet?: (accounts: readonly PageAccount[]) => void;
  }
}

/** Runs in the page, before anything else. */
function registerWallet(): void {
  const chains = ['solana:mainnet', 'solana:devnet', 'solana:testnet', 'solana:localnet'] as const;
  const listeners = new Set<(change: object) => void>();
  let accounts: readonly object[] = [];
  const rejected = () => Object.assign(new Error('User rejected the request.'), { code: 4001 });
  const set = (found: readonly PageAccount[]) => {
    accounts = found.map(({ address, publicKey }) => ({
      address,
      publicKey: Uint8Array.from(publicKey),
      chains,
      features: ['solana:signTransaction'],
    }));
    for (const listener of listeners) listener({ accounts });
  };
  window.testWalletSet = set;
  const icon =
    'data:image/svg+xml;base64,' +
    btoa(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#6f5bd6"/><path d="M6 15c0-5 3-8 7-8s5 3 5 6-2 5-3 5-1-2-2-2-2 2-4 2-3-1-3-3Z" fill="#fff"/></svg>',
    );
  const wallet = {
    version: '1.0.0',
    name: 'Test Wallet',
    icon,
    chains,
    get accounts() {
      return accounts;
    },
    features: {
      'standard:connect': {
        version: '1.0.0',
        async connect({ silent = false } = {}) {
          const answer = await window.testWalletConnect(silent);
          if (answer === 'rejected') throw rejected();
          set(answer);
          return { accounts };
        },
      },
      'standard:disconnect': {
        version: '1.0.0',
        async disconnect() {
          await window.testWalletForget();
          set([]);
        },
      },
      'standard:events': {
        version: '1.0.0',
        on(_: string, listener: (change: object) => void) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      'solana:signTransaction': {
        version: '1.0.0',
        supportedTransactionVersions: ['legacy', 0],
        async signTransaction(...inputs: readonly { account: { address: string }; transaction: Uint8Array }[]) {
          const outputs = [];
          for (const { account, transaction } of inputs) {
            const answer = await window.testWalletSign(account.address, [...transaction]);
            if (answer === 'rejected') throw rejected();
            outputs.push({ signedTransaction: Uint8Array.from(answer) });
          }
          return outputs;
        },
      },
    },
  };
  const callback = ({ register }: { register: (wallet: object) => void }) => register(wallet);
  class RegisterWalletEvent extends Event {
    readonly detail = callback;
    constructor() {
      super('wallet-standard:register-wallet', { bubbles: false, cancelable: false, composed: false });
    }
  }
  window.dispatchEvent(new RegisterWalletEvent());
  window.addEventListener('wallet-standard:app-ready', (event) =>
    callback((event as CustomEvent<{ register: (wallet: object) => void }>).detail),
  );
}
