/**
 * A node of one's own, for what no honest network does: it hangs, keeps quiet, refuses, changes the market at the worst
 * moment. It serves accounts that a test makes, and executes nothing.
 */

import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';

import {
  createKeyPairFromPrivateKeyBytes,
  getAddressEncoder,
  getAddressFromPublicKey,
  getBase58Decoder,
  getBase58Encoder,
  type Address,
  type FixedSizeDecoder,
  type FixedSizeEncoder,
} from '@solana/kit';
import { expect } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';

import {
  bidAddress,
  bookAddress,
  capacityAddress,
  certificateAddress,
  claimAddress,
  ledgerAddress,
  lockAddress,
  meterAddress,
  positionAddress,
  proposalAddress,
  sellerAddress,
  tokenAccountAddress,
  traderAddress,
  vaultAddress,
} from '../src/chain/address';
import {
  ActionKind,
  getBidDecoder,
  getBidEncoder,
  getBusDecoder,
  getBusEncoder,
  getCapacityDecoder,
  getCapacityEncoder,
  getCertificateDecoder,
  getCertificateEncoder,
  getClaimDecoder,
  getClaimEncoder,
  getDeliveryBookDecoder,
  getDeliveryBookEncoder,
  getLedgerDecoder,
  getLedgerEncoder,
  getLockDecoder,
  getLockEncoder,
  getMeterDecoder,
  getMeterEncoder,
  getOfferDecoder,
  getOfferEncoder,
  getPositionBookDecoder,
  getPositionBookEncoder,
  getProposalDecoder,
  getProposalEncoder,
  getSellerDecoder,
  getSellerEncoder,
  getTombstoneDecoder,
  getTombstoneEncoder,
  getTraderDecoder,
  getTraderEncoder,
  LAYOUT_VERSION,
  type BidArgs,
  type BusArgs,
  type CapacityArgs,
  type LockArgs,
  type OfferArgs,
  type SellerArgs,
  type Terms as WindowTerms,
  type TraderArgs,
} from '../src/generated';
import { PROGRAM, TOKEN_PROGRAM } from '../src/programs';
import type { Keys } from './network';

/** Genesis hash of the public mainnet. */
export const MAINNET = '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d';

/** How many keys each file of tests has made. */
const keys = new Map<string, number>();

/**
 * The next key of this file of tests. Each run makes the same ones, because addresses decide what is shown first where all
 * else is equal.
 */
async function nextKey(): Promise<CryptoKeyPair> {
  const file = basename(expect.getState().testPath ?? '');
  const number = (keys.get(file) ?? 0) + 1;
  keys.set(file, number);
  const seed = `${file} ${number}`;
  return createKeyPairFromPrivateKeyBytes(createHash('sha256').update(seed).digest());
}

/** A new address. */
export async function newAddress(): Promise<Address> {
  return getAddressFromPublicKey((await nextKey()).publicKey);
}

/** A wallet with a key and nothing else. */
export async function newKeys(name: string): Promise<Keys> {
  const keyPair = await nextKey();
  return { name, address: await getAddressFromPublicKey(keyPair.publicKey), keyPair, file: '' };
}

/** Data of an account: all zero but for what a test sets. */
function dataOf<Args extends object>(
  encoder: FixedSizeEncoder<Args>,
  decoder: FixedSizeDecoder<Args>,
  fields: Partial<Args>,
): Uint8Array {
  const zero = decoder.decode(new Uint8Array(decoder.fixedSize));
  return new Uint8Array(encoder.encode({ ...zero, layoutVersion: LAYOUT_VERSION, ...fields }));
}

/** How long before a window starts its gate closes. */
const GATE_SECONDS = 60;

interface Held {
  readonly owner: string;
  readonly data: Uint8Array;
  readonly lamports: number;
}

/** A transaction that has landed. */
interface Landed {
  readonly signature: string;
  readonly slot: number;
  readonly blockTime: number;
  readonly accounts: readonly string[];
  readonly logs: readonly string[];
}

/** What a subscription is for: its method, and the filters of an account subscription. */
interface Subscription {
  readonly socket: WebSocket;
  readonly id: number;
  readonly method: string;
  readonly filters: readonly Filter[];
}

interface Filter {
  readonly memcmp: { readonly offset: number; readonly bytes: string };
}

/** What a node has sent: bytes of answers and of notifications, and how often each method was asked. */
export interface Traffic {
  answers: number;
  notifications: number;
  readonly requests: Map<string, number>;
}

const NO_SUCH_METHOD = { code: -32_601, message: 'Method not found' };

const base58 = new Map<string, Uint8Array>();

/** Bytes of a base58 text, decoded once. */
function bytesOf(text: string): Uint8Array {
  const known = base58.get(text) ?? new Uint8Array(getBase58Encoder().encode(text));
  base58.set(text, known);
  return known;
}

const matches = ({ owner, data }: Held, filters: readonly Filter[]) =>
  owner === PROGRAM &&
  filters.every(({ memcmp: { offset, bytes } }) => bytesOf(bytes).every((byte, at) => data[offset + at] === byte));

const shown = ({ owner, data, lamports }: Held) => ({
  owner,
  lamports,
  data: [Buffer.from(data).toString('base64'), 'base64'],
  executable: false,
  rentEpoch: 0,
  space: data.length,
});

/** What the node says to a simulation: the error, or `hang` for no answer at all. */
export type Simulated = 'fine' | 'hang' | { readonly custom: number; readonly program: string };

/** Terms of an offer. */
export interface Terms {
  readonly kWh: number;
  /** In base units per kWh; the token has 6 decimals. */
  readonly price: bigint;
  /** The seller's wallet. */
  readonly seller?: Address;
  /** Start of the delivery window, which is opened where it is not; 0 for none. */
  readonly windowStart?: number;
  /** What the account says besides. */
  readonly fields?: Partial<OfferArgs>;
}

/** The largest time of the program, which means never. */
const NEVER = (1n << 63n) - 1n;
const seconds = () => BigInt(Math.floor(Date.now() / 1_000));

/** Answers come after up to as many milliseconds: a flow must pass whichever of them comes first. */
const SLOWEST_MS = Number(process.env.MULTIBUS_SLOWEST_MS ?? 0);

/** The node. */
export class ScriptedNode {
  genesis = 'a network of neighbours';
  /** Whether it tells of slots. */
  isTellingSlots = true;
  /** Methods that it never answers. */
  readonly hanging = new Set<string>();
  /** What it says to the simulation of a transaction with these bytes. */
  simulate: (transaction: Uint8Array) => Simulated = () => 'fine';
  readonly mint: Address;
  /** What it has sent since it was started, or since this was replaced. */
  traffic: Traffic = { answers: 0, notifications: 0, requests: new Map() };
  private readonly accounts = new Map<string, Held>();
  /** Oldest first. */
  private readonly landed: Landed[] = [];
  private readonly subscriptions = new Set<Subscription>();
  private slot = 1_000;
  private bids = 0;
  private nextCreation = 1_700_000_000n;
  private isDown = false;
  private clock: ReturnType<typeof setInterval> | undefined;

  private constructor(
    private readonly server: Server,
    private readonly sockets: WebSocketServer,
    mint: Address,
  ) {
    this.mint = mint;
  }

  static async start(): Promise<ScriptedNode> {
    const server = createServer();
    const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await Promise.all([
      new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)),
      new Promise((resolve) => sockets.once('listening', resolve)),
    ]);
    const node = new ScriptedNode(server, sockets, await newAddress());
    server.on('request', (request, response) => {
      response.setHeader('access-control-allow-origin', '*');
      response.setHeader('access-control-allow-headers', '*');
      if (request.method === 'OPTIONS') {
        response.end();
        return;
      }
      if (node.isDown) {
        request.socket.destroy();
        return;
      }
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        const asked = JSON.parse(body) as { id: number; method: string; params: readonly unknown[] };
        const isKnown = !asked.method.startsWith('surfnet_');
        const result = isKnown ? node.answer(asked.method, asked.params) : NO_SUCH_METHOD;
        if (result === undefined) return;
        const text = JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...(isKnown ? { result } : { error: result }) });
        const { requests } = node.traffic;
        requests.set(asked.method, (requests.get(asked.method) ?? 0) + 1);
        node.traffic.answers += Buffer.byteLength(text);
        response.setHeader('content-type', 'application/json');
        setTimeout(() => response.end(text), Math.random() * SLOWEST_MS);
      });
    });
    sockets.on('connection', (socket) => {
      const own = new Set<Subscription>();
      socket.on('message', (message: Buffer) => {
        const { id, method, params } = JSON.parse(message.toString()) as {
          id: number;
          method: string;
          params: readonly [unknown, { readonly filters?: readonly Filter[] }?];
        };
        node.push(socket, { jsonrpc: '2.0', id, result: id });
        if (!method.endsWith('Subscribe')) return;
        const subscription = { socket, id, method, filters: params[1]?.filters ?? [] };
        own.add(subscription);
        node.subscriptions.add(subscription);
      });
      socket.on('close', () => own.forEach((one) => node.subscriptions.delete(one)));
    });
    node.clock = setInterval(() => {
      node.slot += 1;
      if (!node.isTellingSlots) return;
      const { slot } = node;
      node.notify('slot', () => ({ slot, parent: slot - 1, root: slot - 32 }));
    }, 400);
    return node;
  }

  /** Its addresses, with another host name where one is given. */
  urls(host = '127.0.0.1'): { readonly rpc_url: string; readonly websocket_url: string } {
    const port = (socket: AddressInfo | string | null) => (socket as AddressInfo).port;
    return {
      rpc_url: `http://${host}:${port(this.server.address())}`,
      websocket_url: `ws://${host}:${port(this.sockets.address())}`,
    };
  }

  /** Goes away, with all connections. */
  goAway(): void {
    this.isDown = true;
    this.server.closeAllConnections();
    for (const socket of this.sockets.clients) socket.terminate();
  }

  /** Breaks all subscriptions, and takes new ones. */
  hangUp(): void {
    for (const socket of this.sockets.clients) socket.terminate();
  }

  stop(): void {
    clearInterval(this.clock);
    this.goAway();
    this.server.close();
    this.sockets.close();
  }

  /** Creates a bus that everybody may list on, of these owners or of somebody; returns its address. Each is younger than the last. */
  async bus(name: string, fields: Partial<BusArgs> = {}, wallets: readonly Address[] = []): Promise<Address> {
    const bus = await newAddress();
    const all = wallets.length > 0 ? wallets : [await newAddress()];
    const bytes = new TextEncoder().encode(name);
    const padded = new Uint8Array(32);
    padded.set(bytes);
    const zero = getBusDecoder().decode(new Uint8Array(getBusDecoder().fixedSize));
    const owners = zero.owners.map((slot, index) => {
      const owner = all[index];
      return owner === undefined ? slot : { ...slot, owner, shareBps: 10_000 / all.length };
    });
    const own: Partial<BusArgs> = {
      name: padded,
      nameLen: bytes.length,
      owners,
      ownerCount: all.length,
      threshold: all.length,
      listingPolicy: 2,
      horizonSeconds: 604_800,
      leastWh: 1n,
      mint: this.mint,
      mintDecimals: 6,
      tokenProgram: TOKEN_PROGRAM,
      capacityWh: 100_000n,
      basePricePerKwh: 100_000n,
      treasury: await newAddress(),
      unclaimed: await newAddress(),
      escrow: await newAddress(),
      seller: await sellerAddress(bus, bus),
      createdAt: this.nextCreation,
      ...fields,
    };
    this.nextCreation += 1n;
    this.hold(bus, PROGRAM, dataOf(getBusEncoder(), getBusDecoder(), own));
    this.hold(await ledgerAddress(bus), PROGRAM, dataOf(getLedgerEncoder(), getLedgerDecoder(), { bus }));
    await this.capacity(bus, 0, 0);
    return bus;
  }

  /** Opens a delivery window; what it says besides, of an auction for instance, is in `change`. */
  async window(
    bus: Address,
    windowStart: number,
    terms: WindowTerms,
    change: Partial<CapacityArgs> = {},
  ): Promise<void> {
    const own: Partial<CapacityArgs> = {
      ...{
        bus,
        windowStart: BigInt(windowStart),
        terms,
        totalWh: 100_000n,
        availableWh: 50_000n,
        committedWh: 50_000n,
      },
      gateClosesAt: BigInt(windowStart - terms.gateClosureSeconds),
      ...change,
    };
    const data = dataOf(getCapacityEncoder(), getCapacityDecoder(), own);
    this.hold(await capacityAddress(bus, windowStart), PROGRAM, data);
  }

  /** A wallet bids in a window, up to a price without the grid fee; returns the bid's hash. */
  async bid(
    bus: Address,
    buyer: Address,
    windowStart: number,
    { kWh, price, fields = {} }: Pick<Terms, 'kWh' | 'price'> & { readonly fields?: Partial<BidArgs> },
  ): Promise<string> {
    this.bids += 1;
    const hash = this.bids.toString(16).padStart(64, 'b');
    const energyWh = BigInt(Math.round(kWh * 1_000));
    const deposit = (energyWh * price) / 1_000n;
    const own: Partial<BidArgs> = {
      ...{ bus, buyer, energyWh, deposit, pricePerKwh: price, maxPricePerKwh: price },
      ...{ capacity: await capacityAddress(bus, windowStart), windowStart: BigInt(windowStart) },
      ...{ transactionHash: Buffer.from(hash, 'hex'), createdAt: seconds() - 60n },
      refund: await tokenAccountAddress(buyer, this.mint, TOKEN_PROGRAM),
      ...fields,
    };
    this.hold((await bidAddress(hash)).address, PROGRAM, dataOf(getBidEncoder(), getBidDecoder(), own));
    return hash;
  }

  private async capacity(bus: Address, windowStart: number, windowSeconds: number): Promise<void> {
    const energy = { totalWh: 100_000n, availableWh: 50_000n, committedWh: 50_000n };
    const gateClosesAt = windowStart === 0 ? NEVER : BigInt(windowStart - GATE_SECONDS);
    const terms = {
      ...getCapacityDecoder().decode(new Uint8Array(getCapacityDecoder().fixedSize)).terms,
      windowSeconds,
    };
    const own = { bus, windowStart: BigInt(windowStart), terms, gateClosesAt };
    const fields: Partial<CapacityArgs> = { ...own, ...energy };
    const data = dataOf(getCapacityEncoder(), getCapacityDecoder(), fields);
    this.hold(await capacityAddress(bus, windowStart), PROGRAM, data);
  }

  /** Puts energy on offer, or changes an offer that is there. */
  async offer(
    bus: Address,
    { kWh, price, seller, windowStart = 0, fields = {} }: Terms,
    at?: Address,
  ): Promise<Address> {
    const offer = at ?? (await newAddress());
    const wallet = seller ?? (await newAddress());
    const account = await sellerAddress(bus, wallet);
    const energyWh = BigInt(Math.round(kWh * 1_000));
    const own: Partial<OfferArgs> = {
      bus,
      capacity: await capacityAddress(bus, windowStart),
      windowStart: BigInt(windowStart),
      gateClosesAt: windowStart === 0 ? NEVER : BigInt(windowStart - GATE_SECONDS),
      wallet,
      seller: account,
      vault: await vaultAddress(account),
      expiresAt: seconds() + 86_400n,
      pricePerKwh: price,
      fullPricePerKwh: price,
      listedWh: energyWh,
      remainingWh: energyWh,
      version: 1,
      source: 1,
      ...fields,
    };
    this.hold(offer, PROGRAM, dataOf(getOfferEncoder(), getOfferDecoder(), own));
    const window = await capacityAddress(bus, windowStart);
    if (windowStart !== 0 && !this.accounts.has(window)) await this.capacity(bus, windowStart, 900);
    return offer;
  }

  /** Opens a wallet's seller account on a bus. */
  async seller(bus: Address, wallet: Address, fields: Partial<SellerArgs> = {}): Promise<void> {
    const address = await sellerAddress(bus, wallet);
    const own: Partial<SellerArgs> = { bus, wallet, vault: await vaultAddress(address), rentPayer: wallet, ...fields };
    this.hold(address, PROGRAM, dataOf(getSellerEncoder(), getSellerDecoder(), own));
  }

  /**
   * Another wallet sold to a wallet on a bus with these terms, in windows before and after a second: some of it delivered,
   * some of it not read. The wallet has a certificate, and sells itself.
   */
  async deliveries(bus: Address, wallet: Address, terms: WindowTerms, now: number): Promise<void> {
    const firstWindow = terms.from;
    const place = Math.floor((now - Number(firstWindow)) / terms.windowSeconds);
    for (const [seller, buyer] of [
      [await newAddress(), wallet],
      [wallet, await newAddress()],
    ] as const) {
      const account = await sellerAddress(bus, seller);
      const [meter, device] = [await meterAddress(account), await newAddress()];
      await this.seller(bus, seller, { meter, openBooks: 1, gridFeesOwed: 987_654_321n });
      const registered = { bus, seller: account, key: device, rentPayer: seller, powerW: 987_654_321n, source: 1 };
      this.hold(meter, PROGRAM, dataOf(getMeterEncoder(), getMeterDecoder(), registered));
      const zero = getDeliveryBookDecoder().decode(new Uint8Array(getDeliveryBookDecoder().fixedSize));
      const sold = { state: 1, listedWh: 98_765_432n, soldWh: 98_765_432n, paid: 987_654_321_012n };
      const read = (at: number) => BigInt(Number(firstWindow) + (at + 1) * terms.windowSeconds);
      const windows = zero.windows.map((window, at) => {
        if (at > place + 4 || at < place - 24) return window;
        const delivered = at < place - 1 ? { deliveredWh: 87_654_321n, reportedAt: read(at) } : {};
        return { ...window, ...sold, ...delivered };
      });
      const book = await bookAddress(account, Number(firstWindow));
      const meters = zero.meters.map((one, at) =>
        at === 0 ? { ...one, key: device, powerW: 1n << 40n, source: 1 } : one,
      );
      const own = { bus, seller: account, vault: await vaultAddress(account), rentPayer: seller, meters, windows };
      const fields = { ...own, terms, firstWindow, meterCount: 1, openPositions: 1 };
      this.hold(book, PROGRAM, dataOf(getDeliveryBookEncoder(), getDeliveryBookDecoder(), fields));
      const bought = windows.map(({ soldWh, paid }) => ({ energyWh: soldWh, paid }));
      const refund = await tokenAccountAddress(buyer, this.mint, TOKEN_PROGRAM);
      const position = { book, buyer, refund, rentPayer: buyer, windows: bought };
      const data = dataOf(getPositionBookEncoder(), getPositionBookDecoder(), position);
      this.hold(await positionAddress(book, buyer), PROGRAM, data);
      const range = { windowStart: firstWindow, windowSeconds: terms.windowSeconds, rangeEnd: 87_654_321n, source: 1 };
      const certificate = { bus, seller: account, owner: buyer, rentPayer: buyer, device, ...range };
      const bytes = dataOf(getCertificateEncoder(), getCertificateDecoder(), certificate);
      this.hold(await certificateAddress(account, Number(firstWindow), 0n), PROGRAM, bytes);
    }
  }

  /** A wallet holds part of an offer, for another 250 seconds. */
  async lock(bus: Address, offer: Address, buyer: Address, fields: Partial<LockArgs> = {}): Promise<void> {
    const own: Partial<LockArgs> = {
      bus,
      offer,
      buyer,
      number: 1,
      energyWh: 1_000n,
      pricePerKwh: 200_000n,
      deposit: 200_000n,
      takenAt: seconds() - 50n,
      expiresAt: seconds() + 250n,
      refund: await tokenAccountAddress(buyer, this.mint, TOKEN_PROGRAM),
      ...fields,
    };
    const address = await lockAddress(offer, buyer, fields.place ?? 0);
    this.hold(address, PROGRAM, dataOf(getLockEncoder(), getLockDecoder(), own));
  }

  /** A bus owes a wallet what could not be paid to it. */
  async claim(bus: Address, wallet: Address, amount: bigint): Promise<void> {
    const data = dataOf(getClaimEncoder(), getClaimDecoder(), { bus, wallet, amount, rentPayer: wallet });
    this.hold(await claimAddress(bus, wallet), PROGRAM, data);
  }

  /** Somebody proposes a new base price on a bus, which approvals decide: bit `i` is set while owner `i` approves. */
  async proposal(bus: Address, proposer: Address, approvals: number): Promise<void> {
    const zero = getProposalDecoder().decode(new Uint8Array(getProposalDecoder().fixedSize));
    const action = { ...zero.action, kind: ActionKind.BasePriceSet, value: 120_000n };
    const times = { createdAt: seconds() - 60n, expiresAt: seconds() + 86_400n };
    const own = { bus, proposer, number: 1n, approvals, action, ...times };
    const data = dataOf(getProposalEncoder(), getProposalDecoder(), own);
    this.hold(await proposalAddress(bus, proposer, 1n), PROGRAM, data);
  }

  /** Closes a bus, which leaves a tombstone. */
  async close(bus: Address, openClaims: number): Promise<void> {
    const fields = {
      mint: this.mint,
      mintDecimals: 6,
      tokenProgram: TOKEN_PROGRAM,
      unclaimed: await newAddress(),
      creator: await newAddress(),
      openClaims,
      closedAt: seconds(),
    };
    this.accounts.delete(await ledgerAddress(bus));
    this.accounts.delete(await capacityAddress(bus, 0));
    this.hold(bus, PROGRAM, dataOf(getTombstoneEncoder(), getTombstoneDecoder(), fields));
  }

  /** Gives a wallet SOL, in lamports, and tokens, in base units. */
  async fund(wallet: Address, lamports: number, tokens?: bigint): Promise<void> {
    this.hold(wallet, '11111111111111111111111111111111', new Uint8Array(), lamports);
    if (tokens === undefined) return;
    const data = new Uint8Array(165);
    data.set(getAddressEncoder().encode(this.mint), 0);
    data.set(getAddressEncoder().encode(wallet), 32);
    new DataView(data.buffer).setBigUint64(64, tokens, true);
    data[108] = 1;
    this.hold(await tokenAccountAddress(wallet, this.mint, TOKEN_PROGRAM), TOKEN_PROGRAM, data);
  }

  /** Opens a wallet's lane, as if it had bought so often before. */
  async lane(wallet: Address, purchases: number): Promise<void> {
    const first = 500n << 20n;
    const zero = getTraderDecoder().decode(new Uint8Array(getTraderDecoder().fixedSize));
    const receipts = zero.receipts.map((_, index) => ({
      transactionHash: new Uint8Array(32).fill(index + 1),
      energyWh: 123_456_789n,
      paid: 98_765_432_101n,
      purchasedAt: BigInt(Math.floor(Date.now() / 1_000) - index * 60),
    }));
    const nextNonce = first + BigInt(purchases);
    const fields: Partial<TraderArgs> = { wallet, firstNonce: first, nextNonce, receipts };
    this.hold(await traderAddress(wallet, 0), PROGRAM, dataOf(getTraderEncoder(), getTraderDecoder(), fields));
  }

  /** An account changes, in a transaction that is told to nobody until somebody asks: its notification was lost. */
  private hold(address: string, owner: string, data: Uint8Array, lamports = 1_000_000): void {
    this.accounts.set(address, { owner, data, lamports });
    if (owner === PROGRAM) this.land([address]);
  }

  /** A transaction lands that names accounts; returns its signature. */
  land(accounts: readonly string[], logs: readonly string[] = [], blockTime = Number(seconds())): string {
    const bytes = new Uint8Array(64);
    new DataView(bytes.buffer).setUint32(0, this.landed.length + 1);
    const signature = getBase58Decoder().decode(bytes);
    this.landed.push({ signature, slot: this.slot, blockTime, accounts, logs });
    return signature;
  }

  /** Tells those who subscribed what an account holds now. */
  tell(address: string): void {
    const held = this.accounts.get(address);
    if (held === undefined) throw new Error(`the scripted node has no account ${address}`);
    const context = { slot: this.slot };
    this.notify('program', ({ filters }) =>
      matches(held, filters) ? { context, value: { pubkey: address, account: shown(held) } } : undefined,
    );
  }

  /** Tells those who subscribed of a transaction that has landed. */
  tellLog(signature: string): void {
    const found = this.landed.find((one) => one.signature === signature);
    if (found === undefined) throw new Error(`the scripted node has no transaction ${signature}`);
    const value = { signature, err: null, logs: found.logs };
    this.notify('logs', () => ({ context: { slot: found.slot }, value }));
  }

  private notify(kind: 'slot' | 'logs' | 'program', result: (of: Subscription) => unknown): void {
    for (const subscription of this.subscriptions) {
      if (subscription.method !== `${kind}Subscribe`) continue;
      const told = result(subscription);
      if (told === undefined) continue;
      const params = { result: told, subscription: subscription.id };
      this.push(subscription.socket, { jsonrpc: '2.0', method: `${kind}Notification`, params });
    }
  }

  private push(socket: WebSocket, message: object): void {
    const text = JSON.stringify(message);
    this.traffic.notifications += Buffer.byteLength(text);
    socket.send(text);
  }

  private answer(method: string, params: readonly unknown[]): unknown {
    if (this.hanging.has(method)) return undefined;
    const context = { slot: this.slot };
    switch (method) {
      case 'getGenesisHash':
        return this.genesis;
      case 'getSlot':
      case 'getBlockHeight':
        return this.slot;
      case 'getProgramAccounts': {
        const [, { filters = [], withContext = false }] = params as [
          string,
          { filters?: readonly Filter[]; withContext?: boolean },
        ];
        const value = [...this.accounts]
          .filter(([, held]) => matches(held, filters))
          .map(([pubkey, held]) => ({ pubkey, account: shown(held) }));
        return withContext ? { context, value } : value;
      }
      case 'getMultipleAccounts': {
        const [addresses] = params as [readonly string[]];
        const value = addresses.map((address) => {
          if (address === 'SysvarC1ock11111111111111111111111111111111') return shown(clock());
          const held = this.accounts.get(address);
          return held === undefined ? null : shown(held);
        });
        return { context, value };
      }
      case 'getBalance':
        return { context, value: this.accounts.get(String(params[0]))?.lamports ?? 0 };
      case 'getSignaturesForAddress': {
        const [address, { limit = 1_000, before, until }] = params as [
          string,
          { limit?: number; before?: string; until?: string },
        ];
        const named = this.landed.filter(({ accounts }) => address === PROGRAM || accounts.includes(address)).reverse();
        const first = before === undefined ? 0 : named.findIndex(({ signature }) => signature === before) + 1;
        const end = named.findIndex(({ signature }) => signature === until);
        return named
          .slice(first, end === -1 ? undefined : end)
          .slice(0, limit)
          .map(({ signature, slot, blockTime }) => ({
            signature,
            slot,
            blockTime,
            err: null,
            memo: null,
            confirmationStatus: 'confirmed',
          }));
      }
      case 'getLatestBlockhash': {
        const blockhash = getBase58Decoder().decode(new Uint8Array(32).fill(7));
        return { context, value: { blockhash, lastValidBlockHeight: this.slot + 150 } };
      }
      case 'getRecentPrioritizationFees':
        return [];
      case 'getFeeForMessage':
        return { context, value: 5_000 };
      case 'getMinimumBalanceForRentExemption':
        return (128 + Number(params[0])) * 6_960;
      case 'simulateTransaction': {
        const said = this.simulate(new Uint8Array(Buffer.from(String(params[0]), 'base64')));
        if (said === 'hang') return undefined;
        const failed = said === 'fine' ? undefined : said;
        const logs =
          failed === undefined
            ? []
            : [
                `Program ${PROGRAM} invoke [1]`,
                `Program ${failed.program} invoke [2]`,
                `Program ${failed.program} failed: custom program error`,
              ];
        const err = failed === undefined ? null : { InstructionError: [2, { Custom: failed.custom }] };
        return { context, value: { err, logs, unitsConsumed: 3_000, accounts: null, returnData: null } };
      }
      case 'getSignatureStatuses': {
        const [signatures] = params as [readonly string[]];
        const value = signatures.map((signature) => {
          const found = this.landed.find((one) => one.signature === signature);
          if (found === undefined) return null;
          return { slot: found.slot, confirmations: null, err: null, confirmationStatus: 'finalized' };
        });
        return { context, value };
      }
      case 'getTransaction': {
        const found = this.landed.find(({ signature }) => signature === params[0]);
        if (found === undefined) return null;
        const { slot, blockTime, accounts, logs } = found;
        const accountKeys = ['11111111111111111111111111111111', ...accounts, PROGRAM];
        const header = { numRequiredSignatures: 1, numReadonlySignedAccounts: 0, numReadonlyUnsignedAccounts: 1 };
        const message = { accountKeys, header, instructions: [], recentBlockhash: accountKeys[0] };
        return {
          slot,
          blockTime,
          meta: { err: null, fee: 5_000, logMessages: logs, preBalances: [], postBalances: [] },
          transaction: { signatures: [found.signature], message },
          version: 0,
        };
      }
      default:
        throw new Error(`the scripted node does not know ${method}`);
    }
  }
}

/** The chain's clock, which is this machine's. */
function clock(): Held {
  const data = new Uint8Array(40);
  new DataView(data.buffer).setBigInt64(32, BigInt(Math.floor(Date.now() / 1_000)), true);
  return { owner: 'Sysvar1111111111111111111111111111111111111', data, lamports: 1 };
}

/** Whether a transaction names an address. */
export function names(transaction: Uint8Array, address: Address): boolean {
  const wanted = Buffer.from(new Uint8Array(getAddressEncoder().encode(address)));
  return Buffer.from(transaction).includes(wanted);
}
