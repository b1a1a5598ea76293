import type { Db, Document, ObjectId } from 'mongodb';
import { DEFAULT_APP_CONFIG, outerBoundSeconds } from '../domain/app.js';
import { type AppDoc, appRegistrationsSpec } from './apps.js';
import { errorRetention } from './error-retention.js';
import { eventsSpec, type SeriesMeta } from './events.js';
import { heatmapEventsSpec } from './heatmap-events.js';

/** The two time-series collections, by what their retention is called in an app's settings. */
const SERIES = {
  events: { collection: eventsSpec.name, setting: 'eventRetentionDays' },
  heatmapEvents: { collection: heatmapEventsSpec.name, setting: 'heatmapRetentionDays' },
} as const;

export type Series = keyof typeof SERIES;
export const SERIES_NAMES: readonly Series[] = ['events', 'heatmapEvents'];

/** An app and for how many days it keeps each series, and occurrences of errors. */
export interface AppRetention {
  readonly id: ObjectId;
  readonly appId: string;
  readonly days: Readonly<Record<Series | 'errors', number>>;
}

/** How often a bound is set again because what it depends on has moved meanwhile. */
const ROUNDS = 5;

/**
 * Two ends of one promise: each app's days are deleted by the sweep, and the collection's own TTL is the outer
 * bound, which must never be shorter than what the longest-keeping app wants.
 */
export function retention(db: Db) {
  const registrations = db.collection<AppDoc>(appRegistrationsSpec.name);

  /** Undefined where there is no such collection or it has no TTL, and so keeps all. */
  async function boundOf(series: Series): Promise<number | undefined> {
    const [info] = await db.listCollections({ name: SERIES[series].collection }, { nameOnly: false }).toArray();
    const options: Document = info !== undefined && 'options' in info ? (info.options ?? {}) : {};
    const bound: unknown = options['expireAfterSeconds'];
    return typeof bound === 'number' ? bound : undefined;
  }

  async function setBound(series: Series, expireAfterSeconds: number): Promise<void> {
    await db.command({ collMod: SERIES[series].collection, expireAfterSeconds });
  }

  async function longest(series: Series): Promise<number | undefined> {
    const field = `config.${SERIES[series].setting}` as const;
    const doc = await registrations
      .find()
      .sort({ [field]: -1 })
      .limit(1)
      .next();
    return doc?.config[SERIES[series].setting];
  }

  return {
    ...errorRetention(db),

    /** Before an app may keep longer. Never lowers. */
    async raiseBounds(days: Readonly<Record<Series, number>>): Promise<void> {
      for (const series of SERIES_NAMES) {
        const bound = await boundOf(series);
        const wanted = outerBoundSeconds(days[series]);
        if (bound !== undefined && bound < wanted) await setBound(series, wanted);
      }
    },

    /**
     * Makes the TTL what the longest-keeping app wants, up or down; answers with it, in days. Looks again after
     * each setting, since an app may have been given a longer retention in between.
     */
    async keepBound(series: Series): Promise<number | undefined> {
      for (let round = 0; round < ROUNDS; round += 1) {
        const days = await longest(series);
        const bound = await boundOf(series);
        if (days === undefined || bound === undefined || bound === outerBoundSeconds(days)) return days;
        await setBound(series, outerBoundSeconds(days));
      }
      throw new Error(`the retention of ${series} keeps changing`);
    },

    /** In the order of their ids, so that a retry goes the same way. */
    async apps(): Promise<AppRetention[]> {
      const docs = await registrations.find().sort({ _id: 1 }).toArray();
      return docs.map(({ _id, appId, config }) => ({
        id: _id,
        appId,
        days: {
          events: config.eventRetentionDays,
          heatmapEvents: config.heatmapRetentionDays,
          errors: (config.errors ?? DEFAULT_APP_CONFIG.errors).retentionDays,
        },
      }));
    },

    /** Some day of the app that is not kept, undefined when none is left. */
    async findDayBefore(series: Series, appId: ObjectId, firstKeptDay: number): Promise<number | undefined> {
      const filter = { 'meta.appId': appId, 'meta.day': { $lt: firstKeptDay } };
      const found = await db
        .collection<{ readonly meta: SeriesMeta }>(SERIES[series].collection)
        .findOne(filter, { projection: { meta: 1 } });
      return found?.meta.day;
    },

    /**
     * Deletes a whole day of an app and says how many documents went. Day by day, so that each command is short;
     * by `meta` alone, since MongoDB 6 deletes from time-series by nothing else. Idempotent.
     */
    async deleteDay(series: Series, appId: ObjectId, day: number): Promise<number> {
      const filter = { 'meta.appId': appId, 'meta.day': day };
      return (await db.collection(SERIES[series].collection).deleteMany(filter)).deletedCount;
    },
  };
}

export type Retention = ReturnType<typeof retention>;
