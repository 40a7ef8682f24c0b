/** What a settlement token is called: by its mint's own metadata, unless it poses as a token that everybody knows. */

import type { Address } from '@solana/kit';

import { short } from '../amount/text';
import { t } from '../words';

/** What tokens are called where no other token is about. */
export const UNNAMED = t.token.unnamed;

/** Mints that everybody knows. */
const KNOWN: Readonly<Record<string, string>> = {
  EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v: 'USDC',
  '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU': 'USDC',
  Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB: 'USDT',
  So11111111111111111111111111111111111111112: 'SOL',
};

/** Bytes of a mint without extensions, padded to those of a token account, and the kind of the account. */
const EXTENSIONS_AT = 165 + 1;
const TOKEN_METADATA = 19;
/** Letters, digits and signs of tickers; nothing that looks like something else. */
const TICKER = /^[A-Za-z0-9$.+-]{1,10}$/u;

/** The symbol in a Token-2022 mint's metadata, where it has one that can be shown. */
export function symbolOf(data: Uint8Array): string | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = EXTENSIONS_AT; at + 4 <= data.length;) {
    const kind = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    const value = at + 4;
    if (value + length > data.length) return undefined;
    if (kind === TOKEN_METADATA) return shown(data.subarray(value, value + length));
    at = value + length;
  }
  return undefined;
}

/** Update authority and mint, then name and symbol, each with its length. */
function shown(metadata: Uint8Array): string | undefined {
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength);
  let at = 64;
  if (at + 4 > metadata.length) return undefined;
  at += 4 + view.getUint32(at, true);
  if (at + 4 > metadata.length) return undefined;
  const length = view.getUint32(at, true);
  const symbol = new TextDecoder().decode(metadata.subarray(at + 4, at + 4 + length)).trim();
  const isTaken = Object.values(KNOWN).includes(symbol.toUpperCase());
  return TICKER.test(symbol) && !isTaken ? symbol : undefined;
}

/**
 * What the tokens of a market are called: what everybody calls them, else the mint's symbol. Of mints with one symbol, and
 * of those without any, the first of `mints` alone goes without its address: whoever comes later changes nobody's prices.
 */
export function tokenName(
  mint: Address,
  symbols: ReadonlyMap<Address, string | undefined>,
  mints: ReadonlySet<Address>,
): string {
  const nameOf = (one: Address) => KNOWN[one] ?? symbols.get(one);
  const name = nameOf(mint);
  if (KNOWN[mint] !== undefined) return KNOWN[mint];
  const first = [...mints].find((one) => nameOf(one) === name);
  if (first === undefined || first === mint) return name ?? UNNAMED;
  return name === undefined ? short(mint) : `${name} ${short(mint)}`;
}
