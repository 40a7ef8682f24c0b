/** One node: requests, subscriptions, and what is read once from it. */

import {
  address,
  createDefaultRpcTransport,
  createSolanaRpcFromTransport,
  createSolanaRpcSubscriptions,
  getBase64Encoder,
  type Address,
  type Instruction,
  type Rpc,
  type RpcResponse,
  type RpcSubscriptions,
  type RpcTransport,
  type SolanaRpcApi,
  type SolanaRpcSubscriptionsApi,
} from '@solana/kit';

import { Unreachable } from '../errors/explain';
import { t } from '../words';
import { createTokenAccount, tokenAccountAddress } from './address';
import type { Network } from './network';

/** Everything is read and awaited at this commitment. */
export const COMMITMENT = 'confirmed';

/** A connection to a network. */
export interface Connection {
  readonly network: Network;
  readonly rpc: Rpc<SolanaRpcApi>;
  readonly subscriptions: RpcSubscriptions<SolanaRpcSubscriptionsApi>;
}

/** How long a node may take to answer, and to send a list of all accounts of a kind. */
const REQUEST_MS = 20_000;
const LIST_MS = 60_000;

/** Asks a node through `inner`, and gives up when it takes too long: nothing waits for an answer for ever. */
export function impatient(inner: RpcTransport): RpcTransport {
  return async <T>(request: Parameters<RpcTransport>[0]): Promise<RpcResponse<T>> => {
    const ms = isForList(request.payload) ? LIST_MS : REQUEST_MS;
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), ms);
    const { signal } = request;
    const signals = signal === undefined ? [over.signal] : [signal, over.signal];
    try {
      return await inner<T>({ ...request, signal: AbortSignal.any(signals) });
    } catch (error) {
      if (over.signal.aborted) throw new Unreachable(t.connection.theNodeHasNotAnswered(ms / 1_000));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}

function isForList(payload: unknown): boolean {
  return (
    typeof payload === 'object' && payload !== null && 'method' in payload && payload.method === 'getProgramAccounts'
  );
}

/** Connects to a network; nothing is sent yet. */
export function connect(network: Network): Connection {
  return {
    network,
    rpc: createSolanaRpcFromTransport(impatient(createDefaultRpcTransport({ url: network.rpcUrl }))),
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
  if (value.length !== addresses.length) {
    throw new Error(`the node sent ${value.length} accounts where ${addresses.length} were asked for`);
  }
  return {
    slot: context.slot,
    accounts: value.map((account) =>
      account === null ? undefined : { owner: account.owner, data: bytesOf(account.data) },
    ),
  };
}

/** A wallet's token account of a bus, and what creates it where it is missing; `payer` then pays its rent. */
export async function tokenAccount(
  connection: Connection,
  payer: Address,
  wallet: Address,
  { mint, tokenProgram }: { readonly mint: Address; readonly tokenProgram: Address },
): Promise<{ readonly address: Address; readonly creation: readonly Instruction[] }> {
  const account = await tokenAccountAddress(wallet, mint, tokenProgram);
  const isThere = (await readAccounts(connection, [account])).accounts[0] !== undefined;
  return {
    address: account,
    creation: isThere ? [] : [await createTokenAccount(payer, wallet, mint, tokenProgram)],
  };
}

const rents = new WeakMap<Rpc<SolanaRpcApi>, Map<number, Promise<bigint>>>();

/** Rent of an account with so many bytes, in lamports; asked once. It comes back when the account closes. */
export function rentOf({ rpc }: Connection, bytes: number): Promise<bigint> {
  const known = rents.get(rpc) ?? new Map<number, Promise<bigint>>();
  rents.set(rpc, known);
  const rent = known.get(bytes) ?? rpc.getMinimumBalanceForRentExemption(BigInt(bytes)).send();
  known.set(bytes, rent);
  rent.catch(() => known.delete(bytes));
  return rent;
}

const CLOCK = address('SysvarC1ock11111111111111111111111111111111');

/** The chain's time in unix seconds, and the slot that the node is at. */
export async function chainTime(connection: Connection): Promise<{ readonly seconds: number; readonly slot: bigint }> {
  const { slot, accounts } = await readAccounts(connection, [CLOCK]);
  const data = accounts[0]?.data;
  if (data === undefined || data.length < 40) throw new Error('the node serves no clock');
  // slot u64, epoch start i64, epoch u64, leader schedule epoch u64, unix timestamp i64
  return { seconds: Number(new DataView(data.buffer, data.byteOffset).getBigInt64(32, true)), slot };
}
