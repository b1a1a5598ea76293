import {
  type Client,
  isGrpcServiceError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { PlatformError } from '../domain/errors.js';

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
 * Asks a workflow by an update with an id of its own, and waits for its answer: undefined when it does not come in
 * time. Whether it was taken is not known then; the same id asks again, safely.
 * @throws PlatformError UNAVAILABLE, or REQUEST_INVALID where the workflow's validator says so
 */
export function updateSender({ temporal, patienceMs = PATIENCE_MS }: Deps) {
  return async <T>(ask: (client: Client) => Promise<T>): Promise<T | undefined> => {
    const client = temporal();
    if (client === undefined) throw away();
    const deadline = Date.now() + patienceMs;
    const askOnce = () => client.withDeadline(deadline, () => ask(client));
    try {
      return await askOnce().catch((error: unknown) => {
        // The run was just closing: the next one is begun by asking again, with the same id.
        if (error instanceof WorkflowNotFoundError || grpcCode(error) === ABORTED) return askOnce();
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
