import type { Evaluation, Flag, FlagRule, FlagVariant } from './flag.js';
import type { FlagFault } from './flag-check.js';
import { type Check, type ConditionCompiler, isFault } from './flag-conditions.js';
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
  fingerprint: Fingerprint | undefined;
}

export type Fingerprint = readonly [number, number, number, number];

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
  /** 0: there are no variants. */
  readonly totalWeight: number;
  /** Made when it first decides, since most rules of a large app rarely do. */
  outcome: Outcome | undefined;
  variants: readonly WeighedOutcome[] | undefined;
}

interface WeighedOutcome {
  readonly weight: number;
  readonly outcome: Outcome;
}

export const ruleOutcome = (flag: Flag, compiled: CompiledRule): Outcome =>
  (compiled.outcome ??= outcomeOf(flag, {
    value: compiled.rule.value,
    reason: compiled.split ? 'SPLIT' : 'TARGETING_MATCH',
    ruleId: compiled.rule.ruleId,
  }));

export const variantOutcomes = (flag: Flag, compiled: CompiledRule): readonly WeighedOutcome[] =>
  (compiled.variants ??= (compiled.rule.variants ?? []).map(({ key, value, weight }) => ({
    weight,
    outcome: outcomeOf(flag, { value, reason: 'SPLIT', variant: key, ruleId: compiled.rule.ruleId }),
  })));

type RuleFlag = Pick<Flag, 'key' | 'type'>;

/** Ready to be evaluated, or everything for which it would be skipped; paths are within the rule. */
export function compileRule(
  rule: FlagRule,
  flag: RuleFlag,
  conditions: ConditionCompiler,
): CompiledRule | readonly FlagFault[] {
  const checks: Check[] = [];
  const faults: FlagFault[] = [];
  for (const [index, condition] of rule.conditions.entries()) {
    const check = conditions.compile(condition);
    if (isFault(check)) faults.push({ path: `/conditions/${index}${check.path}`, why: check.why });
    else checks.push(check);
  }
  const wrongType = `the flag is of type ${flag.type}`;
  const { rolloutPercentage: percentage, variants = NO_VARIANTS } = rule;
  if (!Number.isFinite(rule.priority)) faults.push({ path: '/priority', why: 'a priority is a number' });
  if (!isWhole(percentage, 100))
    faults.push({ path: '/rolloutPercentage', why: 'a percentage is a whole number from 0 to 100' });
  if (rule.bucketBy === '') faults.push({ path: '/bucketBy', why: 'an attribute is needed' });
  if (!isOfType(flag.type, rule.value)) faults.push({ path: '/value', why: wrongType });
  let totalWeight = 0;
  for (const [index, { value, weight }] of variants.entries()) {
    if (!isOfType(flag.type, value)) faults.push({ path: `/variants/${index}/value`, why: wrongType });
    if (isWhole(weight, FLAG_LIMITS.variantWeight)) totalWeight += weight;
    else faults.push({ path: `/variants/${index}/weight`, why: WEIGHT });
  }
  if (variants.length > 0 && variants.every(({ weight }) => weight === 0))
    faults.push({ path: '/variants', why: 'one of them must have a weight' });
  if (faults.length > 0) return faults;
  return {
    rule,
    checks,
    percentage,
    split: percentage < 100 || totalWeight > 0,
    keySlot: conditions.slotOf(rule.bucketBy ?? TARGETING_KEY),
    totalWeight,
    outcome: undefined,
    variants: undefined,
  };
}

const NO_VARIANTS: readonly FlagVariant[] = [];
const WEIGHT = `a weight is a whole number from 0 to ${FLAG_LIMITS.variantWeight}`;

const isWhole = (value: number, most: number): boolean => Number.isSafeInteger(value) && value >= 0 && value <= most;
