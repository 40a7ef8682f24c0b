/** What every screen shares: the network and its live market, the wallet, and the journal of purchases. */

import type { Address } from '@solana/kit';
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';

import { connect } from './chain/connection';
import {
  initialNetwork,
  keepNetwork,
  refusedNetwork,
  walletChain,
  type Network,
  type WalletChain,
} from './chain/network';
import type { Signer } from './chain/send';
import { sentence } from './errors/explain';
import { LiveMarket } from './market/live';
import type { MarketState } from './market/state';
import { PROGRAM } from './programs';
import { Journal } from './state/journal';
import { untilAnswered } from './state/retry';
import { storage } from './state/storage';
import { useStore } from './state/store';
import { BindSigner, Reconnect, signsFor, useConnected, type Connected, type Wallet } from './wallet/standard';

/** What every screen shares. */
export interface Session {
  readonly network: Network;
  readonly setNetwork: (network: Network) => void;
  readonly live: LiveMarket;
  /** Genesis hash of the chain, once the node has told it. */
  readonly genesis: string | undefined;
  /** Why this app does not trade on the network. */
  readonly refused: string | undefined;
  readonly chain: WalletChain | undefined;
  readonly journal: Journal;
  readonly connected: Connected | undefined;
  /** The connected wallet's address. */
  readonly wallet: Address | undefined;
  /** Signs for the wallet; `undefined` while there is none, or where it does not sign for this network. */
  readonly signer: Signer | undefined;
  readonly choose: (wallet: Wallet, account: Connected['account']) => void;
  readonly disconnect: () => void;
  readonly isWalletOpen: boolean;
  readonly openWallet: (isOpen: boolean) => void;
}

const SessionContext = createContext<Session | undefined>(undefined);

/** What every screen shares. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (session === undefined) throw new Error('a screen is outside of the session');
  return session;
}

/** The live market's state. */
export function useMarket(): MarketState {
  return useStore(useSession().live.state);
}

/** Whether all delivery books of a bus are known; they are read, and kept current while a screen looks at them. */
export function useBooksOf(bus: Address): boolean {
  const { live } = useSession();
  const { bookBuses } = useStore(live.state);
  useEffect(() => live.watchBooks(bus), [live, bus]);
  return bookBuses.has(bus);
}

/** Provides the session. */
export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const [network, setNetworkState] = useState(() => initialNetwork(location.search, storage));
  const live = useMemo(() => new LiveMarket(connect(network)), [network]);
  const genesis = useGenesis(live);
  const [signer, setSigner] = useState<Signer | undefined>();
  const [isWalletOpen, openWallet] = useState(false);
  const [journal] = useState(() => new Journal(storage));
  const { connected, choose, forget } = useConnected();
  const wallet = connected?.account.address as Address | undefined;

  useEffect(() => {
    live.setWallet(wallet);
  }, [live, wallet]);

  useEffect(() => live.start(), [live]);

  const setNetwork = useCallback((next: Network) => {
    keepNetwork(next, storage);
    setNetworkState(next);
  }, []);
  const refused = genesis === undefined ? undefined : refusedNetwork(network, genesis, PROGRAM);
  const chain = genesis === undefined || refused !== undefined ? undefined : walletChain(network, genesis);
  const disconnect = useCallback(() => {
    forget();
    openWallet(false);
  }, [forget]);

  const session = useMemo<Session>(
    () => ({
      network,
      setNetwork,
      live,
      genesis,
      refused,
      chain,
      journal,
      connected,
      wallet,
      signer,
      choose,
      disconnect,
      isWalletOpen,
      openWallet,
    }),
    [
      network,
      setNetwork,
      live,
      genesis,
      refused,
      chain,
      journal,
      connected,
      wallet,
      signer,
      choose,
      disconnect,
      isWalletOpen,
    ],
  );
  return (
    <>
      <Reconnect onConnected={choose} />
      {connected !== undefined && chain !== undefined && signsFor(connected.account, chain) && (
        <BindSigner key={connected.account.address} account={connected.account} chain={chain} onSigner={setSigner} />
      )}
      <SessionContext value={session}>{children}</SessionContext>
    </>
  );
}

/** How long the app waits before it asks a node again that did not tell its chain. */
const GENESIS_PAUSE_MS = 1_500;

/** Genesis hash of the node's chain, asked until it answers. */
function useGenesis(live: LiveMarket): string | undefined {
  const [told, setTold] = useState<{ readonly live: LiveMarket; readonly genesis: string }>();
  useEffect(() => {
    const over = new AbortController();
    const ask = async () => {
      const genesis = await untilAnswered<string>(
        () => live.connection.rpc.getGenesisHash().send({ abortSignal: over.signal }),
        over.signal,
        GENESIS_PAUSE_MS,
        // The connection's state, shown on every screen, says that the node is away.
        (error) => console.info(`The node does not tell its chain yet: ${sentence(error)}`),
      );
      if (genesis !== undefined) setTold({ live, genesis });
    };
    void ask();
    return () => over.abort();
  }, [live]);
  return told?.live === live ? told.genesis : undefined;
}
