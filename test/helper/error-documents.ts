import { createHash } from 'node:crypto';
import { BSON, ObjectId } from 'mongodb';
import { factsOf, type GroupedError } from '../../db/error-tally.js';
import type { PendingError } from '../../db/errors.js';
import { NOBODY } from '../../db/ids.js';
import { NO_BROWSER, NO_PAGE } from '../../domain/contexts.js';

interface Fields extends Partial<PendingError> {
  /** Of the group; its fingerprint is made from it. */
  readonly group?: string;
}

let count = 0;

export const fingerprintOf = (group: string): string => createHash('sha256').update(group).digest('hex');

/** An occurrence as the pipeline hands it to the store, new at each call. */
export function groupedError(appId: ObjectId, { group = 'group', ...fields }: Fields = {}): GroupedError {
  const now = new Date();
  const error: PendingError = {
    _id: new ObjectId(),
    appId,
    errorId: `error-${String((count += 1))}-${new ObjectId().toHexString()}`,
    profileId: NOBODY,
    sessionId: '',
    timestampMs: now.getTime(),
    receivedAt: now,
    errorType: 'runtime',
    message: `${group} failed`,
    stackTrace: '',
    sourceFile: '',
    line: 0,
    column: 0,
    severity: 'error',
    userComment: null,
    tags: {},
    breadcrumbs: [],
    pageUrl: '',
    pageContext: NO_PAGE,
    browserContext: NO_BROWSER,
    release: '',
    environment: '',
    exceptions: [],
    clientFingerprint: [],
    sdk: '',
    truncated: [],
    ...fields,
  };
  return {
    error: factsOf(error),
    bytes: BSON.serialize(error),
    flags: {},
    fingerprint: fingerprintOf(group),
    grouping: { version: 1, by: 'stack', components: [group] },
    title: group,
    culprit: `at ${group}`,
  };
}
