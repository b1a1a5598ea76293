import type { Db, ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import { lookup } from '../domain/loose.js';
import { judgeRegression } from '../domain/regression.js';
import { countKey, type ErrorGroupDayDoc, errorGroupDaysSpec } from './error-group-days.js';
import { type ErrorGroupDoc, errorGroupsSpec, type ResolutionDoc } from './error-groups.js';
import { type ErrorDoc, errorsSpec } from './errors.js';
import { type ReleaseDayDoc, releaseDaysSpec } from './release-sessions.js';
import type { Releases } from './releases.js';

interface Deps {
  readonly db: Db;
  readonly releases: Pick<Releases, 'declaredFacts' | 'facts'>;
}

export interface Proof {
  readonly sessions: number;
  /** Some of those that count as fixed. */
  readonly releases: readonly string[];
}

const RELEASES_NAMED = 20;

/** How many sessions ran on fixed releases since a group was resolved; undefined where one of them shows the error. */
export function proofOfFix({ db, releases }: Deps) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const groupDays = db.collection<ErrorGroupDayDoc>(errorGroupDaysSpec.name);
  const errors = db.collection<ErrorDoc>(errorsSpec.name);
  const releaseDays = db.collection<ReleaseDayDoc>(releaseDaysSpec.name);

  /** Releases on which an occurrence would be a regression: exactly those are said to be fixed. */
  async function fixedReleases(appId: ObjectId, { kind, release, at }: ResolutionDoc) {
    const atMs = at.getTime();
    const known = await releases.declaredFacts(appId);
    if (kind === 'release' && release !== null && !known.some(({ version }) => version === release)) {
      known.push(...(await releases.facts(appId, [release])));
    }
    const facts = new Map(known.map((each) => [each.version, each]));
    const fixed = known.filter(
      ({ version }) =>
        judgeRegression({ kind, release, atMs }, { release: version, atMs: Infinity }, (of) => facts.get(of)).regressed,
    );
    return new Map(fixed.map((each) => [each.version, each.firstSeenMs]));
  }

  async function isSeen(
    groupId: ObjectId,
    fixed: ReadonlyMap<string, number>,
    { kind, at }: ResolutionDoc,
  ): Promise<boolean> {
    const merged = await groups.find({ mergedInto: groupId }, { projection: { _id: 1 } }).toArray();
    const ids = [groupId, ...merged.map(({ _id }) => _id)];
    const days = await groupDays
      .find({ groupId: { $in: ids }, day: { $gt: utcDay(at.getTime()) } }, { projection: { releases: 1, count: 1 } })
      .toArray();
    if (kind === 'now' && days.some(({ count }) => count > 0)) return true;
    const keys = [...fixed.keys()].map(countKey);
    if (days.some((day) => keys.some((key) => (lookup(day.releases, key) ?? 0) > 0))) return true;
    // Days say nothing of the hours of the day itself; the newest occurrences of it are stored.
    const since = { groupId: { $in: ids }, timestampMs: { $gt: at.getTime() }, release: { $in: [...fixed.keys()] } };
    return (await errors.countDocuments(since, { limit: 1 })) > 0;
  }

  return async (
    { _id, appId }: Pick<ErrorGroupDoc, '_id' | 'appId'>,
    resolution: ResolutionDoc,
  ): Promise<Proof | undefined> => {
    const fixed = await fixedReleases(appId, resolution);
    const versions = [...fixed.keys()];
    if (await isSeen(_id, fixed, resolution)) return undefined;
    const atMs = resolution.at.getTime();
    const day = utcDay(atMs);
    let sessions = 0;
    const days = releaseDays.find({ appId, release: { $in: versions }, day: { $gte: day } });
    for await (const counted of days) {
      // On the day itself nobody knows which sessions came before: only those of releases that came after it count.
      if (counted.day === day && (fixed.get(counted.release) ?? 0) < atMs) continue;
      sessions += counted.ok + counted.errored + counted.abnormal + counted.crashed;
    }
    return { sessions, releases: versions.slice(-RELEASES_NAMED) };
  };
}
