import { hash, randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Db, MongoClient, ObjectId } from 'mongodb';
import { audited, auditLog } from '../../db/audit.js';
import { releases } from '../../db/releases.js';
import { sourceMapChanges, type Upload } from '../../db/source-map-changes.js';
import { sourceMaps } from '../../db/source-maps.js';
import { parseSourceMap } from '../../domain/source-map.js';

const actor = { kind: 'system', id: null, name: 'a test' } as const;

/** Uploads of maps straight to the database, as the route would do it. */
export function uploads({ client, db }: { readonly client: MongoClient; readonly db: Db }) {
  const store = sourceMaps(db);
  const changes = sourceMapChanges({
    audited: audited(client, auditLog(db)),
    releases: releases(db),
    sourceMaps: store,
  });
  return {
    ...changes,
    store,
    /** Without a path: found by nothing but a debug id. */
    async add(appId: ObjectId, map: string, by: Partial<Pick<Upload, 'release' | 'path' | 'debugId'>>) {
      const parsed = parseSourceMap(map);
      // What is broken is stored too: it may come from an older version that allowed it.
      const none = { sources: 1, withContent: 0, names: 0, segments: 1, debugId: undefined };
      const facts = 'fault' in parsed ? none : parsed.facts;
      const { release, path, debugId } = by;
      const [bytes, gzip] = [Buffer.byteLength(map), gzipSync(map)];
      return changes.upload({
        actor,
        appId,
        release,
        path,
        debugId,
        hash: hash('sha256', map),
        bytes,
        gzip,
        facts,
      });
    },
  };
}

export const newDebugId = (): string => randomUUID();
