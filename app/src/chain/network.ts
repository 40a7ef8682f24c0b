/** Which network the app talks to. */

/** A network that can be chosen. */
export interface Network {
  readonly id: 'local' | 'devnet' | 'mainnet' | 'custom';
  readonly name: string;
  readonly rpcUrl: string;
  readonly wsUrl: string;
}

const LOCAL: Network = { id: 'local', name: 'Local', rpcUrl: 'http://127.0.0.1:8899', wsUrl: 'ws://127.0.0.1:8900' };

/** Networks that come with the app. */
export const NETWORKS: readonly Network[] = [
  LOCAL,
  { id: 'devnet', name: 'Devnet', rpcUrl: 'https://api.devnet.solana.com', wsUrl: 'wss://api.devnet.solana.com' },
  {
    id: 'mainnet',
    name: 'Mainnet',
    rpcUrl: 'https://api.mainnet-beta.solana.com',
    wsUrl: 'wss://api.mainnet-beta.solana.com',
  },
];

/** The chain that a wallet is asked to sign for, in the Wallet Standard's names. */
export type WalletChain = 'solana:mainnet' | 'solana:devnet' | 'solana:testnet' | 'solana:localnet';

const GENESIS: Readonly<Record<string, WalletChain>> = {
  '5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d': 'solana:mainnet',
  EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG: 'solana:devnet',
  '4uhcVJyU9pJkvQyS88uRDiswHXSgkY3zQawwpjk2NsNY': 'solana:testnet',
};

/** The wallet's name for the chain with a genesis hash; whatever is not public is local. */
export function walletChain(genesisHash: string): WalletChain {
  return GENESIS[genesisHash] ?? 'solana:localnet';
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
    return { reason: 'Give the address of an RPC node, such as http://127.0.0.1:8899.' };
  }
  const ws = wsUrl === undefined || wsUrl.trim() === '' ? defaultWsUrl(rpcUrl) : wsUrl;
  if (!URL.canParse(ws) || !/^wss?:$/u.test(new URL(ws).protocol)) {
    return { reason: 'Give the address of its subscriptions, such as ws://127.0.0.1:8900.' };
  }
  const known = NETWORKS.find((network) => network.rpcUrl === rpcUrl && network.wsUrl === ws);
  // Whatever its port, a node of this machine is the local network.
  const name = isOfThisMachine(rpcUrl) ? LOCAL.name : new URL(rpcUrl).host;
  return known ?? { id: 'custom', name, rpcUrl, wsUrl: ws };
}

function isOfThisMachine(url: string): boolean {
  return ['127.0.0.1', 'localhost'].includes(new URL(url).hostname);
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
export function initialNetwork(search: string, storage: Storage): Network {
  const linked = linkedNetwork(search);
  const isOwn = (network: Network) => isOfThisMachine(network.rpcUrl) && isOfThisMachine(network.wsUrl);
  if (linked !== undefined && (linked.id !== 'custom' || isOwn(linked))) return linked;
  const kept = storage.getItem(KEY);
  if (kept === null) return LOCAL;
  const [rpcUrl = '', wsUrl] = kept.split(' ');
  const network = customNetwork(rpcUrl, wsUrl);
  return 'id' in network ? network : LOCAL;
}

/** Remembers a choice. */
export function keepNetwork(network: Network, storage: Storage): void {
  storage.setItem(KEY, `${network.rpcUrl} ${network.wsUrl}`);
}
