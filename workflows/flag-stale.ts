import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { WatchActivities } from '../activities/error-watch.js';
import type { FlagStaleActivities, StaleReminders } from '../activities/flag-stale.js';

/** Also the id of its schedule. */
export const FLAG_STALE_ID = 'flag-stale';

const { remindStaleFlags } = proxyActivities<Pick<FlagStaleActivities, 'remindStaleFlags'>>({
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '6 hours',
  heartbeatTimeout: '2 minutes',
  summary: 'Find flags that nobody needs any more',
});
const { wakeAlerts } = proxyActivities<Pick<WatchActivities, 'wakeAlerts'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '5 minutes',
  summary: 'Wake the dispatch where alerts wait',
});

/** Reminds once a day, each flag once, of what could be taken out of the code. */
export async function flagStale(): Promise<StaleReminders> {
  const found = await remindStaleFlags({ now: new Date().toISOString() });
  if (found.reminded > 0) await wakeAlerts();
  setCurrentDetails(
    `${String(found.stale)} stale flags in ${String(found.apps)} apps, **${String(found.reminded)}** new reminders`,
  );
  return found;
}
