import { randomUUID } from 'node:crypto';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import type { Json } from '../../domain/loose.js';
import { dsnOf, keyInSentryAuth } from '../../domain/sentry/dsn.js';
import type { Envelope } from '../../domain/sentry/envelope.js';
import type { AppKey } from '../auth.js';
import { envelopeBatch, quotasIn, SENTRY_CATEGORY, type SentryQuota } from '../ingest/envelope-batch.js';
import { envelopeIn, storedEventIn } from '../ingest/envelope-body.js';
import type { Intake } from '../ingest/intake.js';
import type { People } from '../ingest/people.js';
import { sentryDocs } from '../schema/sentry.js';
import type { Senders } from '../senders.js';

interface Deps {
  readonly senders: Senders;
  readonly intake: Intake;
  readonly people: People;
  readonly now: () => number;
}

const RATE_LIMITS = 'x-sentry-rate-limits';

/** So that a quota that is raised meanwhile is heard of: an SDK is silent for as long as it is told. */
const LONGEST_SILENCE_SECONDS = 3_600;

/** What Sentry's SDKs send, so that an app moves over by changing its DSN. */
export function sentryRoutes({ senders, intake, people, now }: Deps): FastifyPluginAsync {
  /** Before the items are read: by the request, or by the header of the envelope. */
  async function admit(request: FastifyRequest, sender: AppKey, dsnId: string | undefined): Promise<AppKey> {
    if (String(sender.app.dsnId) !== dsnId)
      throw new PlatformError('UNAUTHENTICATED', 'this key is of another app than the DSN names');
    await intake.admit(request, sender);
    return sender;
  }

  async function admitInside(request: FastifyRequest, header: Json, dsnId: string | undefined): Promise<AppKey> {
    const dsn = dsnOf(header['dsn']);
    return admit(request, await senders.letIn(request, dsn?.key), dsnId ?? dsn?.dsnId);
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

    const options = { helmet: false, errorHandler } as const;
    /** Undefined in the tunnel, which knows the app by the envelope alone. */
    const dsnIdOf = ({ params }: FastifyRequest) => (params as { readonly dsnId?: string }).dsnId;

    const envelope = async (request: FastifyRequest, reply: FastifyReply) => {
      const dsnId = dsnIdOf(request);
      const known = senders.known(request);
      let sender = known && (await admit(request, known, dsnId));
      const read = await envelopeIn(request, async (header) => {
        sender ??= await admitInside(request, header, dsnId);
      });
      return take(request, reply, sender ?? senders.of(request), read);
    };
    const ofEnvelope = { ...senders.byHeadOrLater(keyOf), ...options };
    app.post('/api/:dsnId/envelope/', { ...ofEnvelope, schema: sentryDocs.envelope }, envelope);
    app.post('/api/:dsnId/envelope', { ...ofEnvelope, schema: { hide: true } }, envelope);

    const store = async (request: FastifyRequest, reply: FastifyReply) => {
      const sender = await admit(request, senders.of(request), dsnIdOf(request));
      return take(request, reply, sender, await storedEventIn(request));
    };
    const ofStore = { ...senders.byHead(keyOf), ...options };
    app.post('/api/:dsnId/store/', { ...ofStore, schema: sentryDocs.store }, store);
    app.post('/api/:dsnId/store', { ...ofStore, schema: { hide: true } }, store);

    const ofTunnel = { ...senders.byHeadOrLater(() => undefined), ...options };
    app.post('/v1/sentry/tunnel', { ...ofTunnel, schema: sentryDocs.tunnel }, envelope);
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
