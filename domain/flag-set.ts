import type { FlagContext, Reason } from './flag.js';
import type { CompiledFlags } from './flag-evaluation.js';
import type { Fingerprint, Outcome } from './flag-rules.js';
import { isJson } from './flag-values.js';
import { own } from './loose.js';
import { murmur3 } from './murmur.js';
import { utf8 } from './utf8.js';

/** What an answer needs beside the value; the flag's version is that of the definitions. */
export interface StoredReason {
  readonly reason: Reason;
  readonly variant?: string;
  readonly ruleId?: string;
  /** 1 to 100, where a percentage or a variant decided: an answer from the store says the same as an evaluation. */
  readonly bucket?: number;
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
const SEEDS = [0x2c1b3c6d, 0x297a2d39, 0x1b56c4e9, 0x5bd1e995] as const;

function fingerprintOf({ flagKey, evaluation, stored }: Outcome): Fingerprint {
  // No rule has a value that is no JSON, but nothing keeps a default from it.
  const value = isJson(evaluation.value) ? evaluation.value : null;
  const bytes = utf8(JSON.stringify([flagKey, value, stored]));
  return [murmur3(bytes, SEEDS[0]), murmur3(bytes, SEEDS[1]), murmur3(bytes, SEEDS[2]), murmur3(bytes, SEEDS[3])];
}

export function setOf(compiled: CompiledFlags, context: FlagContext): FlagSet {
  const flags: Record<string, unknown> = {};
  const reasons: Record<string, StoredReason> = {};
  const digest = hashed(compiled, context, ({ flagKey, evaluation, stored }, bucket) => {
    own(flags, flagKey, evaluation.value);
    if (stored !== undefined) own(reasons, flagKey, bucket === 0 ? stored : inBucket(stored, bucket));
  });
  return { flags, reasons, digest };
}

/** A set as it is written down: its reasons as JSON text. */
export interface WrittenSet extends Pick<FlagSet, 'flags' | 'digest'> {
  readonly reasons: string;
}

export const writtenSet = (set: FlagSet): WrittenSet => ({ ...set, reasons: JSON.stringify(set.reasons) });

/** The answers that make a set, each as it was prepared, with its bucket at the same index. */
export interface PreparedSet extends Pick<FlagSet, 'digest'> {
  readonly outcomes: readonly Outcome[];
  readonly buckets: readonly number[];
}

/**
 * What `setOf` gives, but as prepared answers; undefined where its digest is the known one. For going through many: who
 * writes them down need not do the same for each.
 */
export function changedSetOf(
  compiled: CompiledFlags,
  context: FlagContext,
  known: string | undefined,
): PreparedSet | undefined {
  const outcomes: Outcome[] = [];
  const buckets: number[] = [];
  const digest = hashed(compiled, context, (outcome, bucket) => {
    outcomes.push(outcome);
    buckets.push(bucket);
  });
  return digest === known ? undefined : { outcomes, buckets, digest };
}

function hashed(
  compiled: CompiledFlags,
  context: FlagContext,
  take?: (outcome: Outcome, bucket: number) => void,
): string {
  let [a, b, c, d] = [0, 0, 0, 0];
  compiled.each(context, (outcome, bucket) => {
    take?.(outcome, bucket);
    const fingerprint = (outcome.fingerprint ??= fingerprintOf(outcome));
    const times = bucket + 1;
    a = (a + Math.imul(fingerprint[0], times)) | 0;
    b = (b + Math.imul(fingerprint[1], times)) | 0;
    c = (c + Math.imul(fingerprint[2], times)) | 0;
    d = (d + Math.imul(fingerprint[3], times)) | 0;
  });
  return hex(a) + hex(b) + hex(c) + hex(d);
}

const hex = (lane: number): string => (lane >>> 0).toString(16).padStart(8, '0');

const inBucket = ({ reason, variant, ruleId = '' }: StoredReason, bucket: number): StoredReason =>
  variant === undefined ? { reason, ruleId, bucket } : { reason, variant, ruleId, bucket };
