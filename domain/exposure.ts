import type { Flag, FlagRule } from './flag.js';

/** The name of the event that tells that somebody was given an answer by a rule of an experiment. */
export const EXPOSURE_EVENT = '$exposure';

/** By flag key, then by rule id: the experiment that a rule is of. */
export type Experiments = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Of all flags; empty where nothing is an experiment, which is the usual case. */
export function experimentsOf(flags: Iterable<Flag>): Experiments {
  const experiments = new Map<string, ReadonlyMap<string, string>>();
  for (const { key, rules } of flags) {
    const own = rules.flatMap(entryOf);
    if (own.length > 0) experiments.set(key, new Map(own));
  }
  return experiments;
}

const entryOf = ({ ruleId, experimentId }: FlagRule): readonly (readonly [string, string])[] =>
  experimentId === null || experimentId === '' ? [] : [[ruleId, experimentId]];
