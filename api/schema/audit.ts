import { type Static, Type } from '@fastify/type-provider-typebox';
import type { AuditDoc } from '../../db/audit.js';
import { Id, Instant, Next } from './common.js';

export const AuditQuery = Type.Object(
  {
    actorId: Type.Optional(Id),
    action: Type.Optional(Type.String({ pattern: '^[a-z-]{1,40}\\.[a-z-]{1,40}$' })),
    from: Type.Optional(Instant),
    to: Type.Optional(Instant),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    before: Type.Optional(Id),
  },
  { additionalProperties: false },
);
export type AuditQuery = Static<typeof AuditQuery>;

const Facts = Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]);

export const AuditEntryView = Type.Object({
  entryId: Type.String(),
  /** The app's inner id; null for what is about the instance. */
  app: Type.Union([Type.String(), Type.Null()]),
  at: Type.String(),
  actor: Type.Object({
    kind: Type.Enum(['member', 'system']),
    id: Type.Union([Type.String(), Type.Null()]),
    name: Type.String(),
  }),
  action: Type.String(),
  target: Type.Object({ kind: Type.String(), id: Type.String() }),
  before: Facts,
  after: Facts,
  note: Type.Optional(Type.String()),
});
export type AuditEntryView = Static<typeof AuditEntryView>;

export const AuditView = Type.Object({ entries: Type.Array(AuditEntryView), next: Next });

export const auditEntryView = (doc: AuditDoc): AuditEntryView => ({
  entryId: doc._id.toHexString(),
  app: doc.appId?.toHexString() ?? null,
  at: doc.at.toISOString(),
  actor: { kind: doc.actor.kind, id: doc.actor.id?.toHexString() ?? null, name: doc.actor.name },
  action: doc.action,
  target: { kind: doc.target.kind, id: doc.target.id.toHexString() },
  before: doc.before,
  after: doc.after,
  ...(doc.note === undefined ? {} : { note: doc.note }),
});
