/** Lists of accounts: all of a kind, or those of a kind that belong to something. */

import type { Address, Base58EncodedBytes } from '@solana/kit';

import { bytesOf, COMMITMENT, type Connection, type RawAccount } from '../chain/connection';
import { PROGRAM } from '../programs';
import { KINDS, type Kind } from './decode';

/** Accounts of a kind; where `of` is given, only those that hold this address at `at`. */
export interface Scope {
  readonly kind: Kind;
  readonly at?: bigint;
  readonly of?: Address;
}

/** Accounts at one slot. */
export interface Listed {
  readonly found: readonly (readonly [Address, RawAccount])[];
  readonly slot: bigint;
}

/** A kind by its name. */
export function kindOf(name: Kind['name']): Kind {
  const kind = KINDS.find((candidate) => candidate.name === name);
  if (kind === undefined) throw new Error(`there is no kind ${name}`);
  return kind;
}

/** Filters that a node takes for a scope. */
export function filtersOf({ kind, at, of }: Scope) {
  const memcmp = (offset: bigint, bytes: string) => ({
    memcmp: { offset, bytes: bytes as Base58EncodedBytes, encoding: 'base58' as const },
  });
  const isKind = memcmp(0n, kind.discriminator);
  return at === undefined || of === undefined ? [isKind] : [isKind, memcmp(at, of)];
}

/** Reads all accounts of a scope. */
export async function readScope({ rpc }: Connection, scope: Scope): Promise<Listed> {
  const { context, value } = await rpc
    .getProgramAccounts(PROGRAM, {
      commitment: COMMITMENT,
      encoding: 'base64',
      filters: filtersOf(scope),
      withContext: true,
    })
    .send();
  return {
    found: value.map(({ pubkey, account }) => [pubkey, { owner: account.owner, data: bytesOf(account.data) }] as const),
    slot: context.slot,
  };
}
