import { bucketsOf } from './bucketing.js';
import type { FlagContext } from './flag.js';
import type { CompiledFlags } from './flag-evaluation.js';
import { hashedBytes, readerOf, TARGETING_KEY } from './flag-subject.js';

/** Somebody whom a rollout of a rule is about. */
export interface RolloutSubject {
  readonly bucket: number;
  /** What is hashed. Whoever shares it shares the bucket, and is one in counting. */
  readonly key: Uint8Array;
}

/**
 * Whether a rollout of this rule is about the holder of this context, whatever its percentage is now: the conditions
 * hold, and nothing before the rule answers for everybody. A rule before it that takes some by their bucket does not
 * count here: leaving those out would leave out some buckets, and the guard's test rests on having all.
 */
export function rolloutSubject(
  flags: CompiledFlags,
  flagKey: string,
  ruleId: string,
): (context: FlagContext) => RolloutSubject | undefined {
  const rule = flags.flags.get(flagKey)?.rules.find((each) => each.ruleId === ruleId);
  if (rule === undefined) return () => undefined;
  const read = readerOf(rule.bucketBy ?? TARGETING_KEY);
  const buckets = bucketsOf(flagKey);

  return (context) => {
    const key = hashedBytes(read(context));
    const explained = key && flags.explain(flagKey, context);
    if (key === undefined || explained === undefined || explained.evaluation.reason === 'DISABLED') return undefined;
    for (const each of explained.rules) {
      if (!each.matched) continue;
      if (each.ruleId === ruleId) return { bucket: buckets.bucketOf(key), key };
      if (each.rolloutPercentage === 100) return undefined;
    }
    return undefined;
  };
}
