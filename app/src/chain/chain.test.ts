// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM } from '../programs';
import { tokenBalance } from './connection';
import { customNetwork, defaultWsUrl, initialNetwork, linkedNetwork, NETWORKS, walletChain } from './network';

describe('accounts', () => {
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
