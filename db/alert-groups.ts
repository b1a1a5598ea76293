import type { Db, ObjectId } from 'mongodb';
import { SLOTS_A_DAY } from '../domain/alert-rules.js';
import { type ErrorGroupDayDoc, errorGroupDaysSpec } from './error-group-days.js';
import { type ErrorGroupDoc, errorGroupsSpec, GROUP_INDEXES } from './error-groups.js';

export interface WatchedGroup {
  readonly id: ObjectId;
  readonly firstSeenMs: number;
  /** By number of the five minutes since 1970, over all that is merged into it. */
  readonly counts: ReadonlyMap<number, number>;
}

export interface Watch {
  readonly appId: ObjectId;
  readonly seenSince: Date;
  /** Groups with fewer occurrences in their whole life are left out: no rule can fire for them. */
  readonly leastCount: number;
  readonly firstDay: number;
  readonly lastDay: number;
}

const CHUNK = 200;

/** What alerts read of error groups. */
export function alertGroups(db: Db) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const days = db.collection<ErrorGroupDayDoc>(errorGroupDaysSpec.name);

  async function withCounts(
    chunk: readonly Pick<ErrorGroupDoc, '_id' | 'firstSeen'>[],
    { appId, firstDay, lastDay }: Watch,
  ): Promise<WatchedGroup[]> {
    const ids = chunk.map(({ _id }) => _id);
    const merged = await groups.find({ appId, mergedInto: { $in: ids } }, { projection: { mergedInto: 1 } }).toArray();
    const standsFor = new Map(ids.map((id) => [id.toHexString(), id.toHexString()]));
    for (const { _id, mergedInto } of merged)
      if (mergedInto) standsFor.set(_id.toHexString(), mergedInto.toHexString());

    const counts = new Map(ids.map((id) => [id.toHexString(), new Map<number, number>()]));
    const members = [...ids, ...merged.map(({ _id }) => _id)];
    const docs = days
      .find({ groupId: { $in: members }, day: { $gte: firstDay, $lte: lastDay } })
      .project<Pick<ErrorGroupDayDoc, 'groupId' | 'day' | 'times'>>({ groupId: 1, day: 1, times: 1 });
    for await (const { groupId, day, times } of docs) {
      const slots = counts.get(standsFor.get(groupId.toHexString()) ?? '');
      if (slots === undefined) continue;
      for (const [time, count] of Object.entries(times)) {
        const slot = day * SLOTS_A_DAY + Number(time);
        slots.set(slot, (slots.get(slot) ?? 0) + count);
      }
    }
    return chunk.map(({ _id, firstSeen }) => ({
      id: _id,
      firstSeenMs: firstSeen.getTime(),
      counts: counts.get(_id.toHexString()) ?? new Map<number, number>(),
    }));
  }

  return {
    /** Groups that somebody may want to act on and that were seen since then, some at a time. */
    async *watched(watch: Watch): AsyncGenerator<WatchedGroup[]> {
      const filter = {
        appId: watch.appId,
        lastSeen: { $gte: watch.seenSince },
        occurrenceCount: { $gte: watch.leastCount },
        status: { $in: ['new', 'investigating'] },
        mergedInto: null,
      } as const;
      const cursor = groups
        .find(filter, { batchSize: CHUNK, hint: GROUP_INDEXES.lastSeen })
        .project<WatchedDoc>({ firstSeen: 1 });
      let chunk: WatchedDoc[] = [];
      for await (const doc of cursor) {
        chunk.push(doc);
        if (chunk.length < CHUNK) continue;
        yield await withCounts(chunk, watch);
        chunk = [];
      }
      if (chunk.length > 0) yield await withCounts(chunk, watch);
    },

    async find(groupId: ObjectId): Promise<ErrorGroupDoc | undefined> {
      return (await groups.findOne({ _id: groupId })) ?? undefined;
    },
  };
}

type WatchedDoc = Pick<ErrorGroupDoc, '_id' | 'firstSeen'>;

export type AlertGroups = ReturnType<typeof alertGroups>;
