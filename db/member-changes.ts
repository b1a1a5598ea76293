import type { ClientSession, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { mayGrant, type Role } from '../domain/member.js';
import type { App, Apps } from './apps.js';
import type { Actor, Audited } from './audit.js';
import type { Counters } from './counters.js';
import type { MemberTokens } from './member-tokens.js';
import {
  type MemberChange,
  type MemberDoc,
  memberRole,
  type MemberRole,
  type Members,
  roleFacts,
  roleOf,
} from './members.js';
import { newMember } from './new-member.js';
import type { NewSecret } from './new-secret.js';

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
  /** Whether an owner of the instance states the address. */
  readonly emailVouched: boolean;
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
}

interface RoleRemoval extends InApp {
  readonly memberId: ObjectId;
}

interface MemberEdit {
  readonly actor: Actor;
  readonly memberId: ObjectId;
  readonly change: Omit<MemberChange, 'emailVouchedAt'>;
}

const OWNERS_LOCK = 'instanceOwners';

const memberFacts = ({ name, email, emailVouchedAt = null, owner }: MemberDoc) => ({
  name,
  email,
  emailVouchedAt,
  owner,
});

/** An owner of the instance who states an address vouches for it, also for one that was there. */
function vouchedAt({ email, emailVouchedAt = null }: MemberDoc, stated: string | null | undefined): Date | null {
  if (stated === undefined || (stated === email && emailVouchedAt !== null)) return emailVouchedAt;
  return stated === null ? null : new Date();
}

/** What may happen to members and their roles, each with its audit entry. */
export function memberChanges({ audited, apps, members, memberTokens, counters }: Deps) {
  const addNew = newMember({ members, memberTokens });

  async function present(session: ClientSession, id: ObjectId): Promise<MemberDoc> {
    const member = await members.find(id, session);
    if (member === undefined) throw new PlatformError('NOT_FOUND', 'no such member');
    return member;
  }

  async function presentIn(session: ClientSession, { id }: App, memberId: ObjectId) {
    const member = await members.findInApp(session, memberId, id);
    const before = member && roleOf(member, id);
    if (member === undefined || before === undefined) {
      throw new PlatformError('NOT_FOUND', 'no such member in this app');
    }
    return { member, before };
  }

  /** Under the app's member lock, so that two owners cannot remove each other at the same moment. */
  async function keepAnOwner(session: ClientSession, appId: ObjectId, leaving: ObjectId): Promise<void> {
    if (await members.hasOtherOwner(session, appId, leaving)) return;
    throw new PlatformError('CONFLICT', 'the last owner of an app stays until there is another one');
  }

  function mustReach({ ownRole }: InApp, ...roles: readonly Role[]): void {
    const above = roles.find((role) => !mayGrant(ownRole, role));
    if (above !== undefined) throw new PlatformError('FORBIDDEN', `the role ${above} is above your own`);
  }

  return {
    /** A new member with a first role and a first token. @throws FORBIDDEN */
    add(input: NewMember): Promise<MemberInApp> {
      mustReach(input, input.role);
      const { actor, app, name, email, emailVouched, locales, token } = input;
      const role = memberRole(app.id, input.role, locales);
      return audited(async (session) => {
        await apps.lockMembers(session, app.id);
        const createdAt = new Date();
        const { member, facts } = await addNew(session, { name, email, emailVouched, role, token, createdAt });
        const target = { kind: 'member', id: member._id };
        return {
          result: { member, role },
          entry: { appId: app.id, actor, action: 'member.added', target, before: null, after: facts },
        };
      });
    },

    /** Gives a member of an app another role in it. @throws NOT_FOUND, FORBIDDEN, or CONFLICT for the last owner's. */
    setRole(input: RoleGrant): Promise<MemberInApp> {
      const { actor, app, memberId, role, locales } = input;
      return audited(async (session) => {
        await apps.lockMembers(session, app.id);
        const { member, before } = await presentIn(session, app, memberId);
        mustReach(input, before.role, role);
        if (before.role === 'owner' && role !== 'owner') await keepAnOwner(session, app.id, memberId);

        const after = memberRole(app.id, role, locales);
        const others = member.roles.filter((each) => each !== before);
        const result = { member: { ...member, roles: [...others, after] }, role: after };
        const facts = { before: roleFacts(before), after: roleFacts(after) };
        if (JSON.stringify(facts.before) === JSON.stringify(facts.after)) return { result };
        await members.setRole(session, memberId, after);
        const target = { kind: 'member', id: memberId };
        return { result, entry: { appId: app.id, actor, action: 'member.role-changed', target, ...facts } };
      });
    },

    /** Out of this app; what else they are, they stay. @throws NOT_FOUND, FORBIDDEN, CONFLICT for the last owner. */
    removeRole(input: RoleRemoval): Promise<void> {
      const { actor, app, memberId } = input;
      return audited(async (session) => {
        await apps.lockMembers(session, app.id);
        const { before } = await presentIn(session, app, memberId);
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
        const emailVouchedAt = vouchedAt(before, change.email);
        const after: MemberDoc = { ...before, name, email, emailVouchedAt, owner };
        if (JSON.stringify(memberFacts(after)) === JSON.stringify(memberFacts(before))) return { result: before };
        if (before.owner !== after.owner) await counters.next(session, OWNERS_LOCK);
        if (before.owner && !after.owner) await keepAnInstanceOwner(session, memberId);
        await members.change(session, memberId, { name, email, emailVouchedAt, owner });
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

export type MemberChanges = ReturnType<typeof memberChanges>;
