import { type ClientSession, type Db, type Filter, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import {
  REQUEST_STATES,
  type RequestMessage,
  type RequestOutcome,
  type RequestState,
  type RequestVerb,
  STATE_AFTER,
} from '../domain/flag-request.js';
import { roleAllows, roleIn } from '../domain/member.js';
import { type Actor, type Audited, type AuditDoc, type AuditEntry, auditLogSpec } from './audit.js';
import type { CollectionSpec } from './collection.js';
import { type FlagIntent, INTENT_KINDS } from './flag-intents.js';
import { idFromHex } from './ids.js';
import { date, documentOf, nullable, number, objectId, oneOf, string } from './json-schema.js';
import { type MemberDoc, type Members, rightsOf } from './members.js';

/** A change of flags that a second person has to approve. */
export interface FlagRequestDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  /** The slug. */
  readonly app: string;
  readonly kind: FlagIntent['kind'];
  readonly flagKey: string | null;
  readonly segmentKey: string | null;
  /** A `FlagIntent` as JSON. */
  readonly intent: string;
  /** Of what it is a change of; null where that is new. With any other it is stale. */
  readonly baseVersion: number | null;
  readonly previewId: ObjectId | null;
  readonly requestedBy: ObjectId;
  readonly requestedByName: string;
  readonly note: string;
  readonly state: RequestState;
  readonly decidedBy: ObjectId | null;
  readonly decidedByName: string | null;
  readonly decidedAt: Date | null;
  readonly comment: string;
  /** Why it is stale. */
  readonly reason: string | null;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  /** From then on it is too late. */
  readonly expiresAt: Date;
}

export const flagRequestsSpec: CollectionSpec = {
  name: 'flag_requests',
  indexes: [{ key: { appId: 1, _id: -1 }, name: 'by_app' }],
  jsonSchema: documentOf<FlagRequestDoc>({
    _id: objectId,
    appId: objectId,
    app: string,
    kind: oneOf(INTENT_KINDS),
    flagKey: nullable(string),
    segmentKey: nullable(string),
    intent: string,
    baseVersion: nullable(number),
    previewId: nullable(objectId),
    requestedBy: objectId,
    requestedByName: string,
    note: string,
    state: oneOf(REQUEST_STATES),
    decidedBy: nullable(objectId),
    decidedByName: nullable(string),
    decidedAt: nullable(date),
    comment: string,
    reason: nullable(string),
    createdAt: date,
    endedAt: nullable(date),
    expiresAt: date,
  }),
};

export interface RequestFilter {
  readonly appId: ObjectId;
  readonly state?: RequestState | undefined;
  readonly flagKey?: string | undefined;
  readonly before?: ObjectId | undefined;
}

interface Deps {
  readonly db: Db;
  readonly audited: Audited;
  readonly members: Pick<Members, 'find'>;
}

const SYSTEM: Actor = { kind: 'system', id: null, name: 'flag requests' };

/** What the change is noted by in the audit log, so that a repetition finds that it was made. */
export const requestNote = ({ _id, note, decidedByName }: FlagRequestDoc): string =>
  [`request ${_id.toHexString()}`, `approved by ${decidedByName ?? 'nobody'}`, ...(note === '' ? [] : [note])].join(
    '; ',
  );

export function flagRequests({ db, audited, members }: Deps) {
  const collection = db.collection<FlagRequestDoc>(flagRequestsSpec.name);
  const audit = db.collection<AuditDoc>(auditLogSpec.name);

  const find = async (_id: ObjectId, session?: ClientSession): Promise<FlagRequestDoc | undefined> =>
    (await collection.findOne({ _id }, session && { session })) ?? undefined;

  /** One step of a request, and its audit entry. Undefined: it is no longer in that state. */
  async function step(
    session: ClientSession,
    before: FlagRequestDoc,
    change: Partial<FlagRequestDoc> & Pick<FlagRequestDoc, 'state'>,
  ): Promise<FlagRequestDoc | undefined> {
    const filter = { _id: before._id, state: before.state };
    return (
      (await collection.findOneAndUpdate(filter, { $set: change }, { session, returnDocument: 'after' })) ?? undefined
    );
  }

  /** Why this member may not do this to the request; undefined where they may. */
  function refusal(
    { appId, requestedBy, state, expiresAt }: FlagRequestDoc,
    { verb, member, now }: { readonly verb: RequestVerb; readonly member: MemberDoc | undefined; readonly now: Date },
  ): RequestOutcome | undefined {
    const role = member && roleIn(rightsOf(member), appId.toHexString());
    if (member === undefined || role === undefined) return refused('FORBIDDEN', 'no member of this app');
    const isOwn = requestedBy.equals(member._id);
    if (verb === 'withdraw' && !isOwn) return refused('FORBIDDEN', 'only who asked for it may withdraw it');
    if (verb !== 'withdraw' && !roleAllows(role, 'flags:approve'))
      return refused('FORBIDDEN', `the role ${role} does not include flags:approve`);
    if (verb === 'approve' && isOwn) return refused('FORBIDDEN', 'a second person has to approve it');
    if (state === 'pending' && expiresAt <= now) return refused('CONFLICT', 'the request has expired');
    return state === 'pending' ? undefined : refused('CONFLICT', `the request is ${state}`);
  }

  return {
    find,

    /** Newest first, without what they ask for, which may be large. */
    async page({ before, ...filter }: RequestFilter, limit: number): Promise<Omit<FlagRequestDoc, 'intent'>[]> {
      const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
      const older = before === undefined ? {} : { _id: { $lt: before } };
      return collection
        .find({ ...given, ...older } as Filter<FlagRequestDoc>, { projection: { intent: 0 } })
        .sort({ _id: -1 })
        .limit(limit)
        .toArray();
    },

    async countOpen(appId: ObjectId): Promise<number> {
      return collection.countDocuments({ appId, state: { $in: ['pending', 'approved'] } });
    },

    insert: (doc: FlagRequestDoc, actor: Actor): Promise<void> =>
      audited(async (session) => {
        await collection.insertOne(doc, { session });
        return { result: undefined, entry: entryOf('created', undefined, doc, actor) };
      }),

    /** Whether a member may and does: the permission is looked up where it is written. The same word again is answered as before. */
    decide: (requestId: ObjectId, verb: RequestVerb, { actor, comment }: RequestMessage, now: Date) =>
      audited<RequestOutcome>(async (session) => {
        const before = await find(requestId, session);
        if (before === undefined) return { result: refused('NOT_FOUND', 'there is no such request') };
        const by = idFromHex(actor);
        const isRepeated = before.decidedBy?.equals(by) === true && decisionOf(before.state) === verb;
        if (isRepeated) return { result: done(before) };
        const member = await members.find(by, session);
        const no = refusal(before, { verb, member, now });
        if (no !== undefined || member === undefined) return { result: no ?? refused('FORBIDDEN', 'nobody') };
        const state = STATE_AFTER[verb];
        const decidedByName = member.name;
        const endedAt = state === 'approved' ? null : now;
        const change = { state, decidedBy: by, decidedByName, decidedAt: now, comment, endedAt };
        const after = await step(session, before, change);
        if (after === undefined) throw new PlatformError('CONFLICT', 'the request has changed meanwhile');
        const who: Actor = { kind: 'member', id: by, name: member.name };
        return { result: done(after), entry: entryOf(state, before, after, who) };
      }),

    /** How it went. Idempotent: what has ended stays as it is. */
    settle: (requestId: ObjectId, state: 'applied' | 'stale' | 'expired', reason: string | null, now: Date) =>
      audited<RequestOutcome>(async (session) => {
        const before = await find(requestId, session);
        if (before === undefined) return { result: refused('NOT_FOUND', 'there is no such request') };
        const from: RequestState = state === 'expired' ? 'pending' : 'approved';
        if (before.state !== from) return { result: done(before) };
        const after = await step(session, before, { state, reason, endedAt: now });
        if (after === undefined) throw new PlatformError('CONFLICT', 'the request has changed meanwhile');
        return { result: done(after), entry: entryOf(state, before, after, SYSTEM) };
      }),

    /** Whether its change was made already, by an attempt that did not live to say so. */
    async wasMade(request: FlagRequestDoc): Promise<boolean> {
      const { appId, _id } = request;
      // Ids that two processes make within one second are in no order.
      const since = ObjectId.createFromTime(Math.floor(_id.getTimestamp().getTime() / 1_000));
      const made = await audit.findOne({ appId, _id: { $gte: since }, note: requestNote(request) });
      return made !== null;
    },
  };
}

export type FlagRequests = ReturnType<typeof flagRequests>;

const refused = (code: 'FORBIDDEN' | 'CONFLICT' | 'NOT_FOUND', reason: string): RequestOutcome => ({
  outcome: 'refused',
  code,
  reason,
});

const done = ({ state, reason }: FlagRequestDoc): RequestOutcome => ({ outcome: 'done', state, reason });

/** The verb that has led there. */
function decisionOf(state: RequestState): RequestVerb | undefined {
  if (state === 'approved' || state === 'applied' || state === 'stale') return 'approve';
  return state === 'rejected' ? 'reject' : state === 'withdrawn' ? 'withdraw' : undefined;
}

const factsOf = ({ kind, flagKey, segmentKey, baseVersion, state, comment, reason }: FlagRequestDoc) => ({
  ...{ kind, flagKey, segmentKey, baseVersion, state, comment, reason },
});

const entryOf = (
  what: string,
  before: FlagRequestDoc | undefined,
  after: FlagRequestDoc,
  actor: Actor,
): AuditEntry => ({
  appId: after.appId,
  actor,
  action: `flag-request.${what}`,
  target: { kind: 'flag-request', id: after._id },
  before: before === undefined ? null : factsOf(before),
  after: factsOf(after),
});
