import { Client } from '@temporalio/client';
import { NativeConnection, Runtime } from '@temporalio/worker';
import type { FastifyBaseLogger } from 'fastify';
import { guarded } from '../domain/guarded.js';

interface Options {
  readonly address: string | undefined;
  readonly namespace: string;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}

const RETRY_MS = 2_000;

/**
 * A client that connects when it can: acknowledging does not wait for Temporal, so neither does the start.
 * The native connection costs less CPU a call than the one in JavaScript.
 */
export function temporalClient({ address, namespace, log }: Options) {
  // The process owns its signals: it has requests to finish and flushes to start before it goes.
  Runtime.install({
    shutdownSignals: [],
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  });
  let connection: NativeConnection | undefined;
  let client: Client | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const connect = async (): Promise<void> => {
    const opened = await NativeConnection.connect(address === undefined ? {} : { address });
    if (stopped) {
      await opened.close();
      return;
    }
    connection = opened;
    client = new Client({ connection, namespace });
    log.info({ address, namespace }, 'Temporal connected');
  };
  const dial = guarded(connect, (err) => {
    if (stopped) return;
    if (client === undefined) timer = setTimeout(dial, RETRY_MS);
    log.warn({ err, address }, 'Temporal is away; what is acknowledged waits in the spool');
  });
  dial();

  return {
    get: (): Client | undefined => client,
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await connection?.close();
    },
  };
}
