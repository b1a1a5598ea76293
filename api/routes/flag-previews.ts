import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { ObjectId } from 'mongodb';
import type { FlagIntents } from '../../db/flag-intents.js';
import type { FlagPreviewDoc, FlagPreviews } from '../../db/flag-previews.js';
import type { Members } from '../../db/members.js';
import { NO_IMPACT } from '../../domain/blast-radius.js';
import { PlatformError } from '../../domain/errors.js';
import { DAY_MS } from '../../domain/limits.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { flagPreview, flagPreviewId, flagPreviewRun } from '../../workflows/flag-preview.js';
import type { Guard } from '../access.js';
import { takeAnyJson } from '../flags/definition-routes.js';
import { foreseen } from '../flags/intents.js';
import { AppParams } from '../schema/app.js';
import { nextPage, objectId, PageQuery } from '../schema/common.js';
import { IntentRequest } from '../schema/flag-intent.js';
import { listedPreviewView, PreviewParams, PreviewsView, previewView, PreviewView } from '../schema/flag-preview.js';

interface Deps {
  readonly guard: Guard;
  readonly flagIntents: FlagIntents;
  readonly flagPreviews: Pick<FlagPreviews, 'insert' | 'remove' | 'find' | 'page' | 'open'>;
  readonly members: Pick<Members, 'find'>;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  readonly waitMs?: number;
}

const tags = ['flags'];
const KEPT_DAYS = 7;
/** Of an app: one runs, the others wait for it. */
const MOST_OPEN = 6;
const START_MS = 5_000;
/** How long an answer waits for a small app's result. */
const WAIT_MS = 2_000;

/** What a change of flags would do to whom, before it is made. */
export function flagPreviewRoutes(deps: Deps): FastifyPluginAsyncTypebox {
  const { guard, flagPreviews, temporal, waitMs = WAIT_MS } = deps;
  const foresee = foreseen(deps);
  const away = (cause?: unknown) =>
    new PlatformError('UNAVAILABLE', 'Temporal does not answer', { cause, retryAfterSeconds: 5 });

  async function found(appId: ObjectId, previewId: string): Promise<FlagPreviewDoc> {
    const preview = await flagPreviews.find(objectId(previewId));
    if (preview?.appId.equals(appId) !== true) throw new PlatformError('NOT_FOUND', 'no such preview in this app');
    return preview;
  }

  async function start(client: Client, previewId: ObjectId, app: string): Promise<void> {
    const options = { ...flagPreviewRun(previewId.toHexString(), app), taskQueue: TASK_QUEUE };
    try {
      await client.withDeadline(Date.now() + START_MS, () => client.workflow.start(flagPreview, options));
    } catch (error) {
      // If it was started after all, it finds nothing to do.
      await flagPreviews.remove(previewId);
      throw away(error);
    }
  }

  /** Until it has ended, or for a while. */
  async function awaited(client: Client, previewId: ObjectId): Promise<void> {
    const handle = client.workflow.getHandle(flagPreviewId(previewId.toHexString()));
    // What has become of it stands in the preview.
    await client.withDeadline(Date.now() + waitMs, () => handle.result()).catch(() => undefined);
  }

  return async (app) => {
    takeAnyJson(app);

    app.post(
      '/v1/apps/:appId/flag-previews',
      {
        ...guard.inApp('flags:write'),
        schema: {
          tags,
          summary: 'What a change would do to all stored profiles: who gains, loses, changes; nothing is changed',
          params: AppParams,
          body: IntentRequest,
          response: { 200: PreviewView, 202: PreviewView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const { foreseen: would } = await foresee(owner.id, request.body);
        const client = temporal();
        if (client === undefined) throw away();
        if ((await flagPreviews.open(owner.id)) >= MOST_OPEN)
          throw new PlatformError('RATE_LIMITED', 'too many previews of this app wait', { retryAfterSeconds: 10 });
        const createdAt = new Date();
        const { flagKey, segmentKey, proposal } = would;
        const preview: FlagPreviewDoc = {
          ...{ _id: new ObjectId(), appId: owner.id, flagKey, segmentKey, proposal: JSON.stringify(proposal) },
          ...{ requestedBy: member.id, state: 'queued', baseVersion: null, cursor: null, total: 0, radius: NO_IMPACT },
          ...{ failure: null, createdAt, beatAt: createdAt, endedAt: null },
          expiresAt: new Date(createdAt.getTime() + KEPT_DAYS * DAY_MS),
        };
        await flagPreviews.insert(preview);
        await start(client, preview._id, owner.appId);
        await awaited(client, preview._id);
        const now = (await flagPreviews.find(preview._id)) ?? preview;
        return reply.code(now.endedAt === null ? 202 : 200).send(previewView(now));
      },
    );

    app.get(
      '/v1/apps/:appId/flag-previews',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'Previews, newest first, for a week',
          params: AppParams,
          querystring: PageQuery,
          response: { 200: PreviewsView },
        },
      },
      async (request) => {
        const { limit, before } = request.query;
        const appId = guard.appOf(request).app.id;
        const docs = await flagPreviews.page(appId, before === undefined ? undefined : objectId(before), limit);
        return { previews: docs.map(listedPreviewView), next: nextPage(docs, limit) };
      },
    );

    app.get(
      '/v1/apps/:appId/flag-previews/:previewId',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'A preview: how far it is, and what it has found',
          params: PreviewParams,
          response: { 200: PreviewView },
        },
      },
      async (request) => previewView(await found(guard.appOf(request).app.id, request.params.previewId)),
    );

    app.post(
      '/v1/apps/:appId/flag-previews/:previewId/cancel',
      {
        ...guard.inApp('flags:write'),
        schema: { tags, summary: 'Stop a preview', params: PreviewParams, response: { 202: PreviewView } },
      },
      async (request, reply) => {
        const preview = await found(guard.appOf(request).app.id, request.params.previewId);
        const client = temporal();
        if (client === undefined) throw away();
        const handle = client.workflow.getHandle(flagPreviewId(preview._id.toHexString()));
        try {
          await client.withDeadline(Date.now() + START_MS, () => handle.cancel());
        } catch (error) {
          if (!(error instanceof WorkflowNotFoundError)) throw away(error);
        }
        return reply.code(202).send(previewView((await flagPreviews.find(preview._id)) ?? preview));
      },
    );
  };
}
