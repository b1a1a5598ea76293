import type { Evaluation } from './flag.js';
import type { Check } from './flag-conditions.js';
import type { CompiledFlag, OrderedRule } from './flag-evaluation.js';
import type { CompiledRule } from './flag-rules.js';

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
  /** Where percentage or variants need one and there is something to hash. */
  readonly bucket?: number;
  /** False also where a bucket is needed and there is nothing to hash. */
  readonly inPercentage: boolean;
  /** It is the rule whose value this is. */
  readonly decided: boolean;
}

export interface ExplainedPrerequisite {
  readonly flagKey: string;
  readonly met: boolean;
  /** What the other flag answers; absent where there is none, or it leads into a cycle. */
  readonly value?: unknown;
}

/** The answer of `evaluate`, and every rule in the order of evaluation, also those after the decision. */
export interface Explanation {
  readonly evaluation: Evaluation;
  readonly prerequisites: readonly ExplainedPrerequisite[];
  readonly rules: readonly ExplainedRule[];
}

interface Asked {
  readonly evaluation: Evaluation;
  readonly holds: (check: Check) => boolean;
  readonly keyOf: (rule: CompiledRule) => Uint8Array | undefined;
  readonly met: (prerequisite: CompiledFlag['prerequisites'][number]) => boolean;
  readonly answerOf: (index: number) => unknown;
}

export function explainFlag({ buckets, ordered, prerequisites }: CompiledFlag, asked: Asked): Explanation {
  const { evaluation } = asked;

  function explainRule({ rule, compiled }: OrderedRule): ExplainedRule {
    const { ruleId, rolloutPercentage } = rule;
    if (typeof compiled === 'string')
      return {
        ruleId,
        broken: compiled,
        conditions: [],
        matched: false,
        rolloutPercentage,
        inPercentage: false,
        decided: false,
      };

    const conditions = rule.conditions.map(({ attribute, operator }, index) => {
      const check = compiled.checks[index];
      return { attribute, operator, holds: check !== undefined && asked.holds(check) };
    });
    const key = compiled.split ? asked.keyOf(compiled) : undefined;
    const bucket = key && buckets.bucketOf(key);
    return {
      ruleId,
      conditions,
      matched: conditions.every(({ holds }) => holds),
      rolloutPercentage,
      ...(bucket === undefined ? {} : { bucket }),
      inPercentage: bucket === undefined ? !compiled.split : bucket <= rolloutPercentage,
      decided: ruleId === evaluation.ruleId,
    };
  }

  return {
    evaluation,
    prerequisites: prerequisites.map((prerequisite) => {
      const { flagKey, index } = prerequisite;
      const met = asked.met(prerequisite);
      return index === undefined ? { flagKey, met } : { flagKey, met, value: asked.answerOf(index) };
    }),
    rules: ordered.map(explainRule),
  };
}
