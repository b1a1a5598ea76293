import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Accepted, type Batch, batchId, type Rejection } from '../../db/batch.js';
import type { ItemKind } from '../../db/ids.js';
import type { UsageCategory } from '../../db/usage.js';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { encodeIngestResponse } from '../../proto/codec.js';
import type { AppKey } from '../auth.js';
import type { AddressOf } from '../limits/client-addresses.js';
import { dayShares } from '../limits/day-shares.js';
import { type Format, inflated } from './body.js';
import type { GroupCommit } from './group-commit.js';
import type { People } from './people.js';
import type { Metrics } from '../metrics.js';
import { type DailyQuota, type Kept, KEPT } from './quota.js';
import type { SpoolGate } from './spool-gate.js';

export interface IntakeDeps {
  readonly commit: GroupCommit;
  readonly people: People;
  readonly quotas: Readonly<Record<UsageCategory, DailyQuota>>;
  readonly gate: SpoolGate;
  readonly metrics: Pick<Metrics, 'ingested'>;
  readonly addressOf: AddressOf;
  readonly now: () => number;
}

/** Each kind of item is counted against one quota. */
const QUOTA_OF = {
  events: 'events',
  heatmap: 'events',
  profiles: 'events',
  errors: 'errors',
  sessions: 'sessions',
  feedback: 'feedback',
} as const satisfies Readonly<Record<ItemKind, UsageCategory>>;

/** Undefined where no request of theirs is meant: what we note of their questions about flags. */
type From = FastifyRequest | undefined;

/** What every ingest route does around reading its own format. */
export function intake({ commit, people, quotas, gate, metrics, addressOf, now }: IntakeDeps) {
  const shares = dayShares(now);

  /** How much of the day's quota this sender must leave to others. */
  function keptFrom(from: From, { kind, app }: AppKey, category: UsageCategory): Kept {
    if (kind === 'server') return KEPT.fromServerKeys;
    const address = from && addressOf(from);
    const quota = quotas[category].mostOf(app);
    return address !== undefined && shares.isMuch(app.id.toHexString(), category, address, quota)
      ? KEPT.fromAddressesThatSentMuch
      : KEPT.fromClientKeys;
  }

  async function checkQuota(from: From, sender: AppKey, category: UsageCategory): Promise<void> {
    await quotas[category].check(sender.app, () => keptFrom(from, sender, category));
  }

  function count(from: From, { kind, app }: AppKey, items: Batch['items']): void {
    const address = kind === 'client' && from !== undefined ? addressOf(from) : undefined;
    const sums = new Map<UsageCategory, number>();
    for (const item of items) sums.set(QUOTA_OF[item.kind], (sums.get(QUOTA_OF[item.kind]) ?? 0) + 1);
    for (const [category, sum] of sums) {
      quotas[category].add(app, sum);
      if (address !== undefined) shares.add(app.id.toHexString(), category, address, sum);
    }
  }

  return {
    /** May this sender's items be taken now? @throws PlatformError QUOTA_EXCEEDED, UNAVAILABLE */
    async admit(from: From, sender: AppKey, ...categories: readonly UsageCategory[]): Promise<void> {
      gate.check();
      for (const category of categories) await checkQuota(from, sender, category);
    },

    /** Until when a quota is used up, in seconds; undefined where it is not. For requests that are taken in part. */
    async exhausted(from: From, sender: AppKey, category: UsageCategory): Promise<number | undefined> {
      try {
        await checkQuota(from, sender, category);
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
    async take(from: From, sender: AppKey, batch: Batch): Promise<Accepted> {
      if (batch.items.length === 0 && batch.rejected.length > 0) {
        metrics.ingested(0, batch.rejected.length);
        return { batchId: batchId(batch.key), accepted: 0, rejected: batch.rejected };
      }
      const accepted = await commit.submit(batch);
      people.remember(batch.touches);
      count(from, sender, batch.items);
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
