import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { objectOf } from '../../domain/loose.js';
import { type PostHogMessage, postHogMessages } from '../../domain/posthog.js';
import { vouching } from '../identity-proof.js';
import { batchBuilder } from '../ingest/batch-builder.js';
import type { Intake } from '../ingest/intake.js';
import type { People } from '../ingest/people.js';
import { KEY_IN_POSTHOG, postHogBody } from '../ingest/posthog-body.js';
import { profileStatements } from '../ingest/profile-statements.js';
import { type Breather, breather } from '../ingest/turns.js';
import { postHogDocs } from '../schema/posthog.js';
import type { Senders } from '../senders.js';

interface Deps {
  readonly senders: Senders;
  readonly intake: Intake;
  readonly people: People;
  readonly secretKey: string;
  readonly now: () => number;
}

interface PostHogRequest {
  readonly events: readonly unknown[];
  readonly sentAt: unknown;
}

/** What its libraries ask when they start. They would load more of PostHog's own code for what is not off. */
const CONFIG = {
  supportedCompression: ['gzip-js'],
  heatmaps: true,
  hasFeatureFlags: true,
  autocapture_opt_out: false,
  autocaptureExceptions: false,
  captureDeadClicks: false,
  capturePerformance: false,
  sessionRecording: false,
  surveys: false,
  siteApps: [],
};

/** What PostHog's libraries send, so that an app moves over by changing a URL and a key. */
export function postHogRoutes({ senders, intake, people, secretKey, now }: Deps): FastifyPluginAsync {
  const state = profileStatements(vouching({ secretKey, now }));

  async function capture(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const sender = senders.of(request);
    const body = await intake.body(request);
    const breathe = breather();
    const { events, sentAt } = await readRequest(body, breathe);
    const at = now();
    const messages: (readonly PostHogMessage[])[] = [];
    let pointsLeft: number = LIMITS.batchItems;
    for (const value of events) {
      const pause = breathe();
      if (pause !== undefined) await pause;
      const asked = postHogMessages(value, { sentAt, now: at }, pointsLeft);
      messages.push(asked);
      pointsLeft -= asked.filter(({ type }) => type === 'heatmap').length;
    }
    const hasErrors = messages.some((each) => each.some(({ type }) => type === 'error'));
    const hasOthers = messages.some((each) => each.some(({ type }) => type !== 'error'));
    await intake.admit(request, sender, ...(hasOthers ? (['events'] as const) : []));
    const exhausted = hasErrors && (await intake.exhausted(request, sender, 'errors')) !== undefined;

    const builder = batchBuilder({ app: sender.app, people, now: at, breathe });
    for (const [index, each] of messages.entries()) {
      for (const message of each) {
        const pause = breathe();
        if (pause !== undefined) await pause;
        if (message.type === 'fault') builder.reject('batch', index, message.fault);
        else if (message.type === 'event') builder.event('batch', index, message.event, message.extras);
        else if (message.type === 'heatmap') builder.heatmap('batch', index, message.point);
        else if (message.type === 'points_left_out')
          builder.drop('quota', 'points_per_request', 'heatmap', message.count);
        else if (message.type === 'error') {
          // The rest of the batch must not wait for tomorrow because of it.
          if (exhausted) builder.drop('quota', 'quota', 'error', 1);
          else await builder.error('batch', index, message.occurrence);
        } else if (!state(builder, index, sender, message))
          builder.reject('batch', index, { code: 'IDENTITY_PROOF_INVALID', field: '$identity_proof' });
      }
    }
    await intake.take(
      request,
      sender,
      builder.finish({ kind: 'posthog', format: 'json', idempotencyKey: undefined, body }),
    );
    return reply.type('application/json; charset=utf-8').send('{"status":1}');
  }

  return async (app) => {
    const options = { ...senders.byHeadOrBody(KEY_IN_POSTHOG), helmet: false } as const;
    app.post('/batch/', { ...options, schema: postHogDocs.batch }, capture);
    app.post('/e/', { ...options, schema: postHogDocs.capture }, capture);
    for (const path of ['/batch', '/e', '/capture/', '/capture', '/i/v0/e/', '/i/v0/e'])
      app.post(path, { ...options, schema: { hide: true } }, capture);

    const keyOf = ({ params }: FastifyRequest): string => (params as { readonly key: string }).key;
    const inPath = { ...senders.byHead(keyOf), helmet: false } as const;
    app.get('/array/:key/config', { ...inPath, schema: postHogDocs.config }, async (_request, reply) =>
      reply.type('application/json; charset=utf-8').send(JSON.stringify(CONFIG)),
    );
    app.get('/array/:key/config.js', { ...inPath, schema: { hide: true } }, async (request, reply) => {
      const entry = JSON.stringify({ [keyOf(request)]: { config: CONFIG, siteApps: [] } });
      const script = `window._POSTHOG_REMOTE_CONFIG=Object.assign(window._POSTHOG_REMOTE_CONFIG||{},${entry});`;
      // The page that loads it is of another site.
      return reply
        .type('application/javascript; charset=utf-8')
        .header('cross-origin-resource-policy', 'cross-origin')
        .send(script);
    });
  };
}

/** A batch, a list of events, or one event. */
async function readRequest(body: Buffer, breathe: Breather): Promise<PostHogRequest> {
  const value = await postHogBody(body, breathe);
  const whole = objectOf(value);
  const events = Array.isArray(value) ? value : Array.isArray(whole['batch']) ? whole['batch'] : [value];
  if (events.length > LIMITS.batchItems)
    throw new PlatformError('BATCH_TOO_LARGE', `a batch holds at most ${String(LIMITS.batchItems)} items`);
  const first = objectOf(events[0]);
  return {
    events,
    sentAt: whole['sent_at'] ?? first['sent_at'],
  };
}
