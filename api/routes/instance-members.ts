import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { Apps } from '../../db/apps.js';
import type { MemberChanges } from '../../db/member-changes.js';
import type { MemberDoc, Members } from '../../db/members.js';
import { PlatformError } from '../../domain/errors.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { nextPage, objectId, PageQuery } from '../schema/common.js';
import { ChangeMemberRequest, MemberParams, MembersView, memberView, MemberView } from '../schema/member.js';

interface Deps {
  readonly guard: Guard;
  readonly apps: Pick<Apps, 'slugs'>;
  readonly members: Pick<Members, 'find' | 'page'>;
  readonly memberChanges: Pick<MemberChanges, 'change' | 'revoke'>;
}

const tags = ['members'];

/** Everybody on this instance, for its owners; and oneself. */
export function instanceMemberRoutes({ guard, apps, members, memberChanges }: Deps): FastifyPluginAsyncTypebox {
  async function views(docs: readonly MemberDoc[]): Promise<MemberView[]> {
    const slugs = await apps.slugs(docs.flatMap(({ roles }) => roles.map(({ appId }) => appId)));
    return docs.map((doc) => memberView(doc, slugs));
  }

  async function view(doc: MemberDoc | undefined): Promise<MemberView> {
    const [it] = doc === undefined ? [] : await views([doc]);
    if (it === undefined) throw new PlatformError('NOT_FOUND', 'no such member');
    return it;
  }

  return async (app) => {
    app.get(
      '/v1/me',
      { ...guard.signedIn(), schema: { tags, summary: 'Who you are here', response: { 200: MemberView } } },
      async (request) => view(await members.find(guard.memberOf(request).id)),
    );

    app.get(
      '/v1/members',
      { ...guard.instanceOwner(), schema: { tags, querystring: PageQuery, response: { 200: MembersView } } },
      async (request) => {
        const { limit, before } = request.query;
        const docs = await members.page({ limit, before: before === undefined ? undefined : objectId(before) });
        return { members: await views(docs), next: nextPage(docs, limit) };
      },
    );

    app.patch(
      '/v1/members/:memberId',
      {
        ...guard.instanceOwner(),
        schema: {
          tags,
          summary: 'Change name, email, or whether they own this instance',
          params: MemberParams,
          body: ChangeMemberRequest,
          response: { 200: MemberView },
        },
      },
      async (request) => {
        const actor = actorOf(guard.memberOf(request));
        const memberId = objectId(request.params.memberId);
        return view(await memberChanges.change({ actor, memberId, change: request.body }));
      },
    );

    app.delete(
      '/v1/members/:memberId',
      {
        ...guard.instanceOwner(),
        schema: {
          tags,
          summary: 'Take somebody out of this instance, with all their tokens',
          params: MemberParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const actor = actorOf(guard.memberOf(request));
        await memberChanges.revoke({ actor, memberId: objectId(request.params.memberId) });
        return reply.code(204).send(null);
      },
    );
  };
}
