import { MongoServerError } from 'mongodb';

/** Whether a unique index over `field` refused the write. */
export function isDuplicateKey(error: unknown, field: string): boolean {
  if (!(error instanceof MongoServerError) || error.code !== 11_000) return false;
  const pattern: unknown = error['keyPattern'];
  return typeof pattern === 'object' && pattern !== null && field in pattern;
}
