// @vitest-environment node

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { getEnergyPurchasedEncoder, LAYOUT_VERSION } from '../generated';
import { PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM } from './address';
import { tokenBalance } from './connection';
import { KINDS } from './decode';
import { eventsOf } from './events';
import { customNetwork, defaultWsUrl, initialNetwork, linkedNetwork, NETWORKS, walletChain } from './network';
import { visible } from './text';

const golden = JSON.parse(readFileSync(new URL('../../../client/tests/golden.json', import.meta.url), 'utf8')) as {
  accounts: { name: string; data: string; fields: Record<string, string> }[];
  events: { name: string; data: string; fields: Record<string, string> }[];
};
const dataOf = (name: string) => {
  const event = golden.events.find(
    (candidate) => candidate.name.toLowerCase().replaceAll('_', '') === name.toLowerCase(),
  );
  if (event === undefined) throw new Error(`no golden event ${name}`);
  return `Program data: ${Buffer.from(event.data, 'hex').toString('base64')}`;
};
const dataLine = (bytes: ArrayLike<number>) =>
  `Program data: ${Buffer.from(Uint8Array.from(bytes)).toString('base64')}`;
/** A purchase of 1.5 kWh at 250,000 base units per kWh, and of as much again for a price that one may forge. */
const purchase = (cost = 375_000n) => {
  const fill = { offer: PROGRAM, energyWh: 1_500n, pricePerKwh: 250_000n };
  return dataLine(
    getEnergyPurchasedEncoder().encode({
      buyer: PROGRAM,
      transactionHash: new Uint8Array(32).fill(7),
      nonce: 1n,
      purchasedAt: 2n,
      lane: 3,
      kind: 1,
      reserved: 0,
      fills: [
        { ...fill, cost: 375_000n },
        { ...fill, cost },
      ],
    }),
  );
};
const purchased = purchase();
const other = 'Other11111111111111111111111111111111111111';

describe('events', () => {
  it('are read from the program’s own frames', () => {
    const events = eventsOf([`Program ${PROGRAM} invoke [1]`, purchased, `Program ${PROGRAM} success`]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ kind: 'purchased' });
    expect(events[0]?.kind === 'purchased' && events[0].fills.length > 0 && events[0].hash.length === 64).toBe(true);
  });

  it('of other programs, of callees and callers, and of texts that pose as frames are not believed', () => {
    expect(eventsOf([`Program ${other} invoke [1]`, purchased, `Program ${other} success`])).toEqual([]);
    expect(
      eventsOf([`Program ${PROGRAM} invoke [1]`, `Program ${other} invoke [2]`, purchased, `Program ${other} success`]),
    ).toEqual([]);
    expect(
      eventsOf([
        `Program ${other} invoke [1]`,
        `Program ${PROGRAM} invoke [2]`,
        `Program ${PROGRAM} success`,
        purchased,
        `Program log: Program ${PROGRAM} invoke [2]`,
        purchased,
      ]),
    ).toEqual([]);
  });

  it('that the program cannot have logged are not believed', () => {
    const told = (line: string) => eventsOf([`Program ${PROGRAM} invoke [1]`, line, `Program ${PROGRAM} success`]);
    expect(told(purchase())).toHaveLength(1);
    expect(told(purchase(374_999n))).toEqual([]);
    const line = dataOf('OfferCancelled');
    expect(told(line.slice(0, -8))).toEqual([]);
    for (const hostile of ['Program data: ', 'Program data: !!! <script>', 'Program data: \u{202e}']) {
      expect(told(hostile)).toEqual([]);
    }
    // Every prefix of an event, and every event with one bit flipped, is read or passed over.
    const bytes = Buffer.from(purchased.slice('Program data: '.length), 'base64');
    for (let length = 0; length < bytes.length; length += 1) {
      expect(told(dataLine(bytes.subarray(0, length)))).toEqual([]);
    }
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      for (const event of told(dataLine(flipped))) expect(event.kind).toBe('purchased');
    }
  });

  it('of a frame that another ends than began it are not believed', () => {
    expect(
      eventsOf([
        `Program ${PROGRAM} invoke [1]`,
        `Program ${other} invoke [2]`,
        `Program ${PROGRAM} success`,
        purchased,
      ]),
    ).toEqual([]);
  });

  it('after a cut are not believed', () => {
    expect(eventsOf([`Program ${PROGRAM} invoke [1]`, 'Log truncated', purchased])).toEqual([]);
  });
});

describe('accounts', () => {
  const bytesOfGolden = (name: string) => {
    const found = golden.accounts.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no golden account ${name}`);
    return Uint8Array.from(Buffer.from(found.data, 'hex'));
  };
  const kindOf = (data: Uint8Array) => KINDS.find((kind) => kind.matches(data));

  it('of any bytes are read or passed over, and never throw', () => {
    for (const { name } of golden.accounts) {
      const data = bytesOfGolden(name);
      expect(kindOf(data)?.name).toBe(name.toLowerCase());
      for (const length of [0, 1, 7, 8, 9, data.length - 1]) {
        const cut = data.subarray(0, length);
        expect(kindOf(cut)?.decode(PROGRAM, cut)).toBeUndefined();
      }
      const longer = Uint8Array.from([...data, 0]);
      expect(kindOf(longer)?.decode(PROGRAM, longer)).toBeUndefined();
      for (const byte of [0, 0x7f, 0xff]) {
        const filled = data.map((known, index) => (index < 8 ? known : byte));
        kindOf(filled)?.decode(PROGRAM, filled);
      }
      for (let bit = 64; bit < data.length * 8; bit += 61) {
        const flipped = Uint8Array.from(data);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        kindOf(flipped)?.decode(PROGRAM, flipped);
      }
    }
  });

  it('show what hides in a name', () => {
    const data = bytesOfGolden('Bus');
    const name = new TextEncoder().encode('A\u{202e}\u{1b}[2J\u{200b}é☀');
    const recorded = golden.accounts.find((account) => account.name === 'Bus')?.fields.name ?? '';
    const start = Buffer.from(data).indexOf(Buffer.from(recorded, 'hex'));
    expect(start).toBeGreaterThan(0);
    data.set(name, start);
    // The layout version is the present one, `name_len` is the seventh byte.
    data[8] = LAYOUT_VERSION;
    data[14] = name.length;
    expect(kindOf(data)?.decode(PROGRAM, data)).toMatchObject({ name: 'A\\u{202e}\\u{1b}[2J\\u{200b}é☀' });
    expect(visible('שלום 太陽 🌞')).toBe('שלום 太陽 🌞');
  });

  it('are a token account’s where a balance is read', () => {
    const data = new Uint8Array(165);
    data[64] = 7;
    expect(tokenBalance({ owner: TOKEN_PROGRAM, data })).toBe(7n);
    expect(tokenBalance({ owner: PROGRAM, data })).toBe(0n);
    expect(tokenBalance({ owner: TOKEN_PROGRAM, data: data.subarray(0, 82) })).toBe(0n);
    const extended = Uint8Array.from([...data, 2, 0]);
    expect(tokenBalance({ owner: TOKEN_2022_PROGRAM, data: extended })).toBe(7n);
    extended[165] = 1;
    expect(tokenBalance({ owner: TOKEN_2022_PROGRAM, data: extended })).toBe(0n);
    expect(tokenBalance(undefined)).toBe(0n);
  });
});

describe('networks', () => {
  const storage = (value: string | null) => ({ getItem: () => value }) as unknown as Storage;

  it('have subscriptions at the next port, or at the same public place', () => {
    expect(defaultWsUrl('http://127.0.0.1:8899')).toBe('ws://127.0.0.1:8900');
    expect(defaultWsUrl('https://rpc.example.org')).toBe('wss://rpc.example.org');
  });

  it('are the local one unless another was asked for or kept', () => {
    expect(initialNetwork('', storage(null)).id).toBe('local');
    expect(initialNetwork('?rpc=http://127.0.0.1:1234', storage(null))).toMatchObject({
      id: 'custom',
      wsUrl: 'ws://127.0.0.1:1235',
    });
    expect(initialNetwork('', storage(`${NETWORKS[1]?.rpcUrl} ${NETWORKS[1]?.wsUrl}`)).id).toBe('devnet');
    expect(initialNetwork('?rpc=nonsense', storage(null)).id).toBe('local');
  });

  it('of strangers are not followed from a link alone', () => {
    const foreign = '?rpc=https://rpc.example.org';
    expect(linkedNetwork(foreign)).toMatchObject({ name: 'rpc.example.org', wsUrl: 'wss://rpc.example.org' });
    const kept = storage(`${NETWORKS[1]?.rpcUrl} ${NETWORKS[1]?.wsUrl}`);
    for (const link of [
      foreign,
      '?rpc=http://127.0.0.1:8899&ws=ws://rpc.example.org',
      '?rpc=http://rpc.example.org&ws=ws://127.0.0.1:8900',
      '?rpc=http://127.0.0.1.example.org',
      '?rpc=http://localhost@rpc.example.org',
    ]) {
      expect(initialNetwork(link, kept).id).toBe('devnet');
    }
    expect(initialNetwork(`?rpc=${NETWORKS[2]?.rpcUrl}`, kept).id).toBe('mainnet');
    expect(linkedNetwork('')).toBeUndefined();
    expect(linkedNetwork('?rpc=nonsense')).toBeUndefined();
  });

  it('are refused with a reason where they are none', () => {
    expect(customNetwork('ftp://x')).toMatchObject({ reason: expect.stringContaining('RPC') as unknown });
    expect(customNetwork('http://x:1', 'http://x:2')).toMatchObject({
      reason: expect.stringContaining('subscriptions') as unknown,
    });
  });

  it('are told to wallets by their genesis', () => {
    expect(walletChain('5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d')).toBe('solana:mainnet');
    expect(walletChain('anything else')).toBe('solana:localnet');
  });
});
