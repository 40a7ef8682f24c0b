/** The frame around every screen: where one is, how the connection stands, the wallet. */

import { lazy, Suspense, useEffect, useMemo, useState, useSyncExternalStore } from 'react';

import { ConnectionBanner, LinkedNode, NetworkButton, RefusedNetwork } from './features/network/NetworkButton';
import { basket, buyTab } from './features/purchase/basket';
import { Recovery } from './features/purchase/Recovery';
import { WaitingCount } from './features/waiting/WaitingCount';
import { WalletChip, WalletDialog } from './features/wallet/WalletDialog';
import { useMarket, useSession } from './session';
import { storage } from './state/storage';
import { useStore } from './state/store';
import { ErrorBoundary } from './ui/ErrorBoundary';
import { BasketIcon, BusIcon, MarketIcon, MineIcon, MoonIcon, SellIcon, SunIcon, VerifyIcon } from './ui/icons';
import { LastState } from './ui/LastState';
import { NotFound, Opening } from './ui/parts';
import { parseRoute, type Route, type Screen } from './ui/route';
import { t } from './words';
import { chooseLanguage, language, SWITCH_TO, type Language } from './words/language';

// Each screen is a script of its own, loaded when somebody goes there.
const MarketScreen = lazy(async () => ({ default: (await import('./features/market/MarketScreen')).MarketScreen }));
const SellScreen = lazy(async () => ({ default: (await import('./features/offer/SellScreen')).SellScreen }));
const MineScreen = lazy(async () => ({ default: (await import('./features/trader/MineScreen')).MineScreen }));
const BusScreen = lazy(async () => ({ default: (await import('./features/bus/BusScreen')).BusScreen }));
const VerifyScreen = lazy(async () => ({ default: (await import('./features/verify/VerifyScreen')).VerifyScreen }));

const TITLES = [
  ['market', t.app.market, MarketIcon],
  ['sell', t.app.sell, SellIcon],
  ['mine', t.app.myEnergy, MineIcon],
  ['bus', t.app.bus, BusIcon],
  ['verify', t.app.verify, VerifyIcon],
] as const;

/** The page's address, as it changes. */
function useHash(): string {
  return useSyncExternalStore(
    (listener) => {
      window.addEventListener('hashchange', listener);
      return () => window.removeEventListener('hashchange', listener);
    },
    () => location.hash,
  );
}

/** Everything on the page. */
export function App() {
  const hash = useHash();
  const route = useMemo(() => parseRoute(hash), [hash]);
  const { refused } = useSession();
  const title = TITLES.find(([key]) => key === route.screen)?.[1] ?? t.app.notFound;
  useEffect(() => {
    document.title = t.app.multibus(title);
  }, [title]);
  // On the market, who chooses a bus stays where it is: the list is beside what it shows.
  const place = route.screen === 'market' ? 'market' : `${route.screen} ${route.argument}`;
  useEffect(() => {
    // A statement: some browsers return a promise here, which would be no clean-up function.
    window.scrollTo(0, 0);
  }, [place]);
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
        {t.app.skipToTheContent}
      </a>
      {route.screen === 'market' && (
        <a
          className="skip"
          href="#buy"
          onClick={(event) => {
            event.preventDefault();
            document.querySelector<HTMLElement>('#buy input')?.focus();
          }}
        >
          {t.app.skipToBuying}
        </a>
      )}
      <Header screen={route.screen} />
      <LinkedNode />
      <ConnectionBanner />
      <main id="content" tabIndex={-1}>
        {refused === undefined ? (
          <>
            <Recovery />
            <ErrorBoundary of={hash}>
              <Suspense fallback={<Opening />}>
                <CurrentScreen route={route} />
              </Suspense>
            </ErrorBoundary>
          </>
        ) : (
          <RefusedNetwork reason={refused} />
        )}
      </main>
      <WalletDialog />
      <LastState />
    </>
  );
}

function CurrentScreen({ route: { screen, argument } }: { readonly route: Route }) {
  switch (screen) {
    case 'market':
      return <MarketScreen chosen={argument} />;
    case 'sell':
      return <SellScreen chosen={argument} />;
    case 'mine':
      return <MineScreen />;
    case 'bus':
      return <BusScreen chosen={argument} />;
    case 'verify':
      return <VerifyScreen asked={argument} />;
    case undefined:
      return <NotFound what={t.app.thereIsNoSuchPage} />;
  }
}

function Header({ screen }: { readonly screen: Screen | undefined }) {
  const items = useStore(basket);
  const { offers } = useMarket();
  const first = items.flatMap(({ offer }) => offers.get(offer)?.bus ?? [])[0];
  return (
    <header className="top">
      <a className="brand" href="#/market" aria-label={t.app.multibusToTheMarket}>
        <Mark /> <span>{t.app.multibus2}</span>
      </a>
      <nav className="nav" aria-label={t.app.screens}>
        {TITLES.map(([key, name, Icon]) => (
          <a key={key} href={`#/${key}`} aria-current={key === screen ? 'page' : undefined}>
            <Icon /> <span>{name}</span>
            {key === 'mine' && <WaitingCount />}
          </a>
        ))}
      </nav>
      <div className="tools">
        <NetworkButton />
        <LanguageButton />
        <ThemeButton />
        {items.length > 0 && (
          <a
            className="icon-button with-count"
            href={first === undefined ? '#/market' : `#/market/${first}`}
            aria-label={t.app.basketOf(items.length)}
            onClick={() => {
              buyTab.set('basket');
              setTimeout(() => document.getElementById('buy')?.scrollIntoView({ block: 'nearest' }));
            }}
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

/** Switches to the other language. */
function LanguageButton() {
  const other: Language = language === 'de' ? 'en' : 'de';
  return (
    <button
      type="button"
      className="icon-button language"
      lang={other}
      aria-label={`${other.toUpperCase()}: ${SWITCH_TO[other]}`}
      onClick={() => chooseLanguage(other)}
    >
      {other.toUpperCase()}
    </button>
  );
}

const THEME = 'multibus:theme';

function ThemeButton() {
  const [theme, setTheme] = useState<'light' | 'dark'>(() => {
    const kept = storage.getItem(THEME);
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
      aria-label={other === 'dark' ? t.app.switchToDark : t.app.switchToLight}
      onClick={() => {
        storage.setItem(THEME, other);
        setTheme(other);
      }}
    >
      {theme === 'dark' ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
