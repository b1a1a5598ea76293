import { type ClientSession, type Db, ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { type ErrorActivityDoc, errorActivitySpec } from './error-activity.js';
import { countText, type ErrorGroupDayDoc, errorGroupDaysSpec } from './error-group-days.js';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';
import { namesWith } from './error-tally.js';
import { type GroupState, refused, stateOf, type VerbOutcome } from './error-verb-state.js';

interface Merging {
  readonly group: ErrorGroupDoc;
  readonly actor: ObjectId;
  readonly now: Date;
}

interface Merged {
  readonly changed: true;
  readonly state: GroupState;
  readonly facts: ErrorActivityDoc['facts'];
  readonly moves: readonly string[];
}

const earlier = (a: Date, b: Date): Date => (b < a ? b : a);
const later = (a: Date, b: Date): Date => (b > a ? b : a);
const hex = (id: ObjectId): string => id.toHexString();

/** One group comes to stand for others, and stops to: counts at once, rows of profiles afterwards (`profileMove`). */
export function errorMerge(db: Db) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const days = db.collection<ErrorGroupDayDoc>(errorGroupDaysSpec.name);
  const activity = db.collection<ErrorActivityDoc>(errorActivitySpec.name);

  /** Guarded by what was read: whoever counts for it or acts on it meanwhile makes the transaction begin again. */
  async function write(
    { _id, statusRev, mergedInto }: ErrorGroupDoc,
    update: object,
    session: ClientSession,
  ): Promise<ErrorGroupDoc> {
    const options = { session, returnDocument: 'after' } as const;
    const after = await groups.findOneAndUpdate({ _id, statusRev, mergedInto }, update, options);
    if (after === null) throw new PlatformError('UNAVAILABLE', 'the group changed meanwhile');
    return after;
  }

  async function note(
    { appId, _id }: ErrorGroupDoc,
    { verb, requestId, facts }: Pick<ErrorActivityDoc, 'verb' | 'requestId' | 'facts'>,
    { actor, now }: Merging,
    session: ClientSession,
  ): Promise<void> {
    const row = { _id: new ObjectId(), appId, groupId: _id, at: now, actor, verb, facts, requestId };
    await activity.insertOne(row, { session });
  }

  /** The releases and environments of these fingerprints alone, by the days they were counted on. */
  async function namesOf(ids: readonly ObjectId[], session: ClientSession) {
    const releases = new Set<string>();
    const environments = new Set<string>();
    const found = days
      .find({ groupId: { $in: [...ids] } }, { session, projection: { releases: 1, environments: 1 } })
      .sort({ day: 1 });
    for await (const day of found) {
      for (const key of Object.keys(day.releases)) releases.add(countText(key));
      for (const key of Object.keys(day.environments)) environments.add(countText(key));
    }
    for (const names of [releases, environments]) {
      names.delete('*');
      names.delete('');
    }
    return {
      releases: namesWith([], releases, 'releases'),
      environments: namesWith([], environments, 'environments'),
    };
  }

  async function merge(
    { into, ...merging }: Merging & { readonly into: ObjectId },
    session: ClientSession,
  ): Promise<Merged | VerbOutcome> {
    const { group } = merging;
    if (into.equals(group._id)) return refused('REQUEST_INVALID', 'a group cannot be merged into itself');
    const survivor = await groups.findOne({ _id: into, appId: group.appId }, { session });
    if (survivor === null) return refused('NOT_FOUND', 'there is no such group to merge into');
    if (survivor.mergedInto !== null) {
      return refused('TRANSITION_REFUSED', 'the group to merge into is merged itself', hex(survivor.mergedInto));
    }

    const { ignore } = survivor;
    // In the order of their ids, so that A into B and B into A meet at the first one.
    const writes = [
      {
        group,
        update: {
          $set: {
            mergedInto: into,
            occurrenceCount: group.own.count,
            firstSeen: group.own.firstSeen,
            lastSeen: group.own.lastSeen,
            profileMove: { phase: 'clear', after: null },
          },
          $inc: { statusRev: 1 },
        },
      },
      {
        group: survivor,
        update: {
          $inc: {
            occurrenceCount: group.occurrenceCount,
            // "N more" means more of what is new, not what came along.
            ...(ignore !== null && ignore.occurrences !== null && { 'ignore.occurrences': group.occurrenceCount }),
          },
          $set: {
            firstSeen: earlier(survivor.firstSeen, group.firstSeen),
            lastSeen: later(survivor.lastSeen, group.lastSeen),
            releases: namesWith(survivor.releases, new Set(group.releases), 'releases'),
            environments: namesWith(survivor.environments, new Set(group.environments), 'environments'),
          },
        },
      },
    ].sort((a, b) => (hex(a.group._id) < hex(b.group._id) ? -1 : 1));
    const written: ErrorGroupDoc[] = [];
    for (const each of writes) written.push(await write(each.group, each.update, session));
    const state = written.find(({ _id }) => _id.equals(group._id)) ?? group;

    // Those that it stood for go over too: nobody points to a group that is merged itself.
    await groups.updateMany({ mergedInto: group._id }, { $set: { mergedInto: into } }, { session });
    await groups.updateMany(
      { mergedInto: into, 'profileMove.phase': { $ne: 'clear' } },
      { $set: { profileMove: { phase: 'copy', after: null } } },
      { session },
    );
    const facts = { into: hex(into), occurrences: group.occurrenceCount };
    await note(
      survivor,
      {
        verb: 'merged',
        requestId: `merged/${hex(group._id)}/${String(group.statusRev)}`,
        facts: { from: hex(group._id), occurrences: group.occurrenceCount },
      },
      merging,
      session,
    );
    return { changed: true, state: stateOf(state), facts, moves: [hex(group._id)] };
  }

  async function unmerge(merging: Merging, session: ClientSession): Promise<Merged | VerbOutcome> {
    const { group } = merging;
    const into = group.mergedInto;
    if (into === null) return refused('TRANSITION_REFUSED', 'the group is not merged into another');
    const survivor = await groups.findOne({ _id: into }, { session });
    if (survivor === null) return refused('NOT_FOUND', 'the group that stands for it is gone');
    const rest = await groups
      .find({ mergedInto: into, _id: { $ne: group._id } }, { session, projection: { own: 1 } })
      .toArray();

    const stays = group.profileMove?.phase === 'clear';
    const free = await write(
      group,
      {
        $set: {
          mergedInto: null,
          status: 'new',
          resolution: null,
          ignore: null,
          verifiedAt: null,
          occurrenceCount: group.own.count,
          firstSeen: group.own.firstSeen,
          lastSeen: group.own.lastSeen,
          ...(await namesOf([group._id], session)),
        },
        $inc: { statusRev: 1 },
        ...(!stays && { $unset: { profileMove: '' } }),
      },
      session,
    );
    const owns = [survivor.own, ...rest.map(({ own }) => own)];
    const { ignore } = survivor;
    await write(
      survivor,
      {
        $set: {
          occurrenceCount: owns.reduce((sum, { count }) => sum + count, 0),
          firstSeen: owns.map(({ firstSeen }) => firstSeen).reduce(earlier),
          lastSeen: owns.map(({ lastSeen }) => lastSeen).reduce(later),
          ...(await namesOf([into, ...rest.map(({ _id }) => _id)], session)),
          profileMove: { phase: 'clear', after: null },
        },
        ...(ignore !== null && ignore.occurrences !== null && { $inc: { 'ignore.occurrences': -group.own.count } }),
      },
      session,
    );
    await note(
      survivor,
      {
        verb: 'unmerged',
        requestId: `unmerged/${hex(group._id)}/${String(group.statusRev)}`,
        facts: { from: hex(group._id), occurrences: group.own.count },
      },
      merging,
      session,
    );
    const facts = { from: hex(into), occurrences: group.own.count };
    return { changed: true, state: stateOf(free), facts, moves: [hex(group._id), hex(into)] };
  }

  return { merge, unmerge };
}
