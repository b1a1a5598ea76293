import { LRUCache } from 'lru-cache';
import type { ClientSession, ObjectId } from 'mongodb';
import { bsonDocuments, decoded } from '../db/bson-documents.js';
import type { EventDoc } from '../db/events.js';
import type { FlagRollouts, WatchedRollout } from '../db/flag-rollouts.js';
import { NOBODY } from '../db/ids.js';
import type { RolloutHit, RolloutProfiles } from '../db/rollout-profiles.js';
import type { RollupShare } from '../db/rollups.js';
import type { PreparedErrors } from './errors.js';

interface Deps {
  readonly flagRollouts: Pick<FlagRollouts, 'watched'>;
  readonly rolloutProfiles: Pick<RolloutProfiles, 'mark'>;
  readonly now: () => number;
}

/** Of flushes, what metrics are met by. */
interface StoredContent {
  readonly rollups: readonly RollupShare[];
  /** Documents as BSON, one after the other. */
  readonly events: Uint8Array;
  readonly prepared: readonly PreparedErrors[];
}

/** A rollout as far as storing has to know of it. */
interface Watched {
  readonly id: ObjectId;
  readonly windows: readonly number[];
  readonly errors: readonly number[];
  readonly events: ReadonlyMap<string, readonly number[]>;
}

/**
 * How old what is known of rollouts may be. What comes in so short a time after a step counts for the window before
 * it, in both arms alike.
 */
const TRUSTED_MS = 2_000;
const MOST_KNOWN_HITS = 200_000;
/** Of one flush; what is above it is left out in both arms alike. */
const MOST_HITS = 20_000;

/** Who met a metric of a guard, of what is being stored. Apps without one pay for a look into an empty map. */
export function rolloutMarks({ flagRollouts, rolloutProfiles, now }: Deps) {
  const known = new LRUCache<string, true>({ maxSize: MOST_KNOWN_HITS, sizeCalculation: () => 1 });
  let watched: ReadonlyMap<string, readonly Watched[]> = new Map();
  let readAt = -Infinity;
  let reading: Promise<void> | undefined;

  async function read(): Promise<void> {
    const byApp = new Map<string, Watched[]>();
    for (const doc of await flagRollouts.watched()) {
      const one = watchedOf(doc);
      if (one === undefined) continue;
      const app = doc.appId.toHexString();
      byApp.set(app, [...(byApp.get(app) ?? []), one]);
    }
    watched = byApp;
    readAt = now();
  }

  async function current(): Promise<ReadonlyMap<string, readonly Watched[]>> {
    if (now() - readAt > TRUSTED_MS) {
      reading ??= read().finally(() => (reading = undefined));
      await reading;
    }
    return watched;
  }

  return {
    /** Before the transaction. */
    async of({ rollups, events, prepared }: StoredContent): Promise<readonly RolloutHit[]> {
      const apps = await current();
      if (apps.size === 0) return [];
      const hits = new Map<string, RolloutHit>();
      const add = (one: Watched, metrics: readonly number[], profileId: ObjectId, at: Date): void => {
        if (profileId.equals(NOBODY) || hits.size >= MOST_HITS) return;
        const window = one.windows.findLastIndex((since) => since <= at.getTime());
        if (window < 0) return;
        for (const metric of metrics) {
          const hit = { rolloutId: one.id, window, metric, profileId, at };
          const key = keyOf(hit);
          if (!known.has(key) && !hits.has(key)) hits.set(key, hit);
        }
      };

      for (const { appId, errors } of prepared)
        for (const one of apps.get(appId.toHexString()) ?? [])
          for (const { error } of errors) add(one, one.errors, error.profileId, error.receivedAt);

      const isWatched = rollups.some(({ appId, eventType, eventName }) =>
        apps.get(appId.toHexString())?.some((one) => one.events.has(eventName || eventType)),
      );
      for (const document of isWatched ? bsonDocuments(events) : []) {
        const event = decoded(document) as EventDoc;
        for (const one of apps.get(event.appId.toHexString()) ?? [])
          add(one, one.events.get(event.eventName ?? event.eventType) ?? [], event.profileId, event.receivedAt);
      }
      return [...hits.values()];
    },

    /** Inside the last transaction of the flushes: none is lost, and one that comes again changes nothing. */
    store: (hits: readonly RolloutHit[], session: ClientSession): Promise<void> => rolloutProfiles.mark(hits, session),

    /** After that transaction, and never before. */
    committed(hits: readonly RolloutHit[]): void {
      for (const hit of hits) known.set(keyOf(hit), true);
    },
  };
}

export type RolloutMarks = ReturnType<typeof rolloutMarks>;

const keyOf = ({ rolloutId, window, metric, profileId }: RolloutHit): string =>
  `${rolloutId.toHexString()}${profileId.toHexString()}${String(metric)}/${String(window)}`;

/** One that cannot be read is left out: its own looks fail, and no other's. */
function watchedOf({ _id, plan, windows }: WatchedRollout): Watched | undefined {
  try {
    const metrics = plan.guard?.metrics ?? [];
    const events = new Map<string, number[]>();
    metrics.forEach((metric, index) => {
      if (metric.kind === 'event') events.set(metric.name, [...(events.get(metric.name) ?? []), index]);
    });
    return {
      id: _id,
      windows: windows.map(({ since }) => since.getTime()),
      errors: metrics.flatMap(({ kind }, index) => (kind === 'errors' ? [index] : [])),
      events,
    };
  } catch {
    return undefined;
  }
}
