import { BSON } from 'mongodb';
import type { Exception } from '../domain/occurrence.js';
import { asData, bsonDocuments, decoded } from './bson-documents.js';
import type { PendingError } from './errors.js';

/** An occurrence as it waits in the spool. */
export interface EncodedError {
  readonly error: PendingError;
  /** The same as BSON. */
  readonly bytes: Uint8Array;
}

/** The occurrences that the bytes of a flush hold, one at a time. */
export function* pendingErrors(bytes: Uint8Array): Generator<EncodedError> {
  for (const document of bsonDocuments(bytes)) yield { error: decoded(document) as PendingError, bytes: document };
}

/** The occurrence as BSON, with other exceptions than it came with. */
export function withExceptions(sent: PendingError, exceptions: readonly Exception[]): Uint8Array {
  return BSON.serialize({
    ...sent,
    exceptions,
    tags: asData(sent.tags),
    breadcrumbs: sent.breadcrumbs.map((breadcrumb) => ({ ...breadcrumb, data: asData(breadcrumb.data) })),
    ...(sent.flags && { flags: asData(sent.flags) }),
  });
}
