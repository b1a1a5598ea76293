import { createHash, randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox, Static, TSchema } from '@fastify/type-provider-typebox';
import type { Client } from '@temporalio/client';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ObjectId } from 'mongodb';
import type { FlagRollouts } from '../../db/flag-rollouts.js';
import type { RolloutOutcome } from '../../db/flag-rollout-state.js';
import { PlatformError } from '../../domain/errors.js';
import { planFault, ROLLOUT_VERBS, type RolloutVerb, type RolloutVerbName } from '../../domain/rollout.js';
import type { Guard } from '../access.js';
import { flagRolloutSender } from '../flag-rollout-sender.js';
import { idempotencyKeyOf } from '../ingest/intake.js';
import { AppParams } from '../schema/app.js';
import { instant, objectId } from '../schema/common.js';
import { cursorOf, nextCursor } from '../schema/cursor.js';
import {
  AbortRolloutRequest,
  CreateRolloutRequest,
  planIn,
  rolloutDetailView,
  RolloutDetailView,
  RolloutParams,
  RolloutPendingView,
  RolloutsQuery,
  rolloutsView,
  RolloutsView,
  rolloutSummary,
  RolloutVerbRequest,
  RolloutVerbView,
} from '../schema/flag-rollout.js';

interface Deps {
  readonly guard: Guard;
  readonly flagRollouts: Pick<FlagRollouts, 'findIn' | 'page'>;
  readonly temporal: () => Client | undefined;
}

type Answer = Static<typeof RolloutVerbView> | Static<typeof RolloutPendingView>;
type Asked = FastifyRequest<{
  Params: Static<typeof RolloutParams>;
  Body: { readonly requestId?: string; readonly rule?: 'back' | 'leave' } | null;
}>;

const tags = ['flags'];
const path = '/v1/apps/:appId/flag-rollouts';
const ORDER = 'rollouts';
const gone = () => new PlatformError('NOT_FOUND', 'there is no such rollout in this app');

const SUMMARIES: Readonly<Record<RolloutVerbName, string>> = {
  approve: 'Let a rollout begin that somebody else has asked for',
  pause: 'Stop at this percentage; the guard looks on',
  resume: 'Go on, or take over the rule as it was edited meanwhile',
  skip: 'Take the next step now, whatever the guard says of the sample',
  abort: 'End a rollout and take the rule back to where it was, or leave it',
};

/** Rollouts, each by its workflow: what is asked for is carried out there, one after the other. */
export function flagRolloutRoutes({ guard, flagRollouts, temporal }: Deps): FastifyPluginAsyncTypebox {
  const sender = flagRolloutSender({ temporal });

  function answered(
    reply: Pick<FastifyReply, 'code'>,
    requestId: string,
    outcome: RolloutOutcome | undefined,
    done = 200,
  ): Answer {
    if (outcome === undefined) {
      reply.code(202);
      return { requestId };
    }
    if (outcome.outcome === 'refused') throw new PlatformError(outcome.code, outcome.reason);
    reply.code(done);
    return { requestId, changed: outcome.changed, rollout: rolloutSummary(outcome.rollout) };
  }

  async function carryOut(request: Asked, reply: Pick<FastifyReply, 'code'>, verb: RolloutVerb): Promise<Answer> {
    const { member, app } = guard.appOf(request);
    const { rolloutId } = request.params;
    if ((await flagRollouts.findIn(app.id, objectId(rolloutId))) === undefined) throw gone();
    const requestId = idempotencyKeyOf(request) ?? request.body?.requestId ?? randomUUID();
    const actor = member.rights.id;
    // Somebody else's request of the same name is another one.
    return answered(
      reply,
      requestId,
      await sender.verb(rolloutId, { actor, requestId: `${actor}/${requestId}`, verb }),
    );
  }

  const verbSchema = <T extends TSchema>(verb: RolloutVerbName, body: T) => ({
    ...guard.inApp(verb === 'approve' ? 'flags:approve' : 'flags:write'),
    schema: {
      tags,
      summary: SUMMARIES[verb],
      params: RolloutParams,
      body,
      response: { 200: RolloutVerbView, 202: RolloutPendingView },
    },
  });

  return async (app) => {
    app.post(
      path,
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary:
            'Raise the percentage of a rule in steps, now or at a time, guarded by what the exposed profiles meet',
          params: AppParams,
          body: CreateRolloutRequest,
          response: { 201: RolloutVerbView, 202: RolloutPendingView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const { flagKey, ruleId, startAt, note } = request.body;
        const plan = planIn(request.body);
        const fault = planFault(plan);
        if (fault !== undefined) throw new PlatformError('REQUEST_INVALID', fault);
        const actor = member.rights.id;
        const named = idempotencyKeyOf(request) ?? request.body.requestId;
        const requestId = named ?? randomUUID();
        const appId = owner.id.toHexString();
        const startAtMs = startAt === undefined ? null : instant(startAt).getTime();
        const rolloutId = named === undefined ? new ObjectId() : idOf(appId, actor, named);
        const outcome = await sender.open(rolloutId.toHexString(), {
          actor,
          requestId: `${actor}/${requestId}`,
          request: { appId, flagKey, ruleId, plan, startAtMs, note: note ?? null },
        });
        return answered(reply, requestId, outcome, 201);
      },
    );

    app.get(
      path,
      {
        ...guard.inApp('flags:read'),
        schema: { tags, params: AppParams, querystring: RolloutsQuery, response: { 200: RolloutsView } },
      },
      async (request) => {
        const { flagKey, active, limit, after } = request.query;
        const appId = guard.appOf(request).app.id;
        const page = await flagRollouts.page({ appId, flagKey, active, after: cursorOf(ORDER, after) }, limit);
        const place = ({ createdAt, _id }: (typeof page)[number]) => ({ value: createdAt.getTime(), id: _id });
        return { rollouts: rolloutsView(page), next: nextCursor(ORDER, page, limit, place) };
      },
    );

    app.get(
      `${path}/:rolloutId`,
      {
        ...guard.inApp('flags:read'),
        schema: { tags, params: RolloutParams, response: { 200: RolloutDetailView } },
      },
      async (request) => {
        const found = await flagRollouts.findIn(guard.appOf(request).app.id, objectId(request.params.rolloutId));
        if (found === undefined) throw gone();
        return rolloutDetailView(found);
      },
    );

    for (const name of ROLLOUT_VERBS) {
      if (name === 'abort') continue;
      app.post(`${path}/:rolloutId/${name}`, verbSchema(name, RolloutVerbRequest), (request, reply) =>
        carryOut(request, reply, { name }),
      );
    }
    app.post(`${path}/:rolloutId/abort`, verbSchema('abort', AbortRolloutRequest), (request, reply) =>
      carryOut(request, reply, { name: 'abort', rule: request.body?.rule ?? 'back' }),
    );
  };
}

/** A request that comes again finds the rollout that it has made. */
const idOf = (appId: string, actor: string, requestId: string): ObjectId =>
  new ObjectId(createHash('sha256').update(`${appId}/${actor}/${requestId}`).digest().subarray(0, 12));
