import { createHash } from 'node:crypto';
import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import type { VerbOutcome } from '../db/error-verb-state.js';
import type { VerbMessage } from '../domain/error-verb.js';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { errorGroup, errorGroupRun, verbUpdate } from '../workflows/error-group.js';
import { updateSender } from './update-sender.js';

interface Deps {
  readonly temporal: () => Client | undefined;
  readonly patienceMs?: number;
}

/**
 * Asks the workflow of a group, which is started where there is none, and waits for its answer: undefined when it does
 * not come in time. Whether the verb was taken is not known then; the same request id asks again, safely.
 */
export function errorVerbSender(deps: Deps) {
  const send = updateSender(deps);
  return (groupId: string, message: VerbMessage): Promise<VerbOutcome | undefined> => {
    const updateId = createHash('sha256').update(JSON.stringify(message)).digest('hex');
    return send((client) =>
      client.workflow.executeUpdateWithStart(verbUpdate(message.verb.name), {
        updateId,
        args: [message],
        startWorkflowOperation: new WithStartWorkflowOperation(errorGroup, {
          ...errorGroupRun(groupId),
          taskQueue: TASK_QUEUE,
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      }),
    );
  };
}
