import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Drops } from '../../db/drops.js';
import { utcDay } from '../../domain/app.js';
import type { Guard } from '../access.js';
import { AppParams } from '../schema/app.js';
import { DropsQuery, dropView, DropsView } from '../schema/drop.js';

interface Deps {
  readonly guard: Guard;
  readonly drops: Pick<Drops, 'since'>;
}

export function dropRoutes({ guard, drops }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/apps/:appId/drops',
      {
        ...guard.inApp('errors:read'),
        schema: {
          tags: ['errors'],
          summary: 'What was not taken, by day and reason: by inbound filters, over quota, or by the client itself',
          params: AppParams,
          querystring: DropsQuery,
          response: { 200: DropsView },
        },
      },
      async (request) => {
        const firstDay = utcDay(Date.now()) - request.query.days + 1;
        return { drops: (await drops.since(guard.appOf(request).app.id, firstDay)).map(dropView) };
      },
    );
  };
}
