import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { App } from '../../db/apps.js';
import type { Batch } from '../../db/batch.js';
import { LIMITS } from '../../domain/limits.js';
import { decodeEventBatch, isInvalidItem, readEventBatchJson } from '../../proto/codec.js';
import { openTo } from '../access.js';
import type { AppKeyAuth } from '../auth.js';
import { batchBuilder } from '../ingest/batch-builder.js';
import { type Format, formatOf } from '../ingest/body.js';
import { idempotencyKeyOf, type Intake, sendAnswer } from '../ingest/intake.js';
import type { People } from '../ingest/people.js';
import { ingestDocs } from '../schema/ingest.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly intake: Intake;
  readonly people: People;
  readonly now: () => number;
}

/** `EventBatch` as protobuf or proto3 JSON. */
export function ingestRoutes({ auth, intake, people, now }: Deps): FastifyPluginAsync {
  const batchOf = (request: FastifyRequest, app: App, body: Buffer, format: Format): Batch => {
    const limits = { maxItems: LIMITS.batchItems };
    const { events, heatmapEvents } =
      format === 'json' ? readEventBatchJson(body, limits) : decodeEventBatch(body, limits);
    const builder = batchBuilder({ app, people, now: now() });
    events.forEach((event, index) => {
      if (isInvalidItem(event)) builder.reject('events', index, { code: 'FIELD_INVALID', field: event.invalid.field });
      else builder.event('events', index, event);
    });
    heatmapEvents.forEach((point, index) => {
      if (isInvalidItem(point))
        builder.reject('heatmapEvents', index, { code: 'FIELD_INVALID', field: point.invalid.field });
      else builder.heatmap('heatmapEvents', index, point);
    });
    return builder.finish({ kind: 'events', format, idempotencyKey: idempotencyKeyOf(request), body });
  };

  return async (app) => {
    app.post(
      '/v1/events',
      { ...openTo('app-key'), helmet: false, schema: ingestDocs.events },
      async (request, reply) => {
        const sender = await auth.authenticate(request);
        await intake.admit(sender, 'events');
        const body = await intake.body(request);
        const format = formatOf(request.headers['content-type'], body);
        const batch = batchOf(request, sender.app, body, format);
        return sendAnswer(request, reply, await intake.take(sender, batch), format);
      },
    );
  };
}
