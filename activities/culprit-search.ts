/** After so many sends that came to nothing, the rest of an app's documents is refused with the one at fault. */
const MOST_SENDS = 12;

interface Document {
  readonly id: string;
}

/**
 * Finds what mongod refuses of documents that can each be stored once only, so that every send counts: what was taken
 * is stored, and is not sent again. Refusals name documents mostly; a command that is refused as a whole is halved.
 */
export function culpritSearch<T extends Document>(appOf: (item: T) => string) {
  /** Ids: a document is read anew for each send. */
  let suspects: readonly string[] = [];
  let sends = 0;

  return {
    /** What to send next of what is not stored yet. */
    next(missing: readonly T[]): readonly T[] {
      const byId = new Map(missing.map((item) => [item.id, item]));
      suspects = suspects.filter((id) => byId.has(id));
      if (suspects.length === 0) return missing;
      sends++;
      return suspects.slice(0, Math.ceil(suspects.length / 2)).flatMap((id) => byId.get(id) ?? []);
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
        suspects = sent.toSorted((a, b) => (appOf(a) < appOf(b) ? -1 : 1)).map(({ id }) => id);
        return [];
      }
      suspects = [];
      if (sends < MOST_SENDS) return [only];
      sends = 0;
      return missing.filter((item) => appOf(item) === appOf(only));
    },
  };
}
