import type { FlagContext, Reason } from './flag.js';
import type { CompiledFlags } from './flag-evaluation.js';
import type { Outcome } from './flag-rules.js';
import { isJson } from './flag-values.js';
import { own } from './loose.js';
import { murmur3 } from './murmur.js';
import { utf8 } from './utf8.js';

/** What an answer needs beside the value; the flag's version is that of the definitions. */
export interface StoredReason {
  readonly reason: Reason;
  readonly variant?: string;
  readonly ruleId?: string;
}

/** Every flag for one context, as it is stored. */
export interface FlagSet {
  /** Flag key to value. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** By flag key; a flag that is not there is `STATIC`. */
  readonly reasons: Readonly<Record<string, StoredReason>>;
  /** Of values and reasons: two sets with the same one answer the same, whatever the order and version of the flags. */
  readonly digest: string;
}

/**
 * Not cryptographic: a digest tells a set from the one before of the same profile, and whoever could make two of them
 * collide writes the flags anyhow. Each answer is hashed once, and a set's digest is the sum over its answers, so that
 * it costs a few additions a flag; 128 bits, so that chance makes no two sets equal.
 */
const SEEDS = [0x2c1b3c6d, 0x297a2d39, 0x1b56c4e9, 0x5bd1e995];

function fingerprintOf({ flagKey, evaluation, stored }: Outcome): Uint32Array {
  // No rule has a value that is no JSON, but nothing keeps a default from it.
  const value = isJson(evaluation.value) ? evaluation.value : null;
  const bytes = utf8(JSON.stringify([flagKey, value, stored]));
  return Uint32Array.from(SEEDS, (seed) => murmur3(bytes, seed));
}

export function setOf(compiled: CompiledFlags, context: FlagContext): FlagSet {
  const flags: Record<string, unknown> = {};
  const reasons: Record<string, StoredReason> = {};
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (const outcome of compiled.outcomes(context)) {
    const { flagKey, evaluation, stored } = outcome;
    put(flags, flagKey, evaluation.value);
    if (stored !== undefined) put(reasons, flagKey, stored);
    const fingerprint = (outcome.fingerprint ??= fingerprintOf(outcome));
    a = (a + (fingerprint[0] ?? 0)) >>> 0;
    b = (b + (fingerprint[1] ?? 0)) >>> 0;
    c = (c + (fingerprint[2] ?? 0)) >>> 0;
    d = (d + (fingerprint[3] ?? 0)) >>> 0;
  }
  return { flags, reasons, digest: [a, b, c, d].map((lane) => lane.toString(16).padStart(8, '0')).join('') };
}

function put<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') own(record, key, value);
  else record[key] = value;
}
