// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { LOCAL_PROGRAM } from '../programs';
import {
  customNetwork,
  defaultWsUrl,
  initialNetwork,
  linkedNetwork,
  networksFor,
  networkWarning,
  refusedNetwork,
  walletChain,
  type Network,
} from './network';

describe('networks', () => {
  const kept = (value: string | null) => ({ getItem: () => value }) as unknown as Storage;
  const OWN_PROGRAM = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;
  const MAINNET_HASH = '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d';
  const at = (rpcUrl: string): Network => {
    const network = customNetwork(rpcUrl);
    if ('reason' in network) throw new Error(network.reason);
    return network;
  };

  it('have subscriptions at the next port, or at the same public place', () => {
    expect(defaultWsUrl('http://127.0.0.1:8899')).toBe('ws://127.0.0.1:8900');
    expect(defaultWsUrl('https://rpc.example.org')).toBe('wss://rpc.example.org');
  });

  it('are the local one unless another was asked for or kept', () => {
    expect(initialNetwork('', kept(null)).id).toBe('local');
    expect(initialNetwork('?rpc=http://127.0.0.1:1234', kept(null))).toMatchObject({
      id: 'custom',
      name: 'Local 127.0.0.1:1234',
      wsUrl: 'ws://127.0.0.1:1235',
    });
    expect(initialNetwork('', kept('https://rpc.example.org wss://rpc.example.org')).rpcUrl).toBe(
      'https://rpc.example.org',
    );
    expect(initialNetwork('', kept('nonsense')).id).toBe('local');
    expect(initialNetwork('?rpc=nonsense', kept(null)).id).toBe('local');
  });

  it('of strangers are not followed from a link alone', () => {
    const foreign = '?rpc=https://rpc.example.org';
    expect(linkedNetwork(foreign)).toMatchObject({ name: 'rpc.example.org', wsUrl: 'wss://rpc.example.org' });
    for (const link of [
      foreign,
      '?rpc=http://127.0.0.1:8899&ws=ws://rpc.example.org',
      '?rpc=http://rpc.example.org&ws=ws://127.0.0.1:8900',
      '?rpc=http://127.0.0.1.example.org',
      '?rpc=http://localhost@rpc.example.org',
      '?rpc=https://api.mainnet-beta.solana.com',
    ]) {
      expect(initialNetwork(link, kept('https://mine.example.org')).name).toBe('mine.example.org');
    }
    expect(linkedNetwork('')).toBeUndefined();
    expect(linkedNetwork('?rpc=nonsense')).toBeUndefined();
  });

  it('are refused with a reason where they are none', () => {
    expect(customNetwork('ftp://x')).toMatchObject({ reason: expect.stringContaining('RPC') as unknown });
    expect(customNetwork('http://x:1', 'http://x:2')).toMatchObject({
      reason: expect.stringContaining('subscriptions') as unknown,
    });
  });

  it('that will not answer the page are told before they are asked', () => {
    const plain = at('http://rpc.example.org');
    expect(networkWarning(plain, 'https:')).toContain('only over https');
    expect(networkWarning(plain, 'http:')).toBeUndefined();
    expect(networkWarning(at('https://rpc.example.org'), 'https:')).toBeUndefined();
    expect(networkWarning(at('http://127.0.0.1:8899'), 'https:')).toBeUndefined();
    const mainnet = networksFor(OWN_PROGRAM).find(({ id }) => id === 'mainnet');
    expect(mainnet && networkWarning(mainnet, 'https:')).toContain('refuses browsers');
  });

  it('are told to wallets by their genesis, except that a node of this machine is always local', () => {
    expect(walletChain(at('https://rpc.example.org'), MAINNET_HASH)).toBe('solana:mainnet');
    expect(walletChain(at('https://rpc.example.org'), 'anything else')).toBe('solana:localnet');
    // A local fork of the mainnet answers with the mainnet's genesis.
    for (const own of ['http://127.0.0.1:8899', 'http://127.7.7.7:1', 'http://localhost:8899', 'http://[::1]:8899']) {
      expect(walletChain(at(own), MAINNET_HASH)).toBe('solana:localnet');
    }
    expect(walletChain(at('http://127.0.0.1.example.org'), MAINNET_HASH)).toBe('solana:mainnet');
  });

  it('that are public are offered and used by builds for a program of their own alone', () => {
    expect(networksFor(LOCAL_PROGRAM).map(({ id }) => id)).toEqual(['local']);
    expect(networksFor(OWN_PROGRAM).map(({ id }) => id)).toEqual(['local', 'devnet', 'mainnet']);
    const foreign = at('https://rpc.example.org');
    expect(refusedNetwork(foreign, MAINNET_HASH, LOCAL_PROGRAM)).toContain('whose key everybody has');
    expect(refusedNetwork(foreign, MAINNET_HASH, OWN_PROGRAM)).toBeUndefined();
    expect(refusedNetwork(foreign, 'of a network of neighbours', LOCAL_PROGRAM)).toBeUndefined();
    expect(refusedNetwork(at('http://127.0.0.1:8899'), MAINNET_HASH, LOCAL_PROGRAM)).toBeUndefined();
  });
});
