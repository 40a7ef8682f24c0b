import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import react from '@vitejs/plugin-react';
import type { Plugin, Rolldown } from 'vite';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What the built page may load: its own files and nothing else. It talks to whatever RPC node the user names, and shows
 * the icons that wallets hand over as `data:` URLs.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
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

/** Bytes that the scripts of one page may have together, gzipped: it must come quickly over a slow line. */
const MAX_SCRIPT_BYTES = 245_000;

type Chunk = Rolldown.OutputChunk;

/** What a bundle has of scripts, and which of them a page loads. */
class Scripts {
  private readonly chunks: ReadonlyMap<string, Chunk>;

  constructor(bundle: Rolldown.OutputBundle) {
    this.chunks = new Map(
      Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file] as const] : [])),
    );
  }

  /** Scripts that begin with a module whose path matches. */
  of(module: RegExp): readonly Chunk[] {
    return [...this.chunks.values()].filter(({ facadeModuleId }) => module.test(facadeModuleId ?? ''));
  }

  /** Names of scripts, and of all that they import at once. */
  withImports(chunks: readonly Chunk[]): ReadonlySet<string> {
    const found = new Set<string>();
    const add = (name: string) => {
      const chunk = this.chunks.get(name);
      if (chunk === undefined || found.has(name)) return;
      found.add(name);
      chunk.imports.forEach(add);
    };
    for (const { fileName } of chunks) add(fileName);
    return found;
  }

  /** Bytes of scripts, gzipped. */
  size(names: ReadonlySet<string>): number {
    return [...names].reduce((sum, name) => sum + gzipSync(this.chunks.get(name)?.code ?? '').length, 0);
  }
}

const BEGINNING = /\/src\/(main\.ts|start\.tsx)$/u;

/** Refuses a build of which a page has larger scripts: the beginning, the larger catalogue, and the screen. */
function scriptSize(): Plugin {
  return {
    name: 'script-size',
    apply: 'build',
    generateBundle(_, bundle) {
      const scripts = new Scripts(bundle);
      const sizeOf = (chunks: readonly Chunk[]) => scripts.size(scripts.withImports(chunks));
      const [words] = scripts.of(/\/src\/words\/(en|de)\.tsx$/u).toSorted((a, b) => sizeOf([b]) - sizeOf([a]));
      const screens = scripts.of(/\/src\/features\/\w+\/\w+Screen\.tsx$/u);
      if (words === undefined || screens.length < 5) this.error('a screen or a catalogue has no script of its own');
      for (const screen of screens) {
        const size = sizeOf([...scripts.of(BEGINNING), words, screen]);
        const said = `the scripts of ${screen.name} have ${size} bytes gzipped`;
        if (size > MAX_SCRIPT_BYTES) this.error(`${said}, more than ${MAX_SCRIPT_BYTES}; load less, or later`);
        this.info(`${said} of ${MAX_SCRIPT_BYTES}`);
      }
    },
  };
}

/** Lets the browser fetch the app's scripts while it still reads the words. */
function preload(): Plugin {
  return {
    name: 'preload',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_, { bundle }) {
        if (bundle === undefined) return [];
        const scripts = new Scripts(bundle);
        return [...scripts.withImports(scripts.of(/\/src\/start\.tsx$/u))].map((name) => ({
          tag: 'link',
          attrs: { rel: 'modulepreload', href: `./${name}` },
          injectTo: 'head' as const,
        }));
      },
    },
  };
}

/** Writes the service worker, which knows all files of the build, and has another version where one has changed. */
function offline(): Plugin {
  return {
    name: 'offline',
    apply: 'build',
    writeBundle({ dir }) {
      if (dir === undefined) this.error('the build has no folder');
      const files = readdirSync(dir, { recursive: true, withFileTypes: true })
        .flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []))
        .toSorted();
      const hash = createHash('sha256');
      for (const file of files) hash.update(file.slice(dir.length)).update(readFileSync(file));
      const names = files.map((file) => `.${file.slice(dir.length).replaceAll('\\', '/')}`);
      const worker = readFileSync(join(import.meta.dirname, 'worker.js'), 'utf8')
        .replace('__VERSION__', hash.digest('hex').slice(0, 16))
        .replace('__FILES__', JSON.stringify(names));
      writeFileSync(join(dir, 'worker.js'), worker);
    },
  };
}

/** Runs test files by their names. The order that vitest takes of itself comes from earlier runs, which a new checkout lacks. */
class ByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/**
 * Files `e2e/*.KIND.ts` of flows in Chromium, one after the other. Two kinds may run at once: they share no node. A flow that
 * failed is tried once more; `cargo xtask test` names those that passed only then.
 */
const flows = (kind: 'e2e' | 'scripted') => ({
  test: {
    name: kind,
    include: [`e2e/**/*.${kind}.ts`],
    setupFiles: ['src/testing/speaking.ts'],
    environment: 'node',
    fileParallelism: false,
    // Files of one kind share what they import, which takes seconds to read.
    isolate: false,
    retry: 1,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Of itself it waits for a second, which a busy machine takes for one step.
    expect: { poll: { timeout: 90_000, interval: 100 } },
  },
});

export default defineConfig({
  // Relative, so that the built site works in any folder of any web server.
  base: './',
  plugins: [react(), errorSentences(), ownProgram(), contentSecurityPolicy(), scriptSize(), preload(), offline()],
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0, chunkSizeWarningLimit: 1_000 },
  test: {
    sequence: { sequencer: ByName },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.{ts,tsx}'],
          setupFiles: ['src/testing/speaking.ts'],
          environment: 'happy-dom',
          // A machine that is busy with something else is not what is tested.
          testTimeout: 30_000,
        },
      },
      // On a local network.
      flows('e2e'),
      // With nodes that do what no honest network does.
      flows('scripted'),
      {
        test: {
          name: 'measure',
          include: ['e2e/**/*.measure.ts'],
          environment: 'node',
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
