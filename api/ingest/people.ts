import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import { profileIdOf } from '../../db/ids.js';
import type { ProfileTouch } from '../../db/profiles.js';
import { utcDay } from '../../domain/app.js';

interface Person {
  readonly profileId: ObjectId;
  /** UTC day for which this process has put a touch into an acknowledged flush. */
  touchedDay: number;
  /** Whether this process has put into an acknowledged flush that the id is somebody's. */
  isIdentified: boolean;
}

const MOST_PEOPLE = 100_000;

/** Who sent what, remembered: a profile costs one hash, and is touched once a day by each process. */
export function people() {
  const known = new LRUCache<string, Person>({ max: MOST_PEOPLE });

  const find = (appId: ObjectId, appHex: string, externalId: string): Person => {
    const key = `${appHex}/${externalId}`;
    let person = known.get(key);
    if (person === undefined) {
      person = { profileId: profileIdOf(appId, externalId), touchedDay: -1, isIdentified: false };
      known.set(key, person);
    }
    return person;
  };

  return {
    find,
    /** To be called once the touches are acknowledged: before that, another request must carry them too. */
    remember(touches: readonly ProfileTouch[]): void {
      for (const { appId, externalId, at } of touches) {
        find(appId, appId.toHexString(), externalId).touchedDay = utcDay(at.getTime());
      }
    },
  };
}

export type People = ReturnType<typeof people>;
