import { bucketsOf, type Buckets, variantAt } from './bucketing.js';
import type { Definitions, Evaluation, Flag, FlagContext, FlagRule } from './flag.js';
import { cellAt, type ConditionCompiler, conditionCompiler, holds, holdsAll } from './flag-conditions.js';
import { explainFlag, type Explanation } from './flag-explanation.js';
import { endingFlags } from './flag-prerequisites.js';
import { type CompiledRule, compileRule, type Outcome, outcomeOf, ruleOutcome, variantOutcomes } from './flag-rules.js';
import { hashedBytes, type Subject } from './flag-subject.js';
import { sameJson } from './flag-values.js';

/** A rule that cannot be evaluated, and is skipped. */
export interface BrokenRule {
  readonly flagKey: string;
  readonly ruleId: string;
  readonly why: string;
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
  /** The same answers as they were prepared, in no order to rely on; bucket 0 is none. For `setOf`. */
  each(context: FlagContext, take: (outcome: Outcome, bucket: number) => void): void;
  explain(key: string, context: FlagContext): Explanation | undefined;
}

/** A flag whose rules are in order, and whose answers are prepared. */
export interface CompiledFlag {
  readonly index: number;
  /** Another flag has it as its prerequisite. */
  readonly isAwaited: boolean;
  readonly flag: Flag;
  readonly buckets: Buckets;
  /** Those that can match: not the broken ones, and none of 0 %. */
  readonly rules: readonly CompiledRule[];
  /** All of them in the order of evaluation; a text says why one is broken. */
  readonly ordered: readonly OrderedRule[];
  readonly prerequisites: readonly CompiledPrerequisite[];
  readonly off: Outcome;
  /** Where no rule decides. */
  readonly fallback: Outcome;
  readonly keyless: Outcome;
}

export interface OrderedRule {
  readonly rule: FlagRule;
  readonly compiled: CompiledRule | string;
}

interface CompiledPrerequisite {
  readonly flagKey: string;
  /** Undefined: there is no such flag, or it leads into a cycle. */
  readonly index: number | undefined;
  readonly values: readonly unknown[];
  readonly unmet: Outcome;
}

/** One context on its way through the flags. */
interface Pass {
  readonly subject: Subject;
  /** Of the last answer, or 0 where it has none. */
  bucket: number;
  /** Answers of flags that others wait for, by index. */
  kept: ({ readonly outcome: Outcome; readonly bucket: number } | undefined)[] | undefined;
}

export function compileFlags({ version, flags: list, segments }: Definitions): CompiledFlags {
  const flags = new Map(list.map((flag) => [flag.key, flag]));
  const keys = [...flags.keys()];
  const indexes = new Map(keys.map((key, index) => [key, index]));
  const ending = endingFlags([...flags.values()]);
  const awaited = new Set(list.flatMap(({ prerequisites }) => prerequisites.map(({ flagKey }) => flagKey)));
  const conditions = conditionCompiler(segments);
  const broken: BrokenRule[] = [];
  const compiled = [...flags.values()].map((flag, index) =>
    compileFlag(flag, index, {
      conditions,
      broken,
      isAwaited: awaited.has(flag.key),
      indexOf: (key) => (ending.has(key) ? indexes.get(key) : undefined),
    }),
  );
  const subjectOf = conditions.subjects();

  const start = (context: FlagContext): Pass => ({ subject: subjectOf(context), bucket: 0, kept: undefined });

  function answer(flag: CompiledFlag, pass: Pass): Outcome {
    if (!flag.isAwaited) return decide(flag, pass);
    const known = pass.kept?.[flag.index];
    if (known !== undefined) {
      pass.bucket = known.bucket;
      return known.outcome;
    }
    const outcome = decide(flag, pass);
    (pass.kept ??= [])[flag.index] = { outcome, bucket: pass.bucket };
    return outcome;
  }

  function decide({ flag, rules, prerequisites, buckets, off, fallback, keyless }: CompiledFlag, pass: Pass): Outcome {
    if (!flag.enabled) return without(pass, off);
    for (const prerequisite of prerequisites) if (!isMet(prerequisite, pass)) return without(pass, prerequisite.unmet);
    const { subject } = pass;
    for (const rule of rules) {
      if (!holdsAll(rule.checks, subject)) continue;
      if (!rule.split) return without(pass, ruleOutcome(flag, rule));
      const key = hashedBytes(cellAt(subject, rule.keySlot));
      if (key === undefined) return without(pass, keyless);
      const bucket = buckets.bucketOf(key);
      if (bucket > rule.percentage) continue;
      pass.bucket = bucket;
      if (rule.totalWeight === 0) return ruleOutcome(flag, rule);
      const variant = variantAt(variantOutcomes(flag, rule), buckets.placeOf(key, rule.totalWeight));
      return variant?.outcome ?? ruleOutcome(flag, rule);
    }
    return without(pass, fallback);
  }

  function isMet({ index, values }: CompiledPrerequisite, pass: Pass): boolean {
    const other = index === undefined ? undefined : compiled[index];
    if (other === undefined) return false;
    const { value } = answer(other, pass).evaluation;
    return values.some((wanted) => sameJson(wanted, value));
  }

  function evaluation(flag: CompiledFlag, pass: Pass): Evaluation {
    const outcome = answer(flag, pass);
    return pass.bucket === 0 ? outcome.evaluation : inBucket(outcome.evaluation, pass.bucket);
  }

  return {
    version,
    flags,
    broken,
    evaluate(key, context) {
      const flag = compiled[indexes.get(key) ?? -1];
      return flag && evaluation(flag, start(context));
    },
    all(context) {
      const pass = start(context);
      const evaluations = new Map<string, Evaluation>();
      for (const flag of compiled) evaluations.set(flag.flag.key, evaluation(flag, pass));
      return evaluations;
    },
    each(context, take) {
      const pass = start(context);
      for (const flag of compiled) {
        const outcome = answer(flag, pass);
        take(outcome, pass.bucket);
      }
    },
    explain(key, context) {
      const flag = compiled[indexes.get(key) ?? -1];
      if (flag === undefined) return undefined;
      const pass = start(context);
      return explainFlag(flag, {
        evaluation: evaluation(flag, pass),
        holds: (check) => holds(check, pass.subject),
        keyOf: ({ keySlot }) => hashedBytes(cellAt(pass.subject, keySlot)),
        met: (prerequisite) => isMet(prerequisite, pass),
        answerOf: (index) =>
          compiled[index] === undefined ? undefined : answer(compiled[index], pass).evaluation.value,
      });
    },
  };
}

function without(pass: Pass, outcome: Outcome): Outcome {
  pass.bucket = 0;
  return outcome;
}

/** The flag's own evaluation is shared by all who ask; only a bucket makes it somebody's. */
function inBucket(evaluation: Evaluation, bucket: number): Evaluation {
  const { value, reason, ruleId = '', variant, version } = evaluation;
  return variant === undefined
    ? { value, reason, ruleId, bucket, version }
    : { value, reason, variant, ruleId, bucket, version };
}

interface FlagCompiler {
  readonly conditions: ConditionCompiler;
  readonly broken: BrokenRule[];
  readonly isAwaited: boolean;
  readonly indexOf: (flagKey: string) => number | undefined;
}

function compileFlag(
  flag: Flag,
  index: number,
  { conditions, broken, isAwaited, indexOf }: FlagCompiler,
): CompiledFlag {
  const { key, defaultValue: value } = flag;
  const ordered = [...flag.rules]
    .sort((a, b) => placeOf(a) - placeOf(b))
    .map((rule): OrderedRule => {
      const compiled = compileOrWhy(rule, flag, conditions);
      if (typeof compiled === 'string') broken.push({ flagKey: key, ruleId: rule.ruleId, why: compiled });
      return { rule, compiled };
    });
  return {
    index,
    isAwaited,
    flag,
    buckets: bucketsOf(key),
    rules: ordered.flatMap(({ compiled }) =>
      typeof compiled === 'string' || compiled.percentage === 0 ? [] : [compiled],
    ),
    ordered,
    prerequisites: flag.prerequisites.map(({ flagKey, values }) => ({
      flagKey,
      index: indexOf(flagKey),
      values,
      unmet: outcomeOf(flag, { value, reason: 'DISABLED', prerequisite: flagKey }),
    })),
    off: outcomeOf(flag, { value, reason: 'DISABLED' }),
    fallback: outcomeOf(flag, { value, reason: flag.rules.length === 0 ? 'STATIC' : 'DEFAULT' }),
    keyless: outcomeOf(flag, { value, reason: 'ERROR', errorCode: 'TARGETING_KEY_MISSING' }),
  };
}

/** A priority that is no number breaks its own rule, and must not disturb the order of the others. */
const placeOf = ({ priority }: FlagRule): number => (Number.isFinite(priority) ? priority : Number.MAX_VALUE);

function compileOrWhy(rule: FlagRule, flag: Flag, conditions: ConditionCompiler): CompiledRule | string {
  try {
    const compiled = compileRule(rule, flag, conditions);
    return 'rule' in compiled ? compiled : `${compiled[0]?.path ?? ''} ${compiled[0]?.why ?? ''}`;
  } catch {
    // What is not even of a rule's shape, such as conditions that are no list, costs nobody else his flag.
    return 'it is malformed';
  }
}
