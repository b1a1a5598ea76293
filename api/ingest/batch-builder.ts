import { BSON, ObjectId } from 'mongodb';
import type { App } from '../../db/apps.js';
import type { Batch, BatchItem, Rejection } from '../../db/batch.js';
import type { EventDoc } from '../../db/events.js';
import type { HeatmapDoc } from '../../db/heatmap-events.js';
import { asData } from '../../db/bson-documents.js';
import type { DropWrite } from '../../db/drops.js';
import { batchKey, bodyHash, itemKey, NOBODY } from '../../db/ids.js';
import type { ProfileTouch } from '../../db/profiles.js';
import { utcDay } from '../../domain/app.js';
import { eventFault, type EventExtras, eventTypeOf, type TrackEvent } from '../../domain/event.js';
import { PlatformError } from '../../domain/errors.js';
import { type HeatmapEvent, heatmapFault } from '../../domain/heatmap-event.js';
import { errorContent, eventContent, externalIdOf, heatmapContent } from '../../domain/identity.js';
import { cutText, type Fault, LIMITS } from '../../domain/limits.js';
import type { Occurrence } from '../../domain/occurrence.js';
import { weightOf } from '../../domain/properties.js';
import { rollupCounter } from '../../domain/rollup.js';
import type { FeedbackStatement, SessionStatement } from '../../domain/statement.js';
import { errorDocument } from './error-document.js';
import { errorRules } from './error-rules.js';
import type { People } from './people.js';
import { feedbackWrite, sessionWrite } from './statement-write.js';
import { type Breather, breather, steadily } from './turns.js';

/** What a statement about a profile weighs in the spool beside its texts, about. */
const STATEMENT_BYTES = 160;

export interface RequestFacts {
  readonly kind: string;
  readonly format: string;
  readonly idempotencyKey: string | undefined;
  /** As inflated. */
  readonly body: Uint8Array;
}

const MOST_DROPS = 100;
const MOST_DROPPED = 1_000_000;
const DROP_TEXT = 100;

interface Deps {
  readonly app: App;
  readonly people: People;
  /** Epoch ms of the request. */
  readonly now: number;
  readonly breathe?: Breather;
}

interface Identify {
  readonly id: string;
  readonly externalId: string;
  /** That the id is somebody's, for good. */
  readonly identifies: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly timestampMs: number;
}

interface Alias {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly timestampMs: number;
  /** Whether nobody vouches for `from`: then it is joined only if it is not somebody's. */
  readonly isFromUnproved: boolean;
}

/**
 * Judges the items of one request and finishes the good ones: each gets its key and the bytes that will be stored.
 * `list` and `index` say where the client finds an item that is refused.
 */
export function batchBuilder({ app, people, now, breathe = breather() }: Deps) {
  const appHex = app.id.toHexString();
  const receivedAt = new Date(now);
  const { eventRetentionDays, heatmapRetentionDays } = app.config;
  const forEvents = { appId: app.appId, now, retentionDays: eventRetentionDays };
  const forHeatmap = { appId: app.appId, now, retentionDays: heatmapRetentionDays };
  const items: BatchItem[] = [];
  const rejected: Rejection[] = [];
  const touches = new Map<string, ProfileTouch>();
  const occurrences = new Map<string, number>();
  const drops = new Map<string, DropWrite>();
  const counter = rollupCounter();
  let bytes = 0;

  const reject = (list: string, index: number, { code, field }: Fault): void => {
    rejected.push({ list, index, code, field });
  };

  /** Two equal items without an id in one batch are two; a resend gives them the same numbers again. */
  const contentId = (content: string): string => {
    const occurrence = occurrences.get(content) ?? 0;
    occurrences.set(content, occurrence + 1);
    return `${content}#${String(occurrence)}`;
  };

  const profileBy = (externalId: string, day: number, at: Date): ObjectId => {
    const person = people.find(app.id, appHex, externalId);
    if (person.touchedDay !== day && !touches.has(externalId)) {
      touches.set(externalId, { appId: app.id, profileId: person.profileId, externalId, at });
      bytes += Buffer.byteLength(externalId) + STATEMENT_BYTES;
    }
    return person.profileId;
  };

  /** A statement about a profile from a clock that runs far ahead must not outweigh all later ones. */
  const statedAt = (timestampMs: number): Date =>
    new Date(timestampMs > 0 && timestampMs <= now + LIMITS.aheadMs ? timestampMs : now);

  const drop = (by: DropWrite['by'], reason: string, category: string, count: number): void => {
    if (!Number.isSafeInteger(count) || count <= 0) return;
    const dropped = { reason: cutText(reason, DROP_TEXT), category: cutText(category, DROP_TEXT) };
    const key = JSON.stringify([by, dropped]);
    const before = drops.get(key);
    if (before === undefined && drops.size >= MOST_DROPS) return;
    if (before === undefined) bytes += STATEMENT_BYTES;
    const all = Math.min(count + (before?.count ?? 0), MOST_DROPPED);
    drops.set(key, { type: 'drop', appId: app.id, by, ...dropped, count: all, at: receivedAt });
  };

  const storedId = (key: string): ObjectId => new ObjectId(Buffer.from(key.slice(4), 'latin1'));

  return {
    reject,

    event(list: string, index: number, event: TrackEvent, extras: EventExtras = {}): void {
      const fault = eventFault(event, forEvents);
      if (fault) {
        reject(list, index, fault);
        return;
      }
      const { timestampMs } = event;
      const key = itemKey(appHex, 'events', event.eventId || contentId(eventContent(event)), timestampMs);
      const _id = storedId(key);
      const timestamp = new Date(timestampMs);
      const day = utcDay(timestampMs);
      const eventType = eventTypeOf(event.eventType);
      const eventName = extras.eventName ?? (eventType === event.eventType ? undefined : event.eventType);
      const document: EventDoc = {
        timestamp,
        meta: { appId: app.id, day },
        _id,
        eventId: event.eventId || _id.toHexString(),
        appId: app.id,
        profileId: profileBy(externalIdOf(event), day, timestamp),
        sessionId: event.sessionId,
        timestampMs,
        receivedAt,
        eventType,
        eventName,
        pageUrl: event.pageUrl,
        elementTid: event.elementTid,
        metadata: asData(event.metadata),
        measures: extras.measures && asData(extras.measures),
        pageContext: event.pageContext,
        elementContext: event.elementContext,
      };
      const encoded = BSON.serialize(document);
      if (encoded.length > LIMITS.eventBytes) {
        reject(list, index, { code: 'FIELD_TOO_LONG', field: 'event' });
        return;
      }
      bytes += encoded.length;
      const rollup = counter.add('events', timestampMs, eventType, eventName ?? '');
      items.push({ kind: 'events', key, bytes: encoded, rollup });
    },

    heatmap(list: string, index: number, point: HeatmapEvent): void {
      const fault = heatmapFault(point, forHeatmap);
      if (fault) {
        reject(list, index, fault);
        return;
      }
      const { timestampMs } = point;
      const key = itemKey(appHex, 'heatmap', contentId(heatmapContent(point)), timestampMs);
      const timestamp = new Date(timestampMs);
      const day = utcDay(timestampMs);
      const document: HeatmapDoc = {
        timestamp,
        meta: { appId: app.id, day },
        _id: storedId(key),
        appId: app.id,
        profileId: profileBy(externalIdOf(point), day, timestamp),
        sessionId: point.sessionId,
        pageUrl: point.pageUrl,
        timestampMs,
        receivedAt,
        x: point.x,
        y: point.y,
        viewportWidth: point.viewportWidth,
        viewportHeight: point.viewportHeight,
      };
      const encoded = BSON.serialize(document);
      bytes += encoded.length;
      items.push({ kind: 'heatmap', key, bytes: encoded, rollup: counter.add('heatmap', timestampMs, '', '') });
    },

    /** Nothing is refused for what it holds; one that an inbound filter drops is counted as dropped. */
    async error(list: string, index: number, occurrence: Occurrence, appId = ''): Promise<void> {
      if (appId !== '' && appId !== app.appId) {
        reject(list, index, { code: 'APP_MISMATCH', field: 'appId' });
        return;
      }
      const { filter, scrub } = errorRules(app.config.errors);
      const reason = filter(occurrence);
      if (reason !== undefined) {
        drop('filter', reason, 'error', 1);
        return;
      }
      const { errorId, profileId, sessionId } = occurrence;
      // By its id alone: the time of an error may be anything, and two of one id are one.
      const key = itemKey(appHex, 'errors', errorId || contentId(errorContent(occurrence)), 0);
      const someone = profileId !== '' || sessionId !== '';
      const encoded = errorDocument(await steadily(scrub(occurrence), breathe), {
        _id: storedId(key),
        appId: app.id,
        profileId: someone ? profileBy(shortId(externalIdOf(occurrence)), utcDay(now), receivedAt) : NOBODY,
        now,
        retentionDays: app.config.errors.retentionDays,
      });
      bytes += encoded.length;
      items.push({ kind: 'errors', key, bytes: encoded });
    },

    /** @param id what only this statement has: two of one id count once */
    session(id: string, statement: SessionStatement): void {
      bytes += STATEMENT_BYTES * 2;
      const externalId = statement.type === 'session' ? shortId(statement.profileId) : '';
      const profileId = externalId === '' ? null : people.find(app.id, appHex, externalId).profileId;
      const write = sessionWrite(statement, app.id, profileId, now);
      items.push({ kind: 'sessions', key: itemKey(appHex, 'sessions', id, 0), write });
    },

    feedback(id: string, statement: FeedbackStatement): void {
      const key = itemKey(appHex, 'feedback', id, 0);
      const externalId = shortId(statement.profileId);
      const profileId = externalId === '' ? NOBODY : profileBy(externalId, utcDay(now), receivedAt);
      const write = feedbackWrite(statement, { _id: storedId(key), appId: app.id, profileId }, now);
      bytes += BSON.calculateObjectSize(write.document);
      items.push({ kind: 'feedback', key, write });
    },

    drop,

    /** @param id what a resend repeats, so that the attributes are merged once */
    identify(list: string, index: number, statement: Identify): void {
      const { id, externalId, identifies, attributes, timestampMs } = statement;
      const size = BSON.calculateObjectSize(attributes);
      if (size > LIMITS.eventBytes) {
        reject(list, index, { code: 'FIELD_TOO_LONG', field: 'traits' });
        return;
      }
      bytes += size + weightOf(attributes) + Buffer.byteLength(externalId) + STATEMENT_BYTES;
      const { profileId } = people.find(app.id, appHex, externalId);
      const at = statedAt(timestampMs);
      const whom = { appId: app.id, profileId, externalId, ...(identifies && { identifies }) };
      const write = { type: 'identify', ...whom, attributes, at } as const;
      items.push({ kind: 'profiles', key: itemKey(appHex, 'profiles', id, timestampMs), write });
    },

    alias({ id, from, to, timestampMs, isFromUnproved }: Alias): void {
      bytes += STATEMENT_BYTES;
      const write = {
        type: 'alias',
        appId: app.id,
        from: people.find(app.id, appHex, from).profileId,
        // Flags are evaluated for it from now on, so its id must be known.
        to: profileBy(to, utcDay(now), receivedAt),
        at: statedAt(timestampMs),
        ...(isFromUnproved && { isFromUnproved }),
      } as const;
      items.push({ kind: 'profiles', key: itemKey(appHex, 'profiles', id, timestampMs), write });
    },

    /** @throws PlatformError BATCH_TOO_LARGE where it weighs more as documents than one flush can hold */
    finish({ kind, format, idempotencyKey, body }: RequestFacts): Batch {
      if (bytes > LIMITS.flushBytes)
        throw new PlatformError('BATCH_TOO_LARGE', 'the items take too much room when stored: send fewer at once');
      return {
        appId: app.id,
        appSlug: app.appId,
        key: batchKey(appHex, kind, idempotencyKey, body),
        ...(idempotencyKey !== undefined && { bodyHash: bodyHash(body) }),
        kind,
        format,
        items,
        rejected,
        touches: [...touches.values()],
        drops: [...drops.values()],
        bytes: Math.max(bytes, body.length),
      };
    },
  };
}

export type BatchBuilder = ReturnType<typeof batchBuilder>;

/** An id that is cut where it is too long, as one that nobody can compare with another is. */
const shortId = (id: string): string => cutText(id, LIMITS.mapValue);
