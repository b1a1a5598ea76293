import { firstObjects, type Json, listOf, lookup, objectOf, textOf, wholeOf } from '../loose.js';
import type { FeedbackStatement, SessionStatement, SessionStatus } from '../statement.js';
import type { Clock } from './clock.js';
import { eventId, personOf, tagsOf } from './event.js';

/** Something that a client did not send, and says so. */
export interface ReportedDrop {
  readonly reason: string;
  readonly category: string;
  readonly count: number;
}

const MOST_ENTRIES = 1_000;

const STATUS: ReadonlyMap<string, SessionStatus> = new Map<string, SessionStatus>([
  ['ok', 'ok'],
  ['exited', 'ok'],
  ['errored', 'errored'],
  // A page lives on after what nobody caught; its SDK says so, and never `crashed`.
  ['unhandled', 'errored'],
  ['abnormal', 'abnormal'],
  ['crashed', 'crashed'],
]);

/** One session by its id; undefined where it has none, or names no release that it could be counted for. */
export function sentrySession(session: Json, clock: Clock): (SessionStatement & { type: 'session' }) | undefined {
  const facts = sessionFacts(session, session['started'] ?? session['timestamp'], clock);
  const sid = textOf(session['sid']);
  const stated = STATUS.get(textOf(session['status'])) ?? 'ok';
  if (facts === undefined || sid === '') return undefined;
  const status = stated === 'ok' && wholeOf(session['errors']) > 0 ? 'errored' : stated;
  return { type: 'session', ...facts, sid, status, profileId: textOf(session['did']) };
}

/** Sessions that the client has counted itself, an entry for each minute they began in. */
export function sentrySessions(sessions: Json, clock: Clock): SessionStatement[] {
  const statements: SessionStatement[] = [];
  for (const entry of listOf(sessions['aggregates']).slice(0, MOST_ENTRIES)) {
    const aggregate = objectOf(entry);
    const facts = sessionFacts(sessions, aggregate['started'], clock);
    const count = (name: string): number => wholeOf(lookup(aggregate, name));
    const counts = {
      ok: count('exited'),
      errored: count('errored') + count('unhandled'),
      abnormal: count('abnormal'),
      crashed: count('crashed'),
    };
    const isEmpty = Object.values(counts).every((each) => each === 0);
    if (facts !== undefined && !isEmpty) statements.push({ type: 'sessions', ...facts, counts });
  }
  return statements;
}

/** How many sessions a statement tells of. */
export const sessionsIn = (statement: SessionStatement): number =>
  statement.type === 'session' ? 1 : Object.values(statement.counts).reduce((sum, count) => sum + count, 0);

function sessionFacts(session: Json, started: unknown, clock: Clock) {
  const attributes = objectOf(session['attrs']);
  const release = textOf(attributes['release']);
  if (release === '') return undefined;
  return { release, environment: textOf(attributes['environment']), startedMs: clock(started) };
}

/** Undefined where nothing was said. */
export function sentryFeedback(event: Json, clock: Clock): FeedbackStatement | undefined {
  const feedback = objectOf(objectOf(event['contexts'])['feedback']);
  const text = textOf(feedback['message']);
  if (text === '') return undefined;
  return {
    text,
    name: textOf(feedback['name']),
    email: textOf(feedback['contact_email']),
    pageUrl: textOf(feedback['url']) || textOf(objectOf(event['request'])['url']),
    associatedErrorId: eventId(feedback['associated_event_id']),
    tags: tagsOf(event),
    profileId: personOf(event['user']),
    timestampMs: clock(event['timestamp']),
  };
}

/** The older form, `user_report`. */
export function sentryUserReport(report: Json): FeedbackStatement | undefined {
  const text = textOf(report['comments']);
  if (text === '') return undefined;
  return {
    text,
    name: textOf(report['name']),
    email: textOf(report['email']),
    pageUrl: '',
    associatedErrorId: eventId(report['event_id']),
    tags: {},
    profileId: '',
    timestampMs: 0,
  };
}

const CATEGORIES = new Set(
  (
    'error default transaction span session attachment profile profile_chunk monitor feedback replay log_item log_byte ' +
    'trace_metric metric_bucket security internal'
  ).split(' '),
);

const REASONS = new Set(
  (
    'queue_overflow cache_overflow buffer_overflow ratelimit_backoff network_error sample_rate before_send ' +
    'event_processor send_error internal_sdk_error insufficient_data backpressure ignored invalid no_parent_span'
  ).split(' '),
);

/** Counted by name, and names that nobody knows under one: a client must not make up counters. */
export function sentryClientReport(report: Json): ReportedDrop[] {
  const counts = new Map<string, ReportedDrop>();
  for (const entry of firstObjects(report['discarded_events'], MOST_ENTRIES)) {
    const reason = known(REASONS, entry['reason']);
    const category = known(CATEGORIES, entry['category']);
    const key = `${reason}/${category}`;
    const count = Math.min(wholeOf(entry['quantity']), MOST_COUNT) + (counts.get(key)?.count ?? 0);
    if (count > 0) counts.set(key, { reason, category, count });
  }
  return [...counts.values()];
}

/** Of what one client can have dropped since its last report. */
const MOST_COUNT = 1_000_000;

const known = (names: ReadonlySet<string>, value: unknown): string => {
  const name = textOf(value);
  return names.has(name) ? name : 'other';
};
