import { BSON } from 'mongodb';
import type { Exception } from '../domain/occurrence.js';
import { asData, bsonDocuments } from './bson-documents.js';
import type { PendingError } from './errors.js';

/** An occurrence as it waits in the spool. */
export interface EncodedError {
  readonly error: PendingError;
  /** The same as BSON. */
  readonly bytes: Uint8Array;
}

/** The occurrences that the bytes of a flush hold. */
export const pendingErrors = (bytes: Uint8Array): EncodedError[] =>
  [...bsonDocuments(bytes)].map((document) => ({ error: BSON.deserialize(document) as PendingError, bytes: document }));

/** The occurrence with other exceptions than it came with. */
export function withExceptions(sent: PendingError, exceptions: readonly Exception[]): EncodedError {
  const error: PendingError = {
    ...sent,
    exceptions,
    tags: asData(sent.tags),
    breadcrumbs: sent.breadcrumbs.map((breadcrumb) => ({ ...breadcrumb, data: asData(breadcrumb.data) })),
    ...(sent.flags && { flags: asData(sent.flags) }),
  };
  return { error, bytes: BSON.serialize(error) };
}
