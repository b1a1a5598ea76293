import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { dsnOf, keyInSentryAuth } from '../../domain/sentry/dsn.js';
import type { Envelope } from '../../domain/sentry/envelope.js';
import { openTo } from '../access.js';
import type { AppKey, AppKeyAuth } from '../auth.js';
import { envelopeBatch, quotasIn, SENTRY_CATEGORY, type SentryQuota } from '../ingest/envelope-batch.js';
import { envelopeIn, storedEventIn } from '../ingest/envelope-body.js';
import type { Intake } from '../ingest/intake.js';
import type { People } from '../ingest/people.js';
import { sentryDocs } from '../schema/sentry.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly intake: Intake;
  readonly people: People;
  readonly now: () => number;
}

const RATE_LIMITS = 'x-sentry-rate-limits';

/** So that a quota that is raised meanwhile is heard of: an SDK is silent for as long as it is told. */
const LONGEST_SILENCE_SECONDS = 3_600;

/** What Sentry's SDKs send, so that an app moves over by changing its DSN. */
export function sentryRoutes({ auth, intake, people, now }: Deps): FastifyPluginAsync {
  async function senderBy(key: string | undefined, dsnId: string, request: FastifyRequest): Promise<AppKey> {
    const sender = await auth.authenticateKey(key, request.headers.origin);
    if (String(sender.app.dsnId) === dsnId) return sender;
    throw new PlatformError('UNAUTHENTICATED', 'this key is of another app than the DSN names');
  }

  /** Before its body is read, where the request itself says who sends. */
  async function knownSender(request: FastifyRequest, dsnId: string): Promise<AppKey | undefined> {
    const key = keyOf(request);
    if (key === undefined) return undefined;
    const sender = await senderBy(key, dsnId, request);
    await intake.admit(request, sender);
    return sender;
  }

  async function senderInside({ header }: Envelope, request: FastifyRequest, dsnId?: string): Promise<AppKey> {
    const dsn = dsnOf(header['dsn']);
    const sender = await senderBy(dsn?.key, dsnId ?? dsn?.dsnId ?? '', request);
    await intake.admit(request, sender);
    return sender;
  }

  async function take(request: FastifyRequest, reply: FastifyReply, sender: AppKey, envelope: Envelope) {
    const exhausted = new Map<SentryQuota, number>();
    for (const quota of quotasIn(envelope)) {
      const secondsLeft = await intake.exhausted(request, sender, quota);
      if (secondsLeft !== undefined) exhausted.set(quota, Math.min(secondsLeft, LONGEST_SILENCE_SECONDS));
    }
    const facts = { app: sender.app, people, now: now(), exhausted, arrival: randomUUID() };
    const { batch, eventId, overQuota } = await envelopeBatch(envelope, facts);
    if (batch.items.length + batch.drops.length > 0) await intake.take(request, sender, batch);

    if (exhausted.size > 0) {
      const limits = [...exhausted].map(([quota, seconds]) => `${String(seconds)}:${SENTRY_CATEGORY[quota]}:key:quota`);
      void reply.header(RATE_LIMITS, limits.join(', '));
      if (overQuota > 0 && batch.items.length === 0) void reply.code(429);
    }
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(eventId === '' ? {} : { id: eventId }));
  }

  return async (app) => {
    // Read as it comes in: attachments are never held.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, payload, done) => {
      done(null, payload);
    });

    const options = (schema: object): RouteShorthandOptions => ({
      ...openTo('app-key'),
      helmet: false,
      schema,
      errorHandler,
    });
    const dsnIdOf = ({ params }: FastifyRequest): string => (params as { readonly dsnId: string }).dsnId;

    const envelope = async (request: FastifyRequest, reply: FastifyReply) => {
      const dsnId = dsnIdOf(request);
      const early = await knownSender(request, dsnId);
      const read = await envelopeIn(request);
      return take(request, reply, early ?? (await senderInside(read, request, dsnId)), read);
    };
    app.post('/api/:dsnId/envelope/', options(sentryDocs.envelope), envelope);
    app.post('/api/:dsnId/envelope', options({ hide: true }), envelope);

    const store = async (request: FastifyRequest, reply: FastifyReply) => {
      const sender = await knownSender(request, dsnIdOf(request));
      if (sender === undefined) throw new PlatformError('UNAUTHENTICATED', 'no key');
      return take(request, reply, sender, await storedEventIn(request));
    };
    app.post('/api/:dsnId/store/', options(sentryDocs.store), store);
    app.post('/api/:dsnId/store', options({ hide: true }), store);

    app.post('/v1/sentry/tunnel', options(sentryDocs.tunnel), async (request, reply) => {
      const read = await envelopeIn(request);
      return take(request, reply, await senderInside(read, request), read);
    });
  };
}

function keyOf({ query, headers }: FastifyRequest): string | undefined {
  const inQuery: unknown =
    typeof query === 'object' && query !== null && 'sentry_key' in query ? query.sentry_key : undefined;
  const stated = [headers['x-sentry-auth'], headers.authorization].find((header) => typeof header === 'string');
  return typeof inQuery === 'string' ? inQuery : keyInSentryAuth(stated ?? '');
}

/** `Retry-After` would silence an SDK for good and all in every category; this header says what is meant. */
function errorHandler(error: Error, _request: FastifyRequest, reply: FastifyReply): never {
  if (!(error instanceof PlatformError) || error.retryAfterSeconds === undefined) throw error;
  const { code, message, cause, retryAfterSeconds } = error;
  void reply.header(RATE_LIMITS, `${String(retryAfterSeconds)}::key:${code.toLowerCase()}`);
  throw new PlatformError(code, message, { cause });
}
