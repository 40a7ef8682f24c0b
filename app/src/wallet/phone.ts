/** Wallets on phones, where no extension can be: another browser by a link, or an app by the Mobile Wallet Adapter. */

/** What the page runs on, as far as it matters for wallets. */
export type Device = 'android' | 'ios' | 'desktop';

/** The device of a browser. iPads call themselves Macs, and have touch. */
export function deviceOf(userAgent: string, touchPoints: number): Device {
  if (/android/iu.test(userAgent)) return 'android';
  return /iphone|ipad|ipod/iu.test(userAgent) || (/macintosh/iu.test(userAgent) && touchPoints > 1) ? 'ios' : 'desktop';
}

/** This device. */
export const device = (): Device => deviceOf(navigator.userAgent, navigator.maxTouchPoints);

/** Phantom's universal link that opens a page in Phantom's own browser, where the wallet is. */
export function phantomLink(page: string): string {
  return `https://phantom.app/ul/browse/${encodeURIComponent(page)}?ref=${encodeURIComponent(new URL(page).origin)}`;
}

/** Chains for which wallet apps are asked: they know no local one. */
const CHAINS = ['solana:mainnet', 'solana:devnet', 'solana:testnet'] as const;

/** On Android, lists the wallet apps of the phone among the wallets; their library is loaded there alone. */
export async function registerWalletApps(): Promise<void> {
  if (device() !== 'android') return;
  const mobile = await import('@solana-mobile/wallet-standard-mobile');
  mobile.registerMwa({
    appIdentity: { name: 'MultiBus', uri: new URL('.', location.href).href, icon: 'icon-192.png' },
    authorizationCache: mobile.createDefaultAuthorizationCache(),
    chains: CHAINS,
    chainSelector: mobile.createDefaultChainSelector(),
    onWalletNotFound: mobile.createDefaultWalletNotFoundHandler(),
  });
}
