import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { SourceMapChanges } from '../../db/source-map-changes.js';
import type { SourceMaps } from '../../db/source-maps.js';
import { PlatformError } from '../../domain/errors.js';
import { debugIdOf, SOURCE_MAP_LIMITS } from '../../domain/source-map.js';
import { pathKey } from '../../domain/source-path.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { type BodyPace, PACE } from '../body-pace.js';
import { inflated } from '../ingest/body.js';
import type { KeyOrMember } from '../key-or-member.js';
import { AppParams } from '../schema/app.js';
import { nextPage, objectId } from '../schema/common.js';
import {
  SourceMapParams,
  SourceMapsQuery,
  SourceMapsView,
  sourceMapView,
  UploadedView,
  uploadedView,
  UploadQuery,
} from '../schema/source-map.js';
import { readMap } from '../source-map-reader.js';
import { uploadTurns } from '../upload-turns.js';

interface Deps {
  readonly guard: Guard;
  readonly keyOrMember: KeyOrMember;
  readonly sourceMaps: Pick<SourceMaps, 'page'>;
  readonly sourceMapChanges: SourceMapChanges;
  readonly pace: BodyPace;
}

interface Keys {
  readonly release?: string;
  readonly path?: string;
  readonly debugId?: string;
}

const tags = ['releases'];
const TURNS = { atOnce: 2, waiting: 200 };

const invalid = (message: string) => new PlatformError('REQUEST_INVALID', message);

/** By what the map shall be found: what the request says, and what the map says of itself. @throws REQUEST_INVALID */
function keysOf({ release, path, debugId }: Keys, ownDebugId: string | undefined) {
  const stated = debugIdOf(debugId);
  if (debugId !== undefined && stated === undefined) throw invalid('debugId is no UUID');
  if (stated !== undefined && ownDebugId !== undefined && stated !== ownDebugId) {
    throw invalid(`the map itself says that its debug id is ${ownDebugId}`);
  }
  // People name the map itself as often as the bundle.
  const key = path === undefined ? undefined : pathKey(path)?.replace(/\.map$/, '');
  if (path !== undefined && key === undefined) throw invalid('path names no file');
  if (path !== undefined && release === undefined) throw invalid('path needs a release');
  const id = stated ?? ownDebugId;
  if (id === undefined && key === undefined) {
    throw invalid('the map would never be found: it has no debug id, so give "release" and "path"');
  }
  return { release, path: key, debugId: id };
}

/** Maps come in and are never given out: nobody reads sources here, but in the frames of errors. */
export function sourceMapRoutes(deps: Deps): FastifyPluginAsyncTypebox {
  const { guard, keyOrMember, sourceMaps, sourceMapChanges, pace } = deps;
  const turns = uploadTurns(TURNS);

  return async (app) => {
    app.addHook('preClose', (done) => {
      turns.close();
      done();
    });
    // The bytes are ours to read: JSON with a bound of its own, perhaps compressed.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: SOURCE_MAP_LIMITS.bytes }, (_request, body, done) => {
      done(null, body);
    });

    app.post(
      '/v1/apps/:appId/source-maps',
      {
        ...keyOrMember.inApp('releases:write'),
        bodyLimit: SOURCE_MAP_LIMITS.bytes,
        preParsing: async (request, reply) => {
          // Who waits for a turn is not slow.
          pace.rest(request);
          await turns.take(request.raw, reply.raw);
          pace.begin(request, reply, PACE.sourceMapMs);
        },
        schema: {
          tags,
          summary: 'Upload a source map as the body; the answer says which frames it will resolve',
          params: AppParams,
          querystring: UploadQuery,
          response: { 200: UploadedView, 201: UploadedView },
        },
      },
      async (request, reply) => {
        const { app: owner, actor } = keyOrMember.senderOf(request);
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
        const bytes = await inflated(body, request.headers['content-encoding'], SOURCE_MAP_LIMITS.bytes);
        const { length } = bytes;
        const read = await readMap(bytes);
        if ('fault' in read) throw new PlatformError('SOURCE_MAP_INVALID', read.fault);
        const uploaded = await sourceMapChanges.upload({
          actor,
          appId: owner.id,
          ...keysOf(request.query, read.facts.debugId),
          ...read,
          gzip: Buffer.from(read.gzip.buffer, read.gzip.byteOffset, read.gzip.length),
          bytes: length,
        });
        return reply.code(uploaded.outcome === 'unchanged' ? 200 : 201).send(uploadedView(uploaded));
      },
    );

    app.get(
      '/v1/apps/:appId/source-maps',
      {
        ...keyOrMember.inApp('errors:read'),
        schema: {
          tags,
          summary: 'What source maps there are, of the app or of a release, and by what they are found',
          params: AppParams,
          querystring: SourceMapsQuery,
          response: { 200: SourceMapsView },
        },
      },
      async (request) => {
        const { limit, before, release } = request.query;
        const page = { limit, release, before: before === undefined ? undefined : objectId(before) };
        const docs = await sourceMaps.page(keyOrMember.senderOf(request).app.id, page);
        return { sourceMaps: docs.map(sourceMapView), next: nextPage(docs, limit) };
      },
    );

    app.delete(
      '/v1/apps/:appId/source-maps/:sourceMapId',
      {
        ...guard.inApp('releases:write'),
        schema: {
          tags,
          summary: 'Delete a source map; errors that it has resolved stay as they are',
          params: SourceMapParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const mapId = objectId(request.params.sourceMapId);
        await sourceMapChanges.remove({ actor: actorOf(member), appId: owner.id, mapId });
        return reply.code(204).send(null);
      },
    );
  };
}
