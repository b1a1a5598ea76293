import { type ClientSession, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { mayGrant, type Role } from '../domain/member.js';
import type { App, Apps } from './apps.js';
import type { Actor, Audited } from './audit.js';
import type { Counters } from './counters.js';
import type { MemberTokens } from './member-tokens.js';
import type { MemberChange, MemberDoc, MemberRole, Members } from './members.js';
import type { NewSecret } from './new-secret.js';
import { newTokenDoc, tokenFacts } from './token-changes.js';

interface Deps {
  readonly audited: Audited;
  readonly apps: Pick<Apps, 'lockMembers'>;
  readonly members: Members;
  readonly memberTokens: Pick<MemberTokens, 'insert'>;
  readonly counters: Pick<Counters, 'next'>;
}

interface InApp {
  readonly actor: Actor;
  readonly app: App;
  /** The actor's own role there, which none that they grant may exceed. */
  readonly ownRole: Role;
}

interface NewMember extends InApp {
  readonly name: string;
  readonly email: string | null;
  readonly role: Role;
  readonly locales?: readonly string[] | undefined;
  readonly token: NewSecret;
}

interface MemberInApp {
  readonly member: MemberDoc;
  readonly role: MemberRole;
}

interface RoleGrant extends InApp {
  readonly memberId: ObjectId;
  readonly role: Role;
  readonly locales?: readonly string[] | undefined;
  /** Whether the member is to be new to the app. */
  readonly who: 'new' | 'present';
}

interface RoleRemoval extends InApp {
  readonly memberId: ObjectId;
}

interface MemberEdit {
  readonly actor: Actor;
  readonly memberId: ObjectId;
  readonly change: MemberChange;
}

const OWNERS_LOCK = 'instanceOwners';

const roleFacts = ({ role, locales }: MemberRole) => (locales === undefined ? { role } : { role, locales });
const memberFacts = ({ name, email, owner }: MemberDoc) => ({ name, email, owner });

/** What may happen to members and their roles, each with its audit entry. */
export function memberChanges({ audited, apps, members, memberTokens, counters }: Deps) {
  async function present(session: ClientSession, id: ObjectId): Promise<MemberDoc> {
    const member = await members.find(id, session);
    if (member === undefined) throw new PlatformError('NOT_FOUND', 'no such member');
    return member;
  }

  /** Under the app's member lock, so that two owners cannot remove each other at the same moment. */
  async function keepAnOwner(session: ClientSession, appId: ObjectId, leaving: ObjectId): Promise<void> {
    if (await members.hasOtherOwner(session, appId, leaving)) return;
    throw new PlatformError('CONFLICT', 'the last owner of an app stays until there is another one');
  }

  function mustReach({ ownRole }: InApp, ...roles: readonly (Role | undefined)[]): void {
    const above = roles.find((role) => role !== undefined && !mayGrant(ownRole, role));
    if (above !== undefined) throw new PlatformError('FORBIDDEN', `the role ${above} is above your own`);
  }

  return {
    /** A new member with a first role and a first token. @throws FORBIDDEN */
    add(input: NewMember): Promise<MemberInApp> {
      mustReach(input, input.role);
      const { actor, app, name, email, role, locales, token } = input;
      return audited(async (session) => {
        const createdAt = new Date();
        const granted = { appId: app.id, role, ...(locales === undefined ? {} : { locales }) };
        const member = { _id: new ObjectId(), name, email, owner: false, roles: [granted], createdAt, revokedAt: null };
        const first = newTokenDoc({
          memberId: member._id,
          name: 'First token',
          secret: token,
          createdAt,
          expiresAt: null,
        });
        await apps.lockMembers(session, app.id);
        await members.insert(session, member);
        await memberTokens.insert(session, first);
        const after = { name, email, ...roleFacts(granted), firstToken: tokenFacts(first) };
        const target = { kind: 'member', id: member._id };
        return {
          result: { member, role: granted },
          entry: { appId: app.id, actor, action: 'member.added', target, before: null, after },
        };
      });
    },

    /**
     * Gives a member a role in an app, or another one.
     * @throws NOT_FOUND, FORBIDDEN, or CONFLICT for a role that is there already and for the last owner's.
     */
    setRole(input: RoleGrant): Promise<MemberInApp> {
      const { actor, app, memberId, role, locales, who } = input;
      return audited(async (session) => {
        await apps.lockMembers(session, app.id);
        const member = await present(session, memberId);
        const before = roleOf(member, app.id);
        if (who === 'present' && before === undefined)
          throw new PlatformError('NOT_FOUND', 'no such member in this app');
        if (who === 'new' && before !== undefined) throw new PlatformError('CONFLICT', 'already a member of this app');
        mustReach(input, before?.role, role);
        if (before?.role === 'owner' && role !== 'owner') await keepAnOwner(session, app.id, memberId);

        const after: MemberRole = { appId: app.id, role, ...(locales === undefined ? {} : { locales }) };
        const others = member.roles.filter((each) => each !== before);
        const result = { member: { ...member, roles: [...others, after] }, role: after };
        if (before !== undefined && JSON.stringify(roleFacts(before)) === JSON.stringify(roleFacts(after)))
          return { result };
        await members.setRole(session, memberId, after);
        const action = before === undefined ? 'member.added' : 'member.role-changed';
        const facts = { before: before === undefined ? null : roleFacts(before), after: roleFacts(after) };
        return { result, entry: { appId: app.id, actor, action, target: { kind: 'member', id: memberId }, ...facts } };
      });
    },

    /** Out of this app; what else they are, they stay. @throws NOT_FOUND, FORBIDDEN, CONFLICT for the last owner. */
    removeRole(input: RoleRemoval): Promise<void> {
      const { actor, app, memberId } = input;
      return audited(async (session) => {
        await apps.lockMembers(session, app.id);
        const before = roleOf(await present(session, memberId), app.id);
        if (before === undefined) throw new PlatformError('NOT_FOUND', 'no such member in this app');
        mustReach(input, before.role);
        if (before.role === 'owner') await keepAnOwner(session, app.id, memberId);
        await members.removeRole(session, memberId, app.id);
        const target = { kind: 'member', id: memberId };
        const facts = { before: roleFacts(before), after: null };
        return { result: undefined, entry: { appId: app.id, actor, action: 'member.removed', target, ...facts } };
      });
    },

    /** Name, email, and whether they own the instance. @throws NOT_FOUND, CONFLICT for the instance's last owner. */
    change({ actor, memberId, change }: MemberEdit): Promise<MemberDoc> {
      return audited(async (session) => {
        const before = await present(session, memberId);
        const { name = before.name, email = before.email, owner = before.owner } = change;
        const after: MemberDoc = { ...before, name, email, owner };
        if (JSON.stringify(memberFacts(after)) === JSON.stringify(memberFacts(before))) return { result: before };
        if (before.owner !== after.owner) await counters.next(session, OWNERS_LOCK);
        if (before.owner && !after.owner) await keepAnInstanceOwner(session, memberId);
        await members.change(session, memberId, { name, email, owner });
        const target = { kind: 'member', id: memberId };
        const facts = { before: memberFacts(before), after: memberFacts(after) };
        return { result: after, entry: { appId: null, actor, action: 'member.changed', target, ...facts } };
      });
    },

    /** Out of the instance, with all tokens. @throws NOT_FOUND, CONFLICT for the last owner of anything. */
    revoke({ actor, memberId }: Omit<MemberEdit, 'change'>): Promise<void> {
      return audited(async (session) => {
        const member = await present(session, memberId);
        if (member.owner) {
          await counters.next(session, OWNERS_LOCK);
          await keepAnInstanceOwner(session, memberId);
        }
        for (const { appId, role } of member.roles) {
          await apps.lockMembers(session, appId);
          if (role === 'owner') await keepAnOwner(session, appId, memberId);
        }
        await members.revoke(session, memberId, new Date());
        const target = { kind: 'member', id: memberId };
        const before = { ...memberFacts(member), roles: member.roles.map((role) => ({ ...role })) };
        return {
          result: undefined,
          entry: { appId: null, actor, action: 'member.revoked', target, before, after: null },
        };
      });
    },
  };

  async function keepAnInstanceOwner(session: ClientSession, leaving: ObjectId): Promise<void> {
    if (await members.hasOtherInstanceOwner(session, leaving)) return;
    throw new PlatformError('CONFLICT', 'the last owner of the instance stays until there is another one');
  }
}

const roleOf = (member: MemberDoc, appId: ObjectId) => member.roles.find((role) => role.appId.equals(appId));

export type MemberChanges = ReturnType<typeof memberChanges>;
