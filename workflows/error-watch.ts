import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { WatchActivities, WatchedErrors } from '../activities/error-watch.js';

/** Also the id of its schedule. */
export const ERROR_WATCH_ID = 'error-watch';

const { wakeAlerts } = proxyActivities<Pick<WatchActivities, 'wakeAlerts'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '5 minutes',
  summary: 'Wake the dispatch where alerts wait',
});
const { watchErrors } = proxyActivities<Pick<WatchActivities, 'watchErrors'>>({
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '15 minutes',
  heartbeatTimeout: '1 minute',
  summary: 'Judge groups by thresholds and spikes',
});

/** Looks each minute for groups with too many occurrences, and for alerts whose wake was lost. */
export async function errorWatch(): Promise<WatchedErrors> {
  // First, so that what waits does not wait for the rules.
  await wakeAlerts();
  const watched = await watchErrors({ now: new Date().toISOString() });
  if (watched.alerts > 0) await wakeAlerts();
  setCurrentDetails(`${String(watched.groups)} groups judged, **${String(watched.alerts)}** alerts`);
  return watched;
}
