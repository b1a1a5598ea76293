import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Accepted, type Batch, batchId, type Rejection } from '../../db/batch.js';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { encodeIngestResponse } from '../../proto/codec.js';
import type { AppKey } from '../auth.js';
import { type Format, inflated } from './body.js';
import { burstLimit } from './burst.js';
import type { GroupCommit } from './group-commit.js';
import type { People } from './people.js';
import type { Metrics } from '../metrics.js';
import type { DailyQuota } from './quota.js';
import type { SpoolGate } from './spool-gate.js';

export interface IntakeDeps {
  readonly commit: GroupCommit;
  readonly people: People;
  readonly quota: DailyQuota;
  readonly gate: SpoolGate;
  readonly metrics: Pick<Metrics, 'ingested'>;
  readonly requestsPerSecondPerKey: number;
}

/** What every ingest route does around reading its own format. */
export function intake({ commit, people, quota, gate, metrics, requestsPerSecondPerKey }: IntakeDeps) {
  const burst = burstLimit(requestsPerSecondPerKey);

  return {
    /** May this sender send now? @throws PlatformError RATE_LIMITED, QUOTA_EXCEEDED, UNAVAILABLE */
    async admit(sender: AppKey): Promise<void> {
      burst.check(sender.keyId);
      gate.check();
      await quota.check(sender.app);
    },

    /** The inflated body. @throws PlatformError BODY_TOO_LARGE, BODY_MALFORMED */
    body: (request: FastifyRequest): Promise<Buffer> =>
      inflated(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), request.headers['content-encoding']),

    /** Acknowledges what is good of a batch; resolves when it is on the disks of a majority. */
    async take(sender: AppKey, batch: Batch): Promise<Accepted> {
      if (batch.items.length === 0 && batch.rejected.length > 0) {
        metrics.ingested(0, batch.rejected.length);
        return { batchId: batchId(batch.key), accepted: 0, rejected: batch.rejected };
      }
      const accepted = await commit.submit(batch);
      people.remember(batch.touches);
      quota.add(sender.app, batch.items.length);
      metrics.ingested(accepted.accepted, accepted.rejected.length);
      return accepted;
    },
  };
}

export type Intake = ReturnType<typeof intake>;

/** The client's own name for its request, from `Idempotency-Key`. @throws PlatformError REQUEST_INVALID */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && key !== '' && key.length <= LIMITS.mapKey) return key;
  throw new PlatformError('REQUEST_INVALID', `Idempotency-Key must have 1 to ${String(LIMITS.mapKey)} characters`);
}

interface IngestAnswer {
  readonly success: boolean;
  readonly eventsAccepted: number;
  readonly eventsRejected: number;
  readonly batchId: string;
  readonly rejected: readonly Rejection[];
}

/** 202 when anything was taken or there was nothing to take, else 400; in the request's format unless `Accept` says. */
export function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  outcome: Accepted,
  format: Format,
): FastifyReply {
  const { accepted, rejected } = outcome;
  const success = accepted > 0 || rejected.length === 0;
  const counts = { success, eventsAccepted: accepted, eventsRejected: rejected.length };
  reply.code(success ? 202 : 400);
  if (wanted(request.headers.accept, format) === 'protobuf') {
    return reply.type('application/x-protobuf').send(Buffer.from(encodeIngestResponse(counts)));
  }
  const answer: IngestAnswer = { ...counts, batchId: outcome.batchId, rejected };
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer));
}

function wanted(accept: string | undefined, format: Format): Format {
  if (accept === undefined) return format;
  if (accept.includes('protobuf')) return 'protobuf';
  return accept.includes('json') ? 'json' : format;
}
