import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient, MongoServerError } from 'mongodb';

export interface Deployment {
  /** `host:port` of the one member of its replica set. */
  readonly address: string;
  readonly database: string;
  readonly rootPassword: string;
  /** Of the user as whom API and worker log in. */
  readonly password: string;
}

const ROOT = 'root';
/** Its name and database are part of every lane (ADR 5): what is half stored under another one is stored twice. */
const APP = 'experience';

const NOT_YET_INITIALIZED = 94;
const AUTHENTICATION_FAILED = 18;

const isCode = (error: unknown, code: number): boolean => error instanceof MongoServerError && error.code === code;

/**
 * Makes a mongod of one member a replica set, and the user of API and worker one who may do what it likes in its own
 * database, and nothing elsewhere. Where that user is root, as it was in deployments of before, root gets a user of its
 * own first. Doing it again changes nothing but passwords that have changed.
 */
export async function setUpMongodb({ address, database, rootPassword, password }: Deployment): Promise<void> {
  const as = (username: string, secret: string): Promise<MongoClient> => {
    const patience = { connectTimeoutMS: 10_000, serverSelectionTimeoutMS: 10_000 };
    const options = { auth: { username, password: secret }, authSource: 'admin', directConnection: true, ...patience };
    return new MongoClient(`mongodb://${address}/`, options).connect();
  };
  const inTurn = async (client: MongoClient, work: (client: MongoClient) => Promise<void>): Promise<void> => {
    try {
      await work(client);
    } finally {
      await client.close();
    }
  };

  const root = await as(ROOT, rootPassword).catch((error: unknown) => {
    if (isCode(error, AUTHENTICATION_FAILED)) return undefined;
    throw error;
  });
  if (root === undefined) {
    await inTurn(await as(APP, password), async (former) => {
      await becomePrimary(former, address);
      await former.db('admin').command({ createUser: ROOT, pwd: rootPassword, roles: ['root'] });
    });
  }
  await inTurn(root ?? (await as(ROOT, rootPassword)), async (client) => {
    await becomePrimary(client, address);
    const admin = client.db('admin');
    // Collections, indexes and validators come forward at each start, which takes `dbAdmin`.
    const roles = ['readWrite', 'dbAdmin'].map((role) => ({ role, db: database }));
    const { users } = await admin.command({ usersInfo: APP });
    const verb = Array.isArray(users) && users.length > 0 ? 'updateUser' : 'createUser';
    await admin.command({ [verb]: APP, pwd: password, roles });
  });
}

async function becomePrimary(client: MongoClient, host: string): Promise<void> {
  const admin = client.db('admin');
  await admin.command({ replSetGetStatus: 1 }).catch(async (error: unknown) => {
    if (!isCode(error, NOT_YET_INITIALIZED)) throw error;
    await admin.command({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host }] } });
  });
  while ((await admin.command({ hello: 1 }))['isWritablePrimary'] !== true) await sleep(100);
}
