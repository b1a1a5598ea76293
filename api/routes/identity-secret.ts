import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { AppChanges } from '../../db/app-changes.js';
import type { App } from '../../db/apps.js';
import { HOUR_MS } from '../../domain/limits.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { identitySecret } from '../identity-proof.js';
import { AppParams, IdentitySecretView, RotateIdentityRequest } from '../schema/app.js';
import { iso } from '../schema/common.js';

interface Deps {
  readonly guard: Guard;
  readonly appChanges: Pick<AppChanges, 'rotateIdentity'>;
  readonly secretKey: string;
}

const tags = ['apps'];

export function identitySecretRoutes({ guard, appChanges, secretKey }: Deps): FastifyPluginAsyncTypebox {
  const view = (app: App) => ({
    appId: app.appId,
    secret: identitySecret(secretKey, app, app.identity.version),
    version: app.identity.version,
    previousUntil: iso(app.identity.previousUntil),
  });

  return async (app) => {
    app.get(
      '/v1/apps/:appId/identity-secret',
      {
        ...guard.inApp('identity:read'),
        schema: {
          tags,
          summary: 'The secret with which your server signs profile ids: hex HMAC-SHA256(secret, profile id)',
          params: AppParams,
          response: { 200: IdentitySecretView },
        },
      },
      async (request) => view(guard.appOf(request).app),
    );

    app.post(
      '/v1/apps/:appId/identity-secret/rotate',
      {
        ...guard.inApp('identity:write'),
        schema: { tags, params: AppParams, body: RotateIdentityRequest, response: { 200: IdentitySecretView } },
      },
      async (request) => {
        const previousUntil = new Date(Date.now() + request.body.overlapHours * HOUR_MS);
        const actor = actorOf(guard.memberOf(request));
        return view(await appChanges.rotateIdentity({ actor, appId: request.params.appId, previousUntil }));
      },
    );
  };
}
