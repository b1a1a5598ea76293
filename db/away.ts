import { MongoError, MongoNetworkError, MongoServerSelectionError } from 'mongodb';

/** Whether MongoDB was not there, or too busy, so that the same may succeed later: during an election, say. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof MongoError)) return false;
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error.hasErrorLabel('RetryableWriteError') ||
    // The driver does not export this one.
    error.name === 'MongoWaitQueueTimeoutError'
  );
}
