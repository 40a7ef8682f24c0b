/**
 * A wallet for tests: registered through the Wallet Standard before the page loads, its key in this process and never
 * in the page. It behaves like Phantom: it asks before it connects and signs, once for however many transactions, can be
 * made to decline, switches accounts and disconnects on its own, and adds an instruction that guards its owner.
 */

import {
  AccountRole,
  appendTransactionMessageInstruction,
  compileTransaction,
  createSolanaRpc,
  decompileTransactionMessage,
  getBase64EncodedWireTransaction,
  getCompiledTransactionMessageDecoder,
  getSignatureFromTransaction,
  getBase58Encoder,
  getTransactionDecoder,
  getTransactionEncoder,
  partiallySignTransaction,
  type Transaction,
} from '@solana/kit';
import type { BrowserContext, Page } from 'playwright-core';

import { SYSTEM_PROGRAM } from '../src/programs';
import type { Keys } from './network';

/** What happens to the next questions: the owner approves or declines, or the wallet fails in its own words. */
export type Answer = 'approve' | 'reject' | Failing;

/** A wallet that fails. */
export interface Failing {
  /** What it throws. */
  readonly says: string;
  /** Whether it has sent what it was asked to send before. */
  readonly afterSending: boolean;
}

/** What a wallet can do: sign, sign and send by itself, or both as Phantom. */
export type Ability = 'signTransaction' | 'signAndSendTransaction';

/** What a wallet is like. */
export interface Kind {
  readonly abilities: readonly Ability[];
  /** Whether it adds an instruction of its own, as Phantom and Solflare do on the mainnet. */
  readonly guards: boolean;
  /** The node through which it sends. */
  readonly rpcUrl: string;
  /** Versions of transactions that it signs. */
  readonly versions: readonly ('legacy' | 0)[];
  /** Chains that it signs for. */
  readonly chains: readonly string[];
}

/** A wallet as most are. */
export const USUAL: Omit<Kind, 'rpcUrl'> = {
  abilities: ['signTransaction', 'signAndSendTransaction'],
  guards: true,
  versions: ['legacy', 0],
  chains: ['solana:mainnet', 'solana:devnet', 'solana:testnet', 'solana:localnet'],
};

/** What a wallet answers to the page: what it signed, or what it throws. */
type Signed = readonly number[][] | { readonly throws: string; readonly code?: number };

/** What the page may know of an account. */
interface PageAccount {
  readonly address: string;
  readonly publicKey: readonly number[];
}

/** The wallet of one browser. */
export class TestWallet {
  /** How the owner answers. */
  answer: Answer = 'approve';
  /** How often the owner was asked to sign, and for which chain last. */
  asked = 0;
  chain = '';
  /** Held back while this is set: the owner looks at the question and does nothing. */
  hold: Promise<void> | undefined;
  private trusted = false;
  private current = 0;

  private constructor(
    private readonly kind: Kind,
    private readonly accounts: readonly Keys[],
  ) {}

  /** Installs a wallet into every page of a browser context. */
  static async install(context: BrowserContext, kind: Kind, accounts: readonly Keys[]): Promise<TestWallet> {
    const wallet = new TestWallet(kind, accounts);
    await context.exposeBinding('testWalletConnect', (_, silent: boolean) => wallet.connect(silent));
    await context.exposeBinding('testWalletSign', (_, address: string, asked: number[][], chain: string) =>
      wallet.sign(address, asked, chain),
    );
    await context.exposeBinding('testWalletSend', (_, address: string, asked: number[][], chain: string) =>
      wallet.send(address, asked, chain),
    );
    await context.exposeBinding('testWalletForget', () => {
      wallet.trusted = false;
    });
    await context.addInitScript(registerWallet, kind);
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

  private async signed(
    address: string,
    asked: readonly number[][],
    chain: string,
  ): Promise<readonly Transaction[] | 'rejected'> {
    this.asked += 1;
    this.chain = chain;
    await this.hold;
    const keys = this.accounts.find((account) => account.address === address);
    if (this.answer === 'reject' || keys === undefined) return 'rejected';
    return Promise.all(
      asked.map((bytes) => {
        const transaction = getTransactionDecoder().decode(Uint8Array.from(bytes));
        return partiallySignTransaction([keys.keyPair], this.kind.guards ? guarded(transaction, keys) : transaction);
      }),
    );
  }

  private async sign(address: string, asked: readonly number[][], chain: string): Promise<Signed> {
    const signed = await this.signed(address, asked, chain);
    if (signed === 'rejected') return REJECTED;
    if (typeof this.answer === 'object') return { throws: this.answer.says };
    return signed.map((one) => [...getTransactionEncoder().encode(one)]);
  }

  /** Signs and sends; returns the signatures. */
  private async send(address: string, asked: readonly number[][], chain: string): Promise<Signed> {
    const signed = await this.signed(address, asked, chain);
    if (signed === 'rejected') return REJECTED;
    const failing = typeof this.answer === 'object' ? this.answer : undefined;
    if (failing?.afterSending === false) return { throws: failing.says };
    const rpc = createSolanaRpc(this.kind.rpcUrl);
    const signatures = await Promise.all(
      signed.map(async (one) => {
        const wire = getBase64EncodedWireTransaction(one);
        await rpc.sendTransaction(wire, { encoding: 'base64', skipPreflight: true }).send();
        return [...getBase58Encoder().encode(getSignatureFromTransaction(one))];
      }),
    );
    return failing === undefined ? signatures : { throws: failing.says };
  }
}

/** What wallets throw where their owner declines. */
const REJECTED = { throws: 'User rejected the request.', code: 4001 };

/** A transaction with one more instruction at its end: here its owner pays nothing to itself. */
function guarded({ messageBytes }: Transaction, { address }: Keys): Transaction {
  const message = decompileTransactionMessage(getCompiledTransactionMessageDecoder().decode(messageBytes) as never);
  const data = new Uint8Array(12);
  data[0] = 2;
  const guard = {
    programAddress: SYSTEM_PROGRAM,
    accounts: [
      { address, role: AccountRole.WRITABLE_SIGNER },
      { address, role: AccountRole.WRITABLE },
    ],
    data,
  };
  return compileTransaction(appendTransactionMessageInstruction(guard, message) as never);
}

declare global {
  interface Window {
    testWalletConnect(silent: boolean): Promise<readonly PageAccount[] | 'rejected'>;
    testWalletSign: (address: string, asked: number[][], chain: string) => Promise<Signed>;
    testWalletSend: (address: string, asked: number[][], chain: string) => Promise<Signed>;
    testWalletForget(): Promise<void>;
    testWalletSet?: (accounts: readonly PageAccount[]) => void;
  }
}

/** Runs in the page, before anything else. */
function registerWallet({ abilities, chains, versions }: Kind): void {
  const listeners = new Set<(change: object) => void>();
  let accounts: readonly object[] = [];
  const failure = (says: string, code?: number) => Object.assign(new Error(says), code === undefined ? {} : { code });
  const set = (found: readonly PageAccount[]) => {
    accounts = found.map(({ address, publicKey }) => ({
      address,
      publicKey: Uint8Array.from(publicKey),
      chains,
      features: abilities.map((ability) => `solana:${ability}`),
    }));
    for (const listener of listeners) listener({ accounts });
  };
  window.testWalletSet = set;
  const icon =
    'data:image/svg+xml;base64,' +
    btoa(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#6f5bd6"/><path d="M6 15c0-5 3-8 7-8s5 3 5 6-2 5-3 5-1-2-2-2-2 2-4 2-3-1-3-3Z" fill="#fff"/></svg>',
    );
  interface Input {
    account: { address: string };
    transaction: Uint8Array;
    chain?: string;
  }
  const ask = async (
    binding: (address: string, asked: number[][], chain: string) => Promise<Signed>,
    inputs: readonly Input[],
  ) => {
    const answer = await binding(
      inputs[0]?.account.address ?? '',
      inputs.map(({ transaction }) => [...transaction]),
      inputs[0]?.chain ?? '',
    );
    if ('throws' in answer) throw failure(answer.throws, answer.code);
    return answer.map((bytes) => Uint8Array.from(bytes));
  };
  const handles = { version: '1.0.0', supportedTransactionVersions: versions };
  const signing = {
    signTransaction: {
      ...handles,
      signTransaction: async (...inputs: readonly Input[]) =>
        (await ask(window.testWalletSign, inputs)).map((signedTransaction) => ({ signedTransaction })),
    },
    signAndSendTransaction: {
      ...handles,
      signAndSendTransaction: async (...inputs: readonly Input[]) =>
        (await ask(window.testWalletSend, inputs)).map((signature) => ({ signature })),
    },
  };
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
          if (answer === 'rejected') throw failure('User rejected the request.', 4001);
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
      ...Object.fromEntries(abilities.map((ability) => [`solana:${ability}`, signing[ability]])),
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
