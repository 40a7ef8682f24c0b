/** Token accounts, of the token program and of Token-2022: what is in them, and whether they can be paid. */

import { getAddressDecoder, type Address } from '@solana/kit';

import { TOKEN_2022_PROGRAM, TOKEN_PROGRAM } from '../programs';
import type { RawAccount } from './connection';

/** Length of a token account's data; Token-2022 writes the account's type, 2, behind it and extensions behind that. */
export const TOKEN_ACCOUNT_BYTES = 165;

/**
 * Balance of a token account in base units; 0 where it does not exist or is something else, such as a mint. The amount
 * lies behind mint and owner.
 */
export function tokenBalance(account: RawAccount | undefined): bigint {
  if (account === undefined || (account.owner !== TOKEN_PROGRAM && account.owner !== TOKEN_2022_PROGRAM)) return 0n;
  const { length } = account.data;
  if (length < TOKEN_ACCOUNT_BYTES || (length > TOKEN_ACCOUNT_BYTES && account.data[TOKEN_ACCOUNT_BYTES] !== 2)) {
    return 0n;
  }
  return new DataView(account.data.buffer, account.data.byteOffset).getBigUint64(64, true);
}

/** What an account must be to be a token account: of this mint, kept by this token program. */
export interface TokenKind {
  readonly mint: Address;
  readonly tokenProgram: Address;
}

/** Where a token account's data has its owner, and its state. */
const [OWNER_AT, STATE_AT] = [32, 108];
const [INITIALIZED, FROZEN] = [1, 2];
/** Length of an account that several keys own together: no token account. */
const MULTISIG_LENGTH = 355;
/** Number of the extension with which an account takes no transfer without a memo. */
const MEMO_TRANSFER = 8;

/** Whether the issuer of its token has frozen a token account; `undefined` where the account is none. */
export function isFrozen(account: RawAccount | undefined, kind: TokenKind): boolean | undefined {
  const { mint, tokenProgram } = kind;
  if (account?.owner !== tokenProgram || account.data.length === MULTISIG_LENGTH) return undefined;
  const { data } = account;
  if (data.length < TOKEN_ACCOUNT_BYTES || (data.length > TOKEN_ACCOUNT_BYTES && data[TOKEN_ACCOUNT_BYTES] !== 2)) {
    return undefined;
  }
  const state = data[STATE_AT];
  if (addressAt(data, 0) !== mint || (state !== INITIALIZED && state !== FROZEN)) return undefined;
  return state === FROZEN;
}

/** Whose a token account is, where a transfer to it succeeds; `undefined` where none would. */
export function payeeAt(account: RawAccount | undefined, kind: TokenKind): Address | undefined {
  if (account === undefined || isFrozen(account, kind) !== false || asksMemo(account.data)) return undefined;
  return addressAt(account.data, OWNER_AT);
}

/** Whether a token account takes no transfer without a memo. */
function asksMemo(data: Uint8Array): boolean {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  // Extensions lie behind the account's type: number, length, value.
  for (let at = TOKEN_ACCOUNT_BYTES + 1; at + 4 < data.length;) {
    const [number, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (number === 0) return false;
    if (number === MEMO_TRANSFER) return data[at + 4] !== 0;
    at += 4 + length;
  }
  return false;
}

const addressAt = (data: Uint8Array, at: number) => getAddressDecoder().decode(data, at);
