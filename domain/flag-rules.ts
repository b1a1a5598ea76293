import type { Evaluation, Flag, FlagRule, FlagVariant } from './flag.js';
import type { FlagFault } from './flag-check.js';
import type { Check, ConditionCompiler } from './flag-conditions.js';
import { FLAG_LIMITS } from './flag-limits.js';
import type { StoredReason } from './flag-set.js';
import { TARGETING_KEY } from './flag-subject.js';
import { isOfType } from './flag-values.js';

/** One of the few answers a flag can give; everything but the bucket is known beforehand. */
export interface Outcome {
  readonly flagKey: string;
  readonly evaluation: Evaluation;
  /** Undefined: `STATIC`, which is not stored. */
  readonly stored: StoredReason | undefined;
  /** Filled by `setOf`. */
  fingerprint: Uint32Array | undefined;
}

export function outcomeOf(flag: Flag, evaluation: Omit<Evaluation, 'version'>): Outcome {
  const { reason, variant, ruleId } = evaluation;
  const named = { ...(variant === undefined ? {} : { variant }), ...(ruleId === undefined ? {} : { ruleId }) };
  return {
    flagKey: flag.key,
    evaluation: Object.freeze({ ...evaluation, version: flag.version }),
    stored: reason === 'STATIC' ? undefined : Object.freeze({ reason, ...named }),
    fingerprint: undefined,
  };
}

export interface CompiledRule {
  readonly rule: FlagRule;
  readonly checks: readonly Check[];
  readonly percentage: number;
  /** Percentage or variants decide, so a key is needed. */
  readonly split: boolean;
  /** The slot of the attribute that is hashed. */
  readonly keySlot: number;
  /** Where there are no variants. */
  readonly outcome: Outcome;
  readonly variants: readonly { readonly weight: number; readonly outcome: Outcome }[];
  readonly totalWeight: number;
}

type RuleFlag = Pick<Flag, 'key' | 'type'>;

/** Everything for which this rule would be skipped; paths are within the rule. */
export function ruleFaults(rule: FlagRule, flag: RuleFlag, conditions: ConditionCompiler): readonly FlagFault[] {
  return [
    ...rule.conditions.flatMap((condition, index): readonly FlagFault[] => {
      const check = conditions.compile(condition);
      if (typeof check === 'function') return [];
      return [{ path: `/conditions/${index}${check.path}`, why: check.why }];
    }),
    ...(Number.isFinite(rule.priority) ? [] : [{ path: '/priority', why: 'a priority is a number' }]),
    ...(isWhole(rule.rolloutPercentage, 100)
      ? []
      : [{ path: '/rolloutPercentage', why: 'a percentage is a whole number from 0 to 100' }]),
    ...(rule.bucketBy === '' ? [{ path: '/bucketBy', why: 'an attribute is needed' }] : []),
    ...(isOfType(flag.type, rule.value) ? [] : [{ path: '/value', why: `the flag is of type ${flag.type}` }]),
    ...variantFaults(rule.variants ?? [], flag),
  ];
}

function variantFaults(variants: readonly FlagVariant[], flag: RuleFlag): readonly FlagFault[] {
  const faults = variants.flatMap(({ value, weight }, index) => [
    ...(isOfType(flag.type, value)
      ? []
      : [{ path: `/variants/${index}/value`, why: `the flag is of type ${flag.type}` }]),
    ...(isWhole(weight, FLAG_LIMITS.variantWeight)
      ? []
      : [
          {
            path: `/variants/${index}/weight`,
            why: `a weight is a whole number from 0 to ${FLAG_LIMITS.variantWeight}`,
          },
        ]),
  ]);
  const weightless = variants.length > 0 && variants.every(({ weight }) => weight === 0);
  return weightless ? [...faults, { path: '/variants', why: 'one of them must have a weight' }] : faults;
}

const isWhole = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= most;

/** A rule without faults. */
export function compileRule(rule: FlagRule, flag: Flag, conditions: ConditionCompiler): CompiledRule {
  const { ruleId, value, variants = [], rolloutPercentage } = rule;
  const split = rolloutPercentage < 100 || variants.length > 0;
  return {
    rule,
    checks: rule.conditions.map((condition) => conditions.compile(condition)).filter((check) => isCheck(check)),
    percentage: rolloutPercentage,
    split,
    keySlot: conditions.slotOf(rule.bucketBy ?? TARGETING_KEY),
    outcome: outcomeOf(flag, { value, reason: split ? 'SPLIT' : 'TARGETING_MATCH', ruleId }),
    variants: variants.map((variant) => ({
      weight: variant.weight,
      outcome: outcomeOf(flag, { value: variant.value, reason: 'SPLIT', variant: variant.key, ruleId }),
    })),
    totalWeight: variants.reduce((sum, { weight }) => sum + weight, 0),
  };
}

const isCheck = (check: Check | FlagFault): check is Check => typeof check === 'function';
