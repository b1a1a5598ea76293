import { writeFile } from 'node:fs/promises';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { format, resolveConfig } from 'prettier';
import { build } from '../api/app.js';

// The contract as a file: built from the routes themselves, without a database, so that a change shows in review.
const client = new MongoClient('mongodb://127.0.0.1:1', { directConnection: true });
const app = await build({
  client,
  db: client.db('none'),
  temporal: () => undefined,
  log: pino({ level: 'silent' }),
  secretKey: 'none',
  spoolMaxBytes: 1,
  requestsPerSecondPerKey: 1,
});
await app.ready();
const file = new URL('../api/openapi.json', import.meta.url);
const options = await resolveConfig(file);
await writeFile(file, await format(JSON.stringify(app.swagger()), { ...options, filepath: file.pathname }));
await app.close();
await client.close();
