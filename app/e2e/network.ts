/** The network that the suite runs on, the command-line client on it, and wallets of one's own with SOL and tokens. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createKeyPairFromBytes, createSolanaRpc, getAddressFromPublicKey, type Address } from '@solana/kit';

const run = promisify(execFile);

/** What `multibus-localnet` says of a network. */
export interface Network {
  readonly rpc_url: string;
  readonly websocket_url: string;
  readonly engine: string;
  readonly mint: Address;
  readonly mint_decimals: number;
  readonly buses: readonly { readonly name: string; readonly address: Address }[];
  readonly wallets: readonly { readonly name: string; readonly address: Address; readonly keypair: string }[];
}

function named(variable: string): string {
  const value = process.env[variable];
  if (value === undefined || value === '') {
    throw new Error(`${variable} is not set; run the suite with \`cargo xtask test --only app-e2e\``);
  }
  return value;
}

/** Reads the description of the network. */
export async function network(): Promise<Network> {
  return JSON.parse(await readFile(named('MULTIBUS_NETWORK'), 'utf8')) as Network;
}

/** A wallet: its address, its key and the file that the command-line client takes. */
export interface Keys {
  readonly name: string;
  readonly address: Address;
  readonly keyPair: CryptoKeyPair;
  readonly file: string;
}

/** Everything that a test does on the network beside the browser. */
export class Market {
  /** How often a name was given to a bus or a wallet: a second try of a flow makes its own. */
  private readonly given = new Map<string, number>();

  private constructor(
    readonly network: Network,
    private readonly folder: string,
  ) {}

  static async open(): Promise<Market> {
    return new Market(await network(), await mkdtemp(join(tmpdir(), 'multibus-e2e-')));
  }

  /** Runs the command-line client, as a wallet of the village or of one's own; returns what `-q` prints. */
  async cli(wallet: string | Keys, ...args: readonly string[]): Promise<string> {
    const file = typeof wallet === 'string' ? this.village(wallet).keypair : wallet.file;
    const { stdout } = await run(named('MULTIBUS_CLI'), ['-q', '-k', file, '--url', this.network.rpc_url, ...args]);
    return stdout.trim();
  }

  /** A name that nothing has yet: the name itself, then with a number. */
  fresh(name: string): string {
    const count = (this.given.get(name) ?? 0) + 1;
    this.given.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  }

  /** Creates a bus, with a number in its name where another one has that; returns its address. */
  bus(
    creator: string | Keys,
    name: string,
    terms: {
      readonly capacity: string;
      readonly basePrice: string;
      /** What buyers pay in; the token of the village where none is named. */
      readonly mint?: Address;
      readonly more?: readonly string[];
    },
  ): Promise<Address> {
    const { capacity, basePrice, mint = this.network.mint, more = [] } = terms;
    const market = ['--mint', mint, '--capacity', capacity, '--base-price', basePrice];
    return this.cli(creator, 'bus', 'create', '--name', this.fresh(name), ...market, ...more) as Promise<Address>;
  }

  /** A wallet of the village. */
  village(name: string): Network['wallets'][number] {
    const found = this.network.wallets.find((wallet) => wallet.name === name);
    if (found === undefined) throw new Error(`the network has no wallet ${name}`);
    return found;
  }

  /** The keys in a wallet's file. */
  async keys(name: string, file: string): Promise<Keys> {
    const bytes = Uint8Array.from(JSON.parse(await readFile(file, 'utf8')) as number[]);
    const keyPair = await createKeyPairFromBytes(bytes);
    return { name, address: await getAddressFromPublicKey(keyPair.publicKey), keyPair, file };
  }

  /** A new wallet with SOL and, where asked for, tokens. */
  async wallet(name: string, tokens = 100): Promise<Keys> {
    const file = join(this.folder, `${this.fresh(`wallet ${name}`)}.json`);
    await run(named('MULTIBUS_CLI'), ['-q', 'local', 'wallet', file]);
    const keys = await this.keys(name, file);
    await this.cli(keys, 'local', 'fund');
    if (tokens > 0) {
      await this.cli(
        'operator',
        'local',
        'fund',
        keys.address,
        '--mint',
        this.network.mint,
        '--amount',
        `${tokens}tokens`,
      );
    }
    return keys;
  }

  /** The chain's time in unix seconds. */
  async now(): Promise<number> {
    const rpc = createSolanaRpc(this.network.rpc_url);
    const { value } = await rpc
      .getAccountInfo('SysvarC1ock11111111111111111111111111111111' as Address, { encoding: 'base64' })
      .send();
    if (value === null) throw new Error('the node serves no clock');
    return Number(Buffer.from(value.data[0], 'base64').readBigInt64LE(32));
  }

  /** Start of the first delivery window that is at least so many seconds ahead. */
  async windowIn(length: number, ahead: number): Promise<number> {
    return Math.ceil(((await this.now()) + ahead) / length) * length;
  }

  /** Lets midnight pass where it is near by this machine's clock, so that a flow that counts days is within one. */
  async awayFromMidnight(): Promise<void> {
    const date = new Date((await this.now()) * 1_000);
    const midnight = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime() / 1_000;
    if (midnight - date.getTime() / 1_000 < 1_200) await this.passUntil(midnight + 60);
  }

  /** Lets the chain's time pass until a second; a simulated network travels there, a validator takes its time. */
  async passUntil(second: number): Promise<void> {
    if ((await this.now()) >= second) return;
    if (this.network.engine === 'surfpool') {
      const body = {
        jsonrpc: '2.0',
        id: 1,
        method: 'surfnet_timeTravel',
        params: [{ absoluteTimestamp: second * 1_000 }],
      };
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(this.network.rpc_url, { method: 'POST', headers, body: JSON.stringify(body) });
      const answer = (await response.json()) as { error?: { message: string } };
      if (answer.error !== undefined) throw new Error(`the network does not travel in time: ${answer.error.message}`);
    }
    while ((await this.now()) < second) await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
