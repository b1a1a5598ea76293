import { type ClientSession, type Db, ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import { ignoreEnded } from '../domain/ignore.js';
import { judgeRegression } from '../domain/regression.js';
import type { AlertDoc } from './alerts.js';
import type { ErrorActivityDoc } from './error-activity.js';
import { type ErrorGroupDayDoc, errorGroupDaysSpec } from './error-group-days.js';
import { type ErrorGroupDoc, errorGroupsSpec, type IgnoreDoc, type RegressionDoc } from './error-groups.js';
import { countSince } from './error-tally.js';
import type { Releases } from './releases.js';

/** What counting and judging need of a group: all but what people read. */
export type GroupHead = Omit<ErrorGroupDoc, 'comments' | 'message' | 'title' | 'culprit' | 'grouping' | 'assignee'>;

/** What new occurrences do to the status of their group. */
export interface StatusChange {
  readonly set: Partial<ErrorGroupDoc>;
  readonly alert: AlertDoc;
  readonly activity: ErrorActivityDoc;
}

/** A group with what a flush adds to it. */
interface Grown {
  readonly head: GroupHead;
  readonly count: number;
  readonly profiles: number;
  /** The new occurrences, where the group is resolved. */
  readonly occurrences: readonly { readonly release: string; readonly atMs: number }[];
  readonly now: Date;
}

const MINUTE_MS = 60_000;

/** Judges whether occurrences reopen a resolved group or end an ignored one's rest, inside their transaction. */
export function errorJudge({ db, releases }: { readonly db: Db; readonly releases: Pick<Releases, 'facts'> }) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const days = db.collection<ErrorGroupDayDoc>(errorGroupDaysSpec.name);

  async function regressed({ head, occurrences, now }: Grown): Promise<StatusChange | undefined> {
    const { resolution } = head;
    if (resolution === null) return undefined;
    const versions = new Set([...occurrences.map(({ release }) => release), resolution.release ?? '']);
    versions.delete('');
    const facts = new Map((await releases.facts(head.appId, [...versions])).map((each) => [each.version, each]));
    const fix = { kind: resolution.kind, release: resolution.release, atMs: resolution.at.getTime() };
    for (const occurrence of occurrences) {
      const verdict = judgeRegression(fix, occurrence, (version) => facts.get(version));
      if (!verdict.regressed || verdict.comparedBy === 'none') continue;
      const regression: RegressionDoc = { release: occurrence.release, comparedBy: verdict.comparedBy, at: now };
      const regressionCount = head.regressionCount + 1;
      return {
        set: {
          status: 'new',
          resolution: null,
          verifiedAt: null,
          regressedAt: now,
          regressionCount,
          regression,
        },
        alert: alertOf(head, 'regression', regressionCount, now, { ...regression, fixedIn: resolution.release }),
        activity: activityOf(head, 'regressed', `regression/${String(regressionCount)}`, now, {
          ...regression,
          resolution,
        }),
      };
    }
    return undefined;
  }

  /** Over all fingerprints that the group stands for. */
  async function inWindow(head: GroupHead, minutes: number, now: Date, session: ClientSession): Promise<number> {
    const members = await groups.find({ mergedInto: head._id }, { session, projection: { _id: 1 } }).toArray();
    const since = now.getTime() - minutes * MINUTE_MS;
    const found = await days
      .find(
        { groupId: { $in: [head._id, ...members.map(({ _id }) => _id)] }, day: { $gte: utcDay(since) } },
        { session, projection: { day: 1, times: 1 } },
      )
      .toArray();
    return found.reduce((sum, day) => sum + countSince(day, since), 0);
  }

  async function woken(
    { head, count, profiles, now }: Grown,
    session: ClientSession,
  ): Promise<StatusChange | undefined> {
    const ignore: IgnoreDoc | null = head.ignore;
    if (ignore === null) return undefined;
    const reason = ignoreEnded(
      {
        untilMs: ignore.until?.getTime() ?? null,
        occurrences: ignore.occurrences,
        profiles: ignore.profiles,
        window: ignore.window,
      },
      {
        ms: now.getTime(),
        occurrenceCount: head.occurrenceCount + count,
        affectedProfiles: head.affectedProfiles + profiles,
        inWindow: ignore.window === null ? 0 : await inWindow(head, ignore.window.minutes, now, session),
      },
    );
    if (reason === undefined) return undefined;
    const number = head.statusRev + 1;
    return {
      set: { status: 'new', ignore: null },
      alert: alertOf(head, 'snooze_ended', number, now, { reason }),
      activity: activityOf(head, 'ignore_ended', `ignore-ended/${String(number)}`, now, { reason, ignore }),
    };
  }

  return {
    async judge(grown: Grown, session: ClientSession): Promise<StatusChange | undefined> {
      if (grown.head.status === 'resolved') return regressed(grown);
      return grown.head.status === 'ignored' ? woken(grown, session) : undefined;
    },
  };
}

const alertOf = (
  { _id, appId }: GroupHead,
  cause: AlertDoc['cause'],
  number: number,
  at: Date,
  facts: AlertDoc['facts'],
): AlertDoc => ({
  _id: `${_id.toHexString()}/${cause}/${String(number)}`,
  appId,
  groupId: _id,
  cause,
  at,
  facts,
  state: 'new',
});

const activityOf = (
  { _id, appId }: GroupHead,
  verb: string,
  requestId: string,
  at: Date,
  facts: ErrorActivityDoc['facts'],
): ErrorActivityDoc => ({ _id: new ObjectId(), appId, groupId: _id, at, actor: null, verb, facts, requestId });
