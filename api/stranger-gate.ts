import { PlatformError } from '../domain/errors.js';
import type { KnownSecrets } from './known-secrets.js';

/** So many secrets that nobody has are looked up per second and process. */
const STRANGERS_PER_SECOND = 20;
/** The same while it is not known which secrets there are: good ones are among the strangers then. */
const STRANGERS_PER_SECOND_UNREAD = 500;

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
  let second = 0;
  let strangers = 0;
  let underWay = 0;

  async function lookUpStranger<T>(find: () => Promise<T>, isNobodys: (found: T) => boolean): Promise<T> {
    const thisSecond = Math.floor(now() / 1000);
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
      if (isNobodys(found)) strangers += 1;
      return found;
    } finally {
      underWay -= 1;
    }
  }

  return {
    /**
     * Looks up a secret by its hash.
     * @throws RATE_LIMITED without looking it up, while there is a flood and this one is not known
     */
    async lookUp<T>(hash: string, find: () => Promise<T>, isNobodys: (found: T) => boolean): Promise<T> {
      if (secrets.has(hash)) return find();
      const found = await lookUpStranger(find, isNobodys);
      // Whatever the feed has missed is known from its first use on.
      if (!isNobodys(found)) secrets.add(hash);
      return found;
    },
  };
}
