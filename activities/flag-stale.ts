import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { type AlertDoc, type Alerts, flagAlert } from '../db/alerts.js';
import type { App } from '../db/apps.js';
import type { FlagStale, StaleFlag } from '../db/flag-stale.js';
import type { StaleReason } from '../domain/flag-stale.js';
import { DAY_MS } from '../domain/limits.js';

export interface RemindStaleInput {
  /** ISO 8601, taken in the workflow so that a retry judges as of the same instant. */
  readonly now: string;
}

export interface StaleReminders {
  readonly apps: number;
  readonly stale: number;
  /** Of which nobody was reminded before. */
  readonly reminded: number;
}

export interface StaleDeps {
  readonly flagStale: Pick<FlagStale, 'apps' | 'ofApp'>;
  readonly alerts: Pick<Alerts, 'raise'>;
}

export function flagStaleActivities({ flagStale, alerts }: StaleDeps) {
  return {
    /** Once for each flag, version and reason: the alert's id says which. Idempotent. */
    async remindStaleFlags({ now }: RemindStaleInput): Promise<StaleReminders> {
      const at = new Date(now);
      const signal = cancellationSignal();
      const sum = { apps: 0, stale: 0, reminded: 0 };
      for (const app of await flagStale.apps()) {
        signal.throwIfAborted();
        heartbeat(sum);
        const stale = await flagStale.ofApp(app, at);
        sum.apps++;
        sum.stale += stale.length;
        sum.reminded += await alerts.raise(stale.map((flag) => reminder(app, flag, at)));
      }
      return sum;
    },
  };
}

/** By all that speaks for it: one more reason is one more reminder, the same ones are none. */
function reminder({ id: appId }: App, { key, version, reasons, lastReadAt }: StaleFlag, at: Date): AlertDoc {
  const said = reasons.map(({ reason, sinceMs }) => SAID[reason](Math.floor((at.getTime() - sinceMs) / DAY_MS)));
  return flagAlert({
    appId,
    flagKey: key,
    cause: 'flag_stale',
    which: `${String(version)}-${reasons.map(({ reason }) => reason).join('-')}`,
    at,
    facts: {
      why: said.join('; '),
      version,
      reasons: reasons.map(({ reason, sinceMs }) => ({ reason, since: new Date(sinceMs).toISOString() })),
      lastEvaluatedAt: lastReadAt?.toISOString() ?? null,
    },
  });
}

const days = (count: number): string => (count === 1 ? '1 day' : `${String(count)} days`);
const SAID: Readonly<Record<StaleReason, (count: number) => string>> = {
  expired: (count) => (count === 0 ? 'expired today' : `expired ${days(count)} ago`),
  settled: (count) => `the same for everybody, unchanged for ${days(count)}`,
  unread: (count) => `not evaluated for ${days(count)}`,
};

export type FlagStaleActivities = ReturnType<typeof flagStaleActivities>;
