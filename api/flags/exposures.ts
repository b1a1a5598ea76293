import { createHash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { App } from '../../db/apps.js';
import { utcDay } from '../../domain/app.js';
import { copied } from '../../domain/copied.js';
import { entryBytes } from '../../domain/entry-bytes.js';
import { EXPOSURE_EVENT } from '../../domain/exposure.js';
import { quietly } from '../../domain/guarded.js';
import { DAY_MS } from '../../domain/limits.js';
import { batchBuilder } from '../ingest/batch-builder.js';
import type { GroupCommit } from '../ingest/group-commit.js';
import type { People } from '../ingest/people.js';
import { type DailyQuota, KEPT } from '../ingest/quota.js';
import type { SpoolGate } from '../ingest/spool-gate.js';
import { keptKey } from '../kept-key.js';
import { CACHE_BYTES } from '../memory.js';

export interface Exposure {
  /** As the client gave it, after alias. */
  readonly profileId: string;
  readonly experimentId: string;
  readonly flagKey: string;
  readonly ruleId: string;
  /** The variant's key, or the value as JSON. */
  readonly answer: string;
  readonly bucket: number | undefined;
}

interface Deps {
  readonly commit: Pick<GroupCommit, 'submit'>;
  readonly people: People;
  readonly quota: Pick<DailyQuota, 'check' | 'add'>;
  readonly gate: Pick<SpoolGate, 'check'>;
  readonly log: { warn(facts: object, message: string): void };
  readonly now?: () => number;
}

interface Waiting extends Exposure {
  readonly app: App;
  readonly atMs: number;
  /** By which it is remembered. */
  readonly key: string;
}

const BATCH = 500;
const EVERY_MS = 250;
const VALUE_CHARACTERS = 300;

/**
 * Tells once per profile, experiment and day that a rule of the experiment decided an answer, by the way that all
 * events go. Never in an answer's way: what cannot be taken now is asked for again by the next answer.
 */
export function exposures({ commit, people, quota, gate, log, now = Date.now }: Deps) {
  /** Who was exposed today; whoever is forgotten too early is stored twice under one key, once. */
  const seen = new LRUCache<string, number>({
    maxSize: CACHE_BYTES.exposures,
    sizeCalculation: (_day, key) => entryBytes(key),
  });
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();

  async function sendOwn(app: App, own: readonly Waiting[]): Promise<void> {
    gate.check();
    await quota.check(app, () => KEPT.fromClientKeys);
    const builder = batchBuilder({ app, people, now: now() });
    own.forEach((each, index) => {
      builder.event('exposures', index, eventOf(app, each), { eventName: EXPOSURE_EVENT });
    });
    // Each event has its own key; the batch is nobody's resend.
    const facts = { kind: 'exposures', format: 'internal', idempotencyKey: randomUUID(), body: Buffer.alloc(0) };
    const batch = builder.finish(facts);
    const { accepted } = await commit.submit(batch);
    people.remember(batch.touches);
    quota.add(app, accepted);
  }

  async function send(exposed: readonly Waiting[]): Promise<void> {
    for (const [app, own] of byApp(exposed)) {
      await quietly(
        () => sendOwn(app, own),
        (err) => {
          for (const { key } of own) seen.delete(key);
          log.warn({ err, app: app.appId, exposures: own.length }, 'exposures not stored; the next answers try again');
        },
      );
    }
  }

  function flush(): void {
    timer = undefined;
    const taken = waiting.splice(0, BATCH);
    for (const each of taken) waitingBytes -= bytesOf(each);
    if (taken.length === 0) return;
    sending = sending.then(() => send(taken));
    if (waiting.length > 0) timer = setTimeout(flush, 0);
  }

  return {
    expose(app: App, exposure: Exposure): void {
      const atMs = now();
      const { profileId, experimentId } = exposure;
      const key = keptKey(`${app.id.toHexString()}/${experimentId}/${profileId}`);
      const day = utcDay(atMs);
      if (seen.get(key) === day) return;
      const each = { ...exposure, profileId: copied(profileId), app, atMs, key };
      const bytes = bytesOf(each);
      if (waitingBytes + bytes > CACHE_BYTES.exposuresWaiting) return;
      seen.set(key, day);
      waiting.push(each);
      waitingBytes += bytes;
      timer ??= setTimeout(flush, EVERY_MS);
    },

    /** Sends what waits; for a stop, before the spool is closed. */
    async drain(): Promise<void> {
      clearTimeout(timer);
      while (waiting.length > 0) flush();
      clearTimeout(timer);
      await sending;
    },

    bytes: (): number => seen.calculatedSize,
    waitingBytes: (): number => waitingBytes,
  };
}

export type Exposures = ReturnType<typeof exposures>;

const bytesOf = ({ profileId, answer }: Waiting): number => entryBytes(profileId, answer);

function byApp(exposed: readonly Waiting[]): Map<App, Waiting[]> {
  const apps = new Map<App, Waiting[]>();
  for (const each of exposed) {
    const own = apps.get(each.app);
    if (own === undefined) apps.set(each.app, [each]);
    else own.push(each);
  }
  return apps;
}

/**
 * The key of an event holds the hour of its time and its id, so "once a day" is a time and an id that are the same all
 * day; when it was is beside it.
 */
function eventOf(app: App, { profileId, experimentId, flagKey, ruleId, answer, bucket, atMs }: Waiting) {
  const day = utcDay(atMs);
  const digest = createHash('sha256')
    .update(JSON.stringify([experimentId, profileId, day]))
    .digest('hex');
  const cut = (text: string): string => text.slice(0, VALUE_CHARACTERS).toWellFormed();
  return {
    eventId: `exposure-${digest.slice(0, 32)}`,
    appId: app.appId,
    profileId,
    sessionId: '',
    timestampMs: day * DAY_MS,
    eventType: 'custom',
    pageUrl: '',
    elementTid: '',
    metadata: {
      experimentId: cut(experimentId),
      flagKey,
      ruleId: cut(ruleId),
      answer: cut(answer),
      at: new Date(atMs).toISOString(),
      ...(bucket !== undefined && { bucket: String(bucket) }),
    },
    pageContext: undefined,
    elementContext: undefined,
  };
}
