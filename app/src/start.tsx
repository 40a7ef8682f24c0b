/** Draws the app. */

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './App';
import { SessionProvider } from './session';
import { ErrorBoundary } from './ui/ErrorBoundary';
import { registerWalletApps } from './wallet/phone';

// Kept on this device, the app opens without a network.
if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  navigator.serviceWorker.register('./worker.js').catch((error: unknown) => console.info(error));
}
registerWalletApps().catch((error: unknown) => console.info(error));

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root element');
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <SessionProvider>
        <App />
      </SessionProvider>
    </ErrorBoundary>
  </StrictMode>,
);
