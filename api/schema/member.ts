import { type Static, Type } from '@fastify/type-provider-typebox';
import type { MemberTokenDoc } from '../../db/member-tokens.js';
import type { MemberDoc, MemberRole } from '../../db/members.js';
import { APP_SLUG } from '../../domain/app.js';
import { ROLES } from '../../domain/member.js';
import { Id, Instant, iso, Name, Next, NullableInstant } from './common.js';

const RoleName = Type.Enum([...ROLES]);
const Email = Type.String({ format: 'email', maxLength: 254 });
const Locales = Type.Array(Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$', maxLength: 35 }), {
  minItems: 1,
  maxItems: 200,
  uniqueItems: true,
});

export const MemberParams = Type.Object({ memberId: Id });
export const AppMemberParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), memberId: Id });
export const TokenParams = Type.Object({ memberId: Id, tokenId: Id });

/** A new member by name, or one of this instance by id. */
export const AddMemberRequest = Type.Object(
  {
    memberId: Type.Optional(Id),
    name: Type.Optional(Name),
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

/** A new member comes with a first token; one who was here already has their own. */
export const AddedMemberView = Type.Object({ ...appMemberFields, token: Type.Optional(Type.String()) });
export const AppMembersView = Type.Object({ members: Type.Array(AppMemberView), next: Next });

export const MemberView = Type.Object({
  memberId: Type.String(),
  name: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  owner: Type.Boolean(),
  roles: Type.Array(
    Type.Object({ appId: Type.String(), role: RoleName, locales: Type.Optional(Type.Array(Type.String())) }),
  ),
  createdAt: Type.String(),
});
export type MemberView = Static<typeof MemberView>;
export const MembersView = Type.Object({ members: Type.Array(MemberView), next: Next });

const localesOf = (locales: readonly string[] | undefined) => (locales === undefined ? {} : { locales: [...locales] });

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
  owner: doc.owner,
  roles: doc.roles.map(({ appId, role, locales }) => ({
    appId: slugs.get(appId.toHexString()) ?? appId.toHexString(),
    role,
    ...localesOf(locales),
  })),
  createdAt: doc.createdAt.toISOString(),
});
