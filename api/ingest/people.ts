import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import { profileIdOf } from '../../db/ids.js';
import type { ProfileTouch } from '../../db/profiles.js';
import { utcDay } from '../../domain/app.js';
import { copied } from '../../domain/copied.js';
import { entryBytes } from '../../domain/entry-bytes.js';
import { CACHE_BYTES } from '../memory.js';

interface Person {
  readonly profileId: ObjectId;
  /** UTC day for which this process has put a touch into an acknowledged flush. */
  touchedDay: number;
  /** Whether this process has put into an acknowledged flush that the id is somebody's. */
  isIdentified: boolean;
}

/** A longer id costs a hash each time it is met; what it is hashed to stands for it here. */
const LONGEST_ID = 100;

/** Who sent what, remembered: a profile costs one hash, and is touched once a day by each process. */
export function people() {
  const known = new LRUCache<string, Person>({
    maxSize: CACHE_BYTES.people,
    sizeCalculation: (_person, key) => entryBytes(key),
  });

  const find = (appId: ObjectId, appHex: string, externalId: string): Person => {
    const hashed = externalId.length > LONGEST_ID ? profileIdOf(appId, externalId) : undefined;
    const key = hashed === undefined ? `${appHex}/${externalId}` : `${appHex}#${hashed.toHexString()}`;
    let person = known.get(key);
    if (person === undefined) {
      person = { profileId: hashed ?? profileIdOf(appId, externalId), touchedDay: -1, isIdentified: false };
      known.set(copied(key), person);
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
    bytes: (): number => known.calculatedSize,
  };
}

export type People = ReturnType<typeof people>;
