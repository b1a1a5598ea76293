export type CheckName = 'lint' | 'generated' | 'types' | 'layers' | 'format' | 'domain' | 'dead-code';

/** A file that breaks rules: which check has to report it, by which rule. */
export interface Plant {
  readonly path: string;
  readonly source: string;
  readonly breaks: Partial<Record<CheckName, readonly string[]>>;
  /** Checks that must say nothing about it: where a rule has an exception, the exception holds. */
  readonly allowedBy?: readonly CheckName[];
  /** Left as it is; everything else is formatted before it is planted, so that only the point in question is wrong. */
  readonly unformatted?: true;
}

const loads = (name: string, from: string) => `import { ${name} } from '${from}';\nexport const planted = ${name};`;

const LINT: readonly Plant[] = [
  {
    path: 'domain/planted-clock.ts',
    source: 'export const planted = () => Date.now();',
    breaks: { lint: ['no-restricted-syntax'] },
  },
  {
    path: 'domain/planted-date.ts',
    source: 'export const planted = () => new Date();',
    breaks: { lint: ['no-restricted-syntax'] },
  },
  {
    path: 'domain/planted-random.ts',
    source: 'export const planted = () => Math.random();',
    breaks: { lint: ['no-restricted-syntax'] },
  },
  {
    path: 'domain/planted-instant.ts',
    source: 'export const planted = (ms: number) => new Date(ms);',
    breaks: {},
    allowedBy: ['lint', 'domain'],
  },
  {
    path: 'domain/planted-process.ts',
    source: 'export const planted: unknown = process.env;',
    breaks: { lint: ['no-restricted-globals'], domain: ['TS2591'] },
  },
  {
    path: 'workflows/planted-process.ts',
    source: 'export const planted = () => process.pid;',
    breaks: { lint: ['no-restricted-globals'] },
  },
  {
    path: 'workflows/planted-url.ts',
    source: "export const planted = () => new URL('https://example.org');",
    breaks: {},
    allowedBy: ['lint'],
  },
  {
    path: 'api/planted-promise.ts',
    source: 'const save = async () => 1;\nexport const planted = () => {\n  save();\n};',
    breaks: { lint: ['@typescript-eslint/no-floating-promises'] },
  },
  {
    path: 'test/check/planted-promise.ts',
    source: "import { test } from 'node:test';\ntest('planted', () => undefined);",
    breaks: {},
    allowedBy: ['lint'],
  },
  {
    path: 'api/planted-any.ts',
    source: 'export const planted = (value: unknown) => (value as any) as string;',
    breaks: { lint: ['@typescript-eslint/no-explicit-any'] },
  },
  {
    path: 'api/planted-default.ts',
    source: 'const planted = 1;\nexport default planted;',
    breaks: { lint: ['no-restricted-exports'] },
  },
  {
    path: 'api/planted-equals.ts',
    source: 'export const planted = (a: number, b: number) => a == b;',
    breaks: { lint: ['eqeqeq'] },
  },
  {
    path: 'api/planted-side-effect.ts',
    source: "import { type ErrorCode } from '../domain/errors.js';\nexport type Planted = ErrorCode;",
    breaks: { lint: ['@typescript-eslint/no-import-type-side-effects'] },
  },
  {
    path: 'api/planted-disable.ts',
    source: '// eslint-disable-next-line eqeqeq\nexport const planted = 1;',
    breaks: { lint: ['unused-disable'] },
  },
  {
    path: 'scripts/planted-undefined.mjs',
    source: 'console.log(planted);',
    breaks: { lint: ['no-undef'] },
  },
  {
    path: 'api/PlantedName.ts',
    source: 'export const planted = 1;',
    breaks: { lint: ['check-file/filename-naming-convention'] },
  },
  {
    path: 'api/PlantedFolder/planted.ts',
    source: 'export const planted = 1;',
    breaks: { lint: ['check-file/folder-naming-convention'] },
  },
  {
    path: 'api/planted-long.ts',
    source: Array.from({ length: 301 }, (_, line) => `export const planted${line} = ${line};`).join('\n'),
    breaks: { lint: ['max-lines'] },
  },
];

const KEY = ['house/no-outside-key'];

/** A function of a name from outside, and of what it is looked up in. */
const outside = (body: string, record = 'Readonly<Record<string, number>>') =>
  `export const planted = (record: ${record}, name: string): unknown => ${body};`;

const OUTSIDE_KEYS: readonly (readonly [name: string, source: string])[] = [
  ['read', outside('record[name]')],
  ['fallback', outside('record[name] ?? 0')],
  ['optional', outside('record?.[name]', 'Readonly<Record<string, number>> | undefined')],
  ['template', outside('record[`a.${name}`]')],
  ['guarded', outside('(Object.hasOwn(record, name) ? record[name] : undefined)')],
  ['asserted', outside("record[name as 'a' | 'b']", 'Readonly<Record<"a" | "b", number>>')],
  ['keyof', 'const ranks = { a: 1 };\nexport const planted = (name: string) => ranks[name as keyof typeof ranks];'],
  ['generic', 'export const planted = <K extends string>(record: Record<K, number>, name: K) => record[name];'],
  ['union', outside('record[Math.random() > 0.5 ? name : 1]')],
  ['without-prototype', outside('(Object.create(null) as typeof record)[name]')],
  ['array', outside('record[name]', 'Readonly<Record<string, number>> & readonly number[]')],
  ['environment', 'export const planted = (name: string): unknown => process.env[name];'],
  ['write', outside('{ record[name] = 1; return record; }', 'Record<string, number>')],
  ['count', outside('(record[name] ??= 0)', 'Record<string, number>')],
  ['delete', outside('Reflect.deleteProperty(record, name)')],
  ['destructured', outside('{ const { [name]: found } = record; return found; }')],
  ['parameter', 'export const planted = (name: string, { [name]: found }: Record<string, number>): unknown => found;'],
  ['in', outside('name in record')],
  ['reflected', outside('Reflect.get(record, name)')],
  ['assigned', outside('Object.assign({ name }, record)')],
  ['inherited', "export const planted = (record: Readonly<Record<string, number>>): unknown => record['constructor'];"],
  [
    'inherited-in',
    "export const planted = (record: Readonly<Record<string, number>>): unknown => 'toString' in record;",
  ],
];

const OUR_KEYS: readonly (readonly [name: string, source: string])[] = [
  ['map', outside('record.get(name)', 'ReadonlyMap<string, number>')],
  ['lookup', `import { lookup } from '../domain/loose.js';\n${outside('lookup(record, name)')}`],
  ['listed', "const ranks = { a: 1, b: 2 };\nexport const planted = (name: 'a' | 'b') => ranks[name];"],
  ['list', 'export const planted = (list: readonly string[], index: number) => list[index];'],
  ['bytes', 'export const planted = (bytes: Uint8Array, index: number) => bytes[index];'],
  ['fixed', "export const planted = (record: Readonly<Record<string, number>>): unknown => record['level'];"],
  ['symbol', 'export const planted = <T>(list: Iterable<T>) => list[Symbol.iterator]();'],
  ['literal', outside('({ [name]: record })')],
  ['spread', outside('({ ...record, name })')],
  ['fixed-in', "export const planted = (record: Readonly<Record<string, number>>): unknown => 'level' in record;"],
];

const NAMES_FROM_OUTSIDE: readonly Plant[] = [
  ...OUTSIDE_KEYS.map(([name, source]) => ({ path: `api/planted-key-${name}.ts`, source, breaks: { lint: KEY } })),
  ...OUR_KEYS.map(([name, source]): Plant => ({
    path: `api/planted-own-${name}.ts`,
    source,
    breaks: {},
    allowedBy: ['lint'],
  })),
  // One of each layer, and the one file that may.
  ...['activities', 'db', 'domain', 'proto', 'worker', 'workflows'].map((layer) => ({
    path: `${layer}/planted-key.ts`,
    source: outside('record[name]'),
    breaks: { lint: KEY },
  })),
  { path: 'test/check/planted-key.ts', source: outside('record[name]'), breaks: {}, allowedBy: ['lint'] },
];

const LAYERS: readonly Plant[] = [
  {
    path: 'domain/planted-import.ts',
    source: loads('ObjectId', 'mongodb'),
    breaks: { layers: ['domain-is-alone'] },
  },
  {
    path: 'domain/planted-type.ts',
    source: "import type { Target } from '../api/planted-target.js';\nexport type Planted = Target;",
    breaks: { layers: ['domain-is-alone'] },
  },
  { path: 'proto/planted-import.ts', source: loads('ObjectId', 'mongodb'), breaks: { layers: ['proto-layer'] } },
  { path: 'db/planted-import.ts', source: loads('pino', 'pino'), breaks: { layers: ['db-layer'] } },
  {
    path: 'workflows/planted-import.ts',
    source: loads('connect', '../db/connect.js'),
    breaks: { layers: ['workflows-layer'] },
  },
  {
    path: 'workflows/planted-builtin.ts',
    source: loads('readFileSync', 'node:fs'),
    breaks: { layers: ['workflows-layer'] },
  },
  {
    path: 'workflows/planted-type.ts',
    source: "import type { ConnectOptions } from '../db/connect.js';\nexport type Planted = ConnectOptions;",
    breaks: {},
    allowedBy: ['layers'],
  },
  {
    path: 'activities/planted-import.ts',
    source: loads('fastify', 'fastify'),
    breaks: { layers: ['activities-layer'] },
  },
  { path: 'worker/planted-target.ts', source: 'export const target = 1;', breaks: {} },
  { path: 'api/planted-target.ts', source: 'export const target = 1;\nexport type Target = number;', breaks: {} },
  { path: 'activities/planted-target.ts', source: 'export const target = 1;', breaks: {} },
  {
    path: 'worker/planted-import.ts',
    source: loads('target', '../api/planted-target.js'),
    breaks: { layers: ['worker-layer', 'nobody-imports-api'] },
  },
  {
    path: 'api/planted-worker.ts',
    source: loads('target', '../worker/planted-target.js'),
    breaks: { layers: ['api-layer', 'nobody-imports-worker'] },
  },
  {
    path: 'api/planted-activity.ts',
    source: loads('target', '../activities/planted-target.js'),
    breaks: { layers: ['api-never-runs-activities'] },
  },
  {
    path: 'worker/planted-protobuf.ts',
    source: loads('util', 'protobufjs'),
    breaks: { layers: ['one-door-to-protobuf'] },
  },
  {
    path: 'worker/planted-generated.ts',
    source: "import * as generated from '../proto/gen/experience.js';\nexport const planted = generated;",
    breaks: { layers: ['one-door-to-protobuf'] },
  },
  {
    path: 'api/planted-config.ts',
    source: loads('readConfig', '../config.js'),
    breaks: { layers: ['only-mains-read-config'] },
  },
  {
    path: 'bench/planted-build.mjs',
    source: "import '../dist/proto/codec.js';",
    breaks: { layers: ['nobody-imports-the-build'] },
  },
  { path: 'db/planted-one.ts', source: loads('two', './planted-two.js'), breaks: { layers: ['no-cycles'] } },
  {
    path: 'db/planted-two.ts',
    source: "import { planted } from './planted-one.js';\nexport const two = () => planted;",
    breaks: {},
  },
];

const THE_REST: readonly Plant[] = [
  { path: 'api/planted-type.ts', source: "export const planted: number = '1';", breaks: { types: ['TS2322'] } },
  { path: 'api/planted-enum.ts', source: 'export enum Planted {\n  One,\n}', breaks: { types: ['TS1294'] } },
  {
    path: 'api/planted-index.ts',
    source: 'export const planted = (list: readonly string[]): string => list[0];',
    breaks: { types: ['TS2322'] },
  },
  {
    path: 'api/planted-format.ts',
    source: 'export const planted = "double"',
    breaks: { format: ['format'] },
    unformatted: true,
  },
  { path: 'api/planted-unused.ts', source: 'export const planted = 1;', breaks: { 'dead-code': ['Unused files'] } },
  {
    path: 'test/check/planted.test.ts',
    source: "import { used } from './planted-used.js';\nexport const planted = used;",
    breaks: {},
    allowedBy: ['dead-code'],
  },
  {
    path: 'test/check/planted-used.ts',
    source: 'export const used = 1;\nexport const unused = 2;',
    breaks: { 'dead-code': ['Unused exports'] },
  },
  {
    path: 'test/check/planted-unlisted.test.ts',
    source: loads('webpack', 'webpack'),
    breaks: { 'dead-code': ['Unlisted dependencies'] },
  },
];

export const PLANTS: readonly Plant[] = [...LINT, ...NAMES_FROM_OUTSIDE, ...LAYERS, ...THE_REST];
