import { LRUCache } from 'lru-cache';
import type { Collection, ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import { DAY_MS } from '../domain/limits.js';
import type { ReleaseDoc } from './releases.js';

/** A client may invent releases without end; beyond so many, those that nobody declares are not noted. */
export const MOST_RELEASES = 10_000;
const MOST_APPS = 10_000;

/** How many releases clients may name that nobody has told of. */
export function newReleases(collection: Collection<ReleaseDoc>) {
  /** Day and bound at which an app had as many as it may: it has them until the day is over. */
  const fullAt = new LRUCache<string, string>({ max: MOST_APPS });

  return {
    /** Whether an app has as many as it may, of this UTC day or in all. */
    async areFull(appId: ObjectId, at: Date, mostADay: number): Promise<boolean> {
      const app = appId.toHexString();
      const day = utcDay(at.getTime());
      const bound = `${String(day)}/${String(mostADay)}`;
      if (fullAt.get(app) === bound) return true;
      const ofToday = {
        appId,
        firstSeen: { $gte: new Date(day * DAY_MS) },
        // By who holds a secret.
        declaredBy: { $nin: ['deploy', 'upload'] },
      } as const;
      const areFull =
        mostADay === 0 ||
        (await collection.countDocuments(ofToday, { limit: mostADay })) >= mostADay ||
        (await collection.countDocuments({ appId }, { limit: MOST_RELEASES })) >= MOST_RELEASES;
      if (areFull) fullAt.set(app, bound);
      return areFull;
    },
  };
}
