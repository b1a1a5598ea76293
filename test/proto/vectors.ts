import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as codec from '../../proto/codec.js';

/** The top-level messages: each has its two functions in the codec. */
export const CODECS: Readonly<
  Record<string, { decode: (bytes: Uint8Array) => object; encode: (value: object) => Uint8Array }>
> = {
  EventBatch: { decode: codec.decodeEventBatch, encode: codec.encodeEventBatch },
  ErrorBatch: { decode: codec.decodeErrorBatch, encode: codec.encodeErrorBatch },
  IngestResponse: { decode: codec.decodeIngestResponse, encode: codec.encodeIngestResponse },
  FeatureFlag: { decode: codec.decodeFeatureFlag, encode: codec.encodeFeatureFlag },
  UserFlagSet: { decode: codec.decodeUserFlagSet, encode: codec.encodeUserFlagSet },
};

export interface Vector {
  readonly name: string;
  readonly message: string;
  /** Written by Google's encoder, or by hand and read by Google's decoder. */
  readonly bytes: Buffer;
  /** What Google's decoder reads from `bytes`, as our codec should give it. */
  readonly value: object;
  /** False where a number of JavaScript cannot hold a value: then there is nothing to encode. */
  readonly exact: boolean;
  /** Written by our encoder from `value`, and read back by Google's decoder. */
  readonly ours: Buffer | undefined;
  /** The same message in Google's JSON, by camelCase names without defaults and by snake_case names with them. */
  readonly json?: object;
  readonly snakeJson?: object;
}

interface Refusal {
  readonly name: string;
  readonly message: string;
  readonly hex: string;
}

export const VECTORS = join(import.meta.dirname, '..', 'vectors', 'proto');
const REFUSED = 'refused.json';

export function readVectors(): Vector[] {
  const names = readdirSync(VECTORS).filter((file) => file.endsWith('.json') && file !== REFUSED);
  return names.map((file) => {
    const name = basename(file, '.json');
    const written = JSON.parse(readFileSync(join(VECTORS, file), 'utf8')) as Vector;
    const ours = join(VECTORS, 'ours', `${name}.bin`);
    return {
      ...written,
      name,
      bytes: readFileSync(join(VECTORS, `${name}.bin`)),
      value: inOurTypes(written.value) as object,
      ours: existsSync(ours) ? readFileSync(ours) : undefined,
    };
  });
}

export function readRefusals(): Refusal[] {
  return JSON.parse(readFileSync(join(VECTORS, REFUSED), 'utf8')) as Refusal[];
}

const DOUBLES: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '-inf': -Infinity };

function inOurTypes(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(inOurTypes);
  const { $int64: int64, $double: double } = value as { $int64?: string; $double?: string };
  if (typeof int64 === 'string') return Number.isSafeInteger(Number(int64)) ? Number(int64) : NaN;
  if (typeof double === 'string') return DOUBLES[double] ?? Number(double);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, inOurTypes(entry)]));
}
