import { hash } from 'node:crypto';
import type { Batch } from '../../db/batch.js';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { isObject, type Json } from '../../domain/loose.js';
import { clockOf } from '../../domain/sentry/clock.js';
import type { Envelope, EnvelopeItem } from '../../domain/sentry/envelope.js';
import { eventId, sentryOccurrence } from '../../domain/sentry/event.js';
import {
  sentryClientReport,
  sentryFeedback,
  sentrySession,
  sentrySessions,
  sessionsIn,
  sentryUserReport,
} from '../../domain/sentry/statements.js';
import type { App } from '../../db/apps.js';
import type { UsageCategory } from '../../db/usage.js';
import { batchBuilder } from './batch-builder.js';
import { asText, parseJson } from './json-body.js';
import type { People } from './people.js';
import { type Breather, breather } from './turns.js';

interface Facts {
  readonly app: App;
  readonly people: People;
  readonly now: number;
  /** The quotas of the app that are used up for today. */
  readonly exhausted: Pick<ReadonlySet<SentryQuota>, 'has'>;
  /** Of this request and no other. */
  readonly arrival: string;
}

interface EnvelopeBatch {
  readonly batch: Batch;
  /** Of the envelope, or the event in it. */
  readonly eventId: string;
  /** Items that were not taken, since their quota is used up. */
  readonly overQuota: number;
}

/** Types of item that have a daily quota, and as what each is counted. */
const QUOTA_OF: ReadonlyMap<string, SentryQuota> = new Map<string, SentryQuota>([
  ['event', 'errors'],
  ['feedback', 'feedback'],
  ['user_report', 'feedback'],
  ['session', 'sessions'],
  ['sessions', 'sessions'],
]);

/** The same as Sentry's SDKs call it. */
export const SENTRY_CATEGORY = {
  errors: 'error',
  feedback: 'feedback',
  sessions: 'session',
} as const satisfies Partial<Readonly<Record<UsageCategory, string>>>;
export type SentryQuota = keyof typeof SENTRY_CATEGORY;

/** The quotas that an envelope is counted against. */
export const quotasIn = ({ items }: Envelope): ReadonlySet<SentryQuota> =>
  new Set(items.flatMap(({ type }) => QUOTA_OF.get(type) ?? []));

async function json({ payload }: EnvelopeItem, breathe: Breather): Promise<Json | undefined> {
  try {
    const value = await parseJson(asText(payload), breathe);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof PlatformError) return undefined;
    throw error;
  }
}

const contentOf = ({ payload }: EnvelopeItem): string => hash('sha256', payload, 'hex').slice(0, 32);

/** What an envelope holds, item by item. What makes no sense is left out: its sender would never learn of a refusal. */
export async function envelopeBatch(envelope: Envelope, facts: Facts): Promise<EnvelopeBatch> {
  const { app, people, now, exhausted, arrival } = facts;
  const { header, items, kept } = envelope;
  const breathe = breather();
  const builder = batchBuilder({ app, people, now, breathe });
  const clock = clockOf(header['sent_at'], now);
  let id = eventId(header['event_id']);
  let overQuota = 0;
  let counts = false;
  let sessionsLeft: number = LIMITS.batchItems;

  const pause = async (): Promise<void> => {
    const rest = breathe();
    if (rest !== undefined) await rest;
  };

  for (const item of items) {
    await pause();
    const value = await json(item, breathe);
    if (value === undefined) continue;
    const quota = QUOTA_OF.get(item.type);
    if (quota !== undefined && exhausted.has(quota)) {
      overQuota += 1;
      const isCount = item.type === 'sessions';
      const count = isCount ? sentrySessions(value, clock).reduce((sum, each) => sum + sessionsIn(each), 0) : 1;
      builder.drop('quota', 'quota', SENTRY_CATEGORY[quota], count);
      continue;
    }
    switch (item.type) {
      case 'event': {
        const occurrence = sentryOccurrence(value, header, clock);
        // By its own bytes, in which no clock was corrected.
        const errorId = occurrence.errorId || contentOf(item);
        id ||= errorId;
        await pause();
        await builder.error('items', item.index, { ...occurrence, errorId });
        break;
      }
      case 'feedback': {
        const statement = sentryFeedback(value, clock);
        if (statement) builder.feedback(eventId(value['event_id']) || contentOf(item), statement);
        break;
      }
      case 'user_report': {
        const statement = sentryUserReport(value);
        if (statement) builder.feedback(contentOf(item), statement);
        break;
      }
      case 'session': {
        const statement = sentrySession(value, clock);
        // A session is stated again whenever its status changes.
        if (statement) builder.session(`${statement.sid}/${statement.status}/${statement.profileId}`, statement);
        break;
      }
      case 'sessions':
        counts = true;
        for (const [place, statement] of sentrySessions(value, clock).entries()) {
          if (sessionsLeft === 0) builder.drop('quota', 'sessions_per_request', 'session', sessionsIn(statement));
          else {
            sessionsLeft -= 1;
            builder.session(`${arrival}/${String(item.index)}/${String(place)}`, statement);
          }
        }
        break;
      case 'client_report':
        counts = true;
        for (const { reason, category, count } of sentryClientReport(value))
          builder.drop('client', reason, category, count);
        break;
    }
  }
  // Two processes that count the same say so in the same bytes, and no SDK sends a count twice: each is a request of
  // its own. All else is known by its id, and a repeated request by its content.
  const idempotencyKey = counts || overQuota > 0 ? arrival : undefined;
  return {
    eventId: id,
    overQuota,
    batch: builder.finish({ kind: 'sentry', format: 'envelope', idempotencyKey, body: kept }),
  };
}
