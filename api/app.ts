import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { Client } from '@temporalio/client';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Db, MongoClient } from 'mongodb';
import { appKeysSpec } from '../db/app-keys.js';
import { claim } from '../db/claim.js';
import { flagSetWrites } from '../db/flag-set-writes.js';
import { invitationsSpec } from '../db/invitations.js';
import { memberTokensSpec } from '../db/member-tokens.js';
import { secretHashes } from '../db/secret-hashes.js';
import { spool } from '../db/spool.js';
import { usage } from '../db/usage.js';
import type { Network } from '../domain/client-address.js';
import { quietly } from '../domain/guarded.js';
import { LIMITS } from '../domain/limits.js';
import { rememberedBytes } from '../domain/remembered.js';
import { accessOf, openTo } from './access.js';
import { appKeyAuth } from './auth.js';
import { bodyPace, PACE } from './body-pace.js';
import { problems, refuse } from './errors.js';
import { flagSide } from './flags.js';
import { flagSignaller } from './flags/signaller.js';
import { STREAM_PATH } from './flags/stream-url.js';
import { flagWriteBack } from './flags/write-back.js';
import { groupCommit } from './ingest/group-commit.js';
import { intake } from './ingest/intake.js';
import { people } from './ingest/people.js';
import { dailyQuota } from './ingest/quota.js';
import { spoolGate } from './ingest/spool-gate.js';
import { ingestStarter } from './ingest/starter.js';
import { strangers } from './ingest/strangers.js';
import { knownSecrets } from './known-secrets.js';
import { clientAddresses } from './limits/client-addresses.js';
import { requestLimits } from './limits/request-limits.js';
import { managementRoutes, registry } from './management.js';
import { takeJson } from './json-parser.js';
import { metrics } from './metrics.js';
import { opsGuard } from './ops-guard.js';
import { patiently } from './patience.js';
import { reference, referencePage } from './reference.js';
import type { AlertAbilities } from './routes/alert-channels.js';
import { batchRoutes } from './routes/batches.js';
import { errorIngestRoutes } from './routes/errors-ingest.js';
import { healthRoutes } from './routes/health.js';
import { ingestRoutes } from './routes/ingest.js';
import { postHogRoutes } from './routes/posthog.js';
import { segmentRoutes } from './routes/segment.js';
import { sentryRoutes } from './routes/sentry.js';
import { senders } from './senders.js';
import { workerStatus } from './worker-status.js';

export interface AppDeps {
  readonly client: MongoClient;
  readonly db: Db;
  /** Undefined while Temporal is away. */
  readonly temporal: () => Client | undefined;
  readonly log: FastifyBaseLogger;
  readonly secretKey: string;
  readonly spoolMaxBytes: number;
  readonly requestsPerSecondPerKey: number;
  /** Of one address with one key; without it, as many as of the key. */
  readonly requestsPerSecondPerAddress?: number;
  /** The proxies whose `X-Forwarded-For` counts; none without it. */
  readonly trustProxy?: readonly Network[];
  /** What alerts can do here; without it, neither e-mail nor private addresses. */
  readonly abilities?: AlertAbilities;
  /** Where this instance is reached; without it, where a request says that it found us. */
  readonly publicUrl?: string | undefined;
  /** Where whoever watches over the worker says how it is. */
  readonly workerStatusFile?: string | undefined;
  /** Whoever brings it may read the metrics; without it, only who asks from this host. */
  readonly metricsToken?: string | undefined;
  readonly now?: () => number;
}

const HEADERS_MS = 10_000;
/** Bodies for people are small. */
const MANAGEMENT_BODY_BYTES = 256 * 1024;

/** The whole HTTP side, not yet listening. `close()` finishes what was let in and loses nothing acknowledged. */
export async function build(deps: AppDeps): Promise<FastifyInstance> {
  const { client, db, temporal, log, secretKey, now = Date.now } = deps;
  const { abilities = { mail: false, webhookAllowPrivate: false } } = deps;
  const app: FastifyInstance = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    // What it refuses before it knows the route.
    frameworkErrors: refuse,
    bodyLimit: LIMITS.bodyBytes,
    // Of headers and all; what of it a body may take says its pace.
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: PACE.lookEveryMs },
    requestTimeout: PACE.sourceMapMs + PACE.senderMs,
    return503OnClosing: true,
    // The names of releases stand in paths, percent-encoded.
    routerOptions: { maxParamLength: 2_400 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array' } },
  });
  problems(app);
  takeJson(app);

  const numbers = metrics();
  const store = spool(db);
  const known = people();
  const starter = ingestStarter({ temporal, log });
  const gate = spoolGate({ spool: store, maxBytes: deps.spoolMaxBytes, onBacklog: numbers.backlog, log });
  const used = usage(db);
  const quotas = {
    events: dailyQuota({ usage: used, category: 'events', mostOf: ({ maxEventsPerDay }) => maxEventsPerDay, now, log }),
    errors: dailyQuota({ usage: used, category: 'errors', mostOf: ({ errors }) => errors.maxErrorsPerDay, now, log }),
    sessions: dailyQuota({ usage: used, category: 'sessions', mostOf: (config) => config.maxSessionsPerDay, now, log }),
    feedback: dailyQuota({ usage: used, category: 'feedback', mostOf: (config) => config.maxFeedbackPerDay, now, log }),
  };
  const commit = groupCommit({ claim: (batches, at) => claim(store, batches, at), onFlushed: starter.add, now, log });
  const sources = [appKeysSpec, memberTokensSpec, invitationsSpec].map((spec) => secretHashes(db, spec));
  const secrets = knownSecrets({ sources, log });
  const auth = appKeyAuth({ ...registry({ client, db }), secrets, log, now });
  const addressOf = clientAddresses({ trustProxy: deps.trustProxy ?? [], log });
  const { requestsPerSecondPerKey: perKey, requestsPerSecondPerAddress: perAddress = perKey } = deps;
  const limits = requestLimits({ perKey, perAddress, addressOf });

  const taking = intake({
    commit,
    people: known,
    quotas,
    gate,
    metrics: numbers,
    addressOf,
    now,
  });
  const pace = bodyPace({ onError: (err) => log.error({ err }, 'slow bodies were not looked for') });
  const byKey = senders({
    auth,
    strangers: strangers({ addressOf }),
    pace,
    limit: (request, { keyId }) => limits.check(request, keyId),
  });
  const setWriteBack = flagWriteBack({ writes: flagSetWrites(client, db), log });
  const signaller = flagSignaller({ temporal, log });
  const flags = flagSide({
    client,
    db,
    temporal,
    log,
    auth,
    senders: byKey,
    intake: taking,
    commit,
    people: known,
    quota: quotas.events,
    gate,
    writeBack: setWriteBack.writeBack,
    secretKey,
    publicUrl: deps.publicUrl,
    now,
  });

  numbers.caches({
    appKeys: auth.bytes,
    people: known.bytes,
    flagWriteBack: setWriteBack.bytes,
    remembered: rememberedBytes,
    ...flags.caches,
  });

  app.addHook('onRequest', (request, reply, done) => {
    // Who sends with an app key may not be known before the body is read, and says so when it is.
    pace.begin(request, reply, accessOf(request) === 'app-key' ? PACE.strangerMs : PACE.senderMs);
    done();
  });
  // Fastify calls this from an event of the socket: only as a promise may it fail.
  app.addHook('onResponse', async (request, reply) => {
    pace.answered(request);
    const route = request.routeOptions.url ?? 'none';
    // A stream takes as long as somebody listens.
    if (route !== STREAM_PATH) numbers.answered(route, reply.statusCode, reply.elapsedTime);
    // Its pattern, never the URL: keys stand in queries, and in paths as well.
    const facts = { method: request.method, path: route, status: reply.statusCode, ms: reply.elapsedTime };
    const isUsual = reply.statusCode < 400 && ![undefined, 'member'].includes(accessOf(request));
    request.log[isUsual ? 'debug' : 'info'](facts, 'answered');
  });
  // Whoever asks first finds them read, if the database answers in time; if not, they go on being read.
  app.addHook('onReady', () =>
    quietly(
      () => patiently(secrets.start()),
      () => undefined,
    ),
  );
  // After the last request is answered: what is buffered goes to disk, what is on disk is started.
  app.addHook('onClose', async () => {
    await flags.close();
    await Promise.all([setWriteBack.drain(), signaller.drain()]);
    await commit.drain();
    await starter.drain();
    await Promise.all(Object.values(quotas).map((quota) => quota.stop()));
    await Promise.all([gate.stop(), pace.stop()]);
    await secrets.stop();
  });

  await app.register(cors, { origin: true, exposedHeaders: ['Retry-After', 'ETag', 'X-Sentry-Rate-Limits'] });
  await app.register(helmet);
  await app.register(swagger, reference);

  await app.register(healthRoutes({ db, workerStatus: workerStatus(deps.workerStatusFile) }));
  await app.register(async (scope) => {
    // Clients send protobuf, gzip without saying so, or no content type at all: the bytes are ours to look at.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body);
    });
    await scope.register(ingestRoutes({ senders: byKey, intake: taking, people: known, now }));
    await scope.register(errorIngestRoutes({ senders: byKey, intake: taking, people: known, now }));
    await scope.register(segmentRoutes({ senders: byKey, intake: taking, people: known, secretKey, now }));
    await scope.register(postHogRoutes({ senders: byKey, intake: taking, people: known, secretKey, now }));
    await scope.register(sentryRoutes({ senders: byKey, intake: taking, people: known, now }));
    await scope.register(flags.routes);
  });
  await app.register(batchRoutes({ senders: byKey, spool: store }));
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.bodyLimit ??= MANAGEMENT_BODY_BYTES;
    });
    await scope.register(
      managementRoutes({
        ...{ client, db, secretKey, senders: byKey, secrets, temporal, abilities, pace, log },
        onFlagsChanged: signaller.onChanged,
      }),
    );
  });
  app.get('/metrics', { ...opsGuard(deps.metricsToken), schema: { hide: true } }, async (_request, reply) =>
    reply.type(numbers.registry.contentType).send(await numbers.registry.metrics()),
  );
  app.get('/openapi.json', { ...openTo('public'), schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, referencePage);

  return app;
}
