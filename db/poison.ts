import { BSON, MongoServerError } from 'mongodb';

/** What mongod says of content that it will never take: bad value, invalid BSON, failed validation, too large. */
const POISON_CODES = new Set<unknown>([2, 22, 121, 10_334]);

/** Whether a write was refused for what it holds, by mongod or already by the driver, so that trying again is in vain. */
export const isPoison = (error: unknown): boolean =>
  BSON.BSONError.isBSONError(error) || (error instanceof MongoServerError && POISON_CODES.has(error.code));
