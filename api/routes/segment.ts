import type { FastifyPluginAsync } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { segmentMessage } from '../../domain/segment.js';
import { openTo } from '../access.js';
import type { AppKey, AppKeyAuth } from '../auth.js';
import { keyFromRequest } from '../auth-header.js';
import { verifyIdentityProof } from '../identity-proof.js';
import { batchBuilder } from '../ingest/batch-builder.js';
import { idempotencyKeyOf, type Intake, sendAnswer } from '../ingest/intake.js';
import { asText, parseJson } from '../ingest/json-body.js';
import type { People } from '../ingest/people.js';
import { type Breather, breather } from '../ingest/turns.js';
import { ingestDocs } from '../schema/ingest.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly intake: Intake;
  readonly people: People;
  readonly secretKey: string;
  readonly now: () => number;
}

interface SegmentBatch {
  readonly batch: readonly unknown[];
  readonly writeKey?: unknown;
}

/** What Segment's libraries send, so that an app moves over by changing a URL and a key. */
export function segmentRoutes({ auth, intake, people, secretKey, now }: Deps): FastifyPluginAsync {
  /** Whether this sender may state something about this profile. */
  const mayWrite = ({ app, kind }: AppKey, profileId: string, proof: string): boolean =>
    kind === 'server' ||
    !app.config.identityProof ||
    verifyIdentityProof({ secretKey, app, profileId, proof, now: now() });

  return async (app) => {
    app.post(
      '/v1/batch',
      { ...openTo('app-key'), helmet: false, schema: ingestDocs.segment },
      async (request, reply) => {
        const stated = keyFromRequest(request);
        const early = stated === undefined ? undefined : await auth.authenticateKey(stated, request.headers.origin);
        const body = await intake.body(request);
        const breathe = breather();
        const { batch, writeKey } = await readBatch(body, breathe);
        const sender =
          early ??
          (await auth.authenticateKey(typeof writeKey === 'string' ? writeKey : undefined, request.headers.origin));
        await intake.admit(request, sender, 'events');

        const builder = batchBuilder({ app: sender.app, people, now: now(), breathe });
        for (const [index, value] of batch.entries()) {
          const pause = breathe();
          if (pause !== undefined) await pause;
          const message = segmentMessage(value);
          const refuse = () =>
            builder.reject('batch', index, { code: 'IDENTITY_PROOF_INVALID', field: 'context.identityProof' });
          if (message.type === 'fault') builder.reject('batch', index, message.fault);
          else if (message.type === 'event') builder.event('batch', index, message.event, message.extras);
          else if (message.type === 'alias') {
            if (mayWrite(sender, message.to, message.proof)) builder.alias(message);
            else refuse();
          } else if (mayWrite(sender, message.externalId, message.proof)) builder.identify('batch', index, message);
          else refuse();
        }
        const facts = { kind: 'segment', format: 'json', idempotencyKey: idempotencyKeyOf(request), body };
        return sendAnswer(request, reply, await intake.take(request, sender, builder.finish(facts)), 'json');
      },
    );
  };
}

async function readBatch(body: Buffer, breathe: Breather): Promise<SegmentBatch> {
  const value = await parseJson(asText(body), breathe);
  const isBatch = typeof value === 'object' && value !== null && 'batch' in value && Array.isArray(value.batch);
  if (!isBatch) throw new PlatformError('BODY_MALFORMED', 'the body needs a list named batch');
  const batch = value as SegmentBatch;
  if (batch.batch.length <= LIMITS.batchItems) return batch;
  throw new PlatformError('BATCH_TOO_LARGE', `a batch holds at most ${String(LIMITS.batchItems)} items`);
}
