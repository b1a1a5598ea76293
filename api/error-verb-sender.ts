import { createHash } from 'node:crypto';
import {
  type Client,
  isGrpcServiceError,
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import type { VerbOutcome } from '../db/error-verb-state.js';
import type { VerbMessage } from '../domain/error-verb.js';
import { PlatformError } from '../domain/errors.js';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { errorGroup, errorGroupRun, verbUpdate } from '../workflows/error-group.js';

interface Deps {
  readonly temporal: () => Client | undefined;
  readonly patienceMs?: number;
}

/** Numbers of gRPC. */
const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;
const ABORTED = 10;
const UNAVAILABLE = 14;

const PATIENCE_MS = 5_000;

/**
 * Asks the workflow of a group, which is started where there is none, and waits for its answer: undefined when it does
 * not come in time. Whether the verb was taken is not known then; the same request id asks again, safely.
 */
export function errorVerbSender({ temporal, patienceMs = PATIENCE_MS }: Deps) {
  return async (groupId: string, message: VerbMessage): Promise<VerbOutcome | undefined> => {
    const client = temporal();
    if (client === undefined) throw away();
    const updateId = createHash('sha256').update(JSON.stringify(message)).digest('hex');
    const deadline = Date.now() + patienceMs;
    const ask = () =>
      client.withDeadline(deadline, () =>
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
    try {
      return await ask().catch((error: unknown) => {
        // The run was just closing: the next one is begun by asking again, with the same id.
        if (error instanceof WorkflowNotFoundError || grpcCode(error) === ABORTED) return ask();
        throw error;
      });
    } catch (error) {
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return undefined;
      const code = grpcCode(error);
      if (code === DEADLINE_EXCEEDED || code === CANCELLED) return undefined;
      if (code === UNAVAILABLE || code === ABORTED || code === RESOURCE_EXHAUSTED) throw away(error);
      throw refusalOf(error);
    }
  };
}

const away = (cause?: unknown): PlatformError =>
  new PlatformError('UNAVAILABLE', 'Temporal does not answer, or not now', { cause, retryAfterSeconds: 2 });

function grpcCode(error: unknown): number | undefined {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  return isGrpcServiceError(cause) ? cause.code : undefined;
}

/** What the workflow's validator says, by its own name. */
function refusalOf(error: unknown): unknown {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && cause.type === 'REQUEST_INVALID') {
    return new PlatformError('REQUEST_INVALID', cause.message, { cause: error });
  }
  return error;
}
