import { pino } from 'pino';
import { readConfig } from '../config.js';
import { connect } from '../db/connect.js';
import { lanes } from '../db/lane.js';
import { checkLanes } from '../db/lane-check.js';
import { applySchema } from '../db/schema.js';
import { spool } from '../db/spool.js';
import { build } from './app.js';
import { temporalClient } from './temporal.js';

const config = readConfig(process.env);
const log = pino({ level: config.logLevel, base: { process: 'api' } });

/** Short patience where a client waits for the answer; building an index may take as long as it takes. */
const SERVING = { serverSelectionTimeoutMS: 2_000, socketTimeoutMS: 10_000 };
const BUILDING = { serverSelectionTimeoutMS: 10_000, socketTimeoutMS: 0 };

const builder = await connect({ url: config.mongodbUrl, appName: 'experience-schema', ...BUILDING });
const { changes, upgraded, version } = await applySchema(builder.db());
await builder.close();
log.info({ version, upgraded, changes: changes.length }, 'schema applied');

const client = await connect({ url: config.mongodbUrl, appName: 'experience-api', ...SERVING });
const db = client.db();
await checkLanes(db, lanes(client, db));
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
});
const url = await app.listen({ host: config.host, port: config.port });
process.send?.({ type: 'ready', url });

let stopping = false;
async function stop(reason: string): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info({ reason }, 'stopping');
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
