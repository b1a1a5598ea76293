import { type AfterCounts, type Guard, type GuardWindow, judge } from '../../domain/guard.js';
import type { HitPattern } from '../../domain/guard-evidence.js';

export interface Population {
  readonly seed: number;
  /** Active in each step. */
  readonly profiles: number;
  /** How much likelier an exposed profile is to meet each metric; 1: no harm. */
  readonly risks: readonly number[];
  /** The share of profiles that meet a metric in a step, on average. */
  readonly rate: number;
  readonly percents: readonly number[];
  /** Of each step: a look each. */
  readonly minutes: number;
  /** By how much rates differ from step to step, for everybody alike. */
  readonly swing: number;
}

interface SimulatedRollout {
  /** The index of the step in which it was reverted. */
  readonly revertedAt: number | null;
  readonly looks: number;
}

/** One profile in so many is so much more prone than the others, in every step and for every metric. */
const PRONE = { every: 10, times: 6 };
const NEVER = 255;

/** Mulberry32: small, fast, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What a step's first comers did, for the comparison over time: how many there were, and hits among them, by order. */
interface Comers {
  /** Comers whose time is over at the end of each minute. */
  readonly settled: readonly number[];
  /** For each metric, hits among the first n. */
  readonly hits: readonly (readonly number[])[];
}

/** A rollout that nobody touches, judged each minute by the product's own function. */
function simulate(guard: Guard, population: Population): SimulatedRollout {
  const { seed, profiles, risks, rate, percents, minutes, swing } = population;
  const next = random(seed);
  const usual = (rate * PRONE.every) / (PRONE.every - 1 + PRONE.times);
  const metrics = guard.metrics.length;
  const settle = Math.floor(minutes / 2);
  const windows: GuardWindow[] = [];
  // Buckets between two percentages are alike: each profile has the highest of those that are.
  const classes = [...new Set([...percents, 100])].sort((a, b) => a - b);
  const buckets = Uint8Array.from({ length: profiles }, () => {
    const bucket = 1 + Math.floor(next() * 100);
    return classes.find((percent) => bucket <= percent) ?? 100;
  });
  const met = Array.from({ length: metrics }, () => new Uint8Array(profiles));
  const patterns = Array.from({ length: metrics }, () => new Map<number, number>());
  let control: Comers | undefined;
  let looks = 0;

  for (const [step, percent] of percents.entries()) {
    windows.push({ percent });
    const bend = 1 + swing * Math.sin(step * 2);
    const arrivals: number[][] = Array.from({ length: minutes }, () => []);
    const hitsIn: number[][] = Array.from({ length: minutes }, () => []);
    const metAt = Array.from({ length: metrics }, () => new Uint8Array(profiles).fill(NEVER));
    for (let profile = 0; profile < profiles; profile++) {
      const at = Math.floor(next() * minutes);
      arrivals[at]?.push(profile);
      const isExposed = (buckets[profile] ?? 0) <= percent;
      for (let metric = 0; metric < metrics; metric++) {
        const harmed = isExposed ? (risks[metric] ?? 1) : 1;
        const chance = Math.min(0.95, usual * (profile % PRONE.every === 0 ? PRONE.times : 1) * bend * harmed);
        const draw = next();
        if (draw >= chance) continue;
        const minute = at + Math.floor((draw / chance) * (minutes - at));
        (metAt[metric] ?? [])[profile] = minute;
        hitsIn[minute]?.push(metric * profiles + profile);
      }
    }
    const comers = (is: (bucket: number) => boolean): Comers => {
      const settled: number[] = [];
      const hits: number[][] = metAt.map(() => [0]);
      let count = 0;
      for (let minute = 0; minute < minutes; minute++) {
        const come = (arrivals[minute - settle] ?? []).filter((profile) => is(buckets[profile] ?? 0));
        for (const profile of come) {
          count++;
          hits.forEach((sums, metric) => {
            const after = (metAt[metric]?.[profile] ?? NEVER) - (minute - settle);
            sums.push((sums.at(-1) ?? 0) + (after < settle ? 1 : 0));
          });
        }
        settled.push(count);
      }
      return { settled, hits };
    };
    const exposed = percent === 100 ? comers(() => true) : undefined;

    const active = new Array<number>(100).fill(0);
    for (let minute = 0; minute < minutes; minute++) {
      for (const profile of arrivals[minute] ?? []) raise(active, (buckets[profile] ?? 1) - 1);
      for (const cell of hitsIn[minute] ?? []) {
        const metric = Math.floor(cell / profiles);
        const profile = cell % profiles;
        const [bits, counts] = [met[metric], patterns[metric]];
        if (!bits || !counts) continue;
        const bucket = buckets[profile] ?? 0;
        const before = bits[profile] ?? 0;
        bits[profile] = before | (1 << step);
        if (before !== 0) add(counts, bucket * 256 + before, -1);
        add(counts, bucket * 256 + (before | (1 << step)), 1);
      }
      const hits = patterns.map(patternsOf);
      const after = exposed && control ? afterCounts(exposed, control, minute, minutes) : null;
      looks++;
      const { harm } = judge(guard, windows, { active, hits, after }, percents.includes(100));
      if (harm !== null) return { revertedAt: step, looks };
    }
    control = comers((bucket) => bucket > percent);
  }
  return { revertedAt: null, looks };
}

function afterCounts(exposed: Comers, control: Comers, minute: number, minutes: number): AfterCounts {
  const pairs = Math.min(exposed.settled[minute] ?? 0, control.settled[minutes - 1] ?? 0);
  const of = (side: Comers, metric: number) => side.hits[metric]?.[pairs] ?? 0;
  return {
    pairs,
    hits: exposed.hits.map((_, metric) => ({ exposed: of(exposed, metric), control: of(control, metric) })),
  };
}

const raise = (counts: number[], index: number): void => {
  counts[index] = (counts[index] ?? 0) + 1;
};

const add = (counts: Map<number, number>, key: number, by: number) => counts.set(key, (counts.get(key) ?? 0) + by);

const WINDOWS = Array.from({ length: 256 }, (_, bits) =>
  Array.from({ length: 8 }, (_, window) => window).filter((window) => (bits >> window) & 1),
);

function patternsOf(counts: ReadonlyMap<number, number>): HitPattern[] {
  const patterns: HitPattern[] = [];
  for (const [key, count] of counts)
    if (count > 0) patterns.push({ bucket: Math.floor(key / 256), windows: WINDOWS[key % 256] ?? [], count });
  return patterns;
}

export interface Outcome {
  readonly rollouts: number;
  readonly reverted: number;
  readonly beforeLast: number;
  readonly looks: number;
  /** By step. */
  readonly at: readonly number[];
}

/** Many rollouts of one kind, each with a seed of its own. */
export function simulateMany(rollouts: number, guard: Guard, population: Omit<Population, 'seed'>): Outcome {
  const at = population.percents.map(() => 0);
  let looks = 0;
  for (let seed = 1; seed <= rollouts; seed++) {
    const one = simulate(guard, { ...population, seed });
    looks += one.looks;
    if (one.revertedAt !== null) raise(at, one.revertedAt);
  }
  const reverted = at.reduce((sum, each) => sum + each, 0);
  return { rollouts, reverted, beforeLast: reverted - (at.at(-1) ?? 0), looks, at };
}
