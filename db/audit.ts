import { type ClientSession, type Db, type Filter, type MongoClient, ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, nullable, objectId, oneOf, optional, string } from './json-schema.js';
import { DEFINITIONS_AT_ONCE, slices } from './slices.js';

export interface Actor {
  readonly kind: 'member' | 'system';
  /** Null for the system. */
  readonly id: ObjectId | null;
  readonly name: string;
}

export interface Target {
  readonly kind: string;
  readonly id: ObjectId;
}

export interface AuditDoc {
  readonly _id: ObjectId;
  /** Null: about the instance, not one app. */
  readonly appId: ObjectId | null;
  readonly at: Date;
  readonly actor: Actor;
  /** Noun and what happened to it: `key.revoked`. */
  readonly action: string;
  readonly target: Target;
  /** What it was and what it is now, without secrets. Null where there was or is nothing. */
  readonly before: Facts | null;
  readonly after: Facts | null;
  readonly note?: string;
}

type Facts = Readonly<Record<string, unknown>>;

export type AuditEntry = Omit<AuditDoc, '_id' | 'at'>;

export interface AuditFilter {
  /** Left out: every app and the instance. */
  readonly appId?: ObjectId | undefined;
  readonly actorId?: ObjectId | undefined;
  readonly action?: string | undefined;
  /** From then on. */
  readonly from?: Date | undefined;
  /** Until before then. */
  readonly to?: Date | undefined;
  /** Older than this entry. */
  readonly before?: ObjectId | undefined;
}

export const auditLogSpec: CollectionSpec = {
  name: 'audit_log',
  indexes: [
    { key: { appId: 1, _id: -1 }, name: 'by_app' },
    { key: { appId: 1, 'actor.id': 1, _id: -1 }, name: 'by_app_actor' },
    { key: { appId: 1, action: 1, _id: -1 }, name: 'by_app_action' },
  ],
  jsonSchema: documentOf<AuditDoc>({
    _id: objectId,
    appId: nullable(objectId),
    at: date,
    actor: documentOf<Actor>({ kind: oneOf(['member', 'system']), id: nullable(objectId), name: string }),
    action: string,
    target: documentOf<Target>({ kind: string, id: objectId }),
    before: nullable(mapOf(anything)),
    after: nullable(mapOf(anything)),
    note: optional(string),
  }),
};

/** Append and read. There is no way to change or take out an entry, and there shall be none. */
export function auditLog(db: Db) {
  const collection = db.collection<AuditDoc>(auditLogSpec.name);

  function entries({ appId, actorId, action, from, to, before }: AuditFilter) {
    const filter: Filter<AuditDoc> = {
      ...(appId === undefined ? {} : { appId }),
      ...(actorId === undefined ? {} : { 'actor.id': actorId }),
      ...(action === undefined ? {} : { action }),
      ...(before === undefined ? {} : { _id: { $lt: before } }),
      ...(from === undefined && to === undefined
        ? {}
        : { at: { ...(from === undefined ? {} : { $gte: from }), ...(to === undefined ? {} : { $lt: to }) } }),
    };
    return collection.find(filter).sort({ _id: -1 });
  }

  return {
    /** Only within the transaction of the change it tells of. */
    async append(session: ClientSession, ...entries: readonly AuditEntry[]): Promise<void> {
      const at = new Date();
      for (const some of slices(entries, DEFINITIONS_AT_ONCE)) {
        const docs = some.map((entry) => ({ _id: new ObjectId(), at, ...entry }));
        await collection.insertMany(docs, { session });
      }
    },

    /** Newest first. */
    page: (filter: AuditFilter, limit: number): Promise<AuditDoc[]> => entries(filter).limit(limit).toArray(),

    /** All of them, newest first, a batch at a time. */
    each: (filter: AuditFilter): AsyncIterable<AuditDoc> => entries(filter),
  };
}

export type AuditLog = ReturnType<typeof auditLog>;

export interface Change<T> {
  readonly result: T;
  /** Left out when nothing changed after all: what did not happen is not told. */
  readonly entry?: AuditEntry | undefined;
  /** Instead of `entry`, of a change of many things at once. */
  readonly entries?: readonly AuditEntry[];
}

export type Audited = <T>(change: (session: ClientSession) => Promise<Change<T>>) => Promise<T>;

/**
 * Runs a change and tells of it in one transaction: both are stored or neither.
 * The change may run several times, when it meets another one; it must do all its reading in the session.
 */
export function audited(client: MongoClient, log: Pick<AuditLog, 'append'>): Audited {
  return (change) =>
    client.withSession((session) =>
      session.withTransaction(
        async () => {
          const { result, entry, entries = entry === undefined ? [] : [entry] } = await change(session);
          if (entries.length > 0) await log.append(session, ...entries);
          return result;
        },
        { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority', journal: true } },
      ),
    );
}
