import { BSON, type ObjectId } from 'mongodb';
import { asData } from '../../db/bson-documents.js';
import type { PendingError } from '../../db/errors.js';
import { errorIdOf } from '../../db/ids.js';
import { boundOccurrence, ERROR_BYTES } from '../../domain/bound-occurrence.js';
import { NO_BROWSER, NO_PAGE } from '../../domain/contexts.js';
import type { Trimmed } from '../../domain/trim-occurrence.js';

interface Facts {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  /** Epoch ms of the request. */
  readonly now: number;
  readonly retentionDays: number;
}

/** A trimmed occurrence as BSON, as it waits in the spool; never larger than `ERROR_BYTES`. */
export function errorDocument(trimmed: Trimmed, facts: Facts): Uint8Array {
  const encoded = BSON.serialize(documentOf(trimmed, facts, false));
  return encoded.length <= ERROR_BYTES ? encoded : BSON.serialize(documentOf(trimmed, facts, true));
}

function documentOf(
  { occurrence, cut }: Trimmed,
  { _id, appId, profileId, now, retentionDays }: Facts,
  tight: boolean,
): object {
  const bound = boundOccurrence(occurrence, { now, retentionDays, cut }, tight);
  // Each field by name: taking some out of a copy costs more than all the rest.
  const document: PendingError = {
    _id,
    errorId: bound.errorId === '' ? _id.toHexString() : errorIdOf(bound.errorId),
    appId,
    profileId,
    sessionId: bound.sessionId,
    timestampMs: bound.timestampMs,
    errorType: bound.errorType,
    message: bound.message,
    stackTrace: bound.stackTrace,
    sourceFile: bound.sourceFile,
    line: bound.line,
    column: bound.column,
    severity: bound.severity,
    userComment: bound.userComment === '' ? null : bound.userComment,
    tags: asData(bound.tags),
    breadcrumbs: bound.breadcrumbs.map(({ timestampMs, category, message, data }) => ({
      timestampMs,
      category,
      message,
      data: asData(data),
    })),
    pageContext: bound.pageContext ?? NO_PAGE,
    browserContext: bound.browserContext ?? NO_BROWSER,
    receivedAt: new Date(now),
    ...(bound.sentTimestampMs !== undefined && { sentTimestampMs: bound.sentTimestampMs }),
    pageUrl: bound.pageUrl,
    release: bound.release,
    environment: bound.environment,
    ...(bound.flags && { flags: asData(bound.flags) }),
    exceptions: bound.exceptions,
    clientFingerprint: bound.fingerprint,
    sdk: bound.sdk,
    truncated: bound.truncated,
  };
  return document;
}
