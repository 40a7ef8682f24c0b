// @vitest-environment node

import type { RpcTransport } from '@solana/kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { isUnreachable, Unreachable } from '../errors/explain';
import { impatient } from './connection';

/** A node that takes a request and never answers. */
const silent: RpcTransport = (request) =>
  new Promise((_, reject) => {
    request.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
  });

const asking = (method: string, signal?: AbortSignal) =>
  impatient(silent)({ payload: { method }, ...(signal === undefined ? {} : { signal }) }).catch(
    (error: unknown) => error,
  );

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('a node that never answers', () => {
  it('is given up: a simulation after 20 seconds, a list of accounts after a minute', async () => {
    const simulation = asking('simulateTransaction');
    const list = asking('getProgramAccounts');
    await vi.advanceTimersByTimeAsync(20_001);
    expect(await simulation).toEqual(new Unreachable('the node has not answered in 20\u00a0seconds'));
    expect(isUnreachable(await simulation)).toBe(true);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(await list).toEqual(new Unreachable('the node has not answered in 60\u00a0seconds'));
  });

  it('is not blamed where the asker gives up', async () => {
    const over = new AbortController();
    const asked = asking('getSlot', over.signal);
    over.abort();
    await vi.advanceTimersByTimeAsync(1);
    expect(String(await asked)).toContain('aborted');
  });
});
