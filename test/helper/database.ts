import { randomBytes } from 'node:crypto';
import { MongoClient, type Db } from 'mongodb';

export interface TestDatabase {
  readonly client: MongoClient;
  readonly db: Db;
  /** Drops the database and disconnects. */
  readonly close: () => Promise<void>;
}

/** An empty database of its own on the server that `npm test` started or was given. */
export async function testDatabase(purpose: string): Promise<TestDatabase> {
  const url = process.env['MONGODB_URL'];
  if (url === undefined) throw new Error('MONGODB_URL is missing: run tests by `npm test -- <files>`');
  const client = await new MongoClient(url, { writeConcern: { w: 'majority', journal: true } }).connect();
  const db = client.db(`test_${purpose}_${randomBytes(4).toString('hex')}`);
  return {
    client,
    db,
    async close() {
      await db.dropDatabase();
      await client.close();
    },
  };
}
