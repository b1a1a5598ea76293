import { readConfig } from '../config.js';
import { openDatabase } from '../db/open.js';
import { spool } from '../db/spool.js';
import { lastNet, processLog, tellParent } from '../last-net.js';
import { build } from './app.js';
import { garbage } from './garbage.js';
import { temporalClient } from './temporal.js';

const config = readConfig(process.env);
const log = processLog({ name: 'api', level: config.logLevel });
lastNet({ log });

/** Short patience: a client waits for the answer. */
const { client, db, schema } = await openDatabase({
  url: config.mongodbUrl,
  appName: 'experience-api',
  serverSelectionTimeoutMS: 2_000,
  socketTimeoutMS: 10_000,
});
log.info(schema, 'schema applied');
await spool(db).keepKeys(config.dedupeHours);

const temporal = temporalClient({ address: config.temporalAddress, namespace: config.temporalNamespace, log });
const app = await build({
  client,
  db,
  temporal: temporal.get,
  log,
  secretKey: config.secretKey,
  spoolMaxBytes: config.spoolMaxBytes,
  requestsPerSecondPerKey: config.requestsPerSecondPerKey,
  requestsPerSecondPerAddress: config.requestsPerSecondPerAddress,
  trustProxy: config.trustProxy,
  publicUrl: config.publicUrl,
  workerStatusFile: config.workerStatusFile,
  metricsToken: config.metricsToken,
  abilities: { mail: config.smtp !== undefined, webhookAllowPrivate: config.webhookAllowPrivate },
});
const collecting = garbage({ log });
const url = await app.listen({ host: config.host, port: config.port });
tellParent({ type: 'ready', url });

let stopping = false;
async function stop(reason: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info({ reason }, 'stopping');
  await collecting.stop();
  await app.close();
  await temporal.stop();
  await client.close();
  log.info('stopped');
  process.exit(0);
}

process.on('SIGTERM', () => void stop('SIGTERM'));
process.on('SIGINT', () => void stop('SIGINT'));
// Whoever started us is gone, and nobody else would stop us.
process.on('disconnect', () => void stop('the parent process is gone'));
if (process.send !== undefined && !process.connected) await stop('the parent process was gone at the start');
