import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import type { MemberChanges } from '../../db/member-changes.js';
import type { Members } from '../../db/members.js';
import { PlatformError } from '../../domain/errors.js';
import { shownPrefix } from '../../domain/key.js';
import { roleIn } from '../../domain/member.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { AppParams } from '../schema/app.js';
import { nextPage, objectId, PageQuery } from '../schema/common.js';
import {
  AddedMemberView,
  AddMemberRequest,
  AppMemberParams,
  AppMembersView,
  AppMemberView,
  appMemberView,
  mustFit,
  SetRoleRequest,
} from '../schema/member.js';
import { hashSecret, newMemberToken } from '../secrets.js';

interface Deps {
  readonly guard: Guard;
  readonly members: Pick<Members, 'ofApp'>;
  readonly memberChanges: MemberChanges;
}

const tags = ['members'];

/** Who works on an app, and as what. */
export function memberRoutes({ guard, members, memberChanges }: Deps): FastifyPluginAsyncTypebox {
  function inApp(request: FastifyRequest) {
    const { member, app } = guard.appOf(request);
    const ownRole = roleIn(member.rights, app.id.toHexString());
    if (ownRole === undefined) throw new PlatformError('FORBIDDEN', 'no role in this app');
    return { actor: actorOf(member), app, ownRole };
  }

  return async (app) => {
    app.post(
      '/v1/apps/:appId/members',
      {
        ...guard.inApp('members:write'),
        schema: {
          tags,
          summary: 'Add somebody new; the answer is the only one that shows their first token',
          params: AppParams,
          body: AddMemberRequest,
          response: { 201: AddedMemberView },
        },
      },
      async (request, reply) => {
        const { name, email = null, role, locales } = request.body;
        mustFit(role, locales);
        const scope = inApp(request);
        const emailVouched = guard.memberOf(request).rights.owner;
        const token = newMemberToken();
        const secret = { hash: hashSecret(token), prefix: shownPrefix(token) };
        const added = await memberChanges.add({ ...scope, name, email, emailVouched, role, locales, token: secret });
        return reply.code(201).send({ ...appMemberView(added.member, added.role), token });
      },
    );

    app.get(
      '/v1/apps/:appId/members',
      {
        ...guard.inApp('members:read'),
        schema: { tags, params: AppParams, querystring: PageQuery, response: { 200: AppMembersView } },
      },
      async (request) => {
        const { limit, before } = request.query;
        const { id } = guard.appOf(request).app;
        const docs = await members.ofApp(id, { limit, before: before === undefined ? undefined : objectId(before) });
        const inThisApp = docs.flatMap((doc) =>
          doc.roles.filter(({ appId }) => appId.equals(id)).map((role) => appMemberView(doc, role)),
        );
        return { members: inThisApp, next: nextPage(docs, limit) };
      },
    );

    app.patch(
      '/v1/apps/:appId/members/:memberId',
      {
        ...guard.inApp('members:write'),
        schema: { tags, params: AppMemberParams, body: SetRoleRequest, response: { 200: AppMemberView } },
      },
      async (request) => {
        const scope = inApp(request);
        const memberId = objectId(request.params.memberId);
        const { role, locales } = request.body;
        mustFit(role, locales);
        const granted = await memberChanges.setRole({ ...scope, memberId, role, locales });
        return appMemberView(granted.member, granted.role);
      },
    );

    app.delete(
      '/v1/apps/:appId/members/:memberId',
      {
        ...guard.inApp('members:write'),
        schema: { tags, params: AppMemberParams, response: { 204: Type.Null() } },
      },
      async (request, reply) => {
        await memberChanges.removeRole({ ...inApp(request), memberId: objectId(request.params.memberId) });
        return reply.code(204).send(null);
      },
    );
  };
}
