// @vitest-environment node

import { createHash } from 'node:crypto';

import { expect, it } from 'vitest';

import { MAX_BYTES, qrCode } from './qr';

const written = (text: string) =>
  qrCode(text)
    .map((row) => row.map((isDark) => (isDark ? '#' : '.')).join(''))
    .join('\n');

it('an address is coded as another encoder codes it', () => {
  // Made with the Python package qrcode 8.2: version 3, level L, mask 0, byte mode.
  const code = written('solana:EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v');
  expect(code.split('\n')[0]).toBe('#######....#..#...##..#######');
  expect(createHash('sha256').update(code).digest('hex')).toBe(
    '44ef96dcfd7be282b34b928884a62558c08e23154aea1b00008f937144e489e8',
  );
});

it('more than a code holds is refused', () => {
  expect(qrCode('x'.repeat(MAX_BYTES))).toHaveLength(29);
  expect(() => qrCode('x'.repeat(MAX_BYTES + 1))).toThrow('holds 53 bytes');
});
