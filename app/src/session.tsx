/** What every screen shares: the network and its live market, the wallet, and the journal of purchases. */

import type { Address } from '@solana/kit';
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';

import { connect } from './chain/connection';
import { initialNetwork, keepNetwork, walletChain, type Network, type WalletChain } from './chain/network';
import type { Signer } from './chain/send';
import { useStore } from './state/store';
import { sentence } from './errors/explain';
import { Journal } from './state/journal';
import { LiveMarket } from './market/live';
import { type MarketState } from './market/state';
import { BindSigner, Reconnect, signsFor, useConnected, type Connected, type Wallet } from './wallet/standard';

/** What every screen shares. */
export interface Session {
  readonly network: Network;
  readonly setNetwork: (network: Network) => void;
  readonly live: LiveMarket;
  /** Genesis hash of the chain, once the node has told it. */
  readonly genesis: string | undefined;
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

/** Provides the session. */
export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const [network, setNetworkState] = useState(() => initialNetwork(location.search, localStorage));
  const [live, setLive] = useState<LiveMarket | undefined>();
  const [genesis, setGenesis] = useState<string | undefined>();
  const [signer, setSigner] = useState<Signer | undefined>();
  const [isWalletOpen, openWallet] = useState(false);
  const [journal] = useState(() => new Journal(localStorage));
  const { connected, choose, forget } = useConnected();
  const wallet = connected?.account.address as Address | undefined;

  useEffect(() => {
    const market = new LiveMarket(connect(network));
    setLive(market);
    setGenesis(undefined);
    return () => market.close();
  }, [network]);

  useEffect(() => {
    live?.setWallet(wallet);
  }, [live, wallet]);

  useGenesis(live, genesis, setGenesis);

  const setNetwork = useCallback((next: Network) => {
    keepNetwork(next, localStorage);
    setNetworkState(next);
  }, []);
  const chain = genesis === undefined ? undefined : walletChain(genesis);
  const disconnect = useCallback(() => {
    forget();
    openWallet(false);
  }, [forget]);

  const session = useMemo<Session | undefined>(
    () =>
      live === undefined
        ? undefined
        : {
            network,
            setNetwork,
            live,
            genesis,
            chain,
            journal,
            connected,
            wallet,
            signer,
            choose,
            disconnect,
            isWalletOpen,
            openWallet,
          },
    [network, setNetwork, live, genesis, chain, journal, connected, wallet, signer, choose, disconnect, isWalletOpen],
  );
  return (
    <>
      <Reconnect onConnected={choose} />
      {connected !== undefined && chain !== undefined && signsFor(connected.account, chain) && (
        <BindSigner key={connected.account.address} account={connected.account} chain={chain} onSigner={setSigner} />
      )}
      {session !== undefined && <SessionContext value={session}>{children}</SessionContext>}
    </>
  );
}

/** Asks the node which chain it is on, until it answers. */
function useGenesis(
  live: LiveMarket | undefined,
  genesis: string | undefined,
  setGenesis: (genesis: string) => void,
): void {
  useEffect(() => {
    if (live === undefined || genesis !== undefined) return undefined;
    let isOver = false;
    const ask = async () => {
      while (!isOver) {
        try {
          const hash = await live.connection.rpc.getGenesisHash().send();
          if (!isOver) setGenesis(hash);
          return;
        } catch (error) {
          // The connection's state, shown on every screen, says that the node is away.
          console.info(`The node does not tell its chain yet: ${sentence(error)}`);
          await new Promise((resolve) => setTimeout(resolve, 1_500));
        }
      }
    };
    void ask();
    return () => {
      isOver = true;
    };
  }, [live, genesis, setGenesis]);
}
