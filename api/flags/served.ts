import type { App } from '../../db/apps.js';
import type { StoredReason } from '../../domain/flag-set.js';
import { type Experiments, experimentsOf } from '../../domain/exposure.js';
import type { Evaluation } from '../../domain/flag.js';
import { flagAnswer } from '../../domain/flag-answer.js';
import type { CompiledFlags } from '../../domain/flag-evaluation.js';
import { lookup } from '../../domain/loose.js';
import type { Exposures } from './exposures.js';
import type { FlagUsage, ServedSet } from './usage.js';

interface Deps {
  readonly usage: Pick<FlagUsage, 'count' | 'countSet'>;
  readonly exposures: Pick<Exposures, 'expose'>;
}

type NotedSet = ServedSet & { readonly reasons?: Readonly<Record<string, StoredReason>> };

/** What is noted of each answer that was served: that it was, and who was exposed to an experiment by it. Throws nothing. */
export function served({ usage, exposures }: Deps) {
  const known = new WeakMap<CompiledFlags, Experiments>();

  function experimentsIn(compiled: CompiledFlags): Experiments {
    let experiments = known.get(compiled);
    if (experiments === undefined) known.set(compiled, (experiments = experimentsOf(compiled.flags.values())));
    return experiments;
  }

  function expose(
    app: App,
    profileId: string,
    flagKey: string,
    { rules, value, reason }: { rules: ReadonlyMap<string, string>; value: unknown; reason: Partial<Evaluation> },
  ): void {
    const { ruleId, variant, bucket } = reason;
    const experimentId = ruleId === undefined ? undefined : rules.get(ruleId);
    if (ruleId === undefined || experimentId === undefined) return;
    const answer = flagAnswer(value, variant).key;
    exposures.expose(app, { profileId, experimentId, flagKey, ruleId, answer, bucket });
  }

  return {
    /** @param profileId undefined for a context of nobody */
    flag(app: App, compiled: CompiledFlags, profileId: string | undefined, flagKey: string, answer: Evaluation): void {
      usage.count(app.id, flagKey, answer.value, answer.variant);
      if (profileId === undefined) return;
      const rules = experimentsIn(compiled).get(flagKey);
      if (rules !== undefined) expose(app, profileId, flagKey, { rules, value: answer.value, reason: answer });
    },

    /** A whole set, also where the answer was that the caller's is still the same. */
    set(app: App, compiled: CompiledFlags, profileId: string | undefined, set: NotedSet): void {
      usage.countSet(app.id, set);
      if (profileId === undefined) return;
      for (const [flagKey, rules] of experimentsIn(compiled)) {
        const reason = lookup(set.reasons ?? {}, flagKey);
        if (reason !== undefined) expose(app, profileId, flagKey, { rules, value: lookup(set.flags, flagKey), reason });
      }
    },
  };
}

export type NoteServed = ReturnType<typeof served>;
