// @vitest-environment node

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { PROGRAM } from './address';
import { eventsOf } from './events';
import { customNetwork, defaultWsUrl, initialNetwork, NETWORKS, walletChain } from './network';

const golden = JSON.parse(readFileSync(new URL('../../../client/tests/golden.json', import.meta.url), 'utf8')) as {
  events: { name: string; data: string; fields: Record<string, string> }[];
};
const dataOf = (name: string) => {
  const event = golden.events.find(
    (candidate) => candidate.name.toLowerCase().replaceAll('_', '') === name.toLowerCase(),
  );
  if (event === undefined) throw new Error(`no golden event ${name}`);
  return `Program data: ${Buffer.from(event.data, 'hex').toString('base64')}`;
};
const purchased = dataOf('EnergyPurchased');
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

  it('after a cut are not believed', () => {
    expect(eventsOf([`Program ${PROGRAM} invoke [1]`, 'Log truncated', purchased])).toEqual([]);
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
