// @vitest-environment node

import { getAddressEncoder, type Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM } from '../programs';
import { key } from '../testing/market';
import { isFrozen, payeeAt, tokenBalance } from './tokenAccount';

const [MINT, WALLET] = [key(50), key(5)];
const KIND = { mint: MINT, tokenProgram: TOKEN_PROGRAM };
const KIND_2022 = { mint: MINT, tokenProgram: TOKEN_2022_PROGRAM };

/** A token account of the wallet's, in a state: 1 is usable, 2 frozen. */
function account(state: number, more: readonly number[] = [], owner: Address = TOKEN_PROGRAM) {
  const data = new Uint8Array(165);
  data.set(getAddressEncoder().encode(MINT), 0);
  data.set(getAddressEncoder().encode(WALLET), 32);
  data[64] = 7;
  data[108] = state;
  return { owner, data: Uint8Array.from([...data, ...more]) };
}

describe('a token account', () => {
  it('has a balance, which anything else has not', () => {
    expect(tokenBalance(account(1))).toBe(7n);
    expect(tokenBalance(account(1, [], PROGRAM))).toBe(0n);
    expect(tokenBalance({ owner: TOKEN_PROGRAM, data: account(1).data.subarray(0, 82) })).toBe(0n);
    expect(tokenBalance(account(1, [2, 0], TOKEN_2022_PROGRAM))).toBe(7n);
    expect(tokenBalance(account(1, [1, 0], TOKEN_2022_PROGRAM))).toBe(0n);
    expect(tokenBalance(undefined)).toBe(0n);
  });

  it('is paid unless it is frozen, of another token, or something else', () => {
    expect(payeeAt(account(1), KIND)).toBe(WALLET);
    expect([isFrozen(account(1), KIND), isFrozen(account(2), KIND)]).toEqual([false, true]);
    expect(payeeAt(account(2), KIND)).toBeUndefined();
    expect(payeeAt(account(0), KIND)).toBeUndefined();
    expect(payeeAt(undefined, KIND)).toBeUndefined();
    expect(payeeAt(account(1), { ...KIND, mint: key(51) })).toBeUndefined();
    expect(payeeAt(account(1), KIND_2022)).toBeUndefined();
    // A mint has another type; an account of several keys has another length.
    expect(payeeAt(account(1, [1, 0], TOKEN_2022_PROGRAM), KIND_2022)).toBeUndefined();
    expect(payeeAt({ owner: TOKEN_PROGRAM, data: new Uint8Array(355).fill(1) }, KIND)).toBeUndefined();
  });

  it('of Token-2022 is not paid where it asks for memos', () => {
    const extended = (more: readonly number[]) => payeeAt(account(1, [2, ...more], TOKEN_2022_PROGRAM), KIND_2022);
    // Extension 7 has no data; 8 asks for memos where its byte is not 0.
    const immutable = [7, 0, 0, 0];
    expect(extended([])).toBe(WALLET);
    expect(extended([...immutable, 8, 0, 1, 0, 0])).toBe(WALLET);
    expect(extended([...immutable, 8, 0, 1, 0, 1])).toBeUndefined();
    expect(extended([...immutable, 0, 0, 0, 0, 8, 0, 1, 0, 1])).toBe(WALLET);
  });
});
