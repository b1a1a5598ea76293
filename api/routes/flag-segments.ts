import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FlagSegmentChanges } from '../../db/flag-segment-changes.js';
import type { Segments } from '../../db/segments.js';
import { PlatformError } from '../../domain/errors.js';
import type { Guard } from '../access.js';
import { changedDirectly, ifMatch, takeAnyJson, withVersion } from '../flags/definition-routes.js';
import { AppParams } from '../schema/app.js';
import {
  ChangeSegmentRequest,
  clausesOf,
  CreateSegmentRequest,
  RemoveSegmentQuery,
  segmentOf,
  SegmentParams,
  SegmentsQuery,
  SegmentsView,
  segmentView,
  SegmentView,
} from '../schema/flag-segment.js';

interface Deps {
  readonly guard: Guard;
  readonly segments: Pick<Segments, 'find' | 'page'>;
  readonly flagSegmentChanges: FlagSegmentChanges;
}

const tags = ['flags'];
const PATH = '/v1/apps/:appId/flag-segments/:segmentKey';

export function flagSegmentRoutes({ guard, segments, flagSegmentChanges }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    takeAnyJson(app);

    app.post(
      '/v1/apps/:appId/flag-segments',
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'Create a segment, which rules name by `in_segment`',
          params: AppParams,
          body: CreateSegmentRequest,
          response: { 201: SegmentView },
        },
      },
      async (request, reply) => {
        const by = changedDirectly(guard, request, request.body.note);
        const doc = await flagSegmentChanges.create({ ...by, segment: segmentOf(request.body) });
        return withVersion(reply.code(201), doc.version).send(segmentView(doc));
      },
    );

    app.get(
      '/v1/apps/:appId/flag-segments',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'The segments of an app by key',
          params: AppParams,
          querystring: SegmentsQuery,
          response: { 200: SegmentsView },
        },
      },
      async (request) => {
        const page = await segments.page(guard.appOf(request).app.id, request.query);
        const next = page.length < request.query.limit ? null : (page.at(-1)?.key ?? null);
        return { segments: page.map(segmentView), next };
      },
    );

    app.get(
      PATH,
      { ...guard.inApp('flags:read'), schema: { tags, params: SegmentParams, response: { 200: SegmentView } } },
      async (request, reply) => {
        const { segmentKey } = request.params;
        const doc = await segments.find(guard.appOf(request).app.id, segmentKey);
        if (doc !== undefined) return withVersion(reply, doc.version).send(segmentView(doc));
        throw new PlatformError('NOT_FOUND', `no segment ${segmentKey} in this app`);
      },
    );

    app.patch(
      PATH,
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'Change who is in a segment, for all flags that name it',
          params: SegmentParams,
          body: ChangeSegmentRequest,
          response: { 200: SegmentView },
        },
      },
      async (request, reply) => {
        const { description, clauses, note } = request.body;
        const by = changedDirectly(guard, request, note);
        const change = { description, clauses: clauses === undefined ? undefined : clausesOf(clauses) };
        const { segmentKey } = request.params;
        const doc = await flagSegmentChanges.change({ ...by, segmentKey, ifVersion: ifMatch(request), change });
        return withVersion(reply, doc.version).send(segmentView(doc));
      },
    );

    app.delete(
      PATH,
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'Remove a segment that no rule names any more',
          params: SegmentParams,
          querystring: RemoveSegmentQuery,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const by = changedDirectly(guard, request, request.query.note);
        const { segmentKey } = request.params;
        await flagSegmentChanges.remove({ ...by, segmentKey, ifVersion: ifMatch(request) });
        return reply.code(204).send(null);
      },
    );
  };
}
