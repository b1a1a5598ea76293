import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox, Static, TSchema } from '@fastify/type-provider-typebox';
import type { Client } from '@temporalio/client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorGroupReads } from '../../db/error-group-reads.js';
import type { ErrorMergePreview } from '../../db/error-merge-preview.js';
import { PlatformError } from '../../domain/errors.js';
import type { ErrorVerb, ErrorVerbName } from '../../domain/error-verb.js';
import type { Guard } from '../access.js';
import { errorVerbSender } from '../error-verb-sender.js';
import { idempotencyKeyOf } from '../ingest/intake.js';
import { instant, objectId } from '../schema/common.js';
import { ErrorGroupParams } from '../schema/error-group.js';
import {
  AssignRequest,
  CommentRequest,
  IgnoreRequest,
  MergePreviewQuery,
  mergePreviewView,
  MergePreviewView,
  MergeRequest,
  PlainRequest,
  ResolveRequest,
  VerbPendingView,
  VerbView,
} from '../schema/error-verb.js';

interface Deps {
  readonly guard: Guard;
  readonly errorGroups: Pick<ErrorGroupReads, 'find'>;
  readonly errorMergePreview: ErrorMergePreview;
  readonly temporal: () => Client | undefined;
}

type Answer = Static<typeof VerbView> | Static<typeof VerbPendingView>;
type Asked = FastifyRequest<{
  Params: Static<typeof ErrorGroupParams>;
  Body: { readonly requestId?: string } | null;
}>;

const tags = ['errors'];
const gone = () => new PlatformError('NOT_FOUND', 'there is no such group in this app');

function resolveVerb({ in: kind, release }: Static<typeof ResolveRequest>): ErrorVerb {
  if (kind !== 'release') {
    if (release === undefined) return { name: 'resolve', in: kind };
    throw new PlatformError('REQUEST_INVALID', '`release` goes with `in: release`');
  }
  if (release === undefined) throw new PlatformError('REQUEST_INVALID', '`in: release` needs the `release`');
  return { name: 'resolve', in: kind, release };
}

const ignoreVerb = ({ until, occurrences, profiles, window }: Static<typeof IgnoreRequest>): ErrorVerb => ({
  name: 'ignore',
  untilMs: until === undefined ? undefined : instant(until).getTime(),
  occurrences,
  profiles,
  window,
});

/** What members do to error groups: through the group's workflow, one after the other. */
export function errorVerbRoutes({ guard, errorGroups, errorMergePreview, temporal }: Deps): FastifyPluginAsyncTypebox {
  const send = errorVerbSender({ temporal });

  async function carryOut(request: Asked, reply: Pick<FastifyReply, 'code'>, verb: ErrorVerb): Promise<Answer> {
    const { member, app } = guard.appOf(request);
    const { groupId } = request.params;
    if ((await errorGroups.find(app.id, objectId(groupId))) === undefined) throw gone();
    const requestId = idempotencyKeyOf(request) ?? request.body?.requestId ?? randomUUID();
    const actor = member.rights.id;
    // Somebody else's request of the same name is another one.
    const outcome = await send(groupId, { actor, requestId: `${actor}/${requestId}`, verb });
    if (outcome === undefined) {
      reply.code(202);
      return { requestId };
    }
    if (outcome.outcome === 'done') return { requestId, changed: outcome.changed, group: outcome.state };
    const { code, reason, survivor } = outcome;
    throw new PlatformError(code, reason, survivor === null ? {} : { facts: { survivor } });
  }

  const verb = <T extends TSchema>(summary: string, body: T) => ({
    ...guard.inApp('errors:write'),
    schema: { tags, summary, params: ErrorGroupParams, body, response: { 200: VerbView, 202: VerbPendingView } },
  });
  const path = <T extends ErrorVerbName>(name: T) => `/v1/apps/:appId/errors/:groupId/${name}` as const;

  return async (app) => {
    app.post(path('assign'), verb('Give a group to a member, or to nobody', AssignRequest), (request, reply) =>
      carryOut(request, reply, { name: 'assign', assignee: request.body.assignee }),
    );
    app.post(path('comment'), verb('Say something about a group', CommentRequest), (request, reply) =>
      carryOut(request, reply, { name: 'comment', text: request.body.text }),
    );
    app.post(path('investigate'), verb('Say that a group is looked into', PlainRequest), (request, reply) =>
      carryOut(request, reply, { name: 'investigate' }),
    );
    app.post(
      path('resolve'),
      verb('Resolve a group: now, in a release, or in the next one', ResolveRequest),
      (request, reply) => carryOut(request, reply, resolveVerb(request.body)),
    );
    app.post(
      path('ignore'),
      verb('Ignore a group, for ever or until something happens', IgnoreRequest),
      (request, reply) => carryOut(request, reply, ignoreVerb(request.body)),
    );
    app.post(path('reopen'), verb('Open a group again', PlainRequest), (request, reply) =>
      carryOut(request, reply, { name: 'reopen' }),
    );
    app.post(
      path('merge'),
      verb('Let another group stand for this one; see the preview first', MergeRequest),
      (request, reply) => carryOut(request, reply, { name: 'merge', into: request.body.into }),
    );
    app.post(
      path('unmerge'),
      verb('Take a group out of the one that stands for it, for good', PlainRequest),
      (request, reply) => carryOut(request, reply, { name: 'unmerge' }),
    );

    app.get(
      '/v1/apps/:appId/errors/:groupId/merge-preview',
      {
        ...guard.inApp('errors:read'),
        schema: {
          tags,
          summary: 'What a merge would make of two groups',
          params: ErrorGroupParams,
          querystring: MergePreviewQuery,
          response: { 200: MergePreviewView },
        },
      },
      async (request) => {
        const { app: owner } = guard.appOf(request);
        const [from, into] = [objectId(request.params.groupId), objectId(request.query.into)];
        const preview = await errorMergePreview.preview(owner.id, from, into);
        if (preview === undefined || from.equals(into)) throw gone();
        return mergePreviewView(preview);
      },
    );
  };
}
