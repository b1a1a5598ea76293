import { type ClientSession, type Db, ObjectId } from 'mongodb';
import type { Actor } from './audit.js';
import type { CollectionSpec } from './collection.js';
import { type FlagDoc, flagDefinitionFields } from './flags.js';
import { date, documentOf, nullable, number, objectId, oneOf, optional, string } from './json-schema.js';
import { DEFINITIONS_AT_ONCE, slices } from './slices.js';

/** A flag as it was from one change to the next. */
export interface FlagRevisionDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly flagKey: string;
  /** The flag's. */
  readonly version: number;
  /** The app's, which this change made; 0: from before there were versions. */
  readonly appVersion: number;
  readonly at: Date;
  readonly actor: Actor;
  /** What was done: `flag.changed`. */
  readonly action: string;
  readonly note?: string;
  readonly flag: FlagDefinition;
}

/** What counts of the flag; where it stood in the database may be there too. */
export type FlagDefinition = Omit<FlagDoc, '_id' | 'appId'>;

export type ListedRevision = Omit<FlagRevisionDoc, 'flag'>;

export const flagRevisionsSpec: CollectionSpec = {
  name: 'flag_revisions',
  indexes: [{ key: { appId: 1, flagKey: 1, version: 1 }, name: 'once_per_version', unique: true }],
  jsonSchema: documentOf<FlagRevisionDoc>({
    _id: objectId,
    appId: objectId,
    flagKey: string,
    version: number,
    appVersion: number,
    at: date,
    actor: documentOf<Actor>({ kind: oneOf(['member', 'system']), id: nullable(objectId), name: string }),
    action: string,
    note: optional(string),
    flag: documentOf<FlagDefinition>(flagDefinitionFields),
  }),
};

/** Append and read: what was is not changed. */
export function flagRevisions(db: Db) {
  const collection = db.collection<FlagRevisionDoc>(flagRevisionsSpec.name);

  return {
    /** Only within the transaction of the changes. */
    async append(session: ClientSession, docs: readonly Omit<FlagRevisionDoc, '_id'>[]): Promise<void> {
      for (const some of slices(docs, DEFINITIONS_AT_ONCE)) {
        const revisions = some.map((doc) => ({ _id: new ObjectId(), ...doc }));
        await collection.insertMany(revisions, { session });
      }
    },

    async find(
      appId: ObjectId,
      flagKey: string,
      version: number,
      session?: ClientSession,
    ): Promise<FlagRevisionDoc | undefined> {
      const options = session === undefined ? {} : { session };
      return (await collection.findOne({ appId, flagKey, version }, options)) ?? undefined;
    },

    /** Newest first, without the definitions, which may be large. */
    async page(appId: ObjectId, flagKey: string, { limit, before }: RevisionPage): Promise<ListedRevision[]> {
      const older = before === undefined ? {} : { version: { $lt: before } };
      return collection
        .find<ListedRevision>({ appId, flagKey, ...older }, { projection: { flag: 0 } })
        .sort({ version: -1 })
        .limit(limit)
        .toArray();
    },
  };
}

interface RevisionPage {
  readonly limit: number;
  /** Versions before this one. */
  readonly before?: number | undefined;
}

/** A change of one flag; `before` is undefined where it is new. */
export interface FlagStep {
  readonly action: string;
  readonly before: FlagDoc | undefined;
  readonly after: FlagDoc;
}

const FOUND: Actor = { kind: 'system', id: null, name: 'found as it was' };

/** One of what the flag is now; and before the first one, what it was while it had no versions. */
export function revisionsOf(
  { action, before, after }: FlagStep,
  { actor, note }: { readonly actor: Actor; readonly note?: string | undefined },
  appVersion: number,
): Omit<FlagRevisionDoc, '_id'>[] {
  const revision = (flag: FlagDoc) => {
    const { appId, key: flagKey, version = 1, updatedAt: at } = flag;
    return { appId, flagKey, version, at, flag };
  };
  const known = { ...revision(after), appVersion, actor, action, ...(note === undefined ? {} : { note }) };
  if (before === undefined || before.version !== undefined) return [known];
  return [{ ...revision(before), appVersion: 0, actor: FOUND, action: 'flag.found' }, known];
}

export type FlagRevisions = ReturnType<typeof flagRevisions>;
