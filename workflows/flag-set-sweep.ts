import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { FlagSetActivities } from '../activities/flag-sets.js';

/** Also the id of its schedule. */
export const FLAG_SET_SWEEP_ID = 'flag-set-sweep';

const { wakeFlagSetsBehind } = proxyActivities<Pick<FlagSetActivities, 'wakeFlagSetsBehind'>>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '5 minutes',
  summary: 'Wake what keeps the sets, where they are behind',
});

/** Finds apps whose flags have changed and whose sets nobody is bringing to the new version, after a lost signal. */
export async function flagSetSweep(): Promise<number> {
  const woken = await wakeFlagSetsBehind();
  setCurrentDetails(`Apps whose sets were behind: **${String(woken)}**`);
  return woken;
}
