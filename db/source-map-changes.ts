import { ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { SOURCE_MAP_LIMITS, type SourceMapFacts } from '../domain/source-map.js';
import type { Actor, Audited } from './audit.js';
import type { Releases } from './releases.js';
import type { SourceMapDoc, SourceMaps } from './source-maps.js';

interface Deps {
  readonly audited: Audited;
  readonly releases: Pick<Releases, 'declare'>;
  readonly sourceMaps: SourceMaps;
}

export interface Upload {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly release: string | undefined;
  /** A `pathKey`. */
  readonly path: string | undefined;
  readonly debugId: string | undefined;
  readonly hash: string;
  readonly bytes: number;
  readonly gzip: Buffer;
  readonly facts: SourceMapFacts;
}

export interface Uploaded {
  /** `unchanged`: all of it was there already. `replaced`: another map was found by this before. */
  readonly outcome: 'created' | 'replaced' | 'unchanged';
  readonly map: SourceMapDoc;
}

interface Removal {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly mapId: ObjectId;
}

/** What the audit log is told of a map; its content is nobody's business. */
const mapFacts = ({ debugId, matches, releases, hash, bytes }: SourceMapDoc) => ({
  debugId,
  matches,
  releases,
  hash,
  bytes,
});

/** What may happen to an app's source maps, each with its audit entry. */
export function sourceMapChanges({ audited, releases, sourceMaps }: Deps) {
  /** Undefined where the same content, which `same` says is there, has gone meanwhile. */
  function publish(upload: Upload, mapId: ObjectId, same: boolean): Promise<Uploaded | undefined> {
    const { appId, actor, release, path, hash, bytes, gzip, facts } = upload;
    const debugId = upload.debugId ?? null;
    const match = release === undefined || path === undefined ? undefined : { release, path };
    return audited<Uploaded | undefined>(async (session) => {
      const before = await sourceMaps.findSame(appId, hash, debugId, session);
      if (before === undefined && same) return { result: undefined };
      const id = before?._id ?? mapId;
      const displaced = await sourceMaps.displace(appId, { mapId: id, debugId, match }, session);
      if (before === undefined) {
        const { sources, withContent, names, segments } = facts;
        const doc: SourceMapDoc = {
          _id: id,
          appId,
          debugId,
          matches: match === undefined ? [] : [match],
          releases: release === undefined ? [] : [release],
          hash,
          bytes,
          storedBytes: gzip.length,
          sources,
          withContent,
          names,
          segments,
          uploadedAt: new Date(),
          uploadedBy: actor.name,
        };
        await sourceMaps.insert(doc, session);
      } else await sourceMaps.addTo(id, { release, match }, session);

      if (release !== undefined) {
        const count = await sourceMaps.countOf(appId, release, session);
        if (count > SOURCE_MAP_LIMITS.mapsPerRelease) {
          const most = String(SOURCE_MAP_LIMITS.mapsPerRelease);
          throw new PlatformError('CONFLICT', `a release has at most ${most} source maps; delete some first`);
        }
        await releases.declare({ appId, version: release, by: 'upload', at: new Date() }, session);
      }
      if ((await sourceMaps.storedBytes(appId, session)) > SOURCE_MAP_LIMITS.storedBytesPerApp) {
        const most = String(SOURCE_MAP_LIMITS.storedBytesPerApp / 1024 ** 3);
        throw new PlatformError('CONFLICT', `an app keeps at most ${most} GiB of source maps; delete some first`);
      }
      const map = await sourceMaps.find(appId, id, session);
      if (map === undefined) throw new Error('a source map was stored and is gone');
      const isNews = before === undefined || JSON.stringify(mapFacts(before)) !== JSON.stringify(mapFacts(map));
      if (!isNews && displaced === 0) return { result: { outcome: 'unchanged' as const, map } };
      const target = { kind: 'source-map', id };
      const told = { before: before === undefined ? null : mapFacts(before), after: mapFacts(map) };
      return {
        result: { outcome: displaced > 0 ? ('replaced' as const) : ('created' as const), map },
        entry: { appId, actor, action: 'source-map.uploaded', target, ...told },
      };
    });
  }

  return {
    /**
     * Idempotent: the same map for the same bundle is there once. Another one for it takes its place.
     * @throws CONFLICT where there is no room for more
     */
    async upload(input: Upload): Promise<Uploaded> {
      const { appId, hash, debugId = null, gzip } = input;
      if ((await sourceMaps.findSame(appId, hash, debugId)) !== undefined) {
        const shared = await publish(input, new ObjectId(), true);
        if (shared !== undefined) return shared;
      }
      const mapId = new ObjectId();
      await sourceMaps.writeChunks(mapId, gzip);
      const stored = await publish(input, mapId, false);
      if (stored === undefined) throw new Error('an upload came to nothing');
      return stored;
    },

    /** At once and for good. @throws NOT_FOUND */
    remove({ actor, appId, mapId }: Removal): Promise<void> {
      return audited(async (session) => {
        const map = await sourceMaps.find(appId, mapId, session);
        if (map === undefined) throw new PlatformError('NOT_FOUND', 'no such source map in this app');
        await sourceMaps.remove(mapId, session);
        const target = { kind: 'source-map', id: mapId };
        return {
          result: undefined,
          entry: { appId, actor, action: 'source-map.deleted', target, before: mapFacts(map), after: null },
        };
      });
    },
  };
}

export type SourceMapChanges = ReturnType<typeof sourceMapChanges>;
