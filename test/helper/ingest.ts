import { randomUUID } from 'node:crypto';
import type { InjectOptions } from 'fastify';
import { type Db, type Document, type MongoClient, ObjectId } from 'mongodb';
import { pino } from 'pino';
import { batchDeps } from '../../activities/batch-deps.js';
import { batchActivities } from '../../activities/batches.js';
import { build } from '../../api/app.js';
import { registry } from '../../api/management.js';
import { hashSecret, newAppKey } from '../../api/secrets.js';
import type { AppKeyDoc } from '../../db/app-keys.js';
import type { App } from '../../db/apps.js';
import { newKeyDoc } from '../../db/key-changes.js';
import { lanes } from '../../db/lane.js';
import { applySchema } from '../../db/schema.js';
import type { FlushDoc } from '../../db/spool.js';
import type { AppConfig } from '../../domain/app.js';
import type { KeyKind } from '../../domain/key.js';
import type { Sparse, TrackEvent } from '../../proto/codec.js';
import { testDatabase } from './database.js';

export const SECRET_KEY = 'ingest-tests-'.repeat(4);

type Limits = Partial<
  Pick<
    Parameters<typeof build>[0],
    'spoolMaxBytes' | 'requestsPerSecondPerKey' | 'trustProxy' | 'metricsToken' | 'now' | 'log'
  >
>;

export interface Sender {
  readonly app: App;
  readonly key: string;
  readonly serverKey: string;
}

export interface Rejected {
  readonly list: string;
  readonly index: number;
  readonly code: string;
  readonly field: string;
}

/** What a JSON answer of the ingest routes may hold: an `IngestResponse`, a receipt or a problem. */
export interface AnswerBody {
  readonly success: boolean;
  readonly eventsAccepted: number;
  readonly eventsRejected: number;
  readonly batchId: string;
  readonly rejected: readonly Rejected[];
  readonly state: string;
  readonly accepted: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly expired: number;
  readonly refused: number;
  readonly receivedAt: string;
  readonly storedAt: string | null;
  readonly code: string;
  readonly detail: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly retryAfter: number;
  readonly raw: Buffer;
  /** Empty where the answer is no JSON. */
  readonly body: AnswerBody;
}

export interface Message {
  /** An object goes as JSON. */
  readonly body?: object | string | Buffer;
  /** Null: none. */
  readonly key?: string | null;
  /** Null: no content type. */
  readonly type?: string | null;
  readonly url?: string;
  readonly method?: 'GET' | 'POST' | 'OPTIONS';
  readonly headers?: Readonly<Record<string, string>>;
}

type Api = Awaited<ReturnType<typeof build>>;

/** An API process over somebody's database, without Temporal. */
export function ingestApi(client: MongoClient, db: Db, limits: Limits = {}): Promise<Api> {
  return build({
    client,
    db,
    temporal: () => undefined,
    log: pino({ level: 'silent' }),
    secretKey: SECRET_KEY,
    spoolMaxBytes: 1_000_000_000,
    requestsPerSecondPerKey: 100_000,
    ...limits,
  });
}

/** Sends one request, to `/v1/events` unless told otherwise. */
export async function ask(api: Api, message: Message): Promise<Answer> {
  const { body, key, type, url = '/v1/events', method = 'POST' } = message;
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
  const stated = type === undefined ? 'application/json' : type;
  const request: InjectOptions = {
    method,
    url,
    headers: {
      ...(typeof key === 'string' && { authorization: `Bearer ${key}` }),
      ...(stated !== null && body !== undefined && { 'content-type': stated }),
      ...message.headers,
    },
    ...(body !== undefined && { payload: isRaw ? body : Buffer.from(JSON.stringify(body)) }),
  };
  const { statusCode: status, headers, rawPayload: raw } = await api.inject(request);
  const isJson = String(headers['content-type']).includes('json');
  const parsed = (isJson ? JSON.parse(raw.toString()) : {}) as AnswerBody;
  return { status, headers, raw, body: parsed, retryAfter: Number(headers['retry-after'] ?? NaN) };
}

export type Ingest = Awaited<ReturnType<typeof ingest>>;

/** The ingest side over a database of its own, with an app named `shop` and the activity that stores its flushes. */
export async function ingest(purpose: string, limits: Limits = {}, config: Partial<AppConfig> = {}) {
  const { client, db, close } = await testDatabase(purpose);
  await applySchema(db);
  const nouns = registry({ client, db });
  const api = await ingestApi(client, db, limits);

  async function addKey(app: App, kind: KeyKind, extra: Partial<AppKeyDoc> = {}): Promise<string> {
    const key = newAppKey();
    const secret = { hash: hashSecret(key), prefix: key.slice(0, 8) };
    const doc = newKeyDoc({ appId: app.id, kind, name: 'Key', secret, createdAt: new Date() });
    await client.withSession((session) => nouns.appKeys.insert(session, { ...doc, ...extra }));
    return key;
  }

  async function register(appId: string, own: Partial<AppConfig> = {}): Promise<Sender> {
    const key = newAppKey();
    const { app } = await nouns.appChanges.register({
      actor: { kind: 'system', id: null, name: 'test' },
      ownerId: new ObjectId(),
      appId,
      name: appId,
      config: own,
      clientKey: { hash: hashSecret(key), prefix: key.slice(0, 8) },
    });
    return { app, key, serverKey: await addKey(app, 'server') };
  }

  const shop = await register('shop', config);
  let alerts = 0;
  const worker = batchActivities(batchDeps({ client, db, lanes: lanes(client, db), onAlerts: () => alerts++ }));
  const flushes = db.collection<FlushDoc>('ingest_spool');

  return {
    client,
    db,
    api,
    shop,
    register,
    addKey,
    flushes,
    /** As `ask`, with the key of `shop` unless told otherwise. */
    send: (message: Message): Promise<Answer> => ask(api, { key: shop.key, ...message }),

    /** How often the worker was told that there is something to tell people. */
    alerts: () => alerts,

    /** What the worker does with all that waits. */
    async storeAll(): Promise<void> {
      // As the worker reads: what is not on a majority yet is not acknowledged either.
      const acknowledged = flushes.find({ state: 'new' }, { readConcern: 'majority' });
      for (const { _id } of await acknowledged.sort({ _id: 1 }).toArray()) await worker.storeFlush({ flushId: _id });
    },

    /** What is stored of an app, in the order of time. */
    stored: (name: 'events' | 'heatmap_events', { app }: Sender = shop): Promise<Document[]> =>
      db.collection(name).find({ 'meta.appId': app.id }).sort({ timestampMs: 1, x: 1 }).toArray(),

    receipt: (batchId: string, key = shop.key): Promise<Answer> =>
      ask(api, { method: 'GET', url: `/v1/batches/${batchId}`, key }),

    async close() {
      await api.close();
      await close();
    },
  };
}

/** A valid event, new at each call. */
export const click = (fields: Sparse<TrackEvent> = {}): Sparse<TrackEvent> => ({
  eventId: randomUUID(),
  profileId: 'anna',
  sessionId: 'session-1',
  timestampMs: Date.now(),
  eventType: 'click',
  pageUrl: 'https://shop.example.com/',
  ...fields,
});

/** A valid heatmap point. Two calls in one millisecond give equal points. */
export const point = (fields: object = {}): object => ({
  profileId: 'anna',
  sessionId: 'session-1',
  pageUrl: 'https://shop.example.com/',
  timestampMs: Date.now(),
  x: 1,
  y: 2,
  viewportWidth: 800,
  viewportHeight: 600,
  ...fields,
});

/** The fields of a rejection, for comparing. */
export const rejection = (list: string, index: number, code: string, field: string): Rejected => ({
  list,
  index,
  code,
  field,
});
