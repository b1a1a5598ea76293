import { type Guard, guardFault, type HoldReason, type MetricLook } from './guard.js';
import { isActive, lookEveryMs, type RolloutPlan, type RolloutState, type RolloutStep } from './rollout.js';

export interface RolloutWindow {
  readonly step: number;
  readonly percent: number;
  readonly sinceMs: number;
}

export interface RolloutLook {
  readonly atMs: number;
  readonly window: number;
  readonly percent: number;
  readonly metrics: readonly MetricLook[];
  readonly harm: string | null;
  readonly hold: HoldReason | null;
  readonly detail: string | null;
}

/** A rollout as it stands, as plain JSON. Ids are hex. */
export interface RolloutView {
  readonly rolloutId: string;
  readonly appId: string;
  /** The slug. */
  readonly app: string;
  readonly flagKey: string;
  readonly ruleId: string;
  readonly state: RolloutState;
  readonly rev: number;
  readonly plan: RolloutPlan;
  readonly percentageBefore: number;
  /** What it has written last, or taken over. */
  readonly percentage: number;
  readonly startAtMs: number | null;
  /** Into the plan; -1 before the first. */
  readonly step: number;
  readonly untilMs: number | null;
  readonly windows: readonly RolloutWindow[];
  readonly look: RolloutLook | null;
  readonly lookCount: number;
  readonly decision: Readonly<Record<string, unknown>> | null;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

/** The next thing that time does to a rollout. */
export interface RolloutDue {
  readonly what: 'start' | 'look' | 'advance';
  readonly atMs: number;
}

/** The first step that raises the percentage, with its place in the plan. */
export function nextStep(
  { steps }: Pick<RolloutPlan, 'steps'>,
  percentage: number,
): { readonly index: number; readonly step: RolloutStep } | undefined {
  const index = steps.findIndex((step) => step.percent > percentage);
  const step = steps[index];
  return step && { index, step };
}

/**
 * When something is to be done next; undefined where only people can go on. A step is left by a look at or after its
 * end that holds nothing against it.
 */
export function dueOf({
  state,
  plan,
  startAtMs,
  createdAtMs,
  step,
  untilMs,
  windows,
  look,
}: RolloutView): RolloutDue | undefined {
  if (!isActive(state) || state === 'proposed') return undefined;
  if (state === 'scheduled') return { what: 'start', atMs: startAtMs ?? createdAtMs };
  const window = windows.at(-1);
  const current = plan.steps[Math.max(0, step)];
  if (window === undefined || current === undefined) return undefined;

  const own = look?.window === windows.length - 1 ? look : null;
  const next = (own?.atMs ?? window.sinceMs) + lookEveryMs(current);
  if (untilMs === null || (state !== 'running' && state !== 'holding')) return { what: 'look', atMs: next };
  if (own !== null && own.atMs >= untilMs)
    return own.hold === null ? { what: 'advance', atMs: untilMs } : { what: 'look', atMs: next };
  return { what: 'look', atMs: Math.min(next, untilMs) };
}

const percentOf = ({ profiles, hit }: { profiles: number; hit: number }): string =>
  profiles === 0 ? 'none' : `${((hit / profiles) * 100).toFixed(2)} % (${String(hit)} of ${String(profiles)})`;

/** What a metric's counts say, in a sentence for people. */
export const metricSentence = ({ name, exposed, control }: MetricLook): string =>
  `${name}: ${percentOf(exposed)} of the exposed profiles against ${percentOf(control)} of the others`;

const HOLDS: Readonly<Record<HoldReason, string>> = {
  sample: 'too few profiles yet',
  ratio: 'the buckets of the profiles that came do not fit the percentage, so counting is not to be trusted',
  lag: 'what clients sent is more than a minute behind',
  quota: "the day's quota is used up, so not all is counted",
  failed: 'the last look failed',
};

export const holdSentence = (hold: HoldReason, detail: string | null): string =>
  detail === null ? HOLDS[hold] : `${HOLDS[hold]} (${detail})`;

const instant = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
const holdText = ({ holdMinutes, holdSeconds }: RolloutStep): string =>
  holdSeconds === undefined ? `${String(holdMinutes)} min` : `${String(holdSeconds)} s`;

/** One that is malformed must not keep the rest from being shown: its looks fail, and say so. */
export function readableGuard(guard: Guard | null): Guard | null | undefined {
  try {
    return guard === null || guardFault(guard) === undefined ? guard : undefined;
  } catch {
    return undefined;
  }
}

function guardLine(given: Guard | null): string {
  const guard = readableGuard(given);
  if (guard === null) return 'No guard: it goes by the clock alone.';
  if (guard === undefined) return 'The guard is malformed: it cannot be evaluated.';
  const { metrics, alpha, minProfiles } = guard;
  const watched = metrics.map((metric) =>
    metric.kind === 'errors' ? 'errors' : `${metric.harm} of \`${metric.name}\``,
  );
  return `Guard: ${watched.join(', ')}; false alarms in at most ${String(alpha * 100)} % of rollouts; at least ${String(minProfiles)} profiles a side.`;
}

function stateLine(view: RolloutView): string {
  const { state, startAtMs, untilMs, percentage, look } = view;
  const hold = look !== null && look.hold !== null ? `, held back: ${holdSentence(look.hold, look.detail)}` : '';
  switch (state) {
    case 'proposed':
      return '**proposed**: waits for a second person';
    case 'scheduled':
      return startAtMs === null ? '**scheduled**' : `**scheduled** for ${instant(startAtMs)}`;
    case 'running':
      return `**running** at ${String(percentage)} %${untilMs === null ? '' : ` until ${instant(untilMs)}`}${hold}`;
    case 'holding':
      return `**holding** at ${String(percentage)} %${hold}`;
    case 'asking':
      return `**asking**: the rule was edited meanwhile; resume with what it says now, or abort`;
    default:
      return `**${state}** at ${String(percentage)} %`;
  }
}

/** Markdown, for the Temporal UI. */
export function rolloutDetails(view: RolloutView): string {
  const { app, flagKey, ruleId, plan, step, percentage, windows, look, lookCount, decision } = view;
  const rows = plan.steps.map((each, index) => {
    const began = windows.find((window) => window.step === index);
    const mark = index === step ? (isActive(view.state) ? '▶' : '■') : began === undefined ? '' : '✓';
    return `| ${mark} | ${String(each.percent)} % | ${holdText(each)} | ${began === undefined ? '' : instant(began.sinceMs)} |`;
  });
  const lines = [
    `### \`${flagKey}\` in ${app}, rule \`${ruleId}\``,
    stateLine(view),
    '',
    `| | step | hold | began |`,
    '|---|---:|---:|---|',
    `| ${step < 0 ? '▶' : ''} | ${String(view.percentageBefore)} % | before | |`,
    ...rows,
    '',
    guardLine(plan.guard),
  ];
  if (look !== null && look.metrics.length > 0) {
    lines.push(
      '',
      `Look ${String(lookCount)}, ${instant(look.atMs)}, at ${String(look.percent)} %:`,
      '',
      '| | exposed | control | evidence of harm | needed |',
      '|---|---:|---:|---:|---:|',
      ...look.metrics.map(
        ({ name, exposed, control, evidence, needed }) =>
          `| ${name} | ${percentOf(exposed)} | ${percentOf(control)} | ${evidence.toPrecision(3)} | ${needed.toPrecision(3)} |`,
      ),
    );
  }
  const why = decision?.['why'];
  if (typeof why === 'string') lines.push('', `Decided: ${why}. The rule is at ${String(percentage)} %.`);
  return lines.join('\n');
}
