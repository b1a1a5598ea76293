import type { ProfileRef } from '../../db/flag-set-reads.js';
import { patiently } from '../patience.js';

interface Waiting<T> {
  readonly resolve: (found: T | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch<T> {
  readonly asked: Map<string, ProfileRef>;
  readonly waiting: Map<string, Waiting<T>[]>;
}

/** Two are enough to keep the database busy while an answer is on its way. */
const MOST_UNDER_WAY = 2;
const MOST_IN_BATCH = 100;

const nameOf = ({ appId, profileId }: ProfileRef): string => appId.toHexString() + profileId.toHexString();

/**
 * One look-up each, asked together with those of other requests that come while others are under way: a database
 * answers a hundred in little more time than one. A look-up alone is sent at once. What is answered was read after it
 * was asked for.
 */
export function batchedReads<T extends ProfileRef>(read: (asked: readonly ProfileRef[]) => Promise<readonly T[]>) {
  let next: Batch<T> | undefined;
  const full: Batch<T>[] = [];
  let underWay = 0;

  function send(): void {
    while (underWay < MOST_UNDER_WAY) {
      const batch = full.shift() ?? next;
      if (batch === undefined) return;
      if (batch === next) next = undefined;
      underWay += 1;
      void answer(batch).finally(() => {
        underWay -= 1;
        send();
      });
    }
  }

  async function answer({ asked, waiting }: Batch<T>): Promise<void> {
    try {
      const found = new Map((await patiently(read([...asked.values()]))).map((each) => [nameOf(each), each]));
      for (const [name, all] of waiting) for (const { resolve } of all) resolve(found.get(name));
    } catch (error) {
      for (const all of waiting.values()) for (const { reject } of all) reject(error);
    }
  }

  return (ref: ProfileRef): Promise<T | undefined> =>
    new Promise((resolve, reject) => {
      next ??= { asked: new Map(), waiting: new Map() };
      const name = nameOf(ref);
      const same = next.waiting.get(name);
      if (same === undefined) {
        next.asked.set(name, ref);
        next.waiting.set(name, [{ resolve, reject }]);
      } else same.push({ resolve, reject });
      if (next.asked.size >= MOST_IN_BATCH) {
        full.push(next);
        next = undefined;
      }
      send();
    });
}
