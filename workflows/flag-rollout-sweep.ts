import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { FlagRolloutActivities } from '../activities/flag-rollouts.js';

/** Also the id of its schedule. */
export const FLAG_ROLLOUT_SWEEP_ID = 'flag-rollout-sweep';

const { wakeRollouts } = proxyActivities<Pick<FlagRolloutActivities, 'wakeRollouts'>>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '5 minutes',
  summary: 'Start what carries rollouts on, where it is gone',
});

/** No rollout is forgotten when its run was terminated, or when Temporal has lost its data. */
export async function flagRolloutSweep(): Promise<number> {
  const active = await wakeRollouts();
  setCurrentDetails(`Active rollouts, each with a run: **${String(active)}**`);
  return active;
}
