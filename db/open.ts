import type { Db, MongoClient } from 'mongodb';
import { connect, type ConnectOptions } from './connect.js';
import { type Lanes, lanes } from './lane.js';
import { checkLanes } from './lane-check.js';
import { applySchema, type SchemaReport } from './schema.js';

export interface Opened {
  readonly client: MongoClient;
  readonly db: Db;
  readonly lanes: Lanes;
  readonly schema: SchemaReport;
}

/** Building an index takes as long as it takes. */
const PATIENT = { serverSelectionTimeoutMS: 10_000, socketTimeoutMS: 0 };

/**
 * What a process does before it serves: brings the database forward to this code, connects, and proves that the
 * server stores a retried insert once.
 */
export async function openDatabase(options: ConnectOptions): Promise<Opened> {
  const patient = await connect({ ...options, ...PATIENT, appName: `${options.appName}-schema` });
  const schema = await applySchema(patient.db()).finally(() => patient.close());
  const client = await connect(options);
  const db = client.db();
  const own = lanes(client, db);
  await checkLanes(db, own);
  return { client, db, lanes: own, schema };
}
