import { type Static, Type } from '@fastify/type-provider-typebox';
import type { AppKeyDoc } from '../../db/app-keys.js';
import { APP_SLUG } from '../../domain/app.js';
import { KEY_KINDS } from '../../domain/key.js';
import { Id, Instant, iso, Name, Next, NullableInstant } from './common.js';

export const KeyParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), keyId: Id });

const Origins = Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { maxItems: 50, uniqueItems: true });

export const CreateKeyRequest = Type.Object(
  {
    kind: Type.Enum([...KEY_KINDS]),
    name: Type.Optional(Name),
    origins: Type.Optional(Origins),
    expiresAt: Type.Optional(Instant),
  },
  { additionalProperties: false },
);

export const ChangeKeyRequest = Type.Object(
  { name: Type.Optional(Name), origins: Type.Optional(Origins) },
  { additionalProperties: false, minProperties: 1 },
);

export const RotateKeyRequest = Type.Object(
  {
    overlapHours: Type.Integer({ minimum: 0, maximum: 24 * 365, default: 24 }),
    /** The new key's own end. */
    expiresAt: Type.Optional(Instant),
  },
  { additionalProperties: false },
);

const keyFields = {
  keyId: Type.String(),
  kind: Type.Enum([...KEY_KINDS]),
  name: Type.String(),
  prefix: Type.String(),
  origins: Type.Array(Type.String()),
  createdAt: Type.String(),
  expiresAt: NullableInstant,
  revokedAt: NullableInstant,
  lastUsedAt: NullableInstant,
  replacedBy: Type.Union([Type.String(), Type.Null()]),
};

export const KeyView = Type.Object(keyFields);
export type KeyView = Static<typeof KeyView>;

/** The one answer that holds the key itself. */
export const CreatedKeyView = Type.Object({ ...keyFields, key: Type.String() });
export type CreatedKeyView = Static<typeof CreatedKeyView>;

export const RotatedKeyView = Type.Object({ key: CreatedKeyView, previous: KeyView });
export const KeysView = Type.Object({ keys: Type.Array(KeyView), next: Next });

export const keyView = (doc: AppKeyDoc): KeyView => ({
  keyId: doc._id.toHexString(),
  kind: doc.kind,
  name: doc.name,
  prefix: doc.prefix,
  origins: [...doc.origins],
  createdAt: doc.createdAt.toISOString(),
  expiresAt: iso(doc.expiresAt),
  revokedAt: iso(doc.revokedAt),
  lastUsedAt: iso(doc.lastUsedAt),
  replacedBy: doc.replacedBy?.toHexString() ?? null,
});
