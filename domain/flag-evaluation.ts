import type { Definitions, Evaluation, Flag, FlagContext } from './flag.js';

/** A rule that cannot be evaluated, and is skipped. */
export interface BrokenRule {
  readonly flagKey: string;
  readonly ruleId: string;
  readonly why: string;
}

export interface ExplainedCondition {
  readonly attribute: string;
  readonly operator: string;
  readonly holds: boolean;
}

export interface ExplainedRule {
  readonly ruleId: string;
  /** Why it was skipped; then nothing else of it counts. */
  readonly broken?: string;
  readonly conditions: readonly ExplainedCondition[];
  /** All conditions hold. */
  readonly matched: boolean;
  readonly rolloutPercentage: number;
  /** Where the percentage or variants need one and there is a key for it. */
  readonly bucket?: number;
  readonly inPercentage: boolean;
  /** It is the rule that decided. */
  readonly decided: boolean;
}

export interface ExplainedPrerequisite {
  readonly flagKey: string;
  readonly met: boolean;
  /** What the other flag answers; undefined where there is none, or it leads into a cycle. */
  readonly value: unknown;
}

/** The answer of `evaluate`, and every rule on the way in the order of evaluation, also those after the decision. */
export interface Explanation {
  readonly evaluation: Evaluation;
  readonly prerequisites: readonly ExplainedPrerequisite[];
  readonly rules: readonly ExplainedRule[];
}

/** The definitions of an app at one version, ready to be evaluated. Nothing of it ever throws. */
export interface CompiledFlags {
  readonly version: number;
  readonly flags: ReadonlyMap<string, Flag>;
  /** Found while compiling, each once. */
  readonly broken: readonly BrokenRule[];
  /** Undefined where there is no such flag. */
  evaluate(key: string, context: FlagContext): Evaluation | undefined;
  all(context: FlagContext): ReadonlyMap<string, Evaluation>;
  explain(key: string, context: FlagContext): Explanation | undefined;
}

export declare function compileFlags(definitions: Definitions): CompiledFlags;
