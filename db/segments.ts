import type { ClientSession, Db, ObjectId } from 'mongodb';
import type { FlagCondition, Segment } from '../domain/flag.js';
import type { CollectionSpec } from './collection.js';
import { conditionSchema } from './flags.js';
import { arrayOf, date, documentOf, number, objectId, string } from './json-schema.js';
import { DEFINITIONS_AT_ONCE, slices } from './slices.js';

/** A set of people that the rules of flags name by its key. */
export interface SegmentDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly key: string;
  readonly description: string;
  readonly clauses: Segment['clauses'];
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdBy: ObjectId;
}

export const segmentsSpec: CollectionSpec = {
  name: 'flag_segments',
  indexes: [{ key: { appId: 1, key: 1 }, name: 'once_per_app', unique: true }],
  jsonSchema: documentOf<SegmentDoc>({
    _id: objectId,
    appId: objectId,
    key: string,
    description: string,
    clauses: arrayOf(
      documentOf<{ readonly conditions: readonly FlagCondition[] }>({ conditions: arrayOf(conditionSchema) }),
    ),
    version: number,
    createdAt: date,
    updatedAt: date,
    createdBy: objectId,
  }),
};

export interface SegmentPage {
  readonly limit: number;
  /** Keys after this one. */
  readonly after?: string | undefined;
}

export function segments(db: Db) {
  const collection = db.collection<SegmentDoc>(segmentsSpec.name);

  return {
    async find(appId: ObjectId, key: string, session?: ClientSession): Promise<SegmentDoc | undefined> {
      return (await collection.findOne({ appId, key }, session === undefined ? {} : { session })) ?? undefined;
    },

    async findMany(session: ClientSession, appId: ObjectId, keys: readonly string[]): Promise<SegmentDoc[]> {
      const options = { session, batchSize: DEFINITIONS_AT_ONCE };
      return collection.find({ appId, key: { $in: [...keys] } }, options).toArray();
    },

    /** By key. */
    async page(appId: ObjectId, { limit, after }: SegmentPage): Promise<SegmentDoc[]> {
      const filter = after === undefined ? { appId } : { appId, key: { $gt: after } };
      return collection.find(filter).sort({ key: 1 }).limit(limit).toArray();
    },

    /** Of all of them. */
    async keys(session: ClientSession, appId: ObjectId): Promise<string[]> {
      const found = await collection.find({ appId }, { session, projection: { key: 1 } }).toArray();
      return found.map(({ key }) => key);
    },

    /** Each as it now is, new ones too. */
    async put(session: ClientSession, docs: readonly SegmentDoc[]): Promise<void> {
      for (const some of slices(docs, DEFINITIONS_AT_ONCE)) {
        const writes = some.map((doc) => ({
          replaceOne: { filter: { _id: doc._id }, replacement: doc, upsert: true },
        }));
        await collection.bulkWrite(writes, { session });
      }
    },

    async remove(session: ClientSession, id: ObjectId): Promise<void> {
      await collection.deleteOne({ _id: id }, { session });
    },
  };
}

export type Segments = ReturnType<typeof segments>;
