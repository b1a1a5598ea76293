import type { ClientSession, Db, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { FLAG_LIMITS } from '../domain/flag-limits.js';
import type { CollectionSpec } from './collection.js';
import { date, documentOf, nullable, number, objectId, optional, string } from './json-schema.js';

/** A pass that brings the sets of an app to a version, as it goes. */
export interface FlagPassDoc {
  readonly version: number;
  readonly profiles: number;
  readonly rewritten: number;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
}

/**
 * Where the definitions of an app stand: one document each. Every change of a flag or a segment adds one to `version`
 * in its own transaction, which orders the changes of different flags; every process follows it.
 */
export interface FlagStateDoc {
  /** The app's. */
  readonly _id: ObjectId;
  /** The slug, for people. */
  readonly app: string;
  readonly version: number;
  readonly changedAt: Date;
  /** All sets were brought to this version: those with a lower `v` that is not 0 are right for it as they are. */
  readonly computed: number;
  /** Of all flags that are not archived and all segments, as stored. */
  readonly definitionBytes?: number;
  readonly pass?: FlagPassDoc;
}

export const flagStatesSpec: CollectionSpec = {
  name: 'flag_states',
  indexes: [],
  jsonSchema: documentOf<FlagStateDoc>({
    _id: objectId,
    app: string,
    version: number,
    changedAt: date,
    computed: number,
    definitionBytes: optional(number),
    pass: optional(
      documentOf<FlagPassDoc>({
        version: number,
        profiles: number,
        rewritten: number,
        startedAt: date,
        endedAt: nullable(date),
      }),
    ),
  }),
};

/** What a process has to know of an app to tell whether what it has of it is the newest. */
export type FlagVersion = Pick<FlagStateDoc, '_id' | 'version' | 'computed'> & {
  readonly pass?: Pick<FlagPassDoc, 'version'>;
};

export function flagStates(db: Db) {
  const collection = db.collection<FlagStateDoc>(flagStatesSpec.name);

  return {
    async find(appId: ObjectId, session?: ClientSession): Promise<FlagStateDoc | undefined> {
      return (await collection.findOne({ _id: appId }, session === undefined ? {} : { session })) ?? undefined;
    },

    /** Of every app that has ever had a flag. */
    async versions(): Promise<FlagVersion[]> {
      return collection.find<FlagVersion>({}, { projection: { version: 1, computed: 1, 'pass.version': 1 } }).toArray();
    },

    /**
     * The version that this transaction makes. It comes first in each: two that change the same app's definitions meet
     * here, and one of them runs again after the other.
     */
    async next(session: ClientSession, appId: ObjectId, app: string, changedAt: Date): Promise<number> {
      const state = await collection.findOneAndUpdate(
        { _id: appId },
        { $inc: { version: 1 }, $set: { app, changedAt }, $setOnInsert: { computed: 0 } },
        { session, upsert: true, returnDocument: 'after', projection: { version: 1 } },
      );
      if (state === null) throw new Error('an upsert gave nothing back');
      return state.version;
    },

    /**
     * Counts what a change adds, or takes away.
     * @throws CONFLICT where that is too much for one app
     */
    async grow(session: ClientSession, appId: ObjectId, bytes: number): Promise<void> {
      const state = await collection.findOneAndUpdate(
        { _id: appId },
        { $inc: { definitionBytes: bytes } },
        { session, returnDocument: 'after', projection: { definitionBytes: 1 } },
      );
      if (bytes <= 0 || (state?.definitionBytes ?? 0) <= FLAG_LIMITS.definitionBytes) return;
      const most = `${String(FLAG_LIMITS.definitionBytes / 1024 / 1024)} MiB`;
      throw new PlatformError('CONFLICT', `the definitions of an app have at most ${most}; archive some flags`);
    },
  };
}

export type FlagStates = ReturnType<typeof flagStates>;
