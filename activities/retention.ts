import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { type Retention, type Series, SERIES_NAMES } from '../db/retention.js';
import { firstKeptDay } from '../domain/app.js';
import { DAY_MS } from '../domain/limits.js';

/** In days: how long the app that keeps longest keeps each series. Null where nothing bounds it. */
export interface RetentionBounds {
  readonly events: number | null;
  readonly heatmapEvents: number | null;
}

export interface SweepRetentionInput {
  /** ISO 8601, taken in the workflow so that a retry deletes the same days. */
  readonly now: string;
  /** Only this one; left out: all. */
  readonly appId?: string;
}

/** How many documents of an app went. */
export interface SweptApp {
  readonly appId: string;
  readonly events: number;
  readonly heatmapEvents: number;
  readonly errors: number;
}

export interface RetentionSweep {
  /** How many apps were looked at. */
  readonly apps: number;
  /** Those of them that lost something. */
  readonly swept: readonly SweptApp[];
}

export interface RetentionDeps {
  readonly retention: Pick<Retention, 'apps' | 'keepBound' | 'findDayBefore' | 'deleteDay' | 'deleteErrors'>;
}

export function retentionActivities({ retention }: RetentionDeps) {
  return {
    /** Idempotent: sets the collections' own bounds to what the apps' settings say. */
    async keepRetentionBounds(): Promise<RetentionBounds> {
      return {
        events: (await retention.keepBound('events')) ?? null,
        heatmapEvents: (await retention.keepBound('heatmapEvents')) ?? null,
      };
    },

    /**
     * Deletes of every app the days and the errors that it does not keep. Idempotent: what is gone stays gone, and
     * what an earlier attempt deleted is in its last heartbeat, so that it is still counted.
     */
    async sweepRetention({ now, appId: only }: SweepRetentionInput): Promise<RetentionSweep> {
      const swept = new Map<string, SweptApp>(earlierAttempts().map((each) => [each.appId, each]));
      const count = (appId: string, what: Series | 'errors', deleted: number): void => {
        const before = swept.get(appId) ?? { appId, events: 0, heatmapEvents: 0, errors: 0 };
        swept.set(appId, { ...before, [what]: before[what] + deleted });
      };
      const signal = cancellationSignal();
      const apps = (await retention.apps()).filter(({ appId }) => only === undefined || appId === only);

      for (const { id, appId, days } of apps) {
        for (const series of SERIES_NAMES) {
          const kept = firstKeptDay(Date.parse(now), days[series]);
          for (;;) {
            signal.throwIfAborted();
            heartbeat([...swept.values()]);
            const day = await retention.findDayBefore(series, id, kept);
            if (day === undefined) break;
            const deleted = await retention.deleteDay(series, id, day);
            count(appId, series, deleted);
          }
        }
        const keptMs = firstKeptDay(Date.parse(now), days.errors) * DAY_MS;
        for (;;) {
          signal.throwIfAborted();
          heartbeat([...swept.values()]);
          const deleted = await retention.deleteErrors(id, keptMs);
          if (deleted === 0) break;
          count(appId, 'errors', deleted);
        }
      }
      return { apps: apps.length, swept: [...swept.values()] };
    },
  };
}

function earlierAttempts(): readonly SweptApp[] {
  const details: unknown = activityInfo().heartbeatDetails;
  return Array.isArray(details) ? (details as SweptApp[]) : [];
}

export type RetentionActivities = ReturnType<typeof retentionActivities>;
