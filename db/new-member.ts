import { type ClientSession, ObjectId } from 'mongodb';
import type { MemberTokens } from './member-tokens.js';
import { type MemberDoc, type MemberRole, type Members, roleFacts } from './members.js';
import type { NewSecret } from './new-secret.js';
import { newTokenDoc, tokenFacts } from './token-changes.js';

interface Deps {
  readonly members: Pick<Members, 'insert'>;
  readonly memberTokens: Pick<MemberTokens, 'insert'>;
}

interface NewMember {
  readonly name: string;
  readonly email: string | null;
  readonly emailVouched: boolean;
  readonly role: MemberRole;
  readonly token: NewSecret;
  readonly createdAt: Date;
}

/** Somebody new with a first role and a first token, within the change that adds them; and what its audit entry tells. */
export function newMember({ members, memberTokens }: Deps) {
  return async (session: ClientSession, { name, email, emailVouched, role, token, createdAt }: NewMember) => {
    const member: MemberDoc = {
      ...{ _id: new ObjectId(), name, email, ...(emailVouched && email !== null && { emailVouchedAt: createdAt }) },
      ...{ owner: false, roles: [role], createdAt, revokedAt: null },
    };
    const first = newTokenDoc({
      memberId: member._id,
      name: 'First token',
      secret: token,
      createdAt,
      expiresAt: null,
    });
    await members.insert(session, member);
    await memberTokens.insert(session, first);
    return { member, facts: { name, email, ...roleFacts(role), firstToken: tokenFacts(first) } };
  };
}
