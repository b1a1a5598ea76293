import type { FastifyRequest } from 'fastify';
import type { App } from '../db/apps.js';
import type { Actor } from '../db/audit.js';
import { PlatformError } from '../domain/errors.js';
import { looksLikeAppKey } from '../domain/key.js';
import type { Permission } from '../domain/member.js';
import type { Guard, RouteAccess } from './access.js';
import { bearer } from './auth-header.js';
import { actorOf } from './auth-member.js';
import type { Senders } from './senders.js';

interface Deps {
  readonly guard: Guard;
  readonly senders: Pick<Senders, 'identify'>;
}

interface Sender {
  readonly app: App;
  readonly actor: Actor;
}

/**
 * The way to what build servers do: a server key of the app that the path names, or a member with the permission.
 * Client keys are public, and as good as none here.
 */
export function keyOrMember({ guard, senders }: Deps) {
  const byServerKey = new WeakMap<FastifyRequest, Sender>();

  async function sender(request: FastifyRequest, key: string): Promise<Sender> {
    const { app, kind, keyId } = await senders.identify(request, key);
    if (kind !== 'server') throw new PlatformError('UNAUTHENTICATED', 'needs a server key or a member token');
    const { params } = request;
    const slug: unknown = typeof params === 'object' && params !== null && 'appId' in params ? params.appId : '';
    if (app.appId !== slug) throw new PlatformError('NOT_FOUND', `no app ${String(slug)}`);
    return { app, actor: { kind: 'system', id: null, name: `server key ${keyId}` } };
  }

  return {
    inApp(permission: Permission): RouteAccess {
      const { config, onRequest } = guard.inApp(permission);
      return {
        config: { ...config, takesServerKey: true },
        async onRequest(request, reply) {
          const key = bearer(request);
          if (key !== undefined && looksLikeAppKey(key)) byServerKey.set(request, await sender(request, key));
          else await onRequest?.call(this, request, reply);
        },
      };
    },

    senderOf(request: FastifyRequest): Sender {
      const known = byServerKey.get(request);
      if (known !== undefined) return known;
      const { app, member } = guard.appOf(request);
      return { app, actor: actorOf(member) };
    },
  };
}

export type KeyOrMember = ReturnType<typeof keyOrMember>;
