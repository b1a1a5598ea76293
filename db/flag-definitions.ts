import type { Db, MongoClient, ObjectId } from 'mongodb';
import type { Definitions, Flag } from '../domain/flag.js';
import { flagStates } from './flag-states.js';
import { type FlagDoc, flagsSpec } from './flags.js';
import { type SegmentDoc, segmentsSpec } from './segments.js';

/** What decides an answer; whose it is and what people say of it does not. */
const EVALUATED = { description: 0, owner: 0, tags: 0, valueSchema: 0, createdBy: 0 } as const;

/** The flag as it is evaluated; a document of the seed's plain shape has what it lacks by default. */
export const flagOf = (doc: Omit<FlagDoc, keyof typeof EVALUATED>): Flag => ({
  key: doc.key,
  type: doc.type,
  defaultValue: doc.defaultValue,
  enabled: doc.enabled && (doc.killedAt ?? null) === null,
  rules: doc.rules,
  prerequisites: doc.prerequisites ?? [],
  version: doc.version ?? 1,
});

interface FlagExport {
  readonly version: number;
  readonly flags: readonly FlagDoc[];
  readonly segments: readonly SegmentDoc[];
}

/** An app's flags and segments as they are evaluated. */
export function flagDefinitions(client: MongoClient, db: Db) {
  const states = flagStates(db);
  const flags = db.collection<FlagDoc>(flagsSpec.name);
  const segments = db.collection<SegmentDoc>(segmentsSpec.name);

  return {
    /** The same as they are stored, to be given out. */
    export: (appId: ObjectId): Promise<FlagExport> =>
      client.withSession({ snapshot: true }, async (session) => ({
        version: (await states.find(appId, session))?.version ?? 0,
        flags: await flags.find({ appId, archivedAt: null }, { session }).sort({ key: 1 }).toArray(),
        segments: await segments.find({ appId }, { session }).sort({ key: 1 }).toArray(),
      })),

    /** All of one version: read at one point in time. An app that never had a flag is at version 0. */
    read: (appId: ObjectId): Promise<Definitions> =>
      client.withSession({ snapshot: true }, async (session) => {
        const state = await states.find(appId, session);
        const found = await flags
          .find({ appId, archivedAt: null }, { session, projection: EVALUATED })
          .sort({ key: 1 })
          .toArray();
        const named = await segments
          .find({ appId }, { session, projection: { key: 1, clauses: 1 } })
          .sort({ key: 1 })
          .toArray();
        return {
          version: state?.version ?? 0,
          flags: found.map(flagOf),
          segments: named.map(({ key, clauses }) => ({ key, clauses })),
        };
      }),
  };
}

export type FlagDefinitions = ReturnType<typeof flagDefinitions>;
