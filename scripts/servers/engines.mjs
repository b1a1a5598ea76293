import { join } from 'node:path';
import { findMongod } from './mongod-binary.mjs';
import { checkMongodbUrl, mongodb } from './mongodb.mjs';
import { checkTemporalAddress, temporal } from './temporal.mjs';
import { findTemporal } from './temporal-binary.mjs';

/**
 * @typedef {object} Surroundings
 * @property {NodeJS.ProcessEnv} env
 * @property {string} cacheDir
 * @property {(line: string) => void} say
 * @property {AbortSignal} signal
 * @property {string} dataDir where the data and the logs go
 * @property {(service: import('./supervise.mjs').Service) => Promise<void>} bring starts it under supervision
 */

/**
 * A MongoDB to work with: the one given, or one of our own.
 * @param {Surroundings & { given: string | undefined, port: () => Promise<number>, cacheGb: number }} options
 * @returns {Promise<string>} its URL
 */
export async function bringMongodb({ given, port, cacheGb, dataDir, bring, ...around }) {
  if (given !== undefined) {
    around.say(`mongodb: MONGODB_URL: ${await checkMongodbUrl(given)}`);
    return given;
  }
  const { path } = await findMongod(around);
  const service = mongodb({
    binary: path,
    folder: join(dataDir, 'mongodb'),
    port: await port(),
    logFile: join(dataDir, 'logs', 'mongod.log'),
    cacheGb,
  });
  await bring(service);
  return service.url;
}

/**
 * A Temporal to work with: the one given, or a development server of our own.
 * @param {Surroundings & { given: string | undefined, ports: { temporal: () => Promise<number>, temporalUi: () => Promise<number>, other: () => Promise<number> } }} options
 * @returns {Promise<{ address: string, uiUrl?: string }>}
 */
export async function bringTemporal({ given, ports, dataDir, bring, ...around }) {
  if (given !== undefined) {
    around.say(`temporal: TEMPORAL_ADDRESS: server ${await checkTemporalAddress(given)}`);
    return { address: given };
  }
  const { path } = await findTemporal(around);
  const service = temporal({
    binary: path,
    file: join(dataDir, 'temporal', 'temporal.db'),
    logFile: join(dataDir, 'logs', 'temporal.log'),
    ports: {
      grpc: await ports.temporal(),
      ui: await ports.temporalUi(),
      http: await ports.other(),
      metrics: await ports.other(),
    },
  });
  await bring(service);
  return { address: service.address, uiUrl: service.uiUrl };
}
