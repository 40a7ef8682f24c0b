/** One node: requests, subscriptions, and what is read once from it. */

import {
  address,
  createSolanaRpc,
  createSolanaRpcSubscriptions,
  getBase64Encoder,
  type Address,
  type Rpc,
  type RpcSubscriptions,
  type SolanaRpcApi,
  type SolanaRpcSubscriptionsApi,
} from '@solana/kit';

import type { Network } from './network';

/** Everything is read and awaited at this commitment. */
export const COMMITMENT = 'confirmed';

/** A connection to a network. */
export interface Connection {
  readonly network: Network;
  readonly rpc: Rpc<SolanaRpcApi>;
  readonly subscriptions: RpcSubscriptions<SolanaRpcSubscriptionsApi>;
}

/** Connects to a network; nothing is sent yet. */
export function connect(network: Network): Connection {
  return {
    network,
    rpc: createSolanaRpc(network.rpcUrl),
    subscriptions: createSolanaRpcSubscriptions(network.wsUrl),
  };
}

/** Bytes of an account's base64 data. */
export function bytesOf(data: readonly [string, 'base64']): Uint8Array {
  return new Uint8Array(getBase64Encoder().encode(data[0]));
}

/** An account's bytes, its owner and the slot at which it was read. */
export interface RawAccount {
  readonly owner: Address;
  readonly data: Uint8Array;
}

/** Accounts by address, in the order asked for; `undefined` where there is none. */
export async function readAccounts(
  { rpc }: Connection,
  addresses: readonly Address[],
): Promise<{ readonly slot: bigint; readonly accounts: readonly (RawAccount | undefined)[] }> {
  const { context, value } = await rpc
    .getMultipleAccounts([...addresses], { commitment: COMMITMENT, encoding: 'base64' })
    .send();
  return {
    slot: context.slot,
    accounts: value.map((account) =>
      account === null ? undefined : { owner: account.owner, data: bytesOf(account.data) },
    ),
  };
}

const CLOCK = address('SysvarC1ock11111111111111111111111111111111');

/** The chain's time in unix seconds. */
export async function chainTime(connection: Connection): Promise<number> {
  const { accounts } = await readAccounts(connection, [CLOCK]);
  const data = accounts[0]?.data;
  if (data === undefined) throw new Error('the node serves no clock');
  // slot u64, epoch start i64, epoch u64, leader schedule epoch u64, unix timestamp i64
  return Number(new DataView(data.buffer, data.byteOffset).getBigInt64(32, true));
}

/** Balance of a token account in base units; 0 where it does not exist. The amount lies behind mint and owner. */
export function tokenBalance(account: RawAccount | undefined): bigint {
  if (account === undefined || account.data.length < 72) return 0n;
  return new DataView(account.data.buffer, account.data.byteOffset).getBigUint64(64, true);
}
