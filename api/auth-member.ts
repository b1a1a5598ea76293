import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import type { App, Apps } from '../db/apps.js';
import type { Actor } from '../db/audit.js';
import type { MemberTokens, TokenAndMember } from '../db/member-tokens.js';
import { rightsOf } from '../db/members.js';
import { PlatformError } from '../domain/errors.js';
import { isLive, looksLikeMemberToken } from '../domain/key.js';
import { type Permission, type Rights, roleAllows, roleIn } from '../domain/member.js';
import { bearer } from './auth-header.js';
import type { KnownSecrets } from './known-secrets.js';
import { hashSecret } from './secrets.js';
import { strangerGate } from './stranger-gate.js';

/** Who asks: a person, or a script of theirs. */
export interface Member {
  readonly id: ObjectId;
  readonly name: string;
  readonly rights: Rights;
}

export const actorOf = ({ id, name }: Member): Actor => ({ kind: 'member', id, name });

export interface MemberAuth {
  /** @throws UNAUTHENTICATED */
  readonly authenticate: (request: FastifyRequest) => Promise<Member>;
  /**
   * The app, when the member may do this in it.
   * @throws FORBIDDEN, or NOT_FOUND where the member has no role at all: which apps exist is not their business.
   */
  readonly require: (member: Member, appSlug: string, permission: Permission) => Promise<App>;
}

interface Deps {
  readonly apps: Pick<Apps, 'findBySlug'>;
  readonly memberTokens: Pick<MemberTokens, 'findWithMember' | 'touch'>;
  readonly secrets: KnownSecrets;
  readonly log?: { debug(facts: object, message: string): void };
  readonly now?: () => number;
}

const TOUCH_EVERY_MS = 60_000;
/** Some 200 bytes each. */
const MOST_REMEMBERED = 5_000;

/** Not cached, unlike app keys: people are few, and what they lost they lose at once. */
export function memberAuth({ apps, memberTokens, secrets, log, now = Date.now }: Deps): MemberAuth {
  const touchedAt = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  const gate = strangerGate({ secrets, now });

  function find(token: string): Promise<TokenAndMember | undefined> {
    const hash = hashSecret(token);
    return gate.lookUp(hash, () => memberTokens.findWithMember(hash));
  }

  function touch(tokenId: ObjectId, at: number): void {
    const id = tokenId.toHexString();
    if (at - (touchedAt.get(id) ?? -Infinity) < TOUCH_EVERY_MS) return;
    touchedAt.set(id, at);
    memberTokens.touch(tokenId, new Date(at)).catch((err: unknown) => {
      log?.debug({ err, tokenId: id }, 'last use of a token not noted');
    });
  }

  return {
    async authenticate(request) {
      const token = bearer(request);
      const found = token !== undefined && looksLikeMemberToken(token) ? await find(token) : undefined;
      const at = now();
      if (found === undefined || !isLive(found.token, at) || found.member.revokedAt !== null) {
        throw new PlatformError('UNAUTHENTICATED', 'no valid member token: unknown, expired or revoked');
      }
      touch(found.token._id, at);
      return { id: found.member._id, name: found.member.name, rights: rightsOf(found.member) };
    },

    async require(member, appSlug, permission) {
      const app = await apps.findBySlug(appSlug);
      const role = app && roleIn(member.rights, app.id.toHexString());
      if (app === undefined || role === undefined) throw new PlatformError('NOT_FOUND', `no app ${appSlug}`);
      if (!roleAllows(role, permission)) {
        throw new PlatformError('FORBIDDEN', `the role ${role} does not include ${permission}`);
      }
      return app;
    },
  };
}
