import { PlatformError } from '../domain/errors.js';

/** So many secrets that nobody has are looked up per second and process. */
const STRANGERS_PER_SECOND = 500;

/**
 * Bounds what a flood of invented keys or tokens can cost the database, without a limit on good ones: only what
 * turns out to be nobody's counts, and what is still under way, since it may. `now` in ms.
 */
export function strangerGate(now: () => number) {
  let second = 0;
  let strangers = 0;
  let underWay = 0;

  return {
    /**
     * Looks up a secret that was never seen to be good.
     * @throws RATE_LIMITED without looking it up, while there is a flood
     */
    async lookUp<T>(find: () => Promise<T>, isNobodys: (found: T) => boolean): Promise<T> {
      const thisSecond = Math.floor(now() / 1000);
      if (thisSecond !== second) {
        second = thisSecond;
        strangers = 0;
      }
      if (strangers + underWay >= STRANGERS_PER_SECOND) {
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
    },
  };
}
