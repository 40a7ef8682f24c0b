/** What `npm run lint` checks, beside the types, which `npm run check` does. */

import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

import words from './eslint.words.js';

/**
 * The layers of `src`, from the bottom. Each imports its own and those before it; `src/main.ts`, `src/start.tsx`
 * and tests import everything.
 */
const LAYERS = [
  ['generated', 'programs.ts'],
  ['state'],
  ['words'],
  ['amount'],
  ['errors'],
  ['chain'],
  ['market'],
  ['wallet'],
  ['session.tsx'],
  ['ui'],
  ['features'],
  ['App.tsx'],
];

/** For each layer, what lies above it. */
const zones = LAYERS.flatMap((layer, index) => {
  const above = LAYERS.slice(index + 1).flat();
  return above.length === 0
    ? []
    : [
        {
          target: layer.map((name) => `src/${name}`),
          from: above.map((name) => `src/${name}`),
          message: 'Imports run down: see the layers in eslint.config.js.',
        },
      ];
});

export default defineConfig(
  globalIgnores(['dist/', 'codegen/', 'src/generated/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['src/**/*.{ts,tsx}', 'e2e/**/*.ts', '*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.tsx'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: 'tsconfig.json' }), createNodeResolver()],
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // An `async` function without `await` rejects where another would throw, as its callers expect.
      '@typescript-eslint/require-await': 'off',
      // `{ left, ...rest }` is how a property is left out.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      'import-x/no-cycle': 'error',
      'import-x/no-self-import': 'error',
      'import-x/no-duplicates': ['error', { 'prefer-inline': true }],
      // Numbers and big integers read the same in a text as anywhere else.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => setIsOpen(true)` is how React's handlers are written.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'import-x/order': [
        'error',
        {
          groups: ['builtin', 'external', ['parent', 'sibling', 'index']],
          'newlines-between': 'always',
          alphabetize: { order: 'asc', caseInsensitive: true },
        },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/**/*.test.{ts,tsx}'],
    rules: { 'import-x/no-restricted-paths': ['error', { zones }] },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/**/*.test.{ts,tsx}', 'src/testing/**', 'src/words/**'],
    plugins: { words },
    rules: { 'words/no-text': 'error' },
  },
  {
    files: ['src/**/*.tsx', 'src/**/use*.ts'],
    extends: [reactHooks.configs.flat['recommended-latest'], jsxA11y.flatConfigs.strict],
    rules: {
      'react-hooks/exhaustive-deps': 'error',
      // It warns of what React's compiler leaves out; this app is built without it.
      'react-hooks/incompatible-library': 'off',
    },
  },
);
