/** The frame around every screen: where one is, how the connection stands, the wallet. */

import { useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';

import { customNetwork, defaultWsUrl, linkedNetwork, NETWORKS } from './chain/network';
import { short } from './chain/text';
import { sentence } from './errors/explain';
import { BusScreen } from './features/bus/BusScreen';
import { MarketScreen } from './features/market/MarketScreen';
import { SellScreen } from './features/offer/SellScreen';
import { basket } from './features/purchase/basket';
import { Recovery } from './features/purchase/Recovery';
import { MineScreen } from './features/trader/MineScreen';
import { VerifyScreen } from './features/verify/VerifyScreen';
import { useMarket, useSession } from './session';
import { useStore } from './state/store';
import { Dialog } from './ui/dialog';
import { TextField } from './ui/fields';
import {
  BasketIcon,
  BusIcon,
  MarketIcon,
  MineIcon,
  MoonIcon,
  SellIcon,
  SunIcon,
  VerifyIcon,
  WalletIcon,
} from './ui/icons';
import { AddressLabel, classes, Empty } from './ui/parts';
import { DisconnectButton, signsFor, useConnectWallet, useUsableWallets, type Wallet } from './wallet/standard';

const SCREENS = [
  ['market', 'Market', MarketIcon],
  ['sell', 'Sell', SellIcon],
  ['mine', 'My energy', MineIcon],
  ['bus', 'Bus', BusIcon],
  ['verify', 'Verify', VerifyIcon],
] as const;

type Screen = (typeof SCREENS)[number][0];

/** The screen and what it shows, from the page's address: `#/market/BUS`. */
function useRoute(): { readonly screen: Screen; readonly argument: string | undefined } {
  const hash = useSyncExternalStore(
    (listener) => {
      window.addEventListener('hashchange', listener);
      return () => window.removeEventListener('hashchange', listener);
    },
    () => location.hash,
  );
  const [, name = '', argument] = hash.split('/');
  const screen = SCREENS.find(([key]) => key === name)?.[0] ?? 'market';
  return { screen, argument: argument === undefined || argument === '' ? undefined : decodeURIComponent(argument) };
}

/** Everything on the page. */
export function App() {
  const { screen, argument } = useRoute();
  const title = SCREENS.find(([key]) => key === screen)?.[1] ?? 'Market';
  useEffect(() => {
    document.title = `${title} · MultiBus`;
  }, [title]);
  return (
    <>
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('content')?.focus();
        }}
      >
        Skip to the content
      </a>
      <Header screen={screen} />
      <LinkedNode />
      <ConnectionBanner />
      <main id="content" tabIndex={-1}>
        <Recovery />
        {screen === 'market' && <MarketScreen chosen={argument} />}
        {screen === 'sell' && <SellScreen chosen={argument} />}
        {screen === 'mine' && <MineScreen />}
        {screen === 'bus' && <BusScreen chosen={argument} />}
        {screen === 'verify' && <VerifyScreen asked={argument} />}
      </main>
      <WalletDialog />
    </>
  );
}

function Header({ screen }: { readonly screen: Screen }) {
  const items = useStore(basket);
  return (
    <header className="top">
      <a className="brand" href="#/market" aria-label="MultiBus, to the market">
        <Mark /> <span>MultiBus</span>
      </a>
      <nav className="nav" aria-label="Screens">
        {SCREENS.map(([key, name, Icon]) => (
          <a key={key} href={`#/${key}`} aria-current={key === screen ? 'page' : undefined}>
            <Icon /> <span>{name}</span>
          </a>
        ))}
      </nav>
      <div className="tools">
        <NetworkButton />
        <ThemeButton />
        {items.length > 0 && (
          <a
            className="icon-button with-count"
            href="#/market"
            aria-label={`Basket, ${items.length} offers`}
            onClick={() => setTimeout(() => document.getElementById('buy')?.scrollIntoView({ block: 'nearest' }))}
          >
            <BasketIcon /> <span className="count">{items.length}</span>
          </a>
        )}
        <WalletChip />
      </div>
    </header>
  );
}

function Mark() {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true" className="mark-logo">
      <rect width="32" height="32" rx="9" className="mark-ground" />
      <path d="M6 11h20M6 21h20M11 14.400v6.600M21 11v6.600" className="mark-wires" />
      <circle cx="11" cy="11" r="3.400" className="mark-sun" />
      <circle cx="21" cy="21" r="3.400" className="mark-node" />
    </svg>
  );
}

const STATUS_TEXT = { connecting: 'Connecting', live: 'Live', lost: 'Connection lost' } as const;

function NetworkButton() {
  const { network } = useSession();
  const { status } = useMarket();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button type="button" className="chip network" onClick={() => setIsOpen(true)}>
        <span className={`status-dot ${status.kind}`} aria-hidden="true" />
        <span className="network-name">{network.name}</span>
        <span className="network-status">{STATUS_TEXT[status.kind]}</span>
        <span className="visually-hidden">
          Network {network.name}: {STATUS_TEXT[status.kind]}. Change it
        </span>
      </button>
      {isOpen && <NetworkDialog onClose={() => setIsOpen(false)} />}
    </>
  );
}

function NetworkDialog({ onClose }: { readonly onClose: () => void }) {
  const { network, setNetwork } = useSession();
  const [rpcUrl, setRpcUrl] = useState(network.rpcUrl);
  const [wsUrl, setWsUrl] = useState(network.wsUrl);
  const custom = customNetwork(rpcUrl, wsUrl);
  const parsed =
    'reason' in custom ? { ok: false as const, reason: custom.reason } : { ok: true as const, value: custom };
  return (
    <Dialog title="Network" onClose={onClose}>
      <div className="stack">
        <ul className="choices">
          {NETWORKS.map((candidate) => (
            <li key={candidate.id}>
              <button
                type="button"
                aria-pressed={candidate.rpcUrl === network.rpcUrl}
                onClick={() => {
                  setNetwork(candidate);
                  onClose();
                }}
              >
                <strong>{candidate.name}</strong> <span className="hint mono">{candidate.rpcUrl}</span>
              </button>
            </li>
          ))}
        </ul>
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            if (!parsed.ok) return;
            setNetwork(parsed.value);
            onClose();
          }}
        >
          <TextField
            label="A node of your own"
            value={rpcUrl}
            onChange={(text) => {
              setRpcUrl(text);
              if (URL.canParse(text)) setWsUrl(defaultWsUrl(text));
            }}
            parsed={parsed}
            inputMode="text"
          />
          <TextField label="Its subscriptions" value={wsUrl} onChange={setWsUrl} inputMode="text" />
          <button type="submit" className="button primary" disabled={!parsed.ok}>
            Use this node
          </button>
        </form>
      </div>
    </Dialog>
  );
}

/** Asks before a link's node is used: it sees what one does, and shows what it wants. */
function LinkedNode() {
  const { network, setNetwork } = useSession();
  const [linked, setLinked] = useState(() => {
    const named = linkedNetwork(location.search);
    return named?.rpcUrl === network.rpcUrl && named.wsUrl === network.wsUrl ? undefined : named;
  });
  if (linked === undefined) return null;
  return (
    <section className="banner" aria-label="The link's node">
      <p>
        This link wants you to trade through the node <span className="mono">{linked.rpcUrl}</span>
        {defaultWsUrl(linked.rpcUrl) !== linked.wsUrl && (
          <>
            {' '}
            and <span className="mono">{linked.wsUrl}</span>
          </>
        )}
        . A node sees what you do and chooses what you see: use it only where you trust whoever gave you the link.
      </p>
      <div className="row wrap">
        <button
          type="button"
          className="button"
          onClick={() => {
            setNetwork(linked);
            setLinked(undefined);
          }}
        >
          Use this node
        </button>
        <button type="button" className="button primary" onClick={() => setLinked(undefined)}>
          Stay with {network.name}
        </button>
      </div>
    </section>
  );
}

/** Says where the connection is lost, and that what is shown may be old. */
function ConnectionBanner() {
  const { status } = useMarket();
  const { network } = useSession();
  return (
    <div role="status" aria-live="polite">
      {status.kind === 'lost' && (
        <p className="banner">
          The connection to {network.name} is lost; what you see may be old. Trying again…{' '}
          <span className="hint">({status.cause})</span>
        </p>
      )}
      {!isSecureContext && (
        <p className="banner">
          Browsers sign and hash only on secure pages. Open this app over https, or on this machine.
        </p>
      )}
    </div>
  );
}

const THEME = 'multibus:theme';

function ThemeButton() {
  const [theme, setTheme] = useState<'light' | 'dark'>(() => {
    const kept = localStorage.getItem(THEME);
    if (kept === 'light' || kept === 'dark') return kept;
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  });
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  const other = theme === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Switch to the ${other} theme`}
      onClick={() => {
        localStorage.setItem(THEME, other);
        setTheme(other);
      }}
    >
      {theme === 'dark' ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}

function WalletChip() {
  const { connected, openWallet } = useSession();
  return connected === undefined ? (
    <button type="button" className="button primary small" onClick={() => openWallet(true)}>
      <WalletIcon /> <span>Connect</span>
    </button>
  ) : (
    <button type="button" className="chip wallet" onClick={() => openWallet(true)}>
      <img src={connected.wallet.icon} alt="" width="18" height="18" />
      <span className="mono">{short(connected.account.address)}</span>
      <span className="visually-hidden">{`Wallet ${connected.wallet.name}, account ${connected.account.address}`}</span>
    </button>
  );
}

function WalletDialog() {
  const { isWalletOpen, openWallet, connected, disconnect, choose, chain } = useSession();
  const wallets = useUsableWallets();
  if (!isWalletOpen) return null;
  const close = () => openWallet(false);
  if (connected !== undefined) {
    const { wallet, account } = connected;
    return (
      <Dialog title={wallet.name} onClose={close}>
        <div className="stack">
          <p>
            <AddressLabel address={account.address} copy />
          </p>
          {chain !== undefined && !signsFor(account, chain) && (
            <p className="error-text" role="alert">
              {wallet.name} does not sign for this network ({chain.replace('solana:', '')}). Switch the network in the
              wallet, or choose another one here.
            </p>
          )}
          {wallet.accounts.length > 1 && (
            <ul className="choices" aria-label="Accounts">
              {wallet.accounts.map((candidate) => (
                <li key={candidate.address}>
                  <button
                    type="button"
                    aria-pressed={candidate.address === account.address}
                    onClick={() => {
                      choose(wallet, candidate);
                      close();
                    }}
                  >
                    <span className="mono">{short(candidate.address)}</span>
                  </button>
                </li>
              ))}
            </ul>
          )}
          <DisconnectButton wallet={wallet} onDone={disconnect}>
            Disconnect
          </DisconnectButton>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Connect a wallet" onClose={close}>
      {wallets.length === 0 ? (
        <Empty>
          No wallet is installed in this browser. Install Phantom, or any other Solana wallet, and it appears here.
        </Empty>
      ) : (
        <ul className="choices">
          {wallets.map((wallet) => (
            <li key={wallet.name}>
              <WalletChoice wallet={wallet} onDone={close} />
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}

function WalletChoice({ wallet, onDone }: { readonly wallet: Wallet; readonly onDone: () => void }) {
  const { choose } = useSession();
  const [isConnecting, connect] = useConnectWallet(wallet);
  const [refused, setRefused] = useState<string | undefined>();
  const onConnect = () => {
    setRefused(undefined);
    connect().then(
      (account) => {
        if (account === undefined) {
          setRefused(`${wallet.name} shows no account; unlock it and try again.`);
          return;
        }
        choose(wallet, account);
        onDone();
      },
      (error: unknown) => setRefused(refusal(error, wallet.name)),
    );
  };
  return (
    <>
      <button type="button" disabled={isConnecting} onClick={onConnect} className={classes(isConnecting && 'busy')}>
        <img src={wallet.icon} alt="" width="24" height="24" />
        <strong>{wallet.name}</strong>
        {isConnecting && <span className="hint">waiting for the wallet…</span>}
      </button>
      <p className="error-text" aria-live="polite">
        {refused}
      </p>
    </>
  );
}

function refusal(error: unknown, wallet: string): ReactNode & string {
  return /reject|declin|denied|cancel/iu.test(String(error)) ? `You declined in ${wallet}.` : sentence(error);
}
