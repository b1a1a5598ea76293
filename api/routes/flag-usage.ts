import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FlagStale } from '../../db/flag-stale.js';
import type { FlagUsageStore } from '../../db/flag-usage.js';
import type { Flags } from '../../db/flags.js';
import { utcDay } from '../../domain/app.js';
import { PlatformError } from '../../domain/errors.js';
import type { Guard } from '../access.js';
import { AppParams } from '../schema/app.js';
import { FlagParams } from '../schema/flag.js';
import { FlagUsageQuery, flagUsageView, FlagUsageView, staleFlagView, StaleFlagsView } from '../schema/flag-usage.js';

interface Deps {
  readonly guard: Guard;
  readonly flags: Pick<Flags, 'find'>;
  readonly flagUsage: Pick<FlagUsageStore, 'ofFlag' | 'lastRead'>;
  readonly flagStale: Pick<FlagStale, 'ofApp'>;
}

const tags = ['flags'];

/** What flags have answered, and which of them nobody needs any more. */
export function flagUsageRoutes({ guard, flags, flagUsage, flagStale }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/apps/:appId/flags/:flagKey/usage',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'When a flag was last asked for, and what it has answered how often, by day',
          params: FlagParams,
          querystring: FlagUsageQuery,
          response: { 200: FlagUsageView },
        },
      },
      async (request) => {
        const { flagKey } = request.params;
        const { id } = guard.appOf(request).app;
        if ((await flags.find(id, flagKey)) === undefined)
          throw new PlatformError('NOT_FOUND', `no flag ${flagKey} in this app`);
        const firstDay = utcDay(Date.now()) - request.query.days + 1;
        const [docs, lastRead] = await Promise.all([
          flagUsage.ofFlag(id, flagKey, firstDay),
          flagUsage.lastRead(id, flagKey),
        ]);
        return flagUsageView(flagKey, docs, lastRead);
      },
    );

    app.get(
      '/v1/apps/:appId/flag-stale',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags,
          summary: 'Flags that may be in nobody’s use any more, and why',
          params: AppParams,
          response: { 200: StaleFlagsView },
        },
      },
      async (request) => {
        const { app: owner } = guard.appOf(request);
        const stale = await flagStale.ofApp(owner, new Date());
        return { staleAfterDays: owner.config.flags.staleAfterDays, flags: stale.map(staleFlagView) };
      },
    );
  };
}
