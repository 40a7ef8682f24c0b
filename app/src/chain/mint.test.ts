// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { symbolOf, tokenName } from './mint';

const USDC = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;
const text = (value: string) => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const extension = (kind: number, value: Buffer) => {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(kind, 0);
  head.writeUInt16LE(value.length, 2);
  return Buffer.concat([head, value]);
};
/** A mint with a metadata pointer and metadata, as Token-2022 lays them out. */
const mint = (symbol: string) => {
  const metadata = Buffer.concat([
    Buffer.alloc(64),
    text('Solar Euro'),
    text(symbol),
    text('https://x'),
    Buffer.alloc(4),
  ]);
  return Buffer.concat([Buffer.alloc(165), Buffer.of(1), extension(18, Buffer.alloc(64)), extension(19, metadata)]);
};

describe('a token', () => {
  it('is called by the symbol in its mint', () => {
    expect(symbolOf(mint('SEUR'))).toBe('SEUR');
    expect(symbolOf(mint('SEUR\0\0'.replaceAll('\0', ' ')))).toBe('SEUR');
  });

  it('without metadata, with broken or unreadable one has no symbol', () => {
    expect(symbolOf(new Uint8Array(82))).toBeUndefined();
    expect(symbolOf(mint('SEUR').subarray(0, 320))).toBeUndefined();
    expect(symbolOf(mint('S\u202eEUR'))).toBeUndefined();
    expect(symbolOf(mint('an entire sentence'))).toBeUndefined();
    const longer = mint('SEUR');
    longer.writeUInt32LE(0xffff_ffff, 165 + 1 + 4 + 64 + 4 + 64);
    expect(symbolOf(longer)).toBeUndefined();
  });

  it('cannot pose as one that everybody knows', () => {
    expect(symbolOf(mint('usdc'))).toBeUndefined();
    expect(symbolOf(mint('USDС'))).toBeUndefined();
  });

  it('has its short address where there are several without a name, and beside a symbol that two have', () => {
    const [a, b] = ['Aaaa1111111111111111bbbb' as Address, 'Cccc1111111111111111dddd' as Address];
    expect(tokenName(a, new Map(), new Set([a]))).toBe('tokens');
    // Whoever comes later changes nobody's prices.
    expect(tokenName(a, new Map(), new Set([a, b]))).toBe('tokens');
    expect(tokenName(b, new Map(), new Set([a, b]))).toBe('Cccc…dddd');
    expect(tokenName(a, new Map([[a, 'SEUR']]), new Set([a, b]))).toBe('SEUR');
    expect(tokenName(USDC, new Map(), new Set([a, USDC]))).toBe('USDC');
    const both = new Map([a, b].map((address) => [address, 'SEUR'] as const));
    expect(tokenName(b, both, new Set([a, b]))).toBe('SEUR Cccc…dddd');
  });
});
