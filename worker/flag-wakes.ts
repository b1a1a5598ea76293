import type { Client } from '@temporalio/client';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { flagRollout, flagRolloutRun } from '../workflows/flag-rollout.js';
import { flagSets, flagSetsChanged } from '../workflows/flag-sets.js';

interface Deps {
  readonly client: Pick<Client, 'workflow'>;
}

/** Wakes what keeps an app's sets, and what carries a rollout on. */
export const flagWakes = ({ client }: Deps) => ({
  async wakeFlagSets(appId: string, app: string): Promise<void> {
    await client.workflow.signalWithStart(flagSets, { ...flagSetsChanged(appId, app), taskQueue: TASK_QUEUE });
  },

  async wakeRollout(rolloutId: string): Promise<void> {
    await client.workflow.start(flagRollout, {
      ...flagRolloutRun(rolloutId),
      taskQueue: TASK_QUEUE,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  },
});
