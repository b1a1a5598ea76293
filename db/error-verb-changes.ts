import { ObjectId } from 'mongodb';
import type { ErrorVerb, IgnoreRequest } from '../domain/error-verb.js';
import type { ErrorGroupDoc, IgnoreDoc, ResolutionDoc } from './error-groups.js';

/** What a verb writes into its group, and what the timeline says of it. Merging is not among them. */
export interface GroupChange {
  readonly set: Partial<ErrorGroupDoc>;
  readonly comment?: ErrorGroupDoc['comments'][number];
  readonly facts: Readonly<Record<string, unknown>>;
}

interface Circumstances {
  readonly group: ErrorGroupDoc;
  readonly actor: ObjectId;
  readonly now: Date;
  /** The highest declared release, for what is resolved in the next one. */
  readonly latestRelease: () => Promise<string | null>;
}

/** Nothing of an earlier decision outlives the next one. */
const UNDECIDED = { resolution: null, ignore: null, verifiedAt: null } as const;

/** Undefined where all is as it should be. */
export async function changeOf(
  verb: Exclude<ErrorVerb, { readonly name: 'merge' | 'unmerge' }>,
  { group, actor, now, latestRelease }: Circumstances,
): Promise<GroupChange | undefined> {
  const from = group.status;
  switch (verb.name) {
    case 'assign': {
      const assignee = verb.assignee === null ? null : ObjectId.createFromHexString(verb.assignee);
      const before = group.assignee;
      if (assignee === null ? before === null : before?.equals(assignee)) return undefined;
      return { set: { assignee }, facts: { from: before, to: assignee } };
    }
    case 'comment':
      return { set: {}, comment: { authorId: actor, text: verb.text, createdAt: now }, facts: { text: verb.text } };
    case 'investigate':
      return { set: { ...UNDECIDED, status: 'investigating' }, facts: { from, to: 'investigating' } };
    case 'reopen':
      return { set: { ...UNDECIDED, status: 'new' }, facts: { from, to: 'new' } };
    case 'resolve': {
      const kind = verb.in;
      const release = verb.in === 'release' ? verb.release : kind === 'next_release' ? await latestRelease() : null;
      const resolution: ResolutionDoc = { kind, release, at: now, by: actor };
      return { set: { ...UNDECIDED, status: 'resolved', resolution }, facts: { from, to: 'resolved', kind, release } };
    }
    case 'ignore': {
      const ignore = ignoreRule(verb, group);
      return { set: { ...UNDECIDED, status: 'ignored', ignore }, facts: { from, to: 'ignored', ignore } };
    }
  }
}

/** "N more" becomes the count at which it ends, so that whoever counts can judge it. */
const ignoreRule = ({ untilMs, occurrences, profiles, window }: IgnoreRequest, group: ErrorGroupDoc): IgnoreDoc => ({
  until: untilMs === undefined ? null : new Date(untilMs),
  occurrences: occurrences === undefined ? null : group.occurrenceCount + occurrences,
  profiles: profiles === undefined ? null : group.affectedProfiles + profiles,
  window: window === undefined ? null : { count: window.count, minutes: window.minutes },
});
