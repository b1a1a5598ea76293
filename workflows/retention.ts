import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { RetentionActivities, RetentionBounds, RetentionSweep } from '../activities/retention.js';

export interface RetentionInput {
  /** Only this app, for ops who would not wait for the night; left out: all. */
  readonly appId?: string;
}

export interface RetentionResult extends RetentionSweep {
  readonly bounds: RetentionBounds;
}

/** Also the id of its schedule. */
export const RETENTION_ID = 'retention';

// Less than a day, so that the schedule's next run is never kept away by this one.
const GIVE_UP = '20 hours';

const { keepRetentionBounds } = proxyActivities<Pick<RetentionActivities, 'keepRetentionBounds'>>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: GIVE_UP,
  summary: 'Bound the collections by what the apps keep',
});
const { sweepRetention } = proxyActivities<Pick<RetentionActivities, 'sweepRetention'>>({
  startToCloseTimeout: GIVE_UP,
  scheduleToCloseTimeout: GIVE_UP,
  heartbeatTimeout: '3 minutes',
  summary: 'Delete the days that apps do not keep',
});

/** Deletes what apps no longer want to keep, once a day. */
export async function retention({ appId }: RetentionInput): Promise<RetentionResult> {
  const now = new Date().toISOString();
  setCurrentDetails('Deleting');
  const bounds = await keepRetentionBounds();
  const sweep = await sweepRetention(appId === undefined ? { now } : { now, appId });
  setCurrentDetails(report(now, bounds, sweep));
  return { bounds, ...sweep };
}

const LINES_SHOWN = 50;
const days = (bound: number | null) => (bound === null ? 'unbounded' : `${String(bound)} days`);

/** Markdown, for the Temporal UI. */
function report(now: string, bounds: RetentionBounds, { apps, swept }: RetentionSweep): string {
  const kept = `${String(apps)} apps at ${now}; longest retention: events ${days(bounds.events)}, heatmap events ${days(bounds.heatmapEvents)}.`;
  if (swept.length === 0) return `${kept}\n\nNothing to delete.`;
  const lines = swept
    .slice(0, LINES_SHOWN)
    .map(
      ({ appId, events, heatmapEvents, errors }) =>
        `| ${appId} | ${String(events)} | ${String(heatmapEvents)} | ${String(errors)} |`,
    );
  const more = swept.length > LINES_SHOWN ? [`\n${String(swept.length - LINES_SHOWN)} more apps`] : [];
  return [
    kept,
    '',
    '| deleted of app | events | heatmap events | errors |',
    '|---|---:|---:|---:|',
    ...lines,
    ...more,
  ].join('\n');
}
