import { type Static, Type } from '@fastify/type-provider-typebox';
import type { Uploaded } from '../../db/source-map-changes.js';
import type { SourceMapDoc } from '../../db/source-maps.js';
import { APP_SLUG } from '../../domain/app.js';
import { SOURCE_MAP_LIMITS } from '../../domain/source-map.js';
import { shownPath } from '../../domain/source-path.js';
import { Id, Next, PageQuery } from './common.js';
import { Version } from './release.js';

export const SourceMapParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), sourceMapId: Id });

export const UploadQuery = Type.Object(
  {
    release: Type.Optional(Version),
    path: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: SOURCE_MAP_LIMITS.path,
        description:
          'Of the bundle that the map is for: a URL, a path, or `~/static/app.js`; host and query do not count.',
      }),
    ),
    debugId: Type.Optional(
      Type.String({ maxLength: 36, description: 'Where the map does not hold it itself, as `debugId` or `debug_id`.' }),
    ),
  },
  { additionalProperties: false },
);

export const SourceMapsQuery = Type.Object(
  { ...PageQuery.properties, release: Type.Optional(Version) },
  { additionalProperties: false },
);

const Count = Type.Integer({ minimum: 0 });

const sourceMapFields = {
  sourceMapId: Type.String(),
  debugId: Type.Union([Type.String(), Type.Null()], {
    description: 'Frames that carry it are resolved by this map, in whatever release.',
  }),
  matches: Type.Array(Type.Object({ release: Type.String(), path: Type.String() }), {
    description: 'Frames of these releases in these files are resolved by it.',
  }),
  releases: Type.Array(Type.String()),
  bytes: Count,
  storedBytes: Count,
  sources: Count,
  sourcesWithContent: Count,
  names: Count,
  segments: Count,
  uploadedAt: Type.String({ format: 'date-time' }),
  uploadedBy: Type.String(),
};

const SourceMapView = Type.Object(sourceMapFields);
type SourceMapView = Static<typeof SourceMapView>;

export const SourceMapsView = Type.Object({ sourceMaps: Type.Array(SourceMapView), next: Next });

export const UploadedView = Type.Object({
  ...sourceMapFields,
  outcome: Type.Enum(['created', 'replaced', 'unchanged']),
  warnings: Type.Array(Type.String(), { description: 'What will work worse than it could, and why.' }),
});
export type UploadedView = Static<typeof UploadedView>;

export const sourceMapView = (doc: SourceMapDoc): SourceMapView => ({
  sourceMapId: doc._id.toHexString(),
  debugId: doc.debugId,
  matches: doc.matches.map(({ release, path }) => ({ release, path: shownPath(path) })),
  releases: [...doc.releases],
  bytes: doc.bytes,
  storedBytes: doc.storedBytes,
  sources: doc.sources,
  sourcesWithContent: doc.withContent,
  names: doc.names,
  segments: doc.segments,
  uploadedAt: doc.uploadedAt.toISOString(),
  uploadedBy: doc.uploadedBy,
});

export function uploadedView({ outcome, map }: Uploaded): UploadedView {
  const warnings: string[] = [];
  if (map.withContent === 0) {
    warnings.push('no source has its text in "sourcesContent": frames come without source lines, and fewer have names');
  } else if (map.withContent < map.sources) {
    warnings.push(`${String(map.sources - map.withContent)} sources have no text in "sourcesContent"`);
  }
  if (map.matches.length === 0) {
    warnings.push('only frames that carry the debug id are resolved: give "release" and "path" for those that do not');
  }
  return { ...sourceMapView(map), outcome, warnings };
}
