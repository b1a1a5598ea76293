import { ObjectId } from 'mongodb';
import { type ErrorGroupDoc, UNTOUCHED } from '../../db/error-groups.js';
import { searchWords } from '../../domain/error-search.js';

/** A group as ingest stores it: one occurrence, of nobody, that nobody has looked at. */
export function groupOf(fields: Partial<ErrorGroupDoc> & Pick<ErrorGroupDoc, 'appId'>): ErrorGroupDoc {
  const _id = fields._id ?? new ObjectId();
  const firstSeen = fields.firstSeen ?? new Date();
  const lastSeen = fields.lastSeen ?? firstSeen;
  const texts = { title: 'TypeError', culprit: 'render (src/app.ts)', message: 'x is not a function' };
  return {
    _id,
    fingerprint: _id.toHexString(),
    ...texts,
    firstSeen,
    lastSeen,
    occurrenceCount: 1,
    affectedProfiles: 0,
    status: 'new',
    assignee: null,
    comments: [],
    severity: 'error',
    grouping: { version: 1, by: 'stack', components: ['TypeError', 'src/app.ts render'] },
    own: { count: fields.occurrenceCount ?? 1, firstSeen, lastSeen },
    ...UNTOUCHED,
    words: searchWords({ ...texts, ...fields }),
    ...fields,
  };
}
