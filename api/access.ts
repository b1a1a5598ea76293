import type { FastifyContextConfig, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import type { App } from '../db/apps.js';
import { PlatformError } from '../domain/errors.js';
import type { Permission } from '../domain/member.js';
import type { Member, MemberAuth } from './auth-member.js';

/**
 * Who may call a route. Every route names one in its options (a test goes through all of them):
 * anybody, who runs this instance, whoever holds an app key or an invitation, whoever is signed in, the instance's
 * owner, or a permission in the app that the path names.
 */
export type Access = 'public' | 'ops' | 'app-key' | 'invitation' | 'member' | 'instance-owner' | Permission;

/** What a route spreads into its options. */
export interface RouteAccess {
  readonly config: FastifyContextConfig & {
    readonly access: Access;
    /** A server key of the app will do as well. */
    readonly takesServerKey?: true;
  };
  readonly onRequest?: onRequestAsyncHookHandler;
}

/** Undefined where there is no such route. */
export function accessOf({ routeOptions: { config } }: FastifyRequest): Access | undefined {
  return 'access' in config ? (config.access as Access) : undefined;
}

interface Caller {
  readonly member: Member;
  readonly app?: App;
}

/** For routes that let anybody in, and for those that read the app key themselves: said, not forgotten. */
export const openTo = (access: 'public' | 'app-key'): RouteAccess => ({ config: { access } });

/**
 * The one way to a management route. It is asked before the body is read, so that a stranger's body is never
 * parsed; the handler then asks who was let in.
 */
export function guard(auth: MemberAuth) {
  const callers = new WeakMap<FastifyRequest, Caller>();

  const checked = (
    access: Access,
    check: (request: FastifyRequest, member: Member) => Promise<Caller>,
  ): RouteAccess => ({
    config: { access },
    onRequest: async (request) => {
      const member = await auth.authenticate(request);
      callers.set(request, await check(request, member));
    },
  });

  function callerOf(request: FastifyRequest): Caller {
    const caller = callers.get(request);
    if (caller === undefined) throw new Error('the route has no guard');
    return caller;
  }

  return {
    signedIn: (): RouteAccess => checked('member', (_request, member) => Promise.resolve({ member })),

    instanceOwner: (): RouteAccess =>
      checked('instance-owner', (_request, member) => {
        if (!member.rights.owner) throw new PlatformError('FORBIDDEN', 'only an owner of this instance may do this');
        return Promise.resolve({ member });
      }),

    /** In the app that the path's `:appId` names. */
    inApp: (permission: Permission): RouteAccess =>
      checked(permission, async (request, member) => {
        const { params } = request;
        const slug: unknown = typeof params === 'object' && params !== null && 'appId' in params ? params.appId : '';
        return { member, app: await auth.require(member, String(slug), permission) };
      }),

    memberOf: (request: FastifyRequest): Member => callerOf(request).member,

    appOf(request: FastifyRequest): { readonly member: Member; readonly app: App } {
      const { member, app } = callerOf(request);
      if (app === undefined) throw new Error('the route has no guard for an app');
      return { member, app };
    },
  };
}

export type Guard = ReturnType<typeof guard>;
