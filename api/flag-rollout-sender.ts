import { createHash } from 'node:crypto';
import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import type { RolloutOutcome } from '../db/flag-rollout-state.js';
import type { OpenMessage, RolloutMessage } from '../domain/rollout.js';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { flagRollout, flagRolloutRun, openUpdate, rolloutUpdate } from '../workflows/flag-rollout.js';
import { updateSender } from './update-sender.js';

interface Deps {
  readonly temporal: () => Client | undefined;
}

const updateIdOf = (message: object): string => createHash('sha256').update(JSON.stringify(message)).digest('hex');

/** Asks the workflow of a rollout, which is started where there is none; undefined: no answer in time. */
export function flagRolloutSender(deps: Deps) {
  const send = updateSender(deps);
  const startOf = (rolloutId: string) =>
    new WithStartWorkflowOperation(flagRollout, {
      ...flagRolloutRun(rolloutId),
      taskQueue: TASK_QUEUE,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });

  return {
    open: (rolloutId: string, message: OpenMessage): Promise<RolloutOutcome | undefined> =>
      send((client) =>
        client.workflow.executeUpdateWithStart(openUpdate, {
          updateId: updateIdOf(message),
          args: [message],
          startWorkflowOperation: startOf(rolloutId),
        }),
      ),

    verb: (rolloutId: string, message: RolloutMessage): Promise<RolloutOutcome | undefined> =>
      send((client) =>
        client.workflow.executeUpdateWithStart(rolloutUpdate(message.verb.name), {
          updateId: updateIdOf(message),
          args: [message],
          startWorkflowOperation: startOf(rolloutId),
        }),
      ),
  };
}
