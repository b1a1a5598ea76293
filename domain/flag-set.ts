import type { FlagContext, Reason } from './flag.js';
import type { CompiledFlags } from './flag-evaluation.js';

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

export declare function setOf(compiled: CompiledFlags, context: FlagContext): FlagSet;
