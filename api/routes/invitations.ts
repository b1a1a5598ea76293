import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import type { ObjectId } from 'mongodb';
import type { Apps } from '../../db/apps.js';
import type { InvitationChanges } from '../../db/invitation-changes.js';
import type { Invitations } from '../../db/invitations.js';
import { type Members, vouchedEmail } from '../../db/members.js';
import { shownPrefix } from '../../domain/key.js';
import type { Guard } from '../access.js';
import { invitationAuth } from '../auth-invitation.js';
import { actorOf } from '../auth-member.js';
import type { KnownSecrets } from '../known-secrets.js';
import { AppParams } from '../schema/app.js';
import { objectId } from '../schema/common.js';
import {
  AcceptedInvitationView,
  AcceptInvitationRequest,
  CreatedInvitationView,
  InvitationParams,
  InvitationsView,
  invitationView,
  InviteRequest,
  JoinedView,
  JoinRequest,
  MyInvitationsView,
  myInvitationView,
} from '../schema/invitation.js';
import { localesOf, mustFit } from '../schema/member.js';
import { hashSecret, newInvitation, newMemberToken } from '../secrets.js';

interface Deps {
  readonly guard: Guard;
  readonly secrets: KnownSecrets;
  readonly apps: Pick<Apps, 'slugs'>;
  readonly members: Pick<Members, 'find'>;
  readonly invitations: Invitations;
  readonly invitationChanges: InvitationChanges;
}

const tags = ['members'];

/** How somebody joins an app by their own will: an app's people invite, and whoever is invited accepts. */
export function invitationRoutes(deps: Deps): FastifyPluginAsyncTypebox {
  const { guard, secrets, apps, members, invitations, invitationChanges } = deps;
  const invited = invitationAuth({ invitations, secrets });

  function inApp(request: FastifyRequest) {
    const { member, app } = guard.appOf(request);
    return { actor: actorOf(member), rights: member.rights, app };
  }

  async function slugOf(appId: ObjectId): Promise<string> {
    return (await apps.slugs([appId])).get(appId.toHexString()) ?? appId.toHexString();
  }

  return async (app) => {
    app.post(
      '/v1/apps/:appId/invitations',
      {
        ...guard.inApp('members:write'),
        schema: {
          tags,
          summary: 'Invite somebody, known here or not; the answer is the only one that shows the secret',
          params: AppParams,
          body: InviteRequest,
          response: { 201: CreatedInvitationView },
        },
      },
      async (request, reply) => {
        const { role, locales, email = null } = request.body;
        mustFit(role, locales);
        const invitation = newInvitation();
        const secret = { hash: hashSecret(invitation), prefix: shownPrefix(invitation) };
        const invitedBy = guard.memberOf(request).id;
        const asked = { ...inApp(request), role, locales, email, invitedBy, secret, now: new Date() };
        const doc = await invitationChanges.create(asked);
        return reply.code(201).send({ ...invitationView(doc), invitation });
      },
    );

    app.get(
      '/v1/apps/:appId/invitations',
      {
        ...guard.inApp('members:write'),
        schema: { tags, summary: 'Open invitations', params: AppParams, response: { 200: InvitationsView } },
      },
      async (request) => {
        const docs = await invitations.ofApp(guard.appOf(request).app.id, new Date());
        return { invitations: docs.map(invitationView) };
      },
    );

    app.delete(
      '/v1/apps/:appId/invitations/:invitationId',
      {
        ...guard.inApp('members:write'),
        schema: { tags, params: InvitationParams, response: { 204: Type.Null() } },
      },
      async (request, reply) => {
        const invitationId = objectId(request.params.invitationId);
        await invitationChanges.revoke({ ...inApp(request), invitationId });
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/v1/me/invitations',
      {
        ...guard.signedIn(),
        schema: {
          tags,
          summary: 'Open invitations to your address, if an owner of this instance vouches for it',
          response: { 200: MyInvitationsView },
        },
      },
      async (request) => {
        const me = await members.find(guard.memberOf(request).id);
        const email = me && vouchedEmail(me);
        const docs = email === undefined ? [] : await invitations.to(email, new Date());
        const slugs = await apps.slugs(docs.map(({ appId }) => appId));
        const slug = ({ appId }: { readonly appId: ObjectId }) => slugs.get(appId.toHexString()) ?? appId.toHexString();
        return { invitations: docs.map((doc) => myInvitationView(doc, slug(doc))) };
      },
    );

    app.post(
      '/v1/me/invitations/accept',
      {
        ...guard.signedIn(),
        schema: {
          tags,
          summary: 'Join an app: by the secret of an invitation, or by the id of one to your address',
          body: AcceptInvitationRequest,
          response: { 200: AcceptedInvitationView },
        },
      },
      async (request) => {
        const { invitation = '', invitationId } = request.body;
        const which =
          invitationId === undefined ? { hash: hashSecret(invitation) } : { invitationId: objectId(invitationId) };
        const memberId = guard.memberOf(request).id;
        const { appId, role, locales } = await invitationChanges.accept({ memberId, which, now: new Date() });
        return { appId: await slugOf(appId), role, ...localesOf(locales) };
      },
    );

    app.post(
      '/v1/invitations/join',
      {
        ...invited.access,
        schema: {
          tags,
          summary: 'Join an app as somebody new, by an invitation; the answer is the only one that shows your token',
          body: JoinRequest,
          response: { 201: JoinedView },
        },
      },
      async (request, reply) => {
        const { name } = request.body;
        const hash = invited.hashOf(request);
        const token = newMemberToken();
        const secret = { hash: hashSecret(token), prefix: shownPrefix(token) };
        const joined = await invitationChanges.join({ hash, name, token: secret, now: new Date() });
        const { appId, role, locales } = joined.role;
        const memberId = joined.member._id.toHexString();
        return reply.code(201).send({ memberId, name, appId: await slugOf(appId), role, ...localesOf(locales), token });
      },
    );
  };
}
