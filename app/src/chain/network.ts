/** Which network the app talks to. */

import type { Address } from '@solana/kit';

import { LOCAL_PROGRAM, PROGRAM } from '../programs';
import type { Keeper } from '../state/storage';
import { t } from '../words';

/** A network that can be chosen. */
export interface Network {
  readonly id: 'local' | 'devnet' | 'mainnet' | 'custom';
  readonly name: string;
  readonly rpcUrl: string;
  readonly wsUrl: string;
}

const LOCAL: Network = {
  id: 'local',
  name: t.network.local,
  rpcUrl: 'http://127.0.0.1:8899',
  wsUrl: 'ws://127.0.0.1:8900',
};

const PUBLIC: readonly Network[] = [
  { id: 'devnet', name: 'Devnet', rpcUrl: 'https://api.devnet.solana.com', wsUrl: 'wss://api.devnet.solana.com' },
  {
    id: 'mainnet',
    name: 'Mainnet',
    rpcUrl: 'https://api.mainnet-beta.solana.com',
    wsUrl: 'wss://api.mainnet-beta.solana.com',
  },
];

/**
 * Networks that an app for a program offers. The local program's key is public: whoever deploys there first on a public
 * network can take what buyers pay. So only a build for a program with an address of its own offers public networks.
 */
export function networksFor(program: Address): readonly Network[] {
  return program === LOCAL_PROGRAM ? [LOCAL] : [LOCAL, ...PUBLIC];
}

/** Networks that come with the app. */
export const NETWORKS: readonly Network[] = networksFor(PROGRAM);

/** The chain that a wallet is asked to sign for, in the Wallet Standard's names. */
export type WalletChain = 'solana:mainnet' | 'solana:devnet' | 'solana:testnet' | 'solana:localnet';

const GENESIS: Readonly<Record<string, WalletChain>> = {
  '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d': 'solana:mainnet',
  EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG: 'solana:devnet',
  '4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY': 'solana:testnet',
};

/** The wallet's name for a network whose node tells a genesis hash. A node of this machine is local, whatever it tells. */
export function walletChain(network: Network, genesisHash: string): WalletChain {
  return isOfThisMachine(network.rpcUrl) ? 'solana:localnet' : (GENESIS[genesisHash] ?? 'solana:localnet');
}

/** Why an app for a program does not trade on a network; `undefined` where it does. */
export function refusedNetwork(network: Network, genesisHash: string, program: Address): string | undefined {
  const chain = walletChain(network, genesisHash);
  if (program !== LOCAL_PROGRAM || chain === 'solana:localnet') return undefined;
  return t.network.isAPublicNetworkAnd(network.name, chain.replace('solana:', ''));
}

/** Where a node of this RPC address takes subscriptions: its next port, or the same place on a public address. */
export function defaultWsUrl(rpcUrl: string): string {
  const url = new URL(rpcUrl);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  if (url.port !== '') url.port = String(Number(url.port) + 1);
  return url.toString().replace(/\/$/u, '');
}

/** A network by its RPC address, or the reason why the address cannot be one. */
export function customNetwork(rpcUrl: string, wsUrl?: string): Network | { readonly reason: string } {
  if (!URL.canParse(rpcUrl) || !/^https?:$/u.test(new URL(rpcUrl).protocol)) {
    return { reason: t.network.giveTheAddressOfAn };
  }
  const ws = wsUrl === undefined || wsUrl.trim() === '' ? defaultWsUrl(rpcUrl) : wsUrl;
  if (!URL.canParse(ws) || !/^wss?:$/u.test(new URL(ws).protocol)) {
    return { reason: t.network.giveTheAddressOfIts };
  }
  const known = NETWORKS.find((network) => network.rpcUrl === rpcUrl && network.wsUrl === ws);
  const { host } = new URL(rpcUrl);
  const name = isOfThisMachine(rpcUrl) ? `${LOCAL.name} ${host}` : host;
  return known ?? { id: 'custom', name, rpcUrl, wsUrl: ws };
}

/** Whether an address is a loopback address: nobody else answers there. */
export function isOfThisMachine(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/u.test(hostname);
}

/**
 * Why a network will not answer a page, as far as that is known before it is asked; `page` is the protocol of the page's
 * address.
 */
export function networkWarning({ id, rpcUrl, wsUrl }: Network, page: string): string | undefined {
  const isPlain = [rpcUrl, wsUrl].some((url) => /^(http|ws):/u.test(url) && !isOfThisMachine(url));
  if (page === 'https:' && isPlain) return t.network.browsersBlockPlainNodes;
  return id === 'mainnet' ? t.network.thePublicMainnetRefuses : undefined;
}

const KEY = 'multibus:network';

/** The network of the page's address (`?rpc=...&ws=...`), where it names one. */
export function linkedNetwork(search: string): Network | undefined {
  const query = new URLSearchParams(search);
  const rpcUrl = query.get('rpc');
  const linked = rpcUrl === null ? undefined : customNetwork(rpcUrl, query.get('ws') ?? undefined);
  return linked !== undefined && 'id' in linked ? linked : undefined;
}

/**
 * The network of the page's address where it comes with the app or is of this machine, else the one that was chosen last,
 * else the local one. A link to any other node is followed only by who agrees: it may come from anyone.
 */
export function initialNetwork(search: string, keeper: Keeper): Network {
  const linked = linkedNetwork(search);
  const isOwn = (network: Network) => isOfThisMachine(network.rpcUrl) && isOfThisMachine(network.wsUrl);
  if (linked !== undefined && (linked.id !== 'custom' || isOwn(linked))) return linked;
  const kept = keeper.getItem(KEY);
  if (kept === null) return LOCAL;
  const [rpcUrl = '', wsUrl] = kept.split(' ');
  const network = customNetwork(rpcUrl, wsUrl);
  return 'id' in network ? network : LOCAL;
}

/** Remembers a choice. */
export function keepNetwork(network: Network, keeper: Keeper): void {
  keeper.setItem(KEY, `${network.rpcUrl} ${network.wsUrl}`);
}
