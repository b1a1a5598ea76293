import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Db } from 'mongodb';
import { PlatformError } from '../../domain/errors.js';
import { openTo } from '../access.js';
import { patiently } from '../patience.js';
import { Alive, Ready, type WorkerState } from '../schema/health.js';
import { Problem } from '../schema/problem.js';

const tags = ['health'];

interface Deps {
  readonly db: Db;
  readonly workerStatus: () => Promise<WorkerState>;
}

/**
 * For load balancers: `/healthz` says that the process lives, `/readyz` that it can serve. A worker that is in trouble
 * is told of beside it: what comes in is acknowledged all the same, and waits in the spool.
 */
export function healthRoutes({ db, workerStatus }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/healthz',
      { ...openTo('public'), schema: { tags, summary: 'Whether the process lives', response: { 200: Alive } } },
      async () => ({
        status: 'ok' as const,
      }),
    );

    app.get(
      '/readyz',
      {
        ...openTo('public'),
        schema: { tags, summary: 'Whether it can serve', response: { 200: Ready, 503: Problem } },
      },
      async () => {
        await patiently(db.command({ ping: 1 })).catch((cause: unknown) => {
          throw new PlatformError('UNAVAILABLE', 'the database does not answer', { cause, retryAfterSeconds: 2 });
        });
        return { status: 'ok' as const, worker: await workerStatus() };
      },
    );
  };
}
