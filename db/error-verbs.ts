import { createHash } from 'node:crypto';
import { type ClientSession, type Db, type MongoClient, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { refusalOf, TRANSITIONS } from '../domain/error-status.js';
import { type ErrorVerb, liesAhead } from '../domain/error-verb.js';
import { roleAllows, roleIn, type Permission } from '../domain/member.js';
import { latestDeclared, packageOf } from '../domain/release.js';
import { isDuplicateKey } from './duplicate-key.js';
import { type ErrorActivityDoc, errorActivitySpec } from './error-activity.js';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';
import { errorMerge } from './error-merge.js';
import { changeOf } from './error-verb-changes.js';
import { type GroupState, refused, stateOf, type VerbOutcome } from './error-verb-state.js';
import { type Members, rightsOf } from './members.js';
import type { Releases } from './releases.js';

interface Deps {
  readonly client: MongoClient;
  readonly db: Db;
  readonly members: Pick<Members, 'find'>;
  readonly releases: Pick<Releases, 'declaredFacts'>;
}

/** Somebody's wish, as the workflow of the group passes it on. */
export interface VerbRequest {
  readonly groupId: ObjectId;
  readonly actor: ObjectId;
  readonly requestId: string;
  readonly verb: ErrorVerb;
  readonly now: Date;
}

interface Done {
  readonly changed: boolean;
  readonly state: GroupState;
  readonly facts: ErrorActivityDoc['facts'];
  readonly moves: readonly string[];
}

/** The newest; all of them are in the timeline. */
const COMMENTS_KEPT = 500;

const digestOf = (verb: ErrorVerb): string => createHash('sha256').update(JSON.stringify(verb)).digest('base64url');

/**
 * What people do to groups, each in one transaction: the group as it is now decides, the write is guarded by what was
 * read, and the timeline has a row for it, unique by the request's id, which answers the request when it comes again.
 */
export function errorVerbs({ client, db, members, releases }: Deps) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const activity = db.collection<ErrorActivityDoc>(errorActivitySpec.name);
  const { merge, unmerge } = errorMerge(db);

  async function allows(memberId: ObjectId, appId: ObjectId, permission: Permission, session: ClientSession) {
    const member = await members.find(memberId, session);
    const role = member === undefined ? undefined : roleIn(rightsOf(member), appId.toHexString());
    return role !== undefined && roleAllows(role, permission);
  }

  /** Of the package that the group was last seen in: another one's releases say nothing of it. */
  async function latestRelease(group: ErrorGroupDoc, session: ClientSession): Promise<string | null> {
    const declared = await releases.declaredFacts(group.appId, session);
    const last = group.releases.at(-1);
    const own = declared.filter(({ version }) => last === undefined || packageOf(version) === packageOf(last));
    return latestDeclared(own) ?? null;
  }

  async function change(
    group: ErrorGroupDoc,
    { actor, verb, now }: VerbRequest,
    session: ClientSession,
  ): Promise<Done | VerbOutcome> {
    if (verb.name === 'merge')
      return merge({ group, into: ObjectId.createFromHexString(verb.into), actor, now }, session);
    if (verb.name === 'unmerge') return unmerge({ group, actor, now }, session);
    if (verb.name === 'assign' && verb.assignee !== null) {
      const assignee = ObjectId.createFromHexString(verb.assignee);
      const reads = await allows(assignee, group.appId, 'errors:read', session);
      if (!reads) return refused('REQUEST_INVALID', 'the assignee is no member of this app');
    }
    if (verb.name === 'ignore' && verb.untilMs !== undefined && !liesAhead(verb.untilMs, now.getTime())) {
      return refused('REQUEST_INVALID', 'an ignore ends ahead, in ten years at most');
    }
    const latest = () => latestRelease(group, session);
    const change = await changeOf(verb, { group, actor, now, latestRelease: latest });
    if (change === undefined) return unchanged(group);

    const { set, comment, facts } = change;
    const after = await groups.findOneAndUpdate(
      { _id: group._id, statusRev: group.statusRev, mergedInto: null },
      {
        ...(Object.keys(set).length > 0 && { $set: set }),
        ...('status' in set && { $inc: { statusRev: 1 } }),
        ...(comment && { $push: { comments: { $each: [comment], $slice: -COMMENTS_KEPT } } }),
      },
      { session, returnDocument: 'after' },
    );
    if (after === null) throw new PlatformError('UNAVAILABLE', 'the group changed meanwhile');
    return { changed: true, state: stateOf(after), facts, moves: [] };
  }

  async function attempt(request: VerbRequest, session: ClientSession): Promise<VerbOutcome> {
    const { groupId, actor, requestId, verb, now } = request;
    const group = await groups.findOne({ _id: groupId }, { session });
    if (group === null) return refused('NOT_FOUND', 'there is no such group');
    if (!(await allows(actor, group.appId, 'errors:write', session))) {
      return refused('FORBIDDEN', 'your role in this app does not allow to act on its errors');
    }

    const asked = digestOf(verb);
    const earlier = await activity.findOne({ groupId, requestId }, { session });
    if (earlier !== null) return repeated(earlier, asked);

    const state = group.mergedInto === null ? group.status : 'merged';
    const transition = TRANSITIONS[verb.name][state];
    if (transition === 'refused') {
      const survivor = verb.name === 'unmerge' ? null : (group.mergedInto?.toHexString() ?? null);
      return refused('TRANSITION_REFUSED', refusalOf(verb.name, state), survivor);
    }
    const done = transition === 'unchanged' ? unchanged(group) : await change(group, request, session);
    if ('outcome' in done) return done;

    const { changed, facts } = done;
    const outcome: VerbOutcome = { outcome: 'done', changed, state: done.state, moves: done.moves };
    await activity.insertOne(
      {
        _id: new ObjectId(),
        appId: group.appId,
        groupId,
        at: now,
        actor,
        verb: verb.name,
        facts,
        requestId,
        answer: { asked, outcome },
      },
      { session },
    );
    return outcome;
  }

  const inTransaction = (request: VerbRequest): Promise<VerbOutcome> =>
    client.withSession((session) =>
      session.withTransaction(() => attempt(request, session), {
        readConcern: { level: 'snapshot' },
        writeConcern: { w: 'majority', journal: true },
      }),
    );

  return {
    /** Carries a verb out, once per request id. What is refused is an answer, and leaves no trace. */
    async apply(request: VerbRequest): Promise<VerbOutcome> {
      try {
        return await inTransaction(request);
      } catch (error) {
        // The same request twice at the same moment, in two runs: one of them is in, and answers.
        if (!isDuplicateKey(error, 'requestId')) throw error;
        return inTransaction(request);
      }
    },
  };
}

export type ErrorVerbs = ReturnType<typeof errorVerbs>;

const unchanged = (group: ErrorGroupDoc): Done => ({
  changed: false,
  state: stateOf(group),
  facts: { unchanged: true },
  moves: [],
});

function repeated({ answer }: ErrorActivityDoc, asked: string): VerbOutcome {
  if (answer?.['asked'] !== asked)
    return refused('IDEMPOTENCY_KEY_REUSED', 'this request id was used for another verb');
  return answer['outcome'] as VerbOutcome;
}
