import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import type { FlagDefinitions } from '../db/flag-definitions.js';
import { definitionsWeight } from '../domain/definitions-weight.js';
import type { Definitions } from '../domain/flag.js';
import { type CompiledFlags, compileFlags } from '../domain/flag-evaluation.js';

export interface CompiledApp {
  readonly compiled: CompiledFlags;
  /** The most that a set of them takes in the database, about. */
  readonly setBytes: number;
  /** What the definitions take in memory, about. */
  readonly bytes: number;
}

interface Known {
  readonly version: number;
  readonly app: Promise<CompiledApp>;
}

/** Ranges of few passes are at work at once, and one app's definitions may be many megabytes. */
const MOST_APPS = 4;
const DEFINITIONS_BYTES = 128 * 1024 * 1024;
const FLAG_BYTES = 160;

/** Definitions as passes evaluate them: read and compiled once for all ranges of a version. */
export function compiledFlags(definitions: Pick<FlagDefinitions, 'read'>) {
  const known = new LRUCache<string, Known>({ max: MOST_APPS, maxSize: DEFINITIONS_BYTES });

  const compile = async (appId: ObjectId): Promise<CompiledApp> => {
    const read = await definitions.read(appId);
    return { compiled: compileFlags(read), setBytes: setBytes(read), bytes: definitionsWeight(read) };
  };

  /** Of this version or a newer one. */
  return async (appId: ObjectId, version: number): Promise<CompiledApp> => {
    const hex = appId.toHexString();
    const found = known.get(hex);
    if (found !== undefined && found.version >= version) return found.app;
    const app = compile(appId);
    known.set(hex, { version, app }, { size: 1 });
    try {
      const compiled = await app;
      // What it weighs is seen only now. One app alone may weigh more than all are meant to.
      const size = Math.min(compiled.bytes, DEFINITIONS_BYTES);
      if (known.peek(hex)?.app === app) known.set(hex, { version, app }, { size });
      return compiled;
    } catch (error) {
      if (known.get(hex)?.app === app) known.delete(hex);
      throw error;
    }
  };
}

function setBytes({ flags }: Definitions): number {
  return flags.reduce((sum, { key, defaultValue, rules }) => {
    const values = rules.flatMap(({ value, variants = [] }) => [value, ...variants.map((variant) => variant.value)]);
    return sum + FLAG_BYTES + key.length * 2 + Math.max(...[defaultValue, ...values].map(valueBytes));
  }, 0);
}

/** Numbers of a list take eight bytes and more, whatever few digits they have as JSON. */
function valueBytes(value: unknown): number {
  if (typeof value === 'string') return value.length * 3;
  return typeof value === 'object' && value !== null ? JSON.stringify(value).length * 8 : 8;
}
