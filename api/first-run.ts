import { readConfig } from '../config.js';
import { connect } from '../db/connect.js';
import { applySchema } from '../db/schema.js';
import { firstRun } from './first-owner.js';
import { registry } from './management.js';

// Prints one line of JSON with secrets in it: for whoever starts an instance, and for no log.
const config = readConfig(process.env);
const client = await connect({
  url: config.mongodbUrl,
  appName: 'experience-first-run',
  serverSelectionTimeoutMS: 10_000,
  socketTimeoutMS: 0,
});
try {
  const db = client.db();
  await applySchema(db);
  process.stdout.write(`${JSON.stringify(await firstRun(registry({ client, db }), config.secretKey))}\n`);
} finally {
  await client.close();
}
