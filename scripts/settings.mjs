import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { choosePort, freePort } from './servers/ports.mjs';

/** @typedef {Awaited<ReturnType<typeof readSettings>>} Settings */

/**
 * What `npm start` itself needs to know; the rest of the environment goes on to API and worker as it is.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} root
 */
export function readSettings(env, root) {
  /** @param {string} name */
  const given = (name) => (env[name] === '' ? undefined : env[name]);
  const dataDir = resolve(root, given('DATA_DIR') ?? '.data');
  const cacheGb = Number(given('MONGODB_CACHE_GB') ?? '1');
  if (!(cacheGb >= 0.25)) throw new Error('MONGODB_CACHE_GB must be a number of at least 0.25');
  const anyFree = given('PORT') === '0';

  return {
    dataDir,
    cacheGb,
    host: given('HOST') ?? '127.0.0.1',
    mongodbUrl: given('MONGODB_URL'),
    temporalAddress: given('TEMPORAL_ADDRESS'),
    temporalUiUrl: given('TEMPORAL_UI_URL'),
    secretKey: given('SECRET_KEY'),
    ports: {
      api: () => choosePort({ name: 'PORT', given: given('PORT'), preferred: 4400, anyFree, fixed: true }),
      mongodb: () => choosePort({ name: 'MONGODB_PORT', given: given('MONGODB_PORT'), preferred: 27_117, anyFree }),
      temporal: () => choosePort({ name: 'TEMPORAL_PORT', given: given('TEMPORAL_PORT'), preferred: 7233, anyFree }),
      temporalUi: () =>
        choosePort({ name: 'TEMPORAL_UI_PORT', given: given('TEMPORAL_UI_PORT'), preferred: 8233, anyFree }),
      other: freePort,
    },
  };
}

/**
 * The secret that everything else is derived from: made at the first start, kept for good.
 * @param {string} dataDir
 */
export function keptSecretKey(dataDir) {
  const file = join(dataDir, 'secret-key');
  if (!existsSync(file)) {
    const draft = `${file}.${String(process.pid)}`;
    writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600 });
    renameSync(draft, file);
  }
  return readFileSync(file, 'utf8').trim();
}
