import type { Evaluation, Flag, FlagContext } from './flag.js';
import { flagAnswer } from './flag-answer.js';
import type { CompiledFlags } from './flag-evaluation.js';
import { sameJson } from './flag-values.js';

/**
 * What a change does to somebody. A boolean flag is had by whom it answers `true`, any other by whom a rule gives its
 * value; who has it before and after has another variant, or another value.
 */
export const EFFECTS = ['gains', 'loses', 'changesVariant', 'changesValue'] as const;
export type Effect = (typeof EFFECTS)[number];

export interface Transition {
  readonly effect: Effect;
  /** Keys of answers; null: there is no such flag. */
  readonly from: string | null;
  readonly to: string | null;
  count: number;
  /** The first profiles it happens to. */
  readonly samples: string[];
}

/** What a change of definitions does to one flag. */
export interface FlagImpact {
  readonly flagKey: string;
  readonly counts: Record<Effect, number>;
  /** From one answer to another; the most of them, and what is beyond is only in `counts`. */
  readonly transitions: Transition[];
}

/** A part or all of the profiles; parts are added up. */
export interface BlastRadius {
  readonly profiles: number;
  /** For whom any flag answers otherwise. */
  readonly affected: number;
  /** Those that answer anybody otherwise. */
  readonly flags: readonly FlagImpact[];
  /** There are more such flags than are told apart. */
  readonly isCut: boolean;
}

export interface RadiusProfile {
  /** What people know it by. */
  readonly name: string;
  readonly context: FlagContext;
}

const MOST_SAMPLES = 20;
const MOST_TRANSITIONS = 30;
const MOST_FLAGS = 50;
const MANY_FLAGS = 8;

export const NO_IMPACT: BlastRadius = { profiles: 0, affected: 0, flags: [], isCut: false };

/** Compares two versions of an app's definitions over profiles, added one by one. `keys`: flags that may differ. */
export function blastRadius(before: CompiledFlags, after: CompiledFlags, keys: readonly string[]) {
  const impacts = new Map<string, FlagImpact>();
  let profiles = 0;
  let affected = 0;
  let isCut = false;

  function impactOf(flagKey: string): FlagImpact | undefined {
    const known = impacts.get(flagKey);
    if (known !== undefined) return known;
    if (impacts.size >= MOST_FLAGS) {
      isCut = true;
      return undefined;
    }
    const impact = emptyImpact(flagKey);
    impacts.set(flagKey, impact);
    return impact;
  }

  /** Where many are asked for, the context is read once for all of them. */
  function answers(compiled: CompiledFlags, context: FlagContext): (key: string) => Answer | undefined {
    const all = keys.length > MANY_FLAGS ? compiled.all(context) : undefined;
    return (key) => {
      const flag = compiled.flags.get(key);
      const evaluation = all === undefined ? compiled.evaluate(key, context) : all.get(key);
      return flag && evaluation && answerOf(flag, evaluation);
    };
  }

  return {
    add({ name, context }: RadiusProfile): void {
      profiles++;
      let differs = false;
      const [olds, nexts] = [answers(before, context), answers(after, context)];
      for (const key of keys) {
        const [old, next] = [olds(key), nexts(key)];
        const effect = effectOf(old, next);
        if (effect === undefined) continue;
        differs = true;
        const impact = impactOf(key);
        if (impact === undefined) continue;
        impact.counts[effect]++;
        const transition = transitionOf(impact, effect, old?.key ?? null, next?.key ?? null);
        if (transition === undefined) continue;
        transition.count++;
        if (transition.samples.length < MOST_SAMPLES) transition.samples.push(name);
      }
      if (differs) affected++;
    },

    result: (): BlastRadius => ({ profiles, affected, flags: [...impacts.values()], isCut }),
  };
}

/** Of two parts, the samples of the first come first. */
export function addRadius(a: BlastRadius, b: BlastRadius): BlastRadius {
  const flags = new Map(a.flags.map((impact) => [impact.flagKey, copyOf(impact)]));
  let isCut = a.isCut || b.isCut;
  for (const impact of b.flags) {
    const sum = flags.get(impact.flagKey);
    if (sum !== undefined) addImpact(sum, impact);
    else if (flags.size < MOST_FLAGS) flags.set(impact.flagKey, copyOf(impact));
    else isCut = true;
  }
  return {
    profiles: a.profiles + b.profiles,
    affected: a.affected + b.affected,
    flags: [...flags.values()],
    isCut,
  };
}

function addImpact(sum: FlagImpact, { counts, transitions }: FlagImpact): void {
  for (const effect of EFFECTS) sum.counts[effect] += counts[effect];
  for (const { effect, from, to, count, samples } of transitions) {
    const known = transitionOf(sum, effect, from, to);
    if (known === undefined) continue;
    known.count += count;
    known.samples.push(...samples.slice(0, MOST_SAMPLES - known.samples.length));
  }
}

function transitionOf(
  { transitions }: FlagImpact,
  effect: Effect,
  from: string | null,
  to: string | null,
): Transition | undefined {
  const known = transitions.find((each) => each.from === from && each.to === to && each.effect === effect);
  if (known !== undefined || transitions.length >= MOST_TRANSITIONS) return known;
  const fresh: Transition = { effect, from, to, count: 0, samples: [] };
  transitions.push(fresh);
  return fresh;
}

const emptyImpact = (flagKey: string): FlagImpact => ({
  flagKey,
  counts: { gains: 0, loses: 0, changesVariant: 0, changesValue: 0 },
  transitions: [],
});

const copyOf = ({ flagKey, counts, transitions }: FlagImpact): FlagImpact => ({
  flagKey,
  counts: { ...counts },
  transitions: transitions.map((each) => ({ ...each, samples: [...each.samples] })),
});

interface Answer {
  readonly has: boolean;
  readonly value: unknown;
  readonly key: string;
  readonly variant: string | undefined;
}

const answerOf = (flag: Flag, evaluation: Evaluation): Answer => {
  const { value, variant } = evaluation;
  return { has: has(flag, evaluation), value, key: flagAnswer(value, variant).key, variant };
};

const has = ({ type }: Flag, { value, ruleId }: Evaluation): boolean =>
  type === 'boolean' ? value === true : ruleId !== undefined;

function effectOf(old: Answer | undefined, next: Answer | undefined): Effect | undefined {
  const had = old?.has ?? false;
  const hasNow = next?.has ?? false;
  if (had !== hasNow) return hasNow ? 'gains' : 'loses';
  if (old?.variant !== next?.variant) return 'changesVariant';
  return old === undefined || next === undefined || sameJson(old.value, next.value) ? undefined : 'changesValue';
}
