import { ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { maySpeakFor, type Rights } from '../domain/member.js';
import type { Actor, Audited } from './audit.js';
import type { MemberTokenDoc, MemberTokens } from './member-tokens.js';
import { type Members, rightsOf } from './members.js';
import type { NewSecret } from './new-secret.js';

interface Deps {
  readonly audited: Audited;
  readonly members: Pick<Members, 'find'>;
  readonly memberTokens: MemberTokens;
}

interface Target {
  readonly actor: Actor;
  readonly rights: Rights;
  readonly memberId: ObjectId;
}

interface TokenCreation extends Target {
  readonly name: string;
  readonly secret: NewSecret;
  readonly expiresAt: Date | null;
}

interface TokenRevocation extends Target {
  readonly tokenId: ObjectId;
}

type NewToken = Pick<TokenCreation, 'memberId' | 'name' | 'secret' | 'expiresAt'> & { readonly createdAt: Date };

export const newTokenDoc = ({ memberId, name, secret, createdAt, expiresAt }: NewToken): MemberTokenDoc => ({
  _id: new ObjectId(),
  memberId,
  name,
  hash: secret.hash,
  prefix: secret.prefix,
  createdAt,
  expiresAt,
  revokedAt: null,
  lastUsedAt: null,
});

/** What the audit log is told of a token: its prefix names it, its hash is nobody's business. */
export const tokenFacts = ({ name, prefix, expiresAt, revokedAt }: MemberTokenDoc) => ({
  name,
  prefix,
  expiresAt,
  revokedAt,
});

/** What may happen to a member's tokens, each with its audit entry. */
export function tokenChanges({ audited, members, memberTokens }: Deps) {
  /** Whose tokens these are, to whoever may act as them; to others there is no such member. */
  async function mustSpeakFor({ rights, memberId }: Omit<Target, 'actor'>): Promise<void> {
    const member = await members.find(memberId);
    if (member === undefined || !maySpeakFor(rights, rightsOf(member))) {
      throw new PlatformError('NOT_FOUND', 'no member whose tokens you may see');
    }
  }

  return {
    mustSpeakFor,

    /** @throws NOT_FOUND */
    async create(input: TokenCreation): Promise<MemberTokenDoc> {
      await mustSpeakFor(input);
      const { actor, memberId } = input;
      return audited(async (session) => {
        const token = newTokenDoc({ ...input, createdAt: new Date() });
        await memberTokens.insert(session, token);
        const target = { kind: 'token', id: token._id };
        const after = { memberId, ...tokenFacts(token) };
        return { result: token, entry: { appId: null, actor, action: 'token.created', target, before: null, after } };
      });
    },

    /** At once and for good. Doing it again changes nothing. @throws NOT_FOUND */
    async revoke(input: TokenRevocation): Promise<void> {
      await mustSpeakFor(input);
      const { actor, memberId, tokenId } = input;
      return audited(async (session) => {
        const before = await memberTokens.find(memberId, tokenId, session);
        if (before === undefined) throw new PlatformError('NOT_FOUND', 'no such token');
        if (before.revokedAt !== null) return { result: undefined };
        const revokedAt = new Date();
        await memberTokens.revoke(session, tokenId, revokedAt);
        const facts = {
          before: { memberId, ...tokenFacts(before) },
          after: { memberId, ...tokenFacts({ ...before, revokedAt }) },
        };
        const target = { kind: 'token', id: tokenId };
        return { result: undefined, entry: { appId: null, actor, action: 'token.revoked', target, ...facts } };
      });
    },
  };
}

export type TokenChanges = ReturnType<typeof tokenChanges>;
