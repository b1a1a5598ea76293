import { setTimeout as sleep } from 'node:timers/promises';
import { setUpMongodb } from '../db/mongodb-users.js';

/** The first start of a mongod takes about as long as its disk likes. */
const TRIES = 60;
const BETWEEN_MS = 2_000;

const { MONGODB_ADDRESS: address, MONGODB_ROOT_PASSWORD: rootPassword, MONGODB_PASSWORD: password } = process.env;
if (!address || !rootPassword || !password) {
  throw new Error('MONGODB_ADDRESS, MONGODB_ROOT_PASSWORD and MONGODB_PASSWORD must be set');
}

// Run before API and worker at each start of a deployment (docker-compose.yml).
for (let tries = 1; ; tries++) {
  try {
    await setUpMongodb({ address, database: 'experience', rootPassword, password });
    break;
  } catch (error) {
    if (tries === TRIES) throw error;
    console.log(`not yet: ${error instanceof Error ? error.message : String(error)}`);
    await sleep(BETWEEN_MS);
  }
}
console.log('mongodb: a replica set, with a user for API and worker');
