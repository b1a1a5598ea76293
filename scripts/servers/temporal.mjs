import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { accepts } from './ports.mjs';
import { launch } from './process.mjs';
import { isAtLeast } from './search.mjs';

const LEAST_SERVER = '1.27.0';

/**
 * A Temporal development server of our own with its UI, on loopback only.
 * @param {{ binary: string, file: string, logFile: string, ports: { grpc: number, ui: number, http: number, metrics: number } }} options
 */
export function temporal({ binary, file, logFile, ports }) {
  const address = `127.0.0.1:${String(ports.grpc)}`;
  const args = [
    ['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'warn', '--log-format', 'json'],
    // All four ports are named: the random defaults can collide, and then the server does not start.
    ['--port', String(ports.grpc), '--ui-port', String(ports.ui)],
    ['--http-port', String(ports.http), '--metrics-port', String(ports.metrics)],
    // Nobody uses its HTTP API, which takes what any web page posts to it, and this server cannot run without it. No
    // request can come with this name for a host, so all are refused. Clients and the UI use gRPC.
    ['--dynamic-config-value', 'frontend.httpAllowedHosts=["no host"]'],
    // 1.7 times the speed; what a power cut may cost here, the ingest spool in MongoDB makes good.
    ['--db-filename', file, '--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'],
    // With one history shard the default of 20 polls a second adds up to 50 ms to every dispatch.
    ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
    // The default of 10 answers the eleventh concurrent update of a workflow with an error and a second's wait.
    ['--dynamic-config-value', 'history.maxInFlightUpdates=200'],
    // A frozen worker's polls stay open and take tasks nobody does. After 10 s without an answer, not 70, they are gone.
    ['--dynamic-config-value', 'frontend.keepAliveTime="5s"'],
    ['--dynamic-config-value', 'frontend.keepAliveTimeout="5s"'],
  ].flat();

  return {
    name: 'temporal',
    address,
    uiUrl: `http://127.0.0.1:${String(ports.ui)}`,
    readyBoundMs: 60_000,
    stopBoundMs: 15_000,
    launch: () => {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      return launch({ command: binary, args, logFile });
    },
    /**
     * @param {import('./process.mjs').Launched} _launched
     * @param {AbortSignal} signal
     */
    ready: async (_launched, signal) => {
      while (!(await accepts(ports.grpc))) await sleep(50, undefined, { signal });
      while (!(await serves(address))) await sleep(50, undefined, { signal });
    },
  };
}

/**
 * Whether the frontend says that it serves, and knows the default namespace.
 * @param {string} address
 */
async function serves(address) {
  let connection;
  try {
    connection = await Connection.connect({ address, connectTimeout: 2000 });
    await connection.workflowService.describeNamespace({ namespace: 'default' });
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

/**
 * Checks a Temporal that somebody else runs.
 * @param {string} address
 * @returns {Promise<string>} its version
 */
export async function checkTemporalAddress(address) {
  const connection = await Connection.connect({ address, connectTimeout: 10_000 }).catch(
    (/** @type {unknown} */ error) => {
      throw new Error(`TEMPORAL_ADDRESS: nothing answers at ${address}`, { cause: error });
    },
  );
  try {
    const { serverVersion } = await connection.workflowService.getSystemInfo({});
    if (!isAtLeast(serverVersion, LEAST_SERVER)) {
      throw new Error(`TEMPORAL_ADDRESS: Temporal ${serverVersion} is older than ${LEAST_SERVER}`);
    }
    return serverVersion;
  } finally {
    await connection.close();
  }
}
