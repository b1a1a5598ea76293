import { Binary, type ClientSession, type Db, type Filter, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { arrayOf, binary, date, documentOf, nullable, number, objectId, optional, string } from './json-schema.js';

/** A bundle that the map is for: of one release, at one path (`pathKey`). */
export interface MapMatch {
  readonly release: string;
  readonly path: string;
}

/** One map, and by what it is found: its debug id first, then release and path. Its bytes lie in chunks. */
export interface SourceMapDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly debugId: string | null;
  readonly matches: readonly MapMatch[];
  /** It was uploaded for, also where only its debug id finds it. */
  readonly releases: readonly string[];
  /** SHA-256 of the map as it was uploaded, hex. */
  readonly hash: string;
  readonly bytes: number;
  /** Compressed. */
  readonly storedBytes: number;
  readonly sources: number;
  readonly withContent: number;
  readonly names: number;
  readonly segments: number;
  readonly uploadedAt: Date;
  readonly uploadedBy: string;
}

export const sourceMapsSpec: CollectionSpec = {
  name: 'source_maps',
  // Partial by `$gt`, since a `$type` is not seen to hold for the value that is asked for.
  indexes: [
    {
      key: { appId: 1, debugId: 1 },
      name: 'once_per_debug_id',
      unique: true,
      partialFilterExpression: { debugId: { $gt: '' } },
    },
    {
      key: { appId: 1, 'matches.release': 1, 'matches.path': 1 },
      name: 'once_per_path',
      unique: true,
      partialFilterExpression: { 'matches.release': { $gt: '' } },
    },
    { key: { appId: 1, releases: 1, _id: -1 }, name: 'by_release' },
    { key: { appId: 1, hash: 1 }, name: 'by_hash' },
  ],
  jsonSchema: documentOf<SourceMapDoc>({
    _id: objectId,
    appId: objectId,
    debugId: nullable(string),
    matches: arrayOf(documentOf<MapMatch>({ release: string, path: string })),
    releases: arrayOf(string),
    hash: string,
    bytes: number,
    storedBytes: number,
    sources: number,
    withContent: number,
    names: number,
    segments: number,
    uploadedAt: date,
    uploadedBy: string,
  }),
};

/** A piece of a map's gzip: a map may be larger than a document. */
export interface SourceMapChunkDoc {
  /** `<hex of the map's _id>/<n>`. */
  readonly _id: string;
  readonly mapId: ObjectId;
  readonly n: number;
  readonly data: Binary;
  /** Until the upload is complete, and after the map was replaced; so that what a dead process left goes by itself. */
  readonly expiresAt?: Date;
}

export const sourceMapChunksSpec: CollectionSpec = {
  name: 'source_map_chunks',
  indexes: [
    { key: { mapId: 1, n: 1 }, name: 'by_map' },
    { key: { expiresAt: 1 }, name: 'expiry', expireAfterSeconds: 0 },
  ],
  jsonSchema: documentOf<SourceMapChunkDoc>({
    _id: string,
    mapId: objectId,
    n: number,
    data: binary,
    expiresAt: optional(date),
  }),
};

export interface SourceMapPage {
  readonly release?: string | undefined;
  readonly before?: ObjectId | undefined;
  readonly limit: number;
}

/** A map as frames need it: where it is, and what reading it costs. */
export type FoundMap = Pick<SourceMapDoc, '_id' | 'bytes' | 'storedBytes' | 'segments'>;
const FOUND = { bytes: 1, storedBytes: 1, segments: 1 } as const;

const CHUNK_BYTES = 4 * 1024 * 1024;
/** An upload takes less, and nobody who has found a map begins to read it after that. */
const LOOSE_MS = 60 * 60_000;
/** One map in very many releases, as libraries are; after so many a second copy is kept. */
const MOST_MATCHES = 200;

export function sourceMaps(db: Db) {
  const collection = db.collection<SourceMapDoc>(sourceMapsSpec.name);
  const chunks = db.collection<SourceMapChunkDoc>(sourceMapChunksSpec.name);

  const loose = () => ({ expiresAt: new Date(Date.now() + LOOSE_MS) });

  return {
    /** The bytes of a map that does not exist yet: gone after an hour unless `insert` makes it one. */
    async writeChunks(mapId: ObjectId, gzip: Buffer): Promise<void> {
      for (let n = 0; n * CHUNK_BYTES < gzip.length; n++) {
        const data = new Binary(gzip.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES));
        await chunks.insertOne({ _id: `${mapId.toHexString()}/${String(n)}`, mapId, n, data, ...loose() });
      }
    },

    /** Once: by its `_id`, its debug id and its matches. */
    async insert(doc: SourceMapDoc, session: ClientSession): Promise<void> {
      await collection.insertOne(doc, { session });
      await chunks.updateMany({ mapId: doc._id }, { $unset: { expiresAt: '' } }, { session });
    },

    /** The same content under the same debug id, with room for one more match. */
    async findSame(
      appId: ObjectId,
      hash: string,
      debugId: string | null,
      session?: ClientSession,
    ): Promise<SourceMapDoc | undefined> {
      const filter: Filter<SourceMapDoc> = {
        appId,
        hash,
        debugId,
        [`matches.${String(MOST_MATCHES - 1)}`]: { $exists: false },
      };
      return (await collection.findOne(filter, session === undefined ? {} : { session })) ?? undefined;
    },

    /** Idempotent. */
    async addTo(
      mapId: ObjectId,
      { release, match }: { readonly release?: string | undefined; readonly match?: MapMatch | undefined },
      session: ClientSession,
    ): Promise<void> {
      const $addToSet = {
        ...(match !== undefined && { matches: match }),
        ...(release !== undefined && { releases: release }),
      };
      if (Object.keys($addToSet).length > 0) await collection.updateOne({ _id: mapId }, { $addToSet }, { session });
    },

    /**
     * Takes a debug id and a match from whatever other map has them; a map that nothing finds any more goes, and its
     * bytes an hour later, since somebody may be reading them. How many lost something.
     */
    async displace(
      appId: ObjectId,
      by: { readonly mapId: ObjectId; readonly debugId: string | null; readonly match: MapMatch | undefined },
      session: ClientSession,
    ): Promise<number> {
      const { mapId, debugId, match } = by;
      const $or: Filter<SourceMapDoc>[] = [
        ...(debugId === null ? [] : [{ debugId }]),
        ...(match === undefined ? [] : [{ 'matches.release': match.release, matches: { $elemMatch: match } }]),
      ];
      if ($or.length === 0) return 0;
      const losers = await collection.find({ appId, _id: { $ne: mapId }, $or }, { session }).toArray();
      for (const loser of losers) {
        const debugIdLeft = loser.debugId === debugId ? null : loser.debugId;
        const matchesLeft = loser.matches.filter(
          ({ release, path }) => release !== match?.release || path !== match.path,
        );
        if (debugIdLeft === null && matchesLeft.length === 0) {
          await collection.deleteOne({ _id: loser._id }, { session });
          await chunks.updateMany({ mapId: loser._id }, { $set: loose() }, { session });
        } else {
          const $set = { debugId: debugIdLeft, matches: matchesLeft };
          await collection.updateOne({ _id: loser._id }, { $set }, { session });
        }
      }
      return losers.length;
    },

    /** At once, with its bytes. */
    async remove(mapId: ObjectId, session: ClientSession): Promise<void> {
      await collection.deleteOne({ _id: mapId }, { session });
      await chunks.deleteMany({ mapId }, { session });
    },

    async find(appId: ObjectId, mapId: ObjectId, session?: ClientSession): Promise<SourceMapDoc | undefined> {
      const options = session === undefined ? {} : { session };
      return (await collection.findOne({ _id: mapId, appId }, options)) ?? undefined;
    },

    /** Newest first. */
    async page(appId: ObjectId, { release, before, limit }: SourceMapPage): Promise<SourceMapDoc[]> {
      const filter = {
        appId,
        ...(release !== undefined && { releases: release }),
        ...(before !== undefined && { _id: { $lt: before } }),
      };
      return collection.find(filter).sort({ _id: -1 }).limit(limit).toArray();
    },

    async countOf(appId: ObjectId, release: string, session?: ClientSession): Promise<number> {
      return collection.countDocuments({ appId, releases: release }, session === undefined ? {} : { session });
    },

    async storedBytes(appId: ObjectId, session: ClientSession): Promise<number> {
      const sum = [{ $match: { appId } }, { $group: { _id: null, bytes: { $sum: '$storedBytes' } } }];
      const [found] = await collection.aggregate<{ bytes: number }>(sum, { session }).toArray();
      return found?.bytes ?? 0;
    },

    async hasAny(appId: ObjectId): Promise<boolean> {
      return (await collection.findOne({ appId }, { projection: { _id: 1 } })) !== null;
    },

    async byDebugId(appId: ObjectId, debugId: string): Promise<FoundMap | undefined> {
      return (await collection.findOne<FoundMap>({ appId, debugId }, { projection: FOUND })) ?? undefined;
    },

    /** All that a release's frames may be found by, by path. */
    async byPath(appId: ObjectId, release: string): Promise<ReadonlyMap<string, FoundMap>> {
      const ofRelease = { $filter: { input: '$matches', cond: { $eq: ['$$this.release', { $literal: release }] } } };
      const docs = collection.aggregate<FoundMap & Pick<SourceMapDoc, 'matches'>>([
        { $match: { appId, 'matches.release': release } },
        { $project: { ...FOUND, matches: ofRelease } },
      ]);
      const found = new Map<string, FoundMap>();
      for await (const { matches, ...map } of docs) for (const { path } of matches) found.set(path, map);
      return found;
    },

    /** As it was compressed; undefined where it is gone. */
    async read({ _id, storedBytes }: Pick<SourceMapDoc, '_id' | 'storedBytes'>): Promise<Buffer | undefined> {
      const found = await chunks.find({ mapId: _id }).sort({ n: 1 }).toArray();
      const gzip = Buffer.concat(found.map(({ data }) => data.buffer));
      return gzip.length === storedBytes ? gzip : undefined;
    },
  };
}

export type SourceMaps = ReturnType<typeof sourceMaps>;
