import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditDoc, AuditFilter, AuditLog } from '../../db/audit.js';
import type { Guard } from '../access.js';
import { AppParams } from '../schema/app.js';
import { auditEntryView, AuditQuery, AuditView } from '../schema/audit.js';
import { instant, nextPage, objectId } from '../schema/common.js';

interface Deps {
  readonly guard: Guard;
  readonly audit: Pick<AuditLog, 'page' | 'each'>;
}

const NDJSON = 'application/x-ndjson';
const tags = ['audit'];

function filterOf({ actorId, action, from, to, before }: AuditQuery): AuditFilter {
  return {
    actorId: actorId === undefined ? undefined : objectId(actorId),
    action,
    from: from === undefined ? undefined : instant(from),
    to: to === undefined ? undefined : instant(to),
    before: before === undefined ? undefined : objectId(before),
  };
}

async function* lines(entries: AsyncIterable<AuditDoc>): AsyncGenerator<string> {
  for await (const entry of entries) yield `${JSON.stringify(auditEntryView(entry))}\n`;
}

const wantsLines = ({ headers }: Pick<FastifyRequest, 'headers'>) => (headers.accept ?? '').includes(NDJSON);

export function auditRoutes({ guard, audit }: Deps): FastifyPluginAsyncTypebox {
  /** A page of JSON, or with `Accept: application/x-ndjson` all that match, a line each. */
  async function answer(query: AuditQuery, filter: AuditFilter, request: FastifyRequest, reply: FastifyReply) {
    if (wantsLines(request)) return reply.type(NDJSON).send(Readable.from(lines(audit.each(filter))));
    const docs = await audit.page(filter, query.limit);
    return reply.send({ entries: docs.map(auditEntryView), next: nextPage(docs, query.limit) });
  }

  return async (app) => {
    app.get(
      '/v1/apps/:appId/audit',
      {
        ...guard.inApp('audit:read'),
        schema: {
          tags,
          summary: 'Who changed what in this app; as NDJSON, all of it',
          params: AppParams,
          querystring: AuditQuery,
          response: { 200: AuditView },
        },
      },
      (request, reply) => {
        const { id } = guard.appOf(request).app;
        return answer(request.query, { ...filterOf(request.query), appId: id }, request, reply);
      },
    );

    app.get(
      '/v1/audit',
      {
        ...guard.instanceOwner(),
        schema: {
          tags,
          summary: 'Who changed what on this instance, its apps included; as NDJSON, all of it',
          querystring: AuditQuery,
          response: { 200: AuditView },
        },
      },
      (request, reply) => answer(request.query, filterOf(request.query), request, reply as FastifyReply),
    );
  };
}
