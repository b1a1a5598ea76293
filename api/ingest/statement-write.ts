import type { ObjectId } from 'mongodb';
import type { FeedbackDoc, FeedbackWrite } from '../../db/feedback.js';
import { errorIdOf } from '../../db/ids.js';
import type { SessionWrite } from '../../db/release-sessions.js';
import { NO_BROWSER } from '../../domain/contexts.js';
import { cutText, DAY_MS, LIMITS } from '../../domain/limits.js';
import type { FeedbackStatement, SessionStatement } from '../../domain/statement.js';

const NAME = 200;
const MOST_COUNTED = 1_000_000;

/** A session cannot have begun long ago or later than now. */
const began = (startedMs: number, now: number): Date =>
  new Date(startedMs > now - 7 * DAY_MS && startedMs <= now ? startedMs : now);

const counted = (count: number): number =>
  Number.isSafeInteger(count) && count > 0 ? Math.min(count, MOST_COUNTED) : 0;

/** @param profileId null where nobody is known */
export function sessionWrite(
  statement: SessionStatement,
  appId: ObjectId,
  profileId: ObjectId | null,
  now: number,
): SessionWrite {
  const facts = {
    appId,
    release: cutText(statement.release, NAME),
    environment: cutText(statement.environment, NAME),
    at: began(statement.startedMs, now),
  };
  if (statement.type === 'session') {
    return { ...facts, type: 'session', sid: cutText(statement.sid, NAME), status: statement.status, profileId };
  }
  const { ok, errored, abnormal, crashed } = statement.counts;
  const counts = { ok: counted(ok), errored: counted(errored), abnormal: counted(abnormal), crashed: counted(crashed) };
  return { ...facts, type: 'sessions', counts };
}

export function feedbackWrite(
  statement: FeedbackStatement,
  ids: Pick<FeedbackDoc, '_id' | 'appId' | 'profileId'>,
  now: number,
): FeedbackWrite {
  const at = new Date(now);
  const name = cutText(statement.name, NAME);
  const email = cutText(statement.email, NAME);
  const document: FeedbackDoc = {
    ...ids,
    type: 'bug',
    text: cutText(statement.text, LIMITS.text),
    screenshotUrl: null,
    pageUrl: cutText(statement.pageUrl, LIMITS.url),
    browserContext: NO_BROWSER,
    status: 'new',
    upvotes: 0,
    upvotedBy: [],
    tags: Object.entries(statement.tags)
      .slice(0, LIMITS.mapEntries)
      .map(([key, value]) => cutText(`${key}:${value}`, NAME)),
    thread: [],
    createdAt: at,
    updatedAt: at,
    ...(name !== '' && { authorName: name }),
    ...(email !== '' && { authorEmail: email }),
    ...(statement.associatedErrorId !== '' && { errorId: errorIdOf(statement.associatedErrorId) }),
  };
  return { type: 'feedback', document };
}
