import type { FastifyPluginAsync } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { objectOf } from '../../domain/loose.js';
import { segmentMessage } from '../../domain/segment.js';
import { vouching } from '../identity-proof.js';
import { batchBuilder } from '../ingest/batch-builder.js';
import { idempotencyKeyOf, type Intake, sendAnswer } from '../ingest/intake.js';
import { asText, parseJson } from '../ingest/json-body.js';
import type { People } from '../ingest/people.js';
import { profileStatements } from '../ingest/profile-statements.js';
import { type Breather, breather } from '../ingest/turns.js';
import { ingestDocs } from '../schema/ingest.js';
import type { Senders } from '../senders.js';

interface Deps {
  readonly senders: Senders;
  readonly intake: Intake;
  readonly people: People;
  readonly secretKey: string;
  readonly now: () => number;
}

/** What Segment's libraries send, so that an app moves over by changing a URL and a key. */
export function segmentRoutes({ senders, intake, people, secretKey, now }: Deps): FastifyPluginAsync {
  const state = profileStatements(vouching({ secretKey, now }));

  return async (app) => {
    app.post(
      '/v1/batch',
      { ...senders.byHeadOrBody({ ofWhole: ['writeKey'] }), helmet: false, schema: ingestDocs.segment },
      async (request, reply) => {
        const sender = senders.of(request);
        await intake.admit(request, sender, 'events');
        const body = await intake.body(request);
        const breathe = breather();
        const batch = await readBatch(body, breathe);

        const builder = batchBuilder({ app: sender.app, people, now: now(), breathe });
        for (const [index, value] of batch.entries()) {
          const pause = breathe();
          if (pause !== undefined) await pause;
          const message = segmentMessage(value);
          if (message.type === 'fault') builder.reject('batch', index, message.fault);
          else if (message.type === 'event') builder.event('batch', index, message.event, message.extras);
          else if (!state(builder, index, sender, message))
            builder.reject('batch', index, { code: 'IDENTITY_PROOF_INVALID', field: 'context.identityProof' });
        }
        const facts = { kind: 'segment', format: 'json', idempotencyKey: idempotencyKeyOf(request), body };
        return sendAnswer(request, reply, await intake.take(request, sender, builder.finish(facts)), 'json');
      },
    );
  };
}

async function readBatch(body: Buffer, breathe: Breather): Promise<readonly unknown[]> {
  const value = await parseJson(asText(body), breathe);
  const batch = objectOf(value)['batch'];
  if (!Array.isArray(batch)) throw new PlatformError('BODY_MALFORMED', 'the body needs a list named batch');
  if (batch.length <= LIMITS.batchItems) return batch as readonly unknown[];
  throw new PlatformError('BATCH_TOO_LARGE', `a batch holds at most ${String(LIMITS.batchItems)} items`);
}
