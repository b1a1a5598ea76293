import { bucketsOf, type Buckets, variantAt } from './bucketing.js';
import type { Definitions, Evaluation, Flag, FlagContext, FlagRule } from './flag.js';
import { type ConditionCompiler, conditionCompiler, holdsAll } from './flag-conditions.js';
import { explainFlag, type Explanation } from './flag-explanation.js';
import { endingFlags } from './flag-prerequisites.js';
import { type CompiledRule, compileRule, type Outcome, outcomeOf, ruleFaults } from './flag-rules.js';
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

/** One context on its way through the flags: what each one answered, with its bucket, or 0 where there is none. */
export interface Pass {
  readonly subject: Subject;
  readonly outcomes: (Outcome | undefined)[];
  readonly buckets: number[];
}

export function compileFlags({ version, flags: list, segments }: Definitions): CompiledFlags {
  const flags = new Map(list.map((flag) => [flag.key, flag]));
  const keys = [...flags.keys()];
  const indexes = new Map(keys.map((key, index) => [key, index]));
  const ending = endingFlags([...flags.values()]);
  const conditions = conditionCompiler(segments);
  const broken: BrokenRule[] = [];
  const compiled = [...flags.values()].map((flag, index) =>
    compileFlag(flag, index, {
      conditions,
      broken,
      indexOf: (key) => (ending.has(key) ? indexes.get(key) : undefined),
    }),
  );

  const start = (context: FlagContext): Pass => ({
    subject: conditions.subject(context),
    outcomes: new Array<Outcome | undefined>(compiled.length),
    buckets: [],
  });

  function answer(index: number, pass: Pass): Outcome {
    const known = pass.outcomes[index];
    if (known !== undefined) return known;
    return (pass.outcomes[index] = decide(compiled[index] as CompiledFlag, pass));
  }

  function decide({ index, flag, rules, prerequisites, buckets, off, fallback, keyless }: CompiledFlag, pass: Pass) {
    if (!flag.enabled) return off;
    for (const prerequisite of prerequisites) if (!isMet(prerequisite, pass)) return prerequisite.unmet;
    const { subject } = pass;
    for (const rule of rules) {
      if (!holdsAll(rule.checks, subject)) continue;
      if (!rule.split) return rule.outcome;
      const key = hashedBytes(conditions.cellAt(subject, rule.keySlot));
      if (key === undefined) return keyless;
      const bucket = buckets.bucketOf(key);
      if (bucket > rule.percentage) continue;
      pass.buckets[index] = bucket;
      if (rule.totalWeight === 0) return rule.outcome;
      return variantAt(rule.variants, buckets.placeOf(key, rule.totalWeight))?.outcome ?? rule.outcome;
    }
    return fallback;
  }

  const isMet = ({ index, values }: CompiledPrerequisite, pass: Pass): boolean => {
    if (index === undefined) return false;
    const { value } = answer(index, pass).evaluation;
    return values.some((wanted) => sameJson(wanted, value));
  };

  const evaluationAt = (index: number, pass: Pass): Evaluation =>
    withBucket(answer(index, pass).evaluation, pass.buckets[index]);

  return {
    version,
    flags,
    broken,
    evaluate(key, context) {
      const index = indexes.get(key);
      return index === undefined ? undefined : evaluationAt(index, start(context));
    },
    all(context) {
      const pass = start(context);
      const evaluations = new Map<string, Evaluation>();
      for (let index = 0; index < compiled.length; index++)
        evaluations.set(keys[index] as string, evaluationAt(index, pass));
      return evaluations;
    },
    each(context, take) {
      const pass = start(context);
      for (let index = 0; index < compiled.length; index++) take(answer(index, pass), pass.buckets[index] ?? 0);
    },
    explain(key, context) {
      const flag = compiled[indexes.get(key) ?? -1];
      if (flag === undefined) return undefined;
      const pass = start(context);
      return explainFlag(flag, {
        evaluation: evaluationAt(flag.index, pass),
        holds: (check) => check(pass.subject),
        keyOf: ({ keySlot }) => hashedBytes(conditions.cellAt(pass.subject, keySlot)),
        met: (prerequisite) => isMet(prerequisite, pass),
        answerOf: (index) => answer(index, pass).evaluation.value,
      });
    },
  };
}

/** The flag's own evaluation is shared by all who ask; only a bucket makes it somebody's. */
function withBucket(evaluation: Evaluation, bucket: number | undefined): Evaluation {
  if (bucket === undefined) return evaluation;
  const { value, reason, ruleId = '', variant, version } = evaluation;
  return variant === undefined
    ? { value, reason, ruleId, bucket, version }
    : { value, reason, variant, ruleId, bucket, version };
}

interface FlagCompiler {
  readonly conditions: ConditionCompiler;
  readonly broken: BrokenRule[];
  readonly indexOf: (flagKey: string) => number | undefined;
}

function compileFlag(flag: Flag, index: number, { conditions, broken, indexOf }: FlagCompiler): CompiledFlag {
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
    const [fault] = ruleFaults(rule, flag, conditions);
    return fault === undefined ? compileRule(rule, flag, conditions) : `${fault.path} ${fault.why}`;
  } catch {
    // What is not even of a rule's shape, such as conditions that are no list, costs nobody else his flag.
    return 'it is malformed';
  }
}
