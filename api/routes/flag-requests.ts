import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { ObjectId } from 'mongodb';
import { type FlagIntents, intentText } from '../../db/flag-intents.js';
import type { FlagRequestDoc, FlagRequests } from '../../db/flag-requests.js';
import type { FlagPreviews } from '../../db/flag-previews.js';
import type { Members } from '../../db/members.js';
import { PlatformError } from '../../domain/errors.js';
import { REQUEST_VERBS, type RequestMessage, type RequestVerb } from '../../domain/flag-request.js';
import { DAY_MS } from '../../domain/limits.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { flagRequest, flagRequestRun, requestUpdate } from '../../workflows/flag-request.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { takeAnyJson } from '../flags/definition-routes.js';
import { foreseen } from '../flags/intents.js';
import { AppParams } from '../schema/app.js';
import { nextPage, objectId } from '../schema/common.js';
import {
  CreateFlagRequestRequest,
  DecisionRequest,
  FlagRequestParams,
  FlagRequestsQuery,
  FlagRequestsView,
  flagRequestView,
  FlagRequestView,
  listedFlagRequestView,
} from '../schema/flag-request.js';
import { updateSender } from '../update-sender.js';

interface Deps {
  readonly guard: Guard;
  readonly flagIntents: FlagIntents;
  readonly flagPreviews: Pick<FlagPreviews, 'find'>;
  readonly flagRequests: Pick<FlagRequests, 'insert' | 'find' | 'page' | 'countOpen'>;
  readonly members: Pick<Members, 'find'>;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
}

const tags = ['flags'];
const PATH = '/v1/apps/:appId/flag-requests';
const OPEN_DAYS = 14;
const MOST_OPEN = 200;
const START_MS = 2_000;

const SUMMARIES: Readonly<Record<RequestVerb, string>> = {
  approve: 'Let a change of flags be made that somebody else has asked for',
  reject: 'Turn a change of flags down',
  withdraw: 'Take back a change that one has asked for oneself',
};

/** Changes of flags that a second person has to approve, each waiting in a workflow of its own. */
export function flagRequestRoutes(deps: Deps): FastifyPluginAsyncTypebox {
  const { guard, flagPreviews, flagRequests, temporal } = deps;
  const foresee = foreseen(deps);
  const send = updateSender({ temporal });

  async function found(appId: ObjectId, requestId: string): Promise<FlagRequestDoc> {
    const request = await flagRequests.find(objectId(requestId));
    if (request?.appId.equals(appId) !== true) throw new PlatformError('NOT_FOUND', 'no such request in this app');
    return request;
  }

  async function previewIn(appId: ObjectId, previewId: string | undefined): Promise<ObjectId | null> {
    if (previewId === undefined) return null;
    const preview = await flagPreviews.find(objectId(previewId));
    if (preview?.appId.equals(appId) === true) return preview._id;
    throw new PlatformError('REQUEST_INVALID', 'no such preview in this app');
  }

  const runOf = ({ _id, app, expiresAt }: FlagRequestDoc) => ({
    ...flagRequestRun({ requestId: _id.toHexString(), expiresAtMs: expiresAt.getTime() }, app),
    taskQueue: TASK_QUEUE,
  });

  /** Where it cannot be started now, the first word of somebody starts it. */
  async function start(request: FlagRequestDoc): Promise<void> {
    const client = temporal();
    await client
      ?.withDeadline(Date.now() + START_MS, () => client.workflow.start(flagRequest, runOf(request)))
      .catch(() => undefined);
  }

  /** Undefined where the answer does not come in time; the same word asks again, safely. */
  const carryOut = (request: FlagRequestDoc, verb: RequestVerb, message: RequestMessage) => {
    const updateId = randomUUID();
    return send((client) =>
      client.workflow.executeUpdateWithStart(requestUpdate(verb), {
        updateId,
        args: [message],
        startWorkflowOperation: new WithStartWorkflowOperation(flagRequest, {
          ...runOf(request),
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      }),
    );
  };

  return async (app) => {
    takeAnyJson(app);

    app.post(
      PATH,
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'Ask for a change of flags; it is made when a second person approves it',
          params: AppParams,
          body: CreateFlagRequestRequest,
          response: { 201: FlagRequestView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const { note = '', previewId, ...change } = request.body;
        const { intent, foreseen: would } = await foresee(owner.id, change);
        if ((await flagRequests.countOpen(owner.id)) >= MOST_OPEN)
          throw new PlatformError('CONFLICT', `an app has at most ${String(MOST_OPEN)} open requests`);
        const createdAt = new Date();
        const { flagKey, segmentKey, baseVersion } = would;
        const doc: FlagRequestDoc = {
          ...{ _id: new ObjectId(), appId: owner.id, app: owner.appId, kind: intent.kind, flagKey, segmentKey },
          ...{ intent: intentText(intent), baseVersion, previewId: await previewIn(owner.id, previewId), note },
          ...{ requestedBy: member.id, requestedByName: member.name, state: 'pending', comment: '', reason: null },
          ...{ decidedBy: null, decidedByName: null, decidedAt: null, createdAt, endedAt: null },
          expiresAt: new Date(createdAt.getTime() + OPEN_DAYS * DAY_MS),
        };
        await flagRequests.insert(doc, actorOf(member));
        await start(doc);
        return reply.code(201).send(flagRequestView(doc));
      },
    );

    app.get(
      PATH,
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'Changes that were asked for, newest first',
          params: AppParams,
          querystring: FlagRequestsQuery,
          response: { 200: FlagRequestsView },
        },
      },
      async (request) => {
        const { limit, before, state, flagKey } = request.query;
        const older = before === undefined ? undefined : objectId(before);
        const filter = { appId: guard.appOf(request).app.id, state, flagKey, before: older };
        const docs = await flagRequests.page(filter, limit);
        return { requests: docs.map(listedFlagRequestView), next: nextPage(docs, limit) };
      },
    );

    app.get(
      `${PATH}/:requestId`,
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'A change that was asked for, and what became of it',
          params: FlagRequestParams,
          response: { 200: FlagRequestView },
        },
      },
      async (request) => flagRequestView(await found(guard.appOf(request).app.id, request.params.requestId)),
    );

    for (const verb of REQUEST_VERBS) {
      app.post(
        `${PATH}/:requestId/${verb}`,
        {
          ...guard.inApp(verb === 'withdraw' ? 'flags:write' : 'flags:approve'),
          schema: {
            tags,
            summary: SUMMARIES[verb],
            params: FlagRequestParams,
            body: DecisionRequest,
            response: { 200: FlagRequestView, 202: FlagRequestView },
          },
        },
        async (request, reply) => {
          const { member, app: owner } = guard.appOf(request);
          const asked = await found(owner.id, request.params.requestId);
          const { comment } = request.body;
          const outcome = await carryOut(asked, verb, { actor: member.rights.id, comment });
          if (outcome?.outcome === 'refused') throw new PlatformError(outcome.code, outcome.reason);
          const now = await found(owner.id, request.params.requestId);
          return reply.code(outcome === undefined ? 202 : 200).send(flagRequestView(now));
        },
      );
    }
  };
}
