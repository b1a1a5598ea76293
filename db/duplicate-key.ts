import { MongoServerError } from 'mongodb';

/** Whether a unique index refused the write; with `field`, one over that field. */
export function isDuplicateKey(error: unknown, field?: string): boolean {
  if (!(error instanceof MongoServerError) || error.code !== 11_000) return false;
  if (field === undefined) return true;
  const pattern: unknown = error['keyPattern'];
  return typeof pattern === 'object' && pattern !== null && Object.hasOwn(pattern, field);
}
