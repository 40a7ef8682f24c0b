import type { Address, Signature } from '@solana/kit';
import { beforeEach, describe, expect, it } from 'vitest';

import { FakeStorage } from '../testing/node';
import { Journal, type Pending } from './journal';
import { BrowserStorage, readKept } from './storage';

let native: FakeStorage;
let storage: BrowserStorage;

beforeEach(() => {
  native = new FakeStorage();
  storage = new BrowserStorage(() => native);
});

describe('a browser’s storage', () => {
  it('keeps', () => {
    storage.setItem('a', '1');
    expect(native.values.get('a')).toBe('1');
    expect(storage.getItem('a')).toBe('1');
    storage.removeItem('a');
    expect(storage.getItem('a')).toBeNull();
    expect(storage.isFailing.get()).toBe(false);
  });

  it('that is full keeps what it can and never throws; the rest lasts as long as the page', () => {
    storage.setItem('a', '1');
    native.isFull = true;
    storage.setItem('a', '2');
    storage.setItem('b', '3');
    expect([storage.getItem('a'), storage.getItem('b')]).toEqual(['2', '3']);
    expect(native.values.get('a')).toBe('1');
    expect(storage.isFailing.get()).toBe(true);
    native.isFull = false;
    storage.setItem('a', '4');
    expect(native.values.get('a')).toBe('4');
  });

  it('that is blocked never throws, not even when it is touched', () => {
    const blocked = new BrowserStorage(() => {
      throw new DOMException('The operation is insecure.', 'SecurityError');
    });
    expect(blocked.getItem('a')).toBeNull();
    blocked.setItem('a', '1');
    expect(blocked.getItem('a')).toBe('1');
    blocked.removeItem('a');
    expect(blocked.getItem('a')).toBeNull();
    expect(blocked.isFailing.get()).toBe(true);
  });

  it('forgets what cannot be read', () => {
    native.values.set('a', '{broken');
    expect(readKept(storage, 'a', (text) => JSON.parse(text) as unknown)).toBeUndefined();
    expect(native.values.has('a')).toBe(false);
  });
});

describe('the journal', () => {
  const entry: Pending = {
    hash: 'ab'.repeat(32),
    wallet: 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address,
    lane: 0,
    nonce: 5n << 20n,
    genesis: 'genesis',
    title: '1 kWh on Mill Lane',
    signature: undefined,
    lastValidBlockHeight: 100n,
  };
  const KEY = 'multibus:pending';

  it('comes back after the page was closed', () => {
    new Journal(storage).note(entry);
    expect(new Journal(new BrowserStorage(() => native)).pending.get()).toEqual([entry]);
  });

  it('forgets what cannot be read, and keeps the rest', () => {
    for (const text of ['{', 'null', '7', '{"a":1}', '"text"']) {
      native.values.set(KEY, text);
      expect(new Journal(storage).pending.get()).toEqual([]);
    }
    new Journal(storage).note(entry);
    const kept = JSON.parse(native.values.get(KEY) ?? '') as object[];
    const broken = [
      null,
      7,
      {},
      { ...kept[0], nonce: '5' },
      { ...kept[0], wallet: 'nobody' },
      { ...kept[0], hash: 'AB' },
      { ...kept[0], lane: 0.5 },
      { ...kept[0], signature: 'short' as Signature },
      { ...kept[0], lastValidBlockHeight: null },
    ];
    native.values.set(KEY, JSON.stringify([...broken, ...kept]));
    expect(new Journal(storage).pending.get()).toEqual([entry]);
  });

  it('watches in memory where the browser keeps nothing', () => {
    native.isBlocked = true;
    const journal = new Journal(storage);
    journal.note(entry);
    expect(journal.pending.get()).toEqual([entry]);
    journal.forget(entry.hash);
    expect(journal.pending.get()).toEqual([]);
  });
});
