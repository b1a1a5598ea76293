import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { FlagDrift, FlagDriftActivities } from '../activities/flag-drift.js';

/** Also the id of its schedule. */
export const FLAG_DRIFT_ID = 'flag-drift';

const { checkFlagDrift } = proxyActivities<Pick<FlagDriftActivities, 'checkFlagDrift'>>({
  startToCloseTimeout: '6 hours',
  scheduleToCloseTimeout: '12 hours',
  heartbeatTimeout: '2 minutes',
  summary: 'Evaluate some stored sets anew',
});

/** Looks once a day whether stored flag sets are what an evaluation gives. One that is not is a bug of ours. */
export async function flagDrift(): Promise<FlagDrift> {
  const drift = await checkFlagDrift({ now: new Date().toISOString() });
  const { apps, looked, repaired } = drift;
  setCurrentDetails(`${String(looked)} sets of ${String(apps)} apps, **${String(repaired)}** wrong and repaired`);
  return drift;
}
