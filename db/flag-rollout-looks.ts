import type { Db, ObjectId } from 'mongodb';
import { utcDay } from '../domain/app.js';
import { type AfterCounts, type GuardCounts, type HoldReason, judge } from '../domain/guard.js';
import { endsAtAll, holdMs, settleMs } from '../domain/rollout.js';
import type { Apps } from './apps.js';
import type { FlagRolloutDoc, FlagRollouts, RolloutLookDoc, WatchedRollout } from './flag-rollouts.js';
import type { RolloutProfiles } from './rollout-profiles.js';
import type { Spool } from './spool.js';
import { dailyUsageSpec, type DailyUsageDoc } from './usage.js';

interface Deps {
  readonly db: Db;
  readonly rollouts: Pick<FlagRollouts, 'find'>;
  readonly rolloutProfiles: RolloutProfiles;
  readonly spool: Pick<Spool, 'backlog'>;
  readonly apps: Pick<Apps, 'page'>;
}

/** What was acknowledged longer ago than this and is not stored is missing from the counts. */
const MOST_LAG_MS = 60_000;
/** Of each side, in a comparison over time: more would tell nothing new. */
const MOST_PAIRS = 20_000;

type Guarded = WatchedRollout & { readonly plan: { readonly guard: NonNullable<FlagRolloutDoc['plan']['guard']> } };

const isGuarded = (doc: WatchedRollout): doc is Guarded => doc.plan.guard !== null;

/** What the guard sees: counts as they are stored now, judged, and whether they are complete. */
export function flagRolloutLooks({ db, rollouts, rolloutProfiles, spool, apps }: Deps) {
  const usage = db.collection<DailyUsageDoc>(dailyUsageSpec.name);

  /** Whether something is missing that clients have sent, or may not send. Read before the counts. */
  async function gap({ appId, plan }: Guarded, now: Date): Promise<{ hold: HoldReason; detail: string } | undefined> {
    const { oldestAt } = await spool.backlog();
    // By the clock of the machines that wrote it, not the workflow's, which tests move.
    const lag = oldestAt === null ? 0 : Date.now() - oldestAt.getTime();
    if (lag > MOST_LAG_MS) return { hold: 'lag', detail: `${String(Math.round(lag / 1_000))} s` };
    const [app] = await apps.page({ ids: [appId], limit: 1 });
    if (app === undefined) return { hold: 'failed', detail: 'the app is gone' };
    const categories = new Set(plan.guard.metrics.map(({ kind }) => (kind === 'errors' ? 'errors' : 'events')));
    const mostOf = { errors: app.config.errors.maxErrorsPerDay, events: app.config.maxEventsPerDay } as const;
    for (const category of categories) {
      const _id = `${appId.toHexString()}/${String(utcDay(now.getTime()))}/${category}`;
      const used = (await usage.findOne({ _id }, { projection: { count: 1 } }))?.count ?? 0;
      if (used >= mostOf[category]) return { hold: 'quota', detail: category };
    }
    return undefined;
  }

  /** At 100 % nobody is left to compare with: the control of the window before stands in, for equal times. */
  async function afterCounts(doc: Guarded, now: Date): Promise<AfterCounts | null> {
    const { _id: rolloutId, windows, plan } = doc;
    const [before, own] = windows.slice(-2);
    const step = own && plan.steps[own.step];
    if (before === undefined || own === undefined || step === undefined || own.percent < 100 || before.percent >= 100)
      return null;
    const metrics = plan.guard.metrics.length;
    const common = {
      rolloutId,
      metrics,
      settleMs: settleMs(holdMs(step), own.since.getTime() - before.since.getTime()),
    };
    const index = windows.length - 1;
    const sideNow = { ...common, window: index, above: 0, until: now };
    const sideBefore = { ...common, window: index - 1, above: before.percent, until: own.since };
    const [mine, theirs] = await Promise.all([
      rolloutProfiles.settled({ ...sideNow, limit: MOST_PAIRS }),
      rolloutProfiles.settled({ ...sideBefore, limit: MOST_PAIRS }),
    ]);
    const pairs = Math.min(mine.profiles, theirs.profiles);
    const [exposed, control] = await Promise.all([
      mine.profiles > pairs && pairs > 0 ? rolloutProfiles.settled({ ...sideNow, limit: pairs }) : mine,
      theirs.profiles > pairs && pairs > 0 ? rolloutProfiles.settled({ ...sideBefore, limit: pairs }) : theirs,
    ]);
    const hits = plan.guard.metrics.map((_, metric) => ({
      exposed: pairs === 0 ? 0 : (exposed.hits[metric] ?? 0),
      control: pairs === 0 ? 0 : (control.hits[metric] ?? 0),
    }));
    return { pairs, hits };
  }

  return {
    /** Undefined where there is nothing to look at. Writes nothing. @throws where it cannot be counted */
    async look(rolloutId: ObjectId, now: Date): Promise<RolloutLookDoc | undefined> {
      const doc = await rollouts.find(rolloutId);
      const window = doc?.windows.at(-1);
      if (doc === undefined || window === undefined) return undefined;
      const at = { at: now, window: doc.windows.length - 1, percent: window.percent };
      if (!isGuarded(doc)) return { ...at, metrics: [], harm: null, hold: null, detail: null };

      const missing = await gap(doc, now);
      const { guard } = doc.plan;
      const counts: GuardCounts = {
        active: await rolloutProfiles.active(rolloutId, at.window),
        hits: await rolloutProfiles.hits(rolloutId, guard.metrics.length),
        after: await afterCounts(doc, now),
      };
      const { metrics, harm, hold } = judge(guard, doc.windows, counts, endsAtAll(doc.plan));
      return { ...at, metrics, harm, hold: missing?.hold ?? hold, detail: missing?.detail ?? null };
    },
  };
}

export type FlagRolloutLooks = ReturnType<typeof flagRolloutLooks>;
