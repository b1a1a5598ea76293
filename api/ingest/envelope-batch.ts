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
import { batchBuilder } from './batch-builder.js';
import { asText, parseJson } from './json-body.js';
import type { People } from './people.js';
import { type Breather, breather } from './turns.js';

interface Facts {
  readonly app: App;
  readonly people: People;
  readonly now: number;
  /** Whether the app's errors of today are used up. */
  readonly exhausted: boolean;
  /** Of this request and no other. */
  readonly arrival: string;
}

interface EnvelopeBatch {
  readonly batch: Batch;
  /** Of the envelope, or the event in it. */
  readonly eventId: string;
  /** Errors that were not taken, since the quota is used up. */
  readonly overQuota: number;
}

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
    switch (item.type) {
      case 'event': {
        if (exhausted) {
          overQuota += 1;
          break;
        }
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
  if (overQuota > 0) {
    counts = true;
    builder.drop('quota', 'quota', 'error', overQuota);
  }
  // Two processes that count the same say so in the same bytes, and no SDK sends a count twice: each is a request of
  // its own. All else is known by its id, and a repeated request by its content.
  const idempotencyKey = counts ? arrival : undefined;
  return {
    eventId: id,
    overQuota,
    batch: builder.finish({ kind: 'sentry', format: 'envelope', idempotencyKey, body: kept }),
  };
}
