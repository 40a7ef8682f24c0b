// @vitest-environment node

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Connection } from '../chain/connection';
import { customNetwork } from '../chain/network';
import { KINDS } from './decode';
import { LiveMarket } from './live';

/** A provider: what it does with subscriptions, and how often its lists were read. */
class Provider {
  lists = 0;
  isAway = false;
  /** Whether it takes subscriptions. */
  isTaking = true;
  private readonly slots: ((value: { slot: bigint } | undefined) => void)[] = [];

  /** Tells of a slot. */
  tell(slot: bigint): void {
    for (const next of this.slots.splice(0)) next({ slot });
  }

  readonly connection: Connection = (() => {
    const answer = <T>(value: () => T) => ({
      send: async () => {
        if (this.isAway) throw new TypeError('Failed to fetch');
        return value();
      },
    });
    const clock = Buffer.alloc(40).toString('base64');
    const rpc = {
      getProgramAccounts: () =>
        answer(() => {
          this.lists += 1;
          return { context: { slot: 9n }, value: [] };
        }),
      getMultipleAccounts: (addresses: readonly string[]) =>
        answer(() => ({
          context: { slot: 9n },
          value: addresses.map(() => ({ owner: 'Sysvar', data: [clock, 'base64'] })),
        })),
      getSignaturesForAddress: () => answer(() => []),
    };
    const silence = () => ({ subscribe: () => this.take(() => new Promise(() => undefined)) });
    const subscriptions = {
      slotNotifications: () => ({
        subscribe: () =>
          this.take(() => new Promise<{ slot: bigint } | undefined>((resolve) => this.slots.push(resolve))),
      }),
      logsNotifications: silence,
      programNotifications: silence,
    };
    return { network: customNetwork('http://127.0.0.1:8899'), rpc, subscriptions } as unknown as Connection;
  })();

  private take<T>(next: () => Promise<T | undefined>): Promise<AsyncIterable<T>> {
    if (!this.isTaking) return new Promise(() => undefined);
    return Promise.resolve({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const value = await next();
          return value === undefined ? { done: true, value: undefined as never } : { done: false, value };
        },
      }),
    });
  }
}

let provider: Provider;
let stop: () => void;
let live: LiveMarket;
const status = () => live.state.get().status;

beforeEach(() => {
  vi.useFakeTimers();
  provider = new Provider();
  live = new LiveMarket(provider.connection);
  stop = live.start();
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

describe('a provider', () => {
  it('that takes the subscription to slots and sends nothing is asked for everything instead, and not lost', async () => {
    await vi.advanceTimersByTimeAsync(100);
    expect(status()).toEqual({ kind: 'live' });
    const before = provider.lists;
    const seen = new Set<string>();
    live.state.subscribe(() => seen.add(status().kind));
    await vi.advanceTimersByTimeAsync(300_000);
    expect([...seen]).toEqual(['live']);
    // Every 15 seconds, and every minute besides, every kind of account but those of a wallet.
    expect(provider.lists - before).toBe((20 + 5) * KINDS.filter(({ walletAt }) => walletAt === undefined).length);
    expect(live.state.get().slot).toBe(9n);
  });

  it('that tells of slots and then says nothing is lost, and what was read stays with its time', async () => {
    await vi.advanceTimersByTimeAsync(100);
    provider.tell(10n);
    await vi.advanceTimersByTimeAsync(100);
    const { readAt } = live.state.get();
    expect(readAt).toBeDefined();
    await vi.advanceTimersByTimeAsync(16_000);
    expect(status()).toEqual({ kind: 'lost', cause: 'the node has been silent for 15 seconds' });
    expect(live.state.get().readAt).toBeLessThanOrEqual(Date.now() - 5_000);
    // It is followed again, and everything is read anew.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(status()).toEqual({ kind: 'live' });
  });

  it('that takes no subscription is lost, and nothing is shown as if it were read', async () => {
    stop();
    provider = new Provider();
    provider.isTaking = false;
    live = new LiveMarket(provider.connection);
    stop = live.start();
    await vi.advanceTimersByTimeAsync(16_000);
    expect(status()).toEqual({ kind: 'lost', cause: 'the node has taken no subscription in 15 seconds' });
    expect(live.state.get().readAt).toBeUndefined();
  });

  it('that is quiet and then away is lost', async () => {
    await vi.advanceTimersByTimeAsync(100);
    provider.isAway = true;
    await vi.advanceTimersByTimeAsync(10_500);
    expect(status()).toEqual({ kind: 'lost', cause: 'Failed to fetch' });
  });
});
