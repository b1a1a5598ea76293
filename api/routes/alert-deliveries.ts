import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { ObjectId } from 'mongodb';
import type { AlertDeliveries, AlertDeliveryDoc } from '../../db/alert-deliveries.js';
import type { Audited } from '../../db/audit.js';
import { PlatformError } from '../../domain/errors.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { alertDelivery, alertDeliveryRun } from '../../workflows/alert-delivery.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import {
  DeliveriesQuery,
  DeliveriesView,
  deliveryDetailView,
  DeliveryDetailView,
  DeliveryParams,
  deliveryView,
  ReplayView,
} from '../schema/alert-delivery.js';
import { AppParams } from '../schema/app.js';
import { nextPage, objectId } from '../schema/common.js';

interface Deps {
  readonly guard: Guard;
  readonly alertDeliveries: Pick<AlertDeliveries, 'page' | 'find'>;
  readonly audited: Audited;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
}

const tags = ['alerts'];
const START_MS = 5_000;

export function alertDeliveryRoutes({ guard, alertDeliveries, audited, temporal }: Deps): FastifyPluginAsyncTypebox {
  async function found(appId: ObjectId, deliveryId: string): Promise<AlertDeliveryDoc> {
    const delivery = await alertDeliveries.find(deliveryId);
    if (delivery?.appId.equals(appId) !== true) throw new PlatformError('NOT_FOUND', 'no such delivery in this app');
    return delivery;
  }

  async function start(delivery: AlertDeliveryDoc): Promise<string> {
    const away = (cause?: unknown) =>
      new PlatformError('UNAVAILABLE', 'Temporal does not answer', { cause, retryAfterSeconds: 5 });
    const client = temporal();
    if (client === undefined) throw away();
    const deliveryId = delivery._id.toHexString();
    const run = alertDeliveryRun({ deliveryId, replay: true }, delivery.appId.toHexString());
    try {
      const options = { ...run, taskQueue: TASK_QUEUE };
      await client.withDeadline(Date.now() + START_MS, () => client.workflow.start(alertDelivery, options));
      return run.workflowId;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw away(error);
      throw new PlatformError('CONFLICT', 'it is being delivered at this moment');
    }
  }

  return async (app) => {
    app.get(
      '/v1/apps/:appId/alert-deliveries',
      {
        ...guard.inApp('alerts:read'),
        schema: {
          tags,
          summary: 'What was told, to whom, and what came of it; newest first, for 90 days',
          params: AppParams,
          querystring: DeliveriesQuery,
          response: { 200: DeliveriesView },
        },
      },
      async (request) => {
        const { limit, before, channelId, state } = request.query;
        const filter = {
          appId: guard.appOf(request).app.id,
          channelId: channelId === undefined ? undefined : objectId(channelId),
          state,
          before: before === undefined ? undefined : objectId(before),
        };
        const docs = await alertDeliveries.page(filter, limit);
        return { deliveries: docs.map(deliveryView), next: nextPage(docs, limit) };
      },
    );

    app.get(
      '/v1/apps/:appId/alert-deliveries/:deliveryId',
      {
        ...guard.inApp('alerts:read'),
        schema: { tags, params: DeliveryParams, response: { 200: DeliveryDetailView } },
      },
      async (request) => deliveryDetailView(await found(guard.appOf(request).app.id, request.params.deliveryId)),
    );

    app.post(
      '/v1/apps/:appId/alert-deliveries/:deliveryId/replay',
      {
        ...guard.inApp('alerts:write'),
        schema: {
          tags,
          summary: 'Send it again, with the same id and body, whatever became of it before',
          params: DeliveryParams,
          response: { 202: ReplayView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const delivery = await found(owner.id, request.params.deliveryId);
        const workflowId = await start(delivery);
        const { state, attemptCount } = delivery;
        await audited(() =>
          Promise.resolve({
            result: undefined,
            entry: {
              appId: owner.id,
              actor: actorOf(member),
              action: 'alert-delivery.replayed',
              target: { kind: 'alert-delivery', id: delivery._id },
              before: { state, attemptCount },
              after: null,
            },
          }),
        );
        return reply.code(202).send({ deliveryId: delivery._id.toHexString(), workflowId });
      },
    );
  };
}
