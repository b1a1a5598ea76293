import type { Client } from '@temporalio/client';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { flagSets, flagSetsChanged } from '../workflows/flag-sets.js';

interface Deps {
  readonly client: Pick<Client, 'workflow'>;
}

/** Wakes the workflow that keeps an app's sets. */
export const flagWakes = ({ client }: Deps) => ({
  async wakeFlagSets(appId: string, app: string): Promise<void> {
    await client.workflow.signalWithStart(flagSets, { ...flagSetsChanged(appId, app), taskQueue: TASK_QUEUE });
  },
});
