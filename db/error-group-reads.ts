import type { Db, ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import { type ErrorActivityDoc, errorActivitySpec } from './error-activity.js';
import { countText, type ErrorGroupDayDoc, errorGroupDaysSpec } from './error-group-days.js';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';
import type { PageCursor } from './error-reads.js';

/** A group that is merged into another, by what is its own. */
export type MergedGroup = Pick<
  ErrorGroupDoc,
  '_id' | 'fingerprint' | 'title' | 'culprit' | 'message' | 'own' | 'profileMove'
>;

/** How often in one release or environment; `*` for all beyond the group's bound, `''` where none was named. */
export interface NamedCount {
  readonly name: string;
  readonly count: number;
  readonly firstDay: number;
  readonly lastDay: number;
}

export interface Sparkline {
  /** The last 24 hours, the current one last. */
  readonly hours: readonly number[];
  /** The last 30 UTC days, today last. */
  readonly days: readonly number[];
}

const MOST_MEMBERS = 1_000;
const MOST_NAMES = 500;
const HOURS = 24;
const DAYS = 30;
const SLOT_MS = 5 * 60_000;

/** What there is to know of one error group. A list of group ids is the group and all that are merged into it. */
export function errorGroupReads(db: Db) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const days = db.collection<ErrorGroupDayDoc>(errorGroupDaysSpec.name);
  const activity = db.collection<ErrorActivityDoc>(errorActivitySpec.name);

  async function countsBy(ids: readonly ObjectId[], field: 'releases' | 'environments'): Promise<NamedCount[]> {
    const found = await days
      .aggregate<{ _id: string; count: number; firstDay: number; lastDay: number }>([
        { $match: { groupId: { $in: ids } } },
        { $project: { day: 1, entry: { $objectToArray: `$${field}` } } },
        { $unwind: '$entry' },
        {
          $group: {
            _id: '$entry.k',
            count: { $sum: '$entry.v' },
            firstDay: { $min: '$day' },
            lastDay: { $max: '$day' },
          },
        },
        { $sort: { count: -1, _id: 1 } },
        { $limit: MOST_NAMES },
      ])
      .toArray();
    return found.map(({ _id, ...counts }) => ({ name: countText(_id), ...counts }));
  }

  return {
    async find(appId: ObjectId, groupId: ObjectId): Promise<ErrorGroupDoc | undefined> {
      return (await groups.findOne({ _id: groupId, appId })) ?? undefined;
    },

    /** Oldest first. */
    merged: (groupId: ObjectId): Promise<MergedGroup[]> =>
      groups
        .find<MergedGroup>({ mergedInto: groupId })
        .project<MergedGroup>({ fingerprint: 1, title: 1, culprit: 1, message: 1, own: 1, profileMove: 1 })
        .sort({ _id: 1 })
        .limit(MOST_MEMBERS)
        .toArray(),

    releases: (ids: readonly ObjectId[]): Promise<NamedCount[]> => countsBy(ids, 'releases'),
    environments: (ids: readonly ObjectId[]): Promise<NamedCount[]> => countsBy(ids, 'environments'),

    async sparkline(ids: readonly ObjectId[], now: number): Promise<Sparkline> {
      const today = utcDay(now);
      const firstHour = Math.floor(now / HOUR_MS) - HOURS + 1;
      const counts = { hours: new Array<number>(HOURS).fill(0), days: new Array<number>(DAYS).fill(0) };
      const docs = days
        .find({ groupId: { $in: [...ids] }, day: { $gt: today - DAYS, $lte: today } })
        .project<Pick<ErrorGroupDayDoc, 'day' | 'count' | 'times'>>({ day: 1, count: 1, times: 1 });
      for await (const { day, count, times } of docs) {
        counts.days[day - today + DAYS - 1] = (counts.days[day - today + DAYS - 1] ?? 0) + count;
        if ((day + 1) * DAY_MS <= firstHour * HOUR_MS) continue;
        for (const [slot, inSlot] of Object.entries(times)) {
          const hour = Math.floor((day * DAY_MS + Number(slot) * SLOT_MS) / HOUR_MS) - firstHour;
          if (hour >= 0 && hour < HOURS) counts.hours[hour] = (counts.hours[hour] ?? 0) + inSlot;
        }
      }
      return counts;
    },

    /** What happened to it, newest first. */
    activity(groupId: ObjectId, limit: number, after?: PageCursor): Promise<ErrorActivityDoc[]> {
      const at = after === undefined ? undefined : new Date(after.value);
      const beyond = after && at && { at: { $lte: at }, $or: [{ at: { $lt: at } }, { at, _id: { $lt: after.id } }] };
      return activity
        .find({ groupId, ...beyond })
        .sort({ at: -1, _id: -1 })
        .limit(limit)
        .toArray();
    },
  };
}

export type ErrorGroupReads = ReturnType<typeof errorGroupReads>;
