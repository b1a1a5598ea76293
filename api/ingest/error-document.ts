import { BSON, type ObjectId } from 'mongodb';
import { asData } from '../../db/bson-documents.js';
import type { PendingError } from '../../db/errors.js';
import { errorIdOf } from '../../db/ids.js';
import { boundOccurrence, ERROR_BYTES } from '../../domain/bound-occurrence.js';
import type { Occurrence } from '../../domain/occurrence.js';

interface Facts {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly profileId: ObjectId;
  /** Epoch ms of the request. */
  readonly now: number;
  readonly retentionDays: number;
}

const NO_PAGE = { path: '', title: '', referrer: '', viewportWidth: 0, viewportHeight: 0, loadTimeMs: 0 };
const NO_BROWSER = {
  userAgent: '',
  browser: '',
  browserVersion: '',
  os: '',
  deviceType: '',
  screenWidth: 0,
  screenHeight: 0,
};

/** The occurrence as BSON, as it waits in the spool; never larger than `ERROR_BYTES`. */
export function errorDocument(occurrence: Occurrence, facts: Facts): Uint8Array {
  const encoded = BSON.serialize(documentOf(occurrence, facts, false));
  return encoded.length <= ERROR_BYTES ? encoded : BSON.serialize(documentOf(occurrence, facts, true));
}

function documentOf(
  occurrence: Occurrence,
  { _id, appId, profileId, now, retentionDays }: Facts,
  tight: boolean,
): object {
  const bound = boundOccurrence(occurrence, { now, retentionDays }, tight);
  const { errorId, userComment, fingerprint, pageContext, browserContext, tags, flags, breadcrumbs, ...rest } = bound;
  const document: PendingError = {
    ...rest,
    _id,
    appId,
    profileId,
    errorId: errorId === '' ? _id.toHexString() : errorIdOf(errorId),
    receivedAt: new Date(now),
    userComment: userComment === '' ? null : userComment,
    clientFingerprint: fingerprint,
    pageContext: pageContext ?? NO_PAGE,
    browserContext: browserContext ?? NO_BROWSER,
    tags: asData(tags),
    breadcrumbs: breadcrumbs.map((breadcrumb) => ({ ...breadcrumb, data: asData(breadcrumb.data) })),
    ...(flags && { flags: asData(flags) }),
  };
  return document;
}
