import { LRUCache } from 'lru-cache';
import { PlatformError } from '../domain/errors.js';
import type { KnownSecrets } from './known-secrets.js';

/** So many secrets that nobody has are looked up per second and process. */
const STRANGERS_PER_SECOND = 20;
/** The same while it is not known which secrets there are: good ones are among the strangers then. */
const STRANGERS_PER_SECOND_UNREAD = 500;
/** For so long somebody stays a stranger without being looked up again. */
const REMEMBERED_MS = 2_000;
/** Some 200 bytes each, and no more than are looked up meanwhile. */
const MOST_REMEMBERED = (STRANGERS_PER_SECOND_UNREAD * REMEMBERED_MS) / 1_000;

interface Deps {
  readonly secrets: KnownSecrets;
  /** In ms. */
  readonly now: () => number;
}

/**
 * Bounds what a flood of invented keys or tokens can cost the database, without a limit on good ones: what is known to
 * be somebody's passes, and of the rest only what turns out to be nobody's counts, and what is still under way, since
 * it may.
 */
export function strangerGate({ secrets, now }: Deps) {
  const remembered = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  let second = 0;
  let strangers = 0;
  let underWay = 0;

  /** A clock that was set back makes strangers forgotten. */
  function isRemembered(hash: string, at: number): boolean {
    const since = remembered.get(hash);
    return since !== undefined && at >= since && at - since < REMEMBERED_MS;
  }

  async function lookUpStranger<T>(find: () => Promise<T | undefined>, at: number): Promise<T | undefined> {
    const thisSecond = Math.floor(at / 1_000);
    if (thisSecond !== second) {
      second = thisSecond;
      strangers = 0;
    }
    const most = secrets.isUpToDate() ? STRANGERS_PER_SECOND : STRANGERS_PER_SECOND_UNREAD;
    if (strangers + underWay >= most) {
      throw new PlatformError('RATE_LIMITED', 'too many unknown keys or tokens at once', { retryAfterSeconds: 1 });
    }
    underWay += 1;
    try {
      const found = await find();
      if (found === undefined) strangers += 1;
      return found;
    } finally {
      underWay -= 1;
    }
  }

  return {
    /**
     * What is found of a secret by its hash; undefined: nobody has it.
     * @throws RATE_LIMITED without looking it up, while there is a flood and this one is not known
     */
    async lookUp<T>(hash: string, find: () => Promise<T | undefined>): Promise<T | undefined> {
      const at = now();
      if (isRemembered(hash, at)) return undefined;
      const found = await (secrets.has(hash) ? find() : lookUpStranger(find, at));
      if (found === undefined) remembered.set(hash, at);
      // Whatever the feed has missed is known from its first use on.
      else secrets.add(hash);
      return found;
    },
  };
}
