import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { AppKeys } from '../../db/app-keys.js';
import type { KeyChanges } from '../../db/key-changes.js';
import { PlatformError } from '../../domain/errors.js';
import { shownPrefix } from '../../domain/key.js';
import { isOriginPattern } from '../../domain/origin.js';
import { HOUR_MS } from '../../domain/limits.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { AppParams } from '../schema/app.js';
import { futureInstant, nextPage, objectId, PageQuery } from '../schema/common.js';
import {
  ChangeKeyRequest,
  CreatedKeyView,
  CreateKeyRequest,
  KeyParams,
  KeysView,
  keyView,
  KeyView,
  RotatedKeyView,
  RotateKeyRequest,
} from '../schema/key.js';
import { hashSecret, newAppKey } from '../secrets.js';

interface Deps {
  readonly guard: Guard;
  readonly appKeys: Pick<AppKeys, 'page'>;
  readonly keyChanges: KeyChanges;
}

const tags = ['keys'];

const secretOf = (key: string) => ({ hash: hashSecret(key), prefix: shownPrefix(key) });

function mustBeOrigins(origins: readonly string[] = []): void {
  const wrong = origins.find((origin) => !isOriginPattern(origin));
  if (wrong === undefined) return;
  const examples = 'https://app.example.com or *.example.com';
  throw new PlatformError('REQUEST_INVALID', `"${wrong}" is no origin; such are ${examples}`);
}

export function keyRoutes({ guard, appKeys, keyChanges }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/apps/:appId/keys',
      {
        ...guard.inApp('keys:write'),
        schema: {
          tags,
          summary: 'Create a key; the answer is the only one that shows it',
          params: AppParams,
          body: CreateKeyRequest,
          response: { 201: CreatedKeyView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const { kind, name = `New ${kind} key`, origins, expiresAt } = request.body;
        mustBeOrigins(origins);
        const key = newAppKey();
        const doc = await keyChanges.create({
          actor: actorOf(member),
          appId: owner.id,
          kind,
          name,
          origins,
          expiresAt: futureInstant(expiresAt),
          secret: secretOf(key),
        });
        return reply.code(201).send({ ...keyView(doc), key });
      },
    );

    app.get(
      '/v1/apps/:appId/keys',
      {
        ...guard.inApp('keys:read'),
        schema: { tags, params: AppParams, querystring: PageQuery, response: { 200: KeysView } },
      },
      async (request) => {
        const { limit, before } = request.query;
        const page = { limit, before: before === undefined ? undefined : objectId(before) };
        const docs = await appKeys.page(guard.appOf(request).app.id, page);
        return { keys: docs.map(keyView), next: nextPage(docs, limit) };
      },
    );

    app.patch(
      '/v1/apps/:appId/keys/:keyId',
      {
        ...guard.inApp('keys:write'),
        schema: { tags, params: KeyParams, body: ChangeKeyRequest, response: { 200: KeyView } },
      },
      async (request) => {
        const { member, app: owner } = guard.appOf(request);
        const { name, origins } = request.body;
        mustBeOrigins(origins);
        const keyId = objectId(request.params.keyId);
        return keyView(await keyChanges.change({ actor: actorOf(member), appId: owner.id, keyId, name, origins }));
      },
    );

    app.post(
      '/v1/apps/:appId/keys/:keyId/rotate',
      {
        ...guard.inApp('keys:write'),
        schema: {
          tags,
          summary: 'Put a new key in the place of this one, which works on until the overlap is over',
          params: KeyParams,
          body: RotateKeyRequest,
          response: { 201: RotatedKeyView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const { overlapHours, expiresAt } = request.body;
        const key = newAppKey();
        const rotated = await keyChanges.rotate({
          actor: actorOf(member),
          appId: owner.id,
          keyId: objectId(request.params.keyId),
          overlapMs: overlapHours * HOUR_MS,
          expiresAt: futureInstant(expiresAt),
          secret: secretOf(key),
        });
        return reply.code(201).send({ key: { ...keyView(rotated.key), key }, previous: keyView(rotated.previous) });
      },
    );

    app.delete(
      '/v1/apps/:appId/keys/:keyId',
      {
        ...guard.inApp('keys:write'),
        schema: {
          tags,
          summary: 'Revoke a key, for good; it stops working everywhere within 5 seconds',
          params: KeyParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        await keyChanges.revoke({ actor: actorOf(member), appId: owner.id, keyId: objectId(request.params.keyId) });
        return reply.code(204).send(null);
      },
    );
  };
}
