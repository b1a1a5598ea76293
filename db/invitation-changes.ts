import { type ClientSession, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { comparable, INVITATION_DAYS, MOST_OPEN_INVITATIONS } from '../domain/invitation.js';
import { DAY_MS } from '../domain/limits.js';
import { mayGive, type Rights, type Role } from '../domain/member.js';
import type { App, Apps } from './apps.js';
import type { Actor, Audited } from './audit.js';
import type { InvitationBy, InvitationDoc, Invitations } from './invitations.js';
import type { MemberTokens } from './member-tokens.js';
import {
  type MemberDoc,
  memberRole,
  type MemberRole,
  type Members,
  rightsOf,
  roleFacts,
  roleOf,
  vouchedEmail,
} from './members.js';
import { newMember } from './new-member.js';
import type { NewSecret } from './new-secret.js';

interface Deps {
  readonly audited: Audited;
  readonly apps: Pick<Apps, 'lockMembers'>;
  readonly members: Members;
  readonly memberTokens: Pick<MemberTokens, 'insert'>;
  readonly invitations: Invitations;
}

interface InApp {
  readonly actor: Actor;
  readonly rights: Rights;
  readonly app: App;
}

interface NewInvitation extends InApp {
  readonly role: Role;
  readonly locales?: readonly string[] | undefined;
  readonly email: string | null;
  readonly invitedBy: ObjectId;
  readonly secret: NewSecret;
  readonly now: Date;
}

interface Revocation extends InApp {
  readonly invitationId: ObjectId;
}

interface Acceptance {
  readonly memberId: ObjectId;
  /** By its secret, or by its id where it is addressed to the member. */
  readonly which: Pick<InvitationDoc, 'hash'> | { readonly invitationId: ObjectId };
  readonly now: Date;
}

interface Joining {
  readonly hash: string;
  readonly name: string;
  readonly token: NewSecret;
  readonly now: Date;
}

const invitationFacts = ({ email, prefix, expiresAt, ...rest }: InvitationDoc) => ({
  ...roleFacts(rest),
  email,
  prefix,
  expiresAt,
});

/** One answer to whoever may not accept it, whatever the reason: it says nothing of what there is. */
const notTheirs = () =>
  new PlatformError('NOT_FOUND', 'no invitation that you could accept: accepted, revoked, expired');

/** The same for who says nothing but its secret. */
export const noInvitation = () =>
  new PlatformError('UNAUTHENTICATED', 'no valid invitation: unknown, accepted, revoked or expired');

/** What may happen to invitations, each with its audit entry. */
export function invitationChanges({ audited, apps, members, memberTokens, invitations }: Deps) {
  const addNew = newMember({ members, memberTokens });

  function mustReach({ rights, app }: InApp, role: Role): void {
    if (mayGive(rights, { appId: app.id.toHexString(), role })) return;
    throw new PlatformError('FORBIDDEN', `the role ${role} is above your own`);
  }

  /** Takes an invitation away, if it is as good as ever: whoever made it could still give that role themselves. */
  async function take(session: ClientSession, by: InvitationBy, now: Date): Promise<InvitationDoc | undefined> {
    const found = await invitations.findOpen(by, now, session);
    const inviter = found && (await members.find(found.invitedBy, session));
    if (found === undefined || inviter === undefined) return undefined;
    const { appId, role } = found;
    if (!mayGive(rightsOf(inviter), { appId: appId.toHexString(), role })) return undefined;
    await apps.lockMembers(session, appId);
    await invitations.remove(session, found._id);
    return found;
  }

  return {
    /** @throws FORBIDDEN, or CONFLICT when there are too many open ones. */
    create(input: NewInvitation): Promise<InvitationDoc> {
      const { actor, app, role, locales, email, invitedBy, secret, now } = input;
      mustReach(input, role);
      return audited(async (session) => {
        await apps.lockMembers(session, app.id);
        if ((await invitations.countOpen(session, app.id, now)) >= MOST_OPEN_INVITATIONS) {
          throw new PlatformError('CONFLICT', `an app has ${String(MOST_OPEN_INVITATIONS)} open invitations at most`);
        }
        const invitation: InvitationDoc = {
          ...{ _id: new ObjectId(), ...memberRole(app.id, role, locales) },
          ...{ email: email === null ? null : comparable(email), invitedBy, invitedByName: actor.name },
          ...{ ...secret, createdAt: now, expiresAt: new Date(now.getTime() + INVITATION_DAYS * DAY_MS) },
        };
        await invitations.insert(session, invitation);
        const target = { kind: 'invitation', id: invitation._id };
        const facts = { before: null, after: invitationFacts(invitation) };
        return { result: invitation, entry: { appId: app.id, actor, action: 'invitation.created', target, ...facts } };
      });
    },

    /** @throws NOT_FOUND, FORBIDDEN */
    revoke(input: Revocation): Promise<void> {
      const { actor, app, invitationId } = input;
      return audited(async (session) => {
        const found = await invitations.find(session, app.id, invitationId);
        if (found === undefined) throw new PlatformError('NOT_FOUND', 'no such invitation in this app');
        mustReach(input, found.role);
        await invitations.remove(session, invitationId);
        const target = { kind: 'invitation', id: invitationId };
        const facts = { before: invitationFacts(found), after: null };
        return { result: undefined, entry: { appId: app.id, actor, action: 'invitation.revoked', target, ...facts } };
      });
    },

    /** A member joins. @throws NOT_FOUND, or CONFLICT for who has a role there already: the invitation stays. */
    accept({ memberId, which, now }: Acceptance): Promise<MemberRole> {
      return audited(async (session) => {
        const member = await members.find(memberId, session);
        const by = member && asked(member, which);
        const invitation = by && (await take(session, by, now));
        if (member === undefined || invitation === undefined) throw notTheirs();
        const { appId, role, locales, invitedBy, _id: invitationId } = invitation;
        if (roleOf(member, appId) !== undefined) {
          throw new PlatformError('CONFLICT', 'you are a member of this app already');
        }
        const granted = memberRole(appId, role, locales);
        await members.setRole(session, memberId, granted);
        const actor: Actor = { kind: 'member', id: memberId, name: member.name };
        const facts = { before: null, after: { ...roleFacts(granted), invitationId, invitedBy } };
        const target = { kind: 'member', id: memberId };
        return { result: granted, entry: { appId, actor, action: 'member.added', target, ...facts } };
      });
    },

    /** Somebody new joins. Nobody vouches for the address that the invitation names. @throws UNAUTHENTICATED */
    join({ hash, name, token, now }: Joining): Promise<{ readonly member: MemberDoc; readonly role: MemberRole }> {
      return audited(async (session) => {
        const invitation = await take(session, { hash }, now);
        if (invitation === undefined) throw noInvitation();
        const { appId, email, invitedBy, _id: invitationId } = invitation;
        const role = memberRole(appId, invitation.role, invitation.locales);
        const added = await addNew(session, { name, email, emailVouched: false, role, token, createdAt: now });
        const { member } = added;
        const facts = { before: null, after: { ...added.facts, invitationId, invitedBy } };
        const actor: Actor = { kind: 'member', id: member._id, name };
        const target = { kind: 'member', id: member._id };
        return { result: { member, role }, entry: { appId, actor, action: 'member.added', target, ...facts } };
      });
    },
  };
}

/** How the invitation is looked for; undefined where the member has no address to find it by. */
function asked(member: MemberDoc, which: Acceptance['which']): InvitationBy | undefined {
  if ('hash' in which) return which;
  const email = vouchedEmail(member);
  return email === undefined ? undefined : { _id: which.invitationId, email };
}

export type InvitationChanges = ReturnType<typeof invitationChanges>;
