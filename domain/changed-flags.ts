import type { Definitions, Flag, Segment } from './flag.js';

const NAMES_SEGMENTS: ReadonlySet<string> = new Set(['in_segment', 'not_in_segment']);

/**
 * The flags that may answer differently: those whose definition is another one, that came or went, that name a segment
 * which is another one, and those that have one of these as their prerequisite.
 */
export function changedKeys(before: Definitions, after: Definitions): readonly string[] {
  const segments = changedSegments(before.segments, after.segments);
  const old = new Map(before.flags.map((flag) => [flag.key, flag]));
  const changed = new Set<string>();
  for (const flag of after.flags) {
    if (isOther(old.get(flag.key), flag) || namesAny(flag, segments)) changed.add(flag.key);
    old.delete(flag.key);
  }
  for (const key of old.keys()) changed.add(key);
  addDependents(after.flags, changed);
  return [...changed];
}

/** Each change of a flag gives it another version. */
const isOther = (before: Flag | undefined, after: Flag): boolean =>
  before?.version !== after.version || before.enabled !== after.enabled;

function changedSegments(before: readonly Segment[], after: readonly Segment[]): ReadonlySet<string> {
  const old = new Map(before.map(({ key, clauses }) => [key, JSON.stringify(clauses)]));
  const changed = new Set<string>();
  for (const { key, clauses } of after) {
    if (old.get(key) !== JSON.stringify(clauses)) changed.add(key);
    old.delete(key);
  }
  for (const key of old.keys()) changed.add(key);
  return changed;
}

const namesAny = ({ rules }: Flag, segments: ReadonlySet<string>): boolean =>
  segments.size > 0 &&
  rules.some(({ conditions }) =>
    conditions.some(({ operator, values }) => NAMES_SEGMENTS.has(operator) && values.some((key) => segments.has(key))),
  );

function addDependents(flags: readonly Flag[], changed: Set<string>): void {
  for (let size = -1; size !== changed.size;) {
    size = changed.size;
    for (const { key, prerequisites } of flags)
      if (prerequisites.some(({ flagKey }) => changed.has(flagKey))) changed.add(key);
  }
}
