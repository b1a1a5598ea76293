import type { FlagUsageStore } from '../db/flag-usage.js';
import { idFromHex } from '../db/ids.js';

/** What one process counted in some seconds. */
export interface FlagUsageInput {
  /** Of its own, so that a repetition adds nothing. */
  readonly flushId: string;
  /** ISO 8601. */
  readonly at: string;
  readonly apps: readonly AppUsage[];
}

export interface AppUsage {
  /** Hex. */
  readonly appId: string;
  /** Flag key, the key of the answer, whether it is a variant's, how often. */
  readonly counts: readonly (readonly [string, string, boolean, number])[];
}

export interface FlagUsageDeps {
  readonly flagUsage: Pick<FlagUsageStore, 'add'>;
}

export function flagUsageActivities({ flagUsage }: FlagUsageDeps) {
  return {
    /** Idempotent by the flush's id. Answers how many counts there were. */
    async addFlagUsage({ flushId, at, apps }: FlagUsageInput): Promise<number> {
      const counts = apps.flatMap(({ appId, counts: own }) => {
        const id = idFromHex(appId);
        return own.map(([flagKey, key, isVariant, count]) => ({ appId: id, flagKey, key, isVariant, count }));
      });
      await flagUsage.add(flushId, counts, new Date(at));
      return counts.length;
    },
  };
}

export type FlagUsageActivities = ReturnType<typeof flagUsageActivities>;
