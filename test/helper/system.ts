import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { MongoClient, ObjectId } from 'mongodb';
import { registry } from '../../api/management.js';
import { hashSecret, newAppKey } from '../../api/secrets.js';
import { applySchema } from '../../db/schema.js';
import type { AppConfig } from '../../domain/app.js';
import { shownPrefix } from '../../domain/key.js';
import { withDatabase } from '../../scripts/servers/mongodb.mjs';
import { nodeService } from '../../scripts/servers/node-service.mjs';
import { freePort } from '../../scripts/servers/ports.mjs';
import { controlled, type OwnEngines, ownEngines, processFolder } from './engines.js';

const root = join(import.meta.dirname, '..', '..');

interface Options {
  /** Servers that the test may stop; else those that `npm test` started or was given. */
  readonly own?: boolean;
  /** More environment for API and worker. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface TestApp {
  readonly id: ObjectId;
  readonly appId: string;
  readonly key: string;
}

/**
 * The built product as processes, against a database and a Temporal namespace (or servers) of its own.
 * API and worker are killed and started again by the test; they end with it.
 */
export async function runningSystem(purpose: string, { own = false, env = {} }: Options = {}) {
  const processes = processFolder();
  const name = `e2e-${purpose}-${randomBytes(4).toString('hex')}`;
  const engines = own ? await ownEngines(processes) : undefined;
  const { mongodbUrl, temporalAddress } = engines ?? given();
  const namespace = own ? 'default' : name;
  const mongodb = await new MongoClient(mongodbUrl, { serverSelectionTimeoutMS: 60_000 }).connect();
  const db = mongodb.db(name);
  await applySchema(db);
  const connection = await Connection.connect({ address: temporalAddress });
  if (!own) await registerNamespace(connection, namespace);
  const temporal = new Client({ connection, namespace });

  const port = await freePort();
  const ours: NodeJS.ProcessEnv = {
    ...process.env,
    MONGODB_URL: withDatabase(mongodbUrl, name),
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: namespace,
    SECRET_KEY: 'end-to-end-'.repeat(4),
    PORT: String(port),
    WORKFLOW_BUNDLE: join(root, 'dist', 'workflow-bundle.js'),
    REQUESTS_PER_SECOND_PER_KEY: '1000000',
    REQUESTS_PER_SECOND_PER_ADDRESS: '1000000',
    LOG_LEVEL: 'debug',
    ...env,
  };
  const logFile = (process: string) => join(processes.folder, `${process}.log`);
  const service = (process: string, more: NodeJS.ProcessEnv = {}) =>
    controlled(
      nodeService({
        name: process,
        script: join(root, 'dist', process, 'main.js'),
        env: { ...ours, ...more },
        logFile: logFile(process),
      }),
      processes,
    );
  const running = [service('api'), service('worker')] as const;
  const [api, worker] = running;

  return {
    url: `http://127.0.0.1:${String(port)}`,
    db,
    mongodb,
    mongodbUrl: withDatabase(mongodbUrl, name),
    temporal,
    api,
    worker,
    /** Another worker, with other settings. */
    workerWith: (more: NodeJS.ProcessEnv) => service('worker', more),
    engines: (): OwnEngines => engines ?? missing('servers of its own'),

    /** What API or worker have logged so far, as parsed lines. */
    log: (process: 'api' | 'worker'): Record<string, unknown>[] =>
      readFileSync(logFile(process), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),

    /** Registers an app with a client key. */
    async app(appId: string, config: Partial<AppConfig> = {}): Promise<TestApp> {
      const key = newAppKey();
      const { appChanges, apps } = registry({ client: mongodb, db });
      await appChanges.register({
        actor: { kind: 'system', id: null, name: 'test' },
        ownerId: new ObjectId(),
        appId,
        name: appId,
        config,
        clientKey: { hash: hashSecret(key), prefix: shownPrefix(key) },
      });
      const { id } = (await apps.findBySlug(appId)) ?? missing(appId);
      return { id, appId, key };
    },

    async stop(): Promise<void> {
      await Promise.all(running.map((each) => each.stop()));
      if (!own) {
        await db.dropDatabase();
        await connection.operatorService.deleteNamespace({ namespace });
      }
      await mongodb.close();
      await connection.close();
      await Promise.all([engines?.mongod.stop(), engines?.temporal.stop()]);
      processes.remove();
    },
  };
}

export type System = Awaited<ReturnType<typeof runningSystem>>;

function given() {
  const { MONGODB_URL: mongodbUrl, TEMPORAL_ADDRESS: temporalAddress } = process.env;
  if (mongodbUrl === undefined || temporalAddress === undefined) missing('servers: run tests by `npm test -- <files>`');
  return { mongodbUrl, temporalAddress };
}

function missing(what: string): never {
  throw new Error(`missing: ${what}`);
}

/** Tests share servers, and the product's task queue has one name, so each system has a namespace. */
export async function registerNamespace(
  { workflowService }: Pick<Connection, 'workflowService'>,
  namespace: string,
): Promise<void> {
  await workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') });
  // A server learns of new namespaces by looking every few seconds.
  for (let tries = 0; ; tries++) {
    try {
      await workflowService.countWorkflowExecutions({ namespace });
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}
