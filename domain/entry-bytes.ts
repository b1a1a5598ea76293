/** Of an entry of an LRU cache beside its texts: what the cache notes of it, and a small object. */
const ENTRY_BYTES = 250;

/** What an entry of a cache takes in memory that holds these texts, as its key or in its value. */
export const entryBytes = (...texts: readonly string[]): number =>
  texts.reduce((bytes, text) => bytes + 2 * text.length, ENTRY_BYTES);
