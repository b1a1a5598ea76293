/** What a value of a flag may be. `json` is any JSON value. */
export const FLAG_TYPES = ['boolean', 'string', 'number', 'json'] as const;
export type FlagType = (typeof FLAG_TYPES)[number];

export interface FlagCondition {
  /** An attribute of the context, or `targetingKey`; a path with dots reaches into objects. Not looked at by segments. */
  readonly attribute: string;
  /** One of `OPERATORS`; a rule with any other is broken, and skipped. */
  readonly operator: string;
  readonly values: readonly string[];
  /** Only for operators that compare text. */
  readonly caseInsensitive?: boolean;
}

export interface FlagVariant {
  readonly key: string;
  readonly value: unknown;
  /** A whole number; its share is this part of the sum over all variants. */
  readonly weight: number;
}

/** All conditions must hold. A context that is outside the percentage falls to the next rule. */
export interface FlagRule {
  readonly ruleId: string;
  /** The lowest comes first; rules of one priority in the order of the list. */
  readonly priority: number;
  readonly conditions: readonly FlagCondition[];
  readonly value: unknown;
  /** A whole number from 0 to 100. */
  readonly rolloutPercentage: number;
  readonly experimentId: string | null;
  /** Instead of `value`, where there are any. */
  readonly variants?: readonly FlagVariant[];
  /** The attribute that is hashed instead of the targeting key, such as a device id, which survives signing in. */
  readonly bucketBy?: string;
}

/** The flag answers its default unless this other one answers one of these values. */
export interface Prerequisite {
  readonly flagKey: string;
  readonly values: readonly unknown[];
}

/** A flag as it is evaluated. */
export interface Flag {
  readonly key: string;
  readonly type: FlagType;
  readonly defaultValue: unknown;
  /** False also where the kill switch is on. */
  readonly enabled: boolean;
  readonly rules: readonly FlagRule[];
  readonly prerequisites: readonly Prerequisite[];
  /** Of this definition; each change makes a new one. */
  readonly version: number;
}

/** A set of people that rules name by its key: those for whom all conditions of any one clause hold. */
export interface Segment {
  readonly key: string;
  readonly clauses: readonly { readonly conditions: readonly FlagCondition[] }[];
}

/** All that one evaluation depends on besides the context, at one version of the app's definitions. */
export interface Definitions {
  readonly version: number;
  readonly flags: readonly Flag[];
  readonly segments: readonly Segment[];
}

/** For whom a flag is evaluated. */
export interface FlagContext {
  /** The profile's external id; undefined where the caller knows nobody. */
  readonly targetingKey: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** OpenFeature's terms. */
export const REASONS = ['STATIC', 'DEFAULT', 'TARGETING_MATCH', 'SPLIT', 'DISABLED', 'ERROR'] as const;
export type Reason = (typeof REASONS)[number];

/** An answer, and why it is so. */
export interface Evaluation {
  /** With `ERROR` the default. */
  readonly value: unknown;
  readonly reason: Reason;
  /** Of a variant that a rule chose. */
  readonly variant?: string;
  readonly ruleId?: string;
  /** 1 to 100, where a percentage or a variant decided. */
  readonly bucket?: number;
  /** The flag's. */
  readonly version: number;
  /** With `ERROR`. */
  readonly errorCode?: 'TARGETING_KEY_MISSING';
  /** The prerequisite that was not met; the reason is `DISABLED` then. */
  readonly prerequisite?: string;
}
