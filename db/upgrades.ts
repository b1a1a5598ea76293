import { MongoServerError, type Db } from 'mongodb';

/**
 * A step from one version of the schema to the next. Each part may run again after a crash, and once more beside an
 * attempt that is still dying; so each is idempotent. Processes of the version before are still at work meanwhile: they
 * must be able to live with the result.
 */
export interface Upgrade {
  readonly version: number;
  readonly title: string;
  /** Before collections, validators and indexes become what the code says: for documents that would break them. */
  readonly before?: (db: Db) => Promise<void>;
  /** Afterwards: for what is now replaced, an old index for example. */
  readonly after?: (db: Db) => Promise<void>;
}

/** The version of a database that was made before there was any upgrade. */
export const FIRST_VERSION = 1;

/**
 * In order, without a gap, from version 2. Add one whenever a process of the version before must not start any more on
 * the new schema: it would put its own validators back.
 */
export const UPGRADES: readonly Upgrade[] = [
  { version: 2, title: 'Items that MongoDB refuses are set aside by themselves, and counted as dropped by the store' },
  { version: 3, title: 'Sessions and feedback have daily quotas' },
];

const INDEX_NOT_FOUND = 27;
const NAMESPACE_NOT_FOUND = 26;

/** For upgrades: a changed index has a new name, and this ends the old one. Idempotent. */
export async function dropIndex(db: Db, collection: string, name: string): Promise<void> {
  try {
    await db.collection(collection).dropIndex(name);
  } catch (error) {
    const gone =
      error instanceof MongoServerError && (error.code === INDEX_NOT_FOUND || error.code === NAMESPACE_NOT_FOUND);
    if (!gone) throw error;
  }
}
