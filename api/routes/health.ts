import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { Db } from 'mongodb';
import { PlatformError } from '../../domain/errors.js';
import { openTo } from '../access.js';
import { patiently } from '../patience.js';
import { Problem } from '../schema/problem.js';

const tags = ['health'];
const Alive = Type.Object({ status: Type.Literal('ok') });

/** For load balancers: `/healthz` says that the process lives, `/readyz` that it can serve. */
export function healthRoutes({ db }: { readonly db: Db }): FastifyPluginAsyncTypebox {
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
        schema: { tags, summary: 'Whether it can serve', response: { 200: Alive, 503: Problem } },
      },
      async () => {
        await patiently(db.command({ ping: 1 })).catch((cause: unknown) => {
          throw new PlatformError('UNAVAILABLE', 'the database does not answer', { cause, retryAfterSeconds: 2 });
        });
        return { status: 'ok' as const };
      },
    );
  };
}
