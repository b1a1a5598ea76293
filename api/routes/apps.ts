import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { AppChanges } from '../../db/app-changes.js';
import type { Apps } from '../../db/apps.js';
import { shownPrefix } from '../../domain/key.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import {
  AppParams,
  AppsView,
  appView,
  AppView,
  ChangeAppRequest,
  RegisterAppRequest,
  RegisteredAppView,
  soundConfig,
} from '../schema/app.js';
import { objectId, PageQuery } from '../schema/common.js';
import { keyView } from '../schema/key.js';
import { hashSecret, newAppKey } from '../secrets.js';

interface Deps {
  readonly guard: Guard;
  readonly apps: Pick<Apps, 'page'>;
  readonly appChanges: AppChanges;
}

const tags = ['apps'];

export function appRoutes({ guard, apps, appChanges }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/apps',
      {
        ...guard.instanceOwner(),
        schema: {
          tags,
          summary: 'Register an app; the answer is the only one that shows its first client key',
          body: RegisterAppRequest,
          response: { 201: RegisteredAppView },
        },
      },
      async (request, reply) => {
        const member = guard.memberOf(request);
        const { appId, name } = request.body;
        const config = soundConfig(request.body.config);
        const key = newAppKey();
        const clientKey = { hash: hashSecret(key), prefix: shownPrefix(key) };
        const actor = actorOf(member);
        const registered = await appChanges.register({ actor, ownerId: member.id, appId, name, config, clientKey });
        return reply.code(201).send({ app: appView(registered.app), clientKey: { ...keyView(registered.key), key } });
      },
    );

    app.get(
      '/v1/apps',
      {
        ...guard.signedIn(),
        schema: { tags, summary: 'The apps you have a role in', querystring: PageQuery, response: { 200: AppsView } },
      },
      async (request) => {
        const { owner, roles } = guard.memberOf(request).rights;
        const { limit, before } = request.query;
        const ids = owner ? undefined : roles.map(({ appId }) => objectId(appId));
        const found = await apps.page({ ids, before: before === undefined ? undefined : objectId(before), limit });
        const next = found.length < limit ? null : (found.at(-1)?.id.toHexString() ?? null);
        return { apps: found.map(appView), next };
      },
    );

    app.get(
      '/v1/apps/:appId',
      { ...guard.inApp('app:read'), schema: { tags, params: AppParams, response: { 200: AppView } } },
      async (request) => appView(guard.appOf(request).app),
    );

    app.patch(
      '/v1/apps/:appId',
      {
        ...guard.inApp('app:write'),
        schema: { tags, params: AppParams, body: ChangeAppRequest, response: { 200: AppView } },
      },
      async (request) => {
        const { name } = request.body;
        const config = soundConfig(request.body.config);
        const actor = actorOf(guard.memberOf(request));
        return appView(await appChanges.change({ actor, appId: request.params.appId, name, config }));
      },
    );
  };
}
