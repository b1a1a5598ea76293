import type { Db, Filter, ObjectId } from 'mongodb';
import { type BlastRadius, EFFECTS, type Effect, type FlagImpact, type Transition } from '../domain/blast-radius.js';
import type { CollectionSpec } from './collection.js';
import { isDuplicateKey } from './duplicate-key.js';
import { arrayOf, boolean, date, documentOf, nullable, number, objectId, oneOf, string } from './json-schema.js';
import { type ProfileDoc, profilesSpec } from './profiles.js';

export const PREVIEW_STATES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type PreviewState = (typeof PREVIEW_STATES)[number];

/** What a change that nobody has made yet would do to all stored profiles. */
export interface FlagPreviewDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  /** What it is about: one of the two is null. */
  readonly flagKey: string | null;
  readonly segmentKey: string | null;
  /** A `FlagProposal` as JSON: keys of values may be anything. */
  readonly proposal: string;
  readonly requestedBy: ObjectId;
  readonly state: PreviewState;
  /** Of the definitions that it is compared with; null before it begins. */
  readonly baseVersion: number | null;
  /** All profiles up to this one are in `radius`. */
  readonly cursor: ObjectId | null;
  /** Profiles there are, about. */
  readonly total: number;
  readonly radius: BlastRadius;
  readonly failure: string | null;
  readonly createdAt: Date;
  /** When it was last known to go on. */
  readonly beatAt: Date;
  readonly endedAt: Date | null;
  readonly expiresAt: Date;
}

const counts = documentOf<Record<Effect, number>>({
  gains: number,
  loses: number,
  changesVariant: number,
  changesValue: number,
});

export const flagPreviewsSpec: CollectionSpec = {
  name: 'flag_previews',
  indexes: [
    { key: { appId: 1, _id: -1 }, name: 'by_app' },
    { key: { appId: 1 }, name: 'one_running', unique: true, partialFilterExpression: { state: 'running' } },
    { key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 },
  ],
  jsonSchema: documentOf<FlagPreviewDoc>({
    _id: objectId,
    appId: objectId,
    flagKey: nullable(string),
    segmentKey: nullable(string),
    proposal: string,
    requestedBy: objectId,
    state: oneOf(PREVIEW_STATES),
    baseVersion: nullable(number),
    cursor: nullable(objectId),
    total: number,
    radius: documentOf<BlastRadius>({
      profiles: number,
      affected: number,
      flags: arrayOf(
        documentOf<FlagImpact>({
          flagKey: string,
          counts,
          transitions: {
            bsonType: 'array',
            items: documentOf<Transition>({
              effect: oneOf(EFFECTS),
              from: nullable(string),
              to: nullable(string),
              count: number,
              samples: { bsonType: 'array', items: string },
            }),
          },
        }),
      ),
      isCut: boolean,
    }),
    failure: nullable(string),
    createdAt: date,
    beatAt: date,
    endedAt: nullable(date),
    expiresAt: date,
  }),
};

export interface PreviewStep {
  readonly cursor: ObjectId;
  readonly radius: BlastRadius;
}

export function flagPreviews(db: Db) {
  const collection = db.collection<FlagPreviewDoc>(flagPreviewsSpec.name);
  const profiles = db.collection<ProfileDoc>(profilesSpec.name);
  const running = (_id: ObjectId): Filter<FlagPreviewDoc> => ({ _id, state: 'running' });

  return {
    async insert(doc: FlagPreviewDoc): Promise<void> {
      await collection.insertOne(doc);
    },

    /** One that was never begun. */
    async remove(previewId: ObjectId): Promise<void> {
      await collection.deleteOne({ _id: previewId, state: 'queued' });
    },

    async find(previewId: ObjectId): Promise<FlagPreviewDoc | undefined> {
      return (await collection.findOne({ _id: previewId })) ?? undefined;
    },

    /** Newest first. */
    async page(appId: ObjectId, before: ObjectId | undefined, limit: number): Promise<FlagPreviewDoc[]> {
      const older = before === undefined ? {} : { _id: { $lt: before } };
      return collection
        .find({ appId, ...older }, { projection: { proposal: 0 } })
        .sort({ _id: -1 })
        .limit(limit)
        .toArray();
    },

    /** How many of an app wait or run. */
    async open(appId: ObjectId): Promise<number> {
      return collection.countDocuments({ appId, state: { $in: ['queued', 'running'] } });
    },

    /** Of one app one runs at a time, by a unique index. False: another one does. Idempotent. */
    async begin(previewId: ObjectId, now: Date): Promise<boolean> {
      try {
        const filter = { _id: previewId, state: { $in: ['queued', 'running'] } } satisfies Filter<FlagPreviewDoc>;
        const { matchedCount } = await collection.updateOne(filter, {
          $set: { state: 'running', beatAt: now },
        });
        return matchedCount === 1;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return false;
      }
    },

    /** Ends one of the app that nobody has moved on since then: whoever ran it is gone. */
    async failDead(appId: ObjectId, beforeBeat: Date, now: Date): Promise<void> {
      await collection.updateOne(
        { appId, state: 'running', beatAt: { $lt: beforeBeat } },
        { $set: { state: 'failed', failure: 'whoever ran it is gone', endedAt: now } },
      );
    },

    async countProfiles(appId: ObjectId): Promise<number> {
      return profiles.countDocuments({ appId });
    },

    /** From the first profile on, against these definitions. */
    async restart(previewId: ObjectId, baseVersion: number, total: number, radius: BlastRadius): Promise<void> {
      await collection.updateOne(running(previewId), { $set: { baseVersion, total, radius, cursor: null } });
    },

    /** Guarded by where it was, so that no range is counted twice. False: somebody else has gone on, or it was ended. */
    async advance(previewId: ObjectId, from: ObjectId | null, { cursor, radius }: PreviewStep, now: Date) {
      const filter = { ...running(previewId), cursor: from };
      const { matchedCount } = await collection.updateOne(filter, { $set: { cursor, radius, beatAt: now } });
      return matchedCount === 1;
    },

    /** Idempotent; what has ended stays as it is. */
    async end(previewId: ObjectId, state: 'done' | 'failed' | 'cancelled', failure: string | null, now: Date) {
      await collection.updateOne(
        { _id: previewId, state: { $in: ['queued', 'running'] } },
        { $set: { state, failure, endedAt: now } },
      );
    },
  };
}

export type FlagPreviews = ReturnType<typeof flagPreviews>;
