import { type Static, Type } from '@fastify/type-provider-typebox';
import type { MemberTokenDoc } from '../../db/member-tokens.js';
import { type MemberDoc, type MemberRole, vouchedEmail } from '../../db/members.js';
import { APP_SLUG } from '../../domain/app.js';
import { PlatformError } from '../../domain/errors.js';
import { type Role, ROLES } from '../../domain/member.js';
import { Id, Instant, iso, Name, Next, NullableInstant } from './common.js';

export const RoleName = Type.Enum([...ROLES]);
export const Email = Type.String({ format: 'email', maxLength: 254 });
export const Locales = Type.Array(Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$', maxLength: 35 }), {
  minItems: 1,
  maxItems: 200,
  uniqueItems: true,
});

export const MemberParams = Type.Object({ memberId: Id });
export const AppMemberParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), memberId: Id });
export const TokenParams = Type.Object({ memberId: Id, tokenId: Id });

/** @throws REQUEST_INVALID */
export function mustFit(role: Role, locales: readonly string[] | undefined): void {
  if (locales === undefined || role === 'reviewer') return;
  throw new PlatformError('REQUEST_INVALID', 'only a reviewer is bound to locales');
}

export const AddMemberRequest = Type.Object(
  {
    name: Name,
    email: Type.Optional(Email),
    role: RoleName,
    locales: Type.Optional(Locales),
  },
  { additionalProperties: false },
);

export const SetRoleRequest = Type.Object(
  { role: RoleName, locales: Type.Optional(Locales) },
  { additionalProperties: false },
);

export const ChangeMemberRequest = Type.Object(
  {
    name: Type.Optional(Name),
    email: Type.Optional(Type.Union([Email, Type.Null()])),
    owner: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, minProperties: 1 },
);

export const CreateTokenRequest = Type.Object(
  { name: Name, expiresAt: Type.Optional(Instant) },
  { additionalProperties: false },
);

const tokenFields = {
  tokenId: Type.String(),
  name: Type.String(),
  prefix: Type.String(),
  createdAt: Type.String(),
  expiresAt: NullableInstant,
  revokedAt: NullableInstant,
  lastUsedAt: NullableInstant,
};
export const TokenView = Type.Object(tokenFields);
export type TokenView = Static<typeof TokenView>;

/** The one answer that holds the token itself. */
export const CreatedTokenView = Type.Object({ ...tokenFields, token: Type.String() });
export const TokensView = Type.Object({ tokens: Type.Array(TokenView), next: Next });

const appMemberFields = {
  memberId: Type.String(),
  name: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  role: RoleName,
  /** Left out: every locale. */
  locales: Type.Optional(Type.Array(Type.String())),
  createdAt: Type.String(),
};
/** A member as the others in an app see them: nothing about other apps. */
export const AppMemberView = Type.Object(appMemberFields);
export type AppMemberView = Static<typeof AppMemberView>;

/** The one answer that holds the first token of a new member. */
export const AddedMemberView = Type.Object({ ...appMemberFields, token: Type.String() });
export const AppMembersView = Type.Object({ members: Type.Array(AppMemberView), next: Next });

export const MemberView = Type.Object({
  memberId: Type.String(),
  name: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  emailVouched: Type.Boolean({ description: 'an owner of this instance stated the address' }),
  owner: Type.Boolean(),
  roles: Type.Array(
    Type.Object({ appId: Type.String(), role: RoleName, locales: Type.Optional(Type.Array(Type.String())) }),
  ),
  createdAt: Type.String(),
});
export type MemberView = Static<typeof MemberView>;
export const MembersView = Type.Object({ members: Type.Array(MemberView), next: Next });

export const localesOf = (locales: readonly string[] | undefined) =>
  locales === undefined ? {} : { locales: [...locales] };

export const tokenView = (doc: MemberTokenDoc): TokenView => ({
  tokenId: doc._id.toHexString(),
  name: doc.name,
  prefix: doc.prefix,
  createdAt: doc.createdAt.toISOString(),
  expiresAt: iso(doc.expiresAt),
  revokedAt: iso(doc.revokedAt),
  lastUsedAt: iso(doc.lastUsedAt),
});

export const appMemberView = (doc: MemberDoc, { role, locales }: MemberRole): AppMemberView => ({
  memberId: doc._id.toHexString(),
  name: doc.name,
  email: doc.email,
  role,
  ...localesOf(locales),
  createdAt: doc.createdAt.toISOString(),
});

/** `slugs` by hex of the app's `_id`. */
export const memberView = (doc: MemberDoc, slugs: ReadonlyMap<string, string>): MemberView => ({
  memberId: doc._id.toHexString(),
  name: doc.name,
  email: doc.email,
  emailVouched: vouchedEmail(doc) !== undefined,
  owner: doc.owner,
  roles: doc.roles.map(({ appId, role, locales }) => ({
    appId: slugs.get(appId.toHexString()) ?? appId.toHexString(),
    role,
    ...localesOf(locales),
  })),
  createdAt: doc.createdAt.toISOString(),
});
