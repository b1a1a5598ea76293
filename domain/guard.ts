import { evidenceOf, ratioEvidence, type HitPattern, strataOf } from './guard-evidence.js';

/** What is watched: profiles with an error, or with an event of a name, of which more or fewer would be harm. */
export type GuardMetric =
  { readonly kind: 'errors' } | { readonly kind: 'event'; readonly name: string; readonly harm: 'more' | 'fewer' };

export interface Guard {
  readonly metrics: readonly GuardMetric[];
  /** The share of harmless rollouts that may be reverted all the same: of the whole rollout, not of a look. */
  readonly alpha: number;
  /** Of profiles in each arm before a step may be left. */
  readonly minProfiles: number;
}

export const GUARD_BOUNDS = {
  metrics: 5,
  eventName: 200,
  alpha: { least: 0.0001, most: 0.2 },
  minProfiles: { least: 10, most: 10_000_000 },
} as const;

export const DEFAULT_GUARD: Guard = { metrics: [{ kind: 'errors' }], alpha: 0.05, minProfiles: 100 };

/** A stretch of the rollout during which the percentage stayed the same. */
export interface GuardWindow {
  readonly percent: number;
}

/** What was counted, of everything up to a look. */
export interface GuardCounts {
  /** Profiles that were active in the window of the look, by bucket: index 0 is bucket 1. */
  readonly active: readonly number[];
  /** For each metric, the profiles that met it, by bucket and by the windows in which they did. */
  readonly hits: readonly (readonly HitPattern[])[];
  /** For a window of 100 %: what the first so and so many profiles of this and of the last control did. */
  readonly after: AfterCounts | null;
}

export interface AfterCounts {
  /** Profiles of each side, each looked at for the same time after it was first served. */
  readonly pairs: number;
  /** For each metric, how many of them met it. */
  readonly hits: readonly { readonly exposed: number; readonly control: number }[];
}

export interface ArmCount {
  readonly profiles: number;
  readonly hit: number;
}

export interface MetricLook {
  readonly name: string;
  readonly exposed: ArmCount;
  readonly control: ArmCount;
  /** How much better harm explains all counts so far than chance does, against `needed`. */
  readonly evidence: number;
  readonly needed: number;
  readonly harmed: boolean;
}

/** Why a step is not left though its time is over. `failed`, `lag` and `quota` come from who counts. */
export type HoldReason = 'sample' | 'ratio' | 'lag' | 'quota' | 'failed';

export interface Judgement {
  readonly metrics: readonly MetricLook[];
  /** The metric that decided for harm. */
  readonly harm: string | null;
  readonly hold: 'sample' | 'ratio' | null;
}

/** Of alpha, for what has no control beside it: a window of 100 %, held against the control of the window before. */
const AFTER_SHARE = 0.2;
/** The buckets of active profiles must fit the percentage at least this well, or counting itself is broken. */
const RATIO_ALPHA = 0.001;
const MOST_EVIDENCE = 1e9;

const metricName = (metric: GuardMetric): string => (metric.kind === 'errors' ? 'errors' : metric.name);

const harmOf = (metric: GuardMetric): 'more' | 'fewer' => (metric.kind === 'errors' ? 'more' : metric.harm);

/**
 * What the counts of a look say: harm, or not enough to go on by, or neither.
 *
 * Each metric has alpha over their number (Bonferroni). Where the plan ends at 100 %, a fifth of that is for the
 * comparison over time, the only one there is then, and four fifths for the randomised one. Both are e-processes: see
 * `guard-evidence.ts` and docs/adr/0015.
 * @param windows all so far; the last is the one looked at
 * @param endsAtAll whether the plan has a step of 100 %
 */
export function judge(
  { metrics, alpha, minProfiles }: Guard,
  windows: readonly GuardWindow[],
  counts: GuardCounts,
  endsAtAll: boolean,
): Judgement {
  const at = windows.length - 1;
  const percent = windows[at]?.percent ?? 0;
  const needed = metrics.length / (endsAtAll ? alpha * (1 - AFTER_SHARE) : alpha);
  const neededAfter = metrics.length / (alpha * AFTER_SHARE);
  const exposed = sum(counts.active.slice(0, percent));
  const all = sum(counts.active);
  const percents = windows.map((window) => window.percent);

  const looks = metrics.map((metric, index): MetricLook => {
    const patterns = counts.hits[index] ?? [];
    const harm = harmOf(metric);
    const drawn = evidenceOf(strataOf(patterns, percents), harm);
    const pair = counts.after?.hits[index];
    const pairs = counts.after?.pairs ?? 0;
    const compared = pair === undefined ? 0 : evidenceOf([{ share: 0.5, ...pair }], harm);
    const byTime = pair !== undefined && compared / neededAfter > drawn / needed;
    const hit = (isExposed: boolean) =>
      sum(patterns.map((p) => (p.windows.includes(at) && p.bucket <= percent === isExposed ? p.count : 0)));
    return {
      name: metricName(metric),
      exposed: pair ? { profiles: pairs, hit: pair.exposed } : { profiles: exposed, hit: hit(true) },
      control: pair ? { profiles: pairs, hit: pair.control } : { profiles: all - exposed, hit: hit(false) },
      evidence: Math.min(MOST_EVIDENCE, byTime ? compared : drawn),
      needed: byTime ? neededAfter : needed,
      harmed: drawn >= needed || compared >= neededAfter,
    };
  });
  const worst = looks
    .filter(({ harmed }) => harmed)
    .sort((a, b) => b.evidence / b.needed - a.evidence / a.needed)
    .at(0);

  // By the share that was to be, not by the profiles that came: when a step is left must not depend on who got what.
  const enough = counts.after
    ? counts.after.pairs >= minProfiles
    : percent < 100 && (all * Math.min(percent, 100 - percent)) / 100 >= minProfiles;
  const fits = percent >= 100 || percent <= 0 || ratioEvidence(exposed, all, percent / 100) < 1 / RATIO_ALPHA;
  return { metrics: looks, harm: worst?.name ?? null, hold: !fits ? 'ratio' : enough ? null : 'sample' };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/** What is wrong with a guard. */
export function guardFault({ metrics, alpha, minProfiles }: Guard): string | undefined {
  const bounds = GUARD_BOUNDS;
  if (metrics.length < 1 || metrics.length > bounds.metrics)
    return `a guard watches 1 to ${String(bounds.metrics)} metrics`;
  if (new Set(metrics.map(metricName)).size < metrics.length) return 'a metric is watched twice';
  for (const metric of metrics) {
    if (metric.kind === 'errors') continue;
    // As it comes over the wire: nothing of it is trusted.
    if ((metric.kind as string) !== 'event') return 'a metric is `errors` or an `event`';
    if (!(metric.name.length > 0 && metric.name.length <= bounds.eventName))
      return 'an event has no name, or a long one';
    if (metric.name === 'errors') return 'an event must not be called errors';
    if (!['more', 'fewer'].includes(metric.harm)) return 'of an event, `more` or `fewer` is harm';
  }
  if (!(alpha >= bounds.alpha.least && alpha <= bounds.alpha.most)) return 'alpha is out of bounds';
  const { least, most } = bounds.minProfiles;
  return Number.isSafeInteger(minProfiles) && minProfiles >= least && minProfiles <= most
    ? undefined
    : 'minProfiles is out of bounds';
}
