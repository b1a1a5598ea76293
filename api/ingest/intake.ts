import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Accepted, type Batch, batchId, type Rejection } from '../../db/batch.js';
import type { ItemKind } from '../../db/ids.js';
import type { UsageCategory } from '../../db/usage.js';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { encodeIngestResponse } from '../../proto/codec.js';
import type { AppKey } from '../auth.js';
import { type Format, inflated } from './body.js';
import type { GroupCommit } from './group-commit.js';
import type { People } from './people.js';
import type { Metrics } from '../metrics.js';
import type { DailyQuota } from './quota.js';
import type { SpoolGate } from './spool-gate.js';

export interface IntakeDeps {
  readonly commit: GroupCommit;
  readonly people: People;
  readonly quotas: Readonly<Record<UsageCategory, DailyQuota>>;
  readonly gate: SpoolGate;
  readonly metrics: Pick<Metrics, 'ingested'>;
}

/** Sessions and feedback are few and have no quota. */
const COUNTED_AS_EVENTS: ReadonlySet<ItemKind> = new Set(['events', 'heatmap', 'profiles']);

/** What every ingest route does around reading its own format. */
export function intake({ commit, people, quotas, gate, metrics }: IntakeDeps) {
  return {
    /** May this app's items be taken now? @throws PlatformError QUOTA_EXCEEDED, UNAVAILABLE */
    async admit(sender: AppKey, ...categories: readonly UsageCategory[]): Promise<void> {
      gate.check();
      for (const category of categories) await quotas[category].check(sender.app);
    },

    /** Until when a quota is used up, in seconds; undefined where it is not. For requests that are taken in part. */
    async exhausted({ app }: AppKey, category: UsageCategory): Promise<number | undefined> {
      try {
        await quotas[category].check(app);
        return undefined;
      } catch (error) {
        if (!(error instanceof PlatformError) || error.code !== 'QUOTA_EXCEEDED') throw error;
        return error.retryAfterSeconds ?? 60;
      }
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
      const errors = batch.items.filter(({ kind }) => kind === 'errors').length;
      const others = batch.items.filter(({ kind }) => COUNTED_AS_EVENTS.has(kind)).length;
      if (errors > 0) quotas.errors.add(sender.app, errors);
      if (others > 0) quotas.events.add(sender.app, others);
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
