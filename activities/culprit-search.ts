/** After so many sends that came to nothing, the rest of an app's documents is refused with the one at fault. */
const MOST_SENDS = 12;

/**
 * Finds what mongod refuses of documents that can each be stored once only, so that every send counts: what was taken
 * is stored, and is not sent again. Refusals name documents mostly; a command that is refused as a whole is halved.
 */
export function culpritSearch<T>(appOf: (item: T) => string) {
  let suspects: readonly T[] = [];
  let sends = 0;

  return {
    /** What to send next of what is not stored yet. */
    next(missing: readonly T[]): readonly T[] {
      const among = new Set(missing);
      suspects = suspects.filter((item) => among.has(item));
      if (suspects.length === 0) return missing;
      sends++;
      return suspects.slice(0, Math.ceil(suspects.length / 2));
    },

    /**
     * Which are at fault, as far as a refusal tells: none where it must be narrowed down first.
     * @param named indexes into `sent`; empty where the whole was refused
     */
    refused(sent: readonly T[], missing: readonly T[], named: readonly number[]): readonly T[] {
      if (named.length > 0) return named.flatMap((index) => sent[index] ?? []);
      const [only] = sent;
      if (only === undefined || sent.length > 1) {
        // App by app, so that it comes down to one of them first.
        suspects = sent.toSorted((a, b) => (appOf(a) < appOf(b) ? -1 : 1));
        return [];
      }
      suspects = [];
      if (sends < MOST_SENDS) return [only];
      sends = 0;
      return missing.filter((item) => appOf(item) === appOf(only));
    },
  };
}
