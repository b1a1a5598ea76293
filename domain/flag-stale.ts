import type { FlagRule } from './flag.js';
import { DAY_MS } from './limits.js';

/** `expired`: past the day it was to be gone by; `settled`: one answer for everybody; `unread`: nobody asks. */
export const STALE_REASONS = ['expired', 'settled', 'unread'] as const;
export type StaleReason = (typeof STALE_REASONS)[number];

/** What is known of a flag that is not archived. */
export interface FlagLife {
  /** False also where the kill switch is on. */
  readonly enabled: boolean;
  readonly rules: readonly FlagRule[];
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly expiresAtMs: number | undefined;
  /** When it was last asked for; undefined: never, or nobody knows. */
  readonly lastReadMs: number | undefined;
}

export interface Staleness {
  readonly reason: StaleReason;
  /** Since when it is so. */
  readonly sinceMs: number;
}

/** Why a flag may be in nobody's use any more; empty where nothing speaks for it. `afterDays` of 0: only its expiry counts. */
export function stalenessOf(flag: FlagLife, nowMs: number, afterDays: number): readonly Staleness[] {
  const { createdAtMs, updatedAtMs, expiresAtMs, lastReadMs } = flag;
  const isLong = (sinceMs: number): boolean => afterDays > 0 && nowMs - sinceMs >= afterDays * DAY_MS;
  const lastUse = Math.max(createdAtMs, lastReadMs ?? 0);
  return [
    ...(expiresAtMs !== undefined && expiresAtMs <= nowMs
      ? [{ reason: 'expired' as const, sinceMs: expiresAtMs }]
      : []),
    ...(isSettled(flag) && isLong(updatedAtMs) ? [{ reason: 'settled' as const, sinceMs: updatedAtMs }] : []),
    ...(isLong(lastUse) ? [{ reason: 'unread' as const, sinceMs: lastUse }] : []),
  ];
}

/** Whether everybody gets the same: it is off, has no rule that can match, or its first that can takes all. */
function isSettled({ enabled, rules }: FlagLife): boolean {
  if (!enabled) return true;
  const first = rules
    .filter(({ rolloutPercentage }) => rolloutPercentage > 0)
    .reduce<FlagRule | undefined>((a, b) => (a === undefined || b.priority < a.priority ? b : a), undefined);
  if (first === undefined) return true;
  const { conditions, rolloutPercentage, variants = [] } = first;
  return conditions.length === 0 && rolloutPercentage === 100 && variants.length <= 1;
}
