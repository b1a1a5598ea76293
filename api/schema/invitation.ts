import { type Static, Type } from '@fastify/type-provider-typebox';
import type { InvitationDoc } from '../../db/invitations.js';
import { APP_SLUG } from '../../domain/app.js';
import { Id, Name } from './common.js';
import { Email, Locales, localesOf, RoleName } from './member.js';

export const InvitationParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), invitationId: Id });

export const InviteRequest = Type.Object(
  {
    role: RoleName,
    locales: Type.Optional(Locales),
    email: Type.Optional({
      ...Email,
      description: 'whoever has exactly this address here, by the word of an owner of this instance, needs no secret',
    }),
  },
  { additionalProperties: false },
);

/** By the secret, or by the id of one that `GET /v1/me/invitations` shows. */
export const AcceptInvitationRequest = Type.Object(
  { invitation: Type.Optional(Type.String({ maxLength: 200 })), invitationId: Type.Optional(Id) },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
);

export const JoinRequest = Type.Object({ name: Name }, { additionalProperties: false });

const roleFields = { role: RoleName, locales: Type.Optional(Type.Array(Type.String())) };

const invitationFields = {
  invitationId: Type.String(),
  ...roleFields,
  email: Type.Union([Type.String(), Type.Null()]),
  prefix: Type.String(),
  invitedBy: Type.Object({ memberId: Type.String(), name: Type.String() }),
  createdAt: Type.String(),
  expiresAt: Type.String(),
};
export const InvitationView = Type.Object(invitationFields);
export type InvitationView = Static<typeof InvitationView>;
export const InvitationsView = Type.Object({ invitations: Type.Array(InvitationView) });

/** The one answer that holds the secret. */
export const CreatedInvitationView = Type.Object({ ...invitationFields, invitation: Type.String() });

/** An invitation as whom it is addressed to sees it. */
export const MyInvitationView = Type.Object({
  invitationId: Type.String(),
  appId: Type.String(),
  ...roleFields,
  invitedBy: Type.Object({ name: Type.String() }),
  expiresAt: Type.String(),
});
export type MyInvitationView = Static<typeof MyInvitationView>;
export const MyInvitationsView = Type.Object({ invitations: Type.Array(MyInvitationView) });

/** What one is now. */
export const AcceptedInvitationView = Type.Object({ appId: Type.String(), ...roleFields });

/** The one answer that holds the first token of somebody new. */
export const JoinedView = Type.Object({
  memberId: Type.String(),
  name: Type.String(),
  appId: Type.String(),
  ...roleFields,
  token: Type.String(),
});

export const invitationView = (doc: InvitationDoc): InvitationView => ({
  invitationId: doc._id.toHexString(),
  role: doc.role,
  ...localesOf(doc.locales),
  email: doc.email,
  prefix: doc.prefix,
  invitedBy: { memberId: doc.invitedBy.toHexString(), name: doc.invitedByName },
  createdAt: doc.createdAt.toISOString(),
  expiresAt: doc.expiresAt.toISOString(),
});

export const myInvitationView = (doc: InvitationDoc, appId: string): MyInvitationView => ({
  invitationId: doc._id.toHexString(),
  appId,
  role: doc.role,
  ...localesOf(doc.locales),
  invitedBy: { name: doc.invitedByName },
  expiresAt: doc.expiresAt.toISOString(),
});
