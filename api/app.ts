import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { Client } from '@temporalio/client';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Db, MongoClient } from 'mongodb';
import { claim } from '../db/claim.js';
import { flagSetWrites } from '../db/flag-set-writes.js';
import { spool } from '../db/spool.js';
import { usage } from '../db/usage.js';
import { LIMITS } from '../domain/limits.js';
import { rememberedBytes } from '../domain/remembered.js';
import { openTo } from './access.js';
import { appKeyAuth } from './auth.js';
import { pathOf, problems } from './errors.js';
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
import { managementRoutes, registry } from './management.js';
import { metrics } from './metrics.js';
import { reference, referencePage } from './reference.js';
import type { AlertAbilities } from './routes/alert-channels.js';
import { batchRoutes } from './routes/batches.js';
import { errorIngestRoutes } from './routes/errors-ingest.js';
import { healthRoutes } from './routes/health.js';
import { ingestRoutes } from './routes/ingest.js';
import { postHogRoutes } from './routes/posthog.js';
import { segmentRoutes } from './routes/segment.js';
import { sentryRoutes } from './routes/sentry.js';
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
  /** What alerts can do here; without it, neither e-mail nor private addresses. */
  readonly abilities?: AlertAbilities;
  /** Where this instance is reached; without it, where a request says that it found us. */
  readonly publicUrl?: string | undefined;
  /** Where whoever watches over the worker says how it is. */
  readonly workerStatusFile?: string | undefined;
  readonly now?: () => number;
}

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
    bodyLimit: LIMITS.bodyBytes,
    return503OnClosing: true,
    // The names of releases stand in paths, percent-encoded.
    routerOptions: { maxParamLength: 2_400 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array' } },
  });
  problems(app);

  const numbers = metrics();
  const store = spool(db);
  const known = people();
  const starter = ingestStarter({ temporal, log });
  const gate = spoolGate({ spool: store, maxBytes: deps.spoolMaxBytes, onBacklog: numbers.backlog, log });
  const used = usage(db);
  const quotas = {
    events: dailyQuota({ usage: used, category: 'events', mostOf: ({ maxEventsPerDay }) => maxEventsPerDay, now, log }),
    errors: dailyQuota({ usage: used, category: 'errors', mostOf: ({ errors }) => errors.maxErrorsPerDay, now, log }),
  };
  const commit = groupCommit({ claim: (batches, at) => claim(store, batches, at), onFlushed: starter.add, now, log });
  const auth = appKeyAuth({ ...registry({ client, db }), log, now });

  const taking = intake({
    commit,
    people: known,
    quotas,
    gate,
    metrics: numbers,
    requestsPerSecondPerKey: deps.requestsPerSecondPerKey,
  });
  const setWriteBack = flagWriteBack({ writes: flagSetWrites(client, db), log });
  const signaller = flagSignaller({ temporal, log });
  const flags = flagSide({
    client,
    db,
    temporal,
    log,
    auth,
    intake: taking,
    commit,
    people: known,
    quota: quotas.events,
    gate,
    writeBack: setWriteBack.writeBack,
    secretKey,
    requestsPerSecondPerKey: deps.requestsPerSecondPerKey,
    publicUrl: deps.publicUrl,
    now,
  });

  numbers.caches({
    people: known.bytes,
    flagWriteBack: setWriteBack.bytes,
    remembered: rememberedBytes,
    ...flags.caches,
  });

  // Fastify calls this from an event of the socket: only as a promise may it fail.
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    // A stream takes as long as somebody listens.
    if (route !== STREAM_PATH) numbers.answered(route, reply.statusCode, reply.elapsedTime);
    const facts = { method: request.method, path: pathOf(request), status: reply.statusCode, ms: reply.elapsedTime };
    const isUsual =
      reply.statusCode < 400 &&
      'access' in request.routeOptions.config &&
      request.routeOptions.config.access !== 'member';
    request.log[isUsual ? 'debug' : 'info'](facts, 'answered');
  });
  // After the last request is answered: what is buffered goes to disk, what is on disk is started.
  app.addHook('onClose', async () => {
    await flags.close();
    await Promise.all([setWriteBack.drain(), signaller.drain()]);
    await commit.drain();
    await starter.drain();
    await Promise.all([quotas.events.stop(), quotas.errors.stop()]);
    await gate.stop();
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
    await scope.register(ingestRoutes({ auth, intake: taking, people: known, now }));
    await scope.register(errorIngestRoutes({ auth, intake: taking, people: known, now }));
    await scope.register(segmentRoutes({ auth, intake: taking, people: known, secretKey, now }));
    await scope.register(postHogRoutes({ auth, intake: taking, people: known, secretKey, now }));
    await scope.register(sentryRoutes({ auth, intake: taking, people: known, now }));
    await scope.register(flags.routes);
  });
  await app.register(batchRoutes({ auth, spool: store }));
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.bodyLimit ??= MANAGEMENT_BODY_BYTES;
    });
    await scope.register(
      managementRoutes({ client, db, secretKey, auth, temporal, abilities, log, onFlagsChanged: signaller.onChanged }),
    );
  });
  app.get('/metrics', { ...openTo('public'), schema: { hide: true } }, async (_request, reply) =>
    reply.type(numbers.registry.contentType).send(await numbers.registry.metrics()),
  );
  app.get('/openapi.json', { ...openTo('public'), schema: { hide: true } }, async () => app.swagger());
  await app.register(swaggerUi, referencePage);

  return app;
}
