import type { FastifyPluginAsync, FastifyRequest, FastifySchema } from 'fastify';
import type { App } from '../../db/apps.js';
import type { Batch } from '../../db/batch.js';
import { LIMITS } from '../../domain/limits.js';
import { type BatchLimits, type InvalidItem, isInvalidItem, jsonText } from '../../proto/codec.js';
import type { Senders } from '../senders.js';
import { batchBuilder, type BatchBuilder } from './batch-builder.js';
import { type Format, formatOf } from './body.js';
import { idempotencyKeyOf, type Intake, sendAnswer } from './intake.js';
import { parseJson } from './json-body.js';
import type { People } from './people.js';
import { breather } from './turns.js';

export interface IngestDeps {
  readonly senders: Senders;
  readonly intake: Intake;
  readonly people: People;
  readonly now: () => number;
}

/** An item and where the client finds it. */
interface Received {
  readonly list: string;
  readonly index: number;
  readonly item: object;
}

type Valid<R extends Received> = R extends unknown ? R & { readonly item: Exclude<R['item'], InvalidItem> } : never;

interface OwnBatches<R extends Received> {
  readonly path: string;
  readonly kind: 'events' | 'errors';
  readonly schema: FastifySchema;
  readonly inJson: (body: unknown, limits: BatchLimits) => Iterable<R>;
  /** Undefined where it has read much that is no item. */
  readonly inBytes: (bytes: Uint8Array, limits: BatchLimits) => Iterable<R | undefined>;
  readonly add: (builder: BatchBuilder, received: Valid<R>) => Promise<void> | undefined;
}

/** The route of a batch message of our own, as protobuf or proto3 JSON. Its items are read one by one, with breaths. */
export function ownBatches<R extends Received>(
  { senders, intake, people, now }: IngestDeps,
  { path, kind, schema, inJson, inBytes, add }: OwnBatches<R>,
): FastifyPluginAsync {
  const isValid = (received: R): received is Valid<R> => !isInvalidItem(received.item);

  async function batchOf(request: FastifyRequest, app: App, body: Buffer, format: Format): Promise<Batch> {
    const limits = { maxItems: LIMITS.batchItems };
    const breathe = breather();
    const items = format === 'json' ? inJson(await parseJson(jsonText(body), breathe), limits) : inBytes(body, limits);
    const builder = batchBuilder({ app, people, now: now(), breathe });
    for (const received of items) {
      const pause = breathe();
      if (pause !== undefined) await pause;
      if (received === undefined) continue;
      if (isValid(received)) {
        const added = add(builder, received);
        if (added !== undefined) await added;
      } else {
        const { field } = (received.item as InvalidItem).invalid;
        builder.reject(received.list, received.index, { code: 'FIELD_INVALID', field });
      }
    }
    return builder.finish({ kind, format, idempotencyKey: idempotencyKeyOf(request), body });
  }

  return async (app) => {
    app.post(path, { ...senders.byHead(), helmet: false, schema }, async (request, reply) => {
      const sender = senders.of(request);
      await intake.admit(request, sender, kind);
      const body = await intake.body(request);
      const format = formatOf(request.headers['content-type'], body);
      const batch = await batchOf(request, sender.app, body, format);
      return sendAnswer(request, reply, await intake.take(request, sender, batch), format);
    });
  };
}
