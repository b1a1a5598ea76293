/** Counts of groups are kept by five minutes, so windows are multiples of that. */
export const WINDOW_STEP_MINUTES = 5;
export const WINDOW_MINUTES = { least: WINDOW_STEP_MINUTES, most: 1440 } as const;

/** More than `count` occurrences of a group in `minutes`. */
export interface ThresholdRule {
  readonly kind: 'threshold';
  readonly count: number;
  readonly minutes: number;
}

/** More than `factor` times what the group itself usually has in `minutes`, and at least `floor`. */
export interface SpikeRule {
  readonly kind: 'spike';
  readonly factor: number;
  readonly minutes: number;
  readonly floor: number;
}

export type AlertRule = ThresholdRule | SpikeRule;

/** Occurrences of one group by slot: the number of the five minutes since 1970. */
export type SlotCounts = ReadonlyMap<number, number>;

/** What a rule has seen when it fires. */
export type RuleFacts =
  | { readonly count: number; readonly minutes: number; readonly limit: number }
  | { readonly count: number; readonly minutes: number; readonly factor: number; readonly baseline: number };

/** How far back a group's own baseline looks, in days before the window. */
export const BASELINE_DAYS = 7;

const SLOT_MS = WINDOW_STEP_MINUTES * 60_000;
export const SLOTS_A_DAY = 288;

const slotOf = (ms: number): number => Math.floor(ms / SLOT_MS);

/**
 * Occurrences in the `minutes` before `nowMs`. The oldest slot reaches beyond the window and counts by the share that
 * lies in it; where the last whole slots alone hold more, it is those: a burst just before a slot's end is not missed.
 */
function countInWindow(counts: SlotCounts, nowMs: number, minutes: number): number {
  const slots = minutes / WINDOW_STEP_MINUTES;
  const current = slotOf(nowMs);
  const oldest = counts.get(current - slots) ?? 0;
  const between = sumOf(counts, current - slots + 1, current - 1);
  const share = 1 - (nowMs - current * SLOT_MS) / SLOT_MS;
  return Math.max(Math.round((counts.get(current) ?? 0) + between + share * oldest), between + oldest);
}

/**
 * What the group usually has in a window: its mean over the days before, or over the same time of those days where that
 * is more, so that what happens each night is no spike. Undefined for a group that is not known for a day yet.
 */
function baselineOf(counts: SlotCounts, firstSeenMs: number, nowMs: number, minutes: number): number | undefined {
  const slots = minutes / WINDOW_STEP_MINUTES;
  const current = slotOf(nowMs);
  const last = current - slots - 1;
  const first = Math.max(slotOf(firstSeenMs), last - BASELINE_DAYS * SLOTS_A_DAY + 1);
  const length = last - first + 1;
  if (length < SLOTS_A_DAY) return undefined;

  const mean = (sumOf(counts, first, last) / length) * slots;
  let sameTime = 0;
  const days = Math.floor(length / SLOTS_A_DAY);
  for (let day = 1; day <= days; day++) {
    const end = current - day * SLOTS_A_DAY;
    sameTime += sumOf(counts, end - slots + 1, end) / days;
  }
  return Math.max(mean, sameTime);
}

/** Whether the rule fires for a group with these counts, and what it saw. */
export function judgeRule(
  rule: AlertRule,
  counts: SlotCounts,
  { firstSeenMs, nowMs }: { readonly firstSeenMs: number; readonly nowMs: number },
): RuleFacts | undefined {
  const { minutes } = rule;
  const count = countInWindow(counts, nowMs, minutes);
  if (rule.kind === 'threshold') return count > rule.count ? { count, minutes, limit: rule.count } : undefined;

  if (count < rule.floor) return undefined;
  const baseline = baselineOf(counts, firstSeenMs, nowMs, minutes);
  if (baseline === undefined || count <= rule.factor * baseline) return undefined;
  return { count, minutes, factor: rule.factor, baseline: Math.round(baseline * 100) / 100 };
}

function sumOf(counts: SlotCounts, first: number, last: number): number {
  let sum = 0;
  for (const [slot, count] of counts) if (slot >= first && slot <= last) sum += count;
  return sum;
}
