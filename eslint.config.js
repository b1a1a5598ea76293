import { runInNewContext } from 'node:vm';
import js from '@eslint/js';
import checkFile from 'eslint-plugin-check-file';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { noOutsideKey } from './scripts/lint/no-outside-key.mjs';

// What Node adds to the language: the names that this process has and an empty context lacks.
const language = new Set(runInNewContext('Object.getOwnPropertyNames(globalThis)'));
const nodeGlobals = Object.getOwnPropertyNames(globalThis).filter((name) => !language.has(name));
const commonJs = ['require', 'module', 'exports', '__dirname', '__filename'];

// Temporal's sandbox gives these to workflows, and replays them.
const sandboxed = new Set(['AbortController', 'AbortSignal', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams']);

const readable = (names) => Object.fromEntries(names.map((name) => [name, 'readonly']));

const banned = (names, message) => {
  const all = new Set([...names, ...commonJs, 'console', 'globalThis', 'WebAssembly']);
  return ['error', ...[...all].map((name) => ({ name, message }))];
};

export default defineConfig(
  globalIgnores(['dist*/', 'coverage/', '.data/', 'proto/gen/']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'check-file': checkFile },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', 300],
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
      'check-file/filename-naming-convention': ['error', { '**/*': 'KEBAB_CASE' }, { ignoreMiddleExtensions: true }],
      'check-file/folder-naming-convention': ['error', { '**/': 'KEBAB_CASE' }],

      // `import { type A }` alone leaves `import {}` behind, which would load activities in the workflow sandbox.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['after', 'before', 'describe', 'it', 'suite', 'test'] },
          ],
        },
      ],
      // Fastify's plugins are async by contract, with or without an await.
      '@typescript-eslint/require-await': 'off',
      // Factories return closures; nothing of ours uses `this`.
      '@typescript-eslint/unbound-method': 'off',
      // MongoDB types plain options (a write concern) as classes and takes literals.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  {
    // Tests, benches and scripts index by names of their own.
    files: ['*.ts', '{activities,api,db,domain,proto,worker,workflows}/**/*.ts'],
    ignores: ['domain/loose.ts'],
    plugins: { house: { rules: { 'no-outside-key': noOutsideKey } } },
    rules: { 'house/no-outside-key': 'error' },
  },
  {
    files: ['domain/**'],
    rules: {
      'no-restricted-globals': banned(
        nodeGlobals,
        'domain runs in the workflow sandbox and in browsers too: the language and nothing else.',
      ),
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: 'domain has no clock: take the time as an argument.',
        },
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0], CallExpression[callee.name='Date']",
          message: 'domain has no clock: take the time as an argument.',
        },
        {
          selector: "MemberExpression[object.name='Math'][property.name='random']",
          message: 'domain has no randomness: take the random value as an argument.',
        },
      ],
    },
  },
  {
    files: ['workflows/**'],
    rules: {
      'no-restricted-globals': banned(
        nodeGlobals.filter((name) => !sandboxed.has(name)),
        "Not in the workflow sandbox, or not replayed: use @temporalio/workflow's own, or an activity.",
      ),
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: readable([...nodeGlobals, 'console']) },
  },
  {
    // Scripts are typed by JSDoc (tsconfig's checkJs); of the typed rules, those on promises are the ones that matter.
    files: ['scripts/**/*.mjs'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: readable(commonJs) },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    // Their loaders ask for a default export.
    files: ['eslint.config.js', 'scripts/failures-reporter.mjs'],
    rules: { 'no-restricted-exports': 'off' },
  },
);
