import { gzipSync } from 'node:zlib';

import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/**
 * What the built page may load: its own files and nothing else. It talks to whatever RPC node the user names, and shows
 * the icons that wallets hand over as `data:` URLs.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  'connect-src http: https: ws: wss:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Writes the policy into the built page; the development server needs inline scripts for itself. */
function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/** The generated client leaves the sentences of its errors out of production builds; here they are what users read. */
function errorSentences(): Plugin {
  const guard = "process.env['NODE_ENV'] !== 'production'";
  return {
    name: 'error-sentences',
    enforce: 'pre',
    transform: {
      filter: { id: /src\/generated\/errors\// },
      handler: (code) => (code.includes(guard) ? { code: code.replaceAll(guard, 'true'), map: null } : null),
    },
  };
}

/** The program of local networks, for which the client is generated. */
const LOCAL_PROGRAM = 'Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi';

/**
 * Builds the app for the program that MULTIBUS_PROGRAM_ADDRESS names. Without it the app is for the local program, whose key
 * everybody has, and refuses public networks.
 */
function ownProgram(): Plugin {
  const program = process.env.MULTIBUS_PROGRAM_ADDRESS;
  return {
    name: 'own-program',
    enforce: 'pre',
    buildStart() {
      if (program !== undefined && !/^[1-9A-HJ-NP-Za-km-z]{32,44}$/u.test(program)) {
        this.error(
          `MULTIBUS_PROGRAM_ADDRESS is ${JSON.stringify(program)}, which is no address; give the program's address`,
        );
      }
    },
    transform: {
      filter: { id: /src\/generated\// },
      handler: (code) =>
        program !== undefined && code.includes(LOCAL_PROGRAM)
          ? { code: code.replaceAll(LOCAL_PROGRAM, program), map: null }
          : null,
    },
  };
}

/** Bytes that all scripts may have together, gzipped: the page must come quickly over a slow line. */
const MAX_SCRIPT_BYTES = 250_000;

/** Refuses a build with larger scripts. */
function scriptSize(): Plugin {
  return {
    name: 'script-size',
    apply: 'build',
    generateBundle(_, bundle) {
      const size = Object.values(bundle).reduce(
        (sum, file) => sum + (file.type === 'chunk' ? gzipSync(file.code).length : 0),
        0,
      );
      if (size > MAX_SCRIPT_BYTES) {
        this.error(`the scripts have ${size} bytes gzipped, more than ${MAX_SCRIPT_BYTES}; load less, or later`);
      }
      this.info(`the scripts have ${size} bytes gzipped of ${MAX_SCRIPT_BYTES}`);
    },
  };
}

export default defineConfig({
  // Relative, so that the built site works in any folder of any web server.
  base: './',
  plugins: [react(), errorSentences(), ownProgram(), contentSecurityPolicy(), scriptSize()],
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 1_000 },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.{ts,tsx}'],
          environment: 'happy-dom',
          // A machine that is busy with something else is not what is tested.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.e2e.ts'],
          environment: 'node',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
