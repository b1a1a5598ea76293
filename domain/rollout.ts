import { type Guard, guardFault } from './guard.js';

/**
 * - `proposed`: waits for a second person, where the app wants one
 * - `scheduled`: waits for its time
 * - `running`: a step is on and its time is not over
 * - `holding`: the time of a step is over, and the guard does not let it go on yet
 * - `paused`: by a person; the guard looks on, and still reverts
 * - `asking`: somebody edited the rule meanwhile: only people know what is meant now
 * - `done`, `aborted`, `reverted` (by the guard) and `killed` (by the kill switch) are ends
 */
export const ROLLOUT_STATES = [
  'proposed',
  'scheduled',
  'running',
  'holding',
  'paused',
  'asking',
  'done',
  'aborted',
  'reverted',
  'killed',
] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

export const ACTIVE_STATES = ['proposed', 'scheduled', 'running', 'holding', 'paused', 'asking'] as const;
export const isActive = (state: RolloutState): boolean => ACTIVE_STATES.some((active) => active === state);

/** What people do to a rollout. Each is a route, an update and a signal of that name. */
export const ROLLOUT_VERBS = ['approve', 'pause', 'resume', 'skip', 'abort'] as const;
export type RolloutVerbName = (typeof ROLLOUT_VERBS)[number];

/**
 * What a verb does in a state: leads to another; goes on with the next step, or to the end (`next`); goes back to
 * where it was before the pause (`back`); finds that all is as it should be (`unchanged`: 200, and nothing happens);
 * or is refused. `starts`: waits for its time, or begins where that has come.
 */
export type RolloutTransition = RolloutState | 'starts' | 'next' | 'back' | 'unchanged' | 'refused';

type Row = Readonly<Record<RolloutState, RolloutTransition>>;
type Cells = readonly [
  RolloutTransition,
  RolloutTransition,
  RolloutTransition,
  RolloutTransition,
  RolloutTransition,
  RolloutTransition,
];

const row = ([proposed, scheduled, running, holding, paused, asking]: Cells, ends: Partial<Row> = {}): Row => ({
  proposed,
  scheduled,
  running,
  holding,
  paused,
  asking,
  done: 'refused',
  aborted: 'refused',
  reverted: 'refused',
  killed: 'refused',
  ...ends,
});

/** Docs/rollouts.md shows this table; a test keeps the two equal. */
export const ROLLOUT_TRANSITIONS: Readonly<Record<RolloutVerbName, Row>> = {
  approve: row(['starts', 'unchanged', 'unchanged', 'unchanged', 'unchanged', 'unchanged']),
  pause: row(['refused', 'paused', 'paused', 'paused', 'unchanged', 'unchanged']),
  resume: row(['refused', 'unchanged', 'unchanged', 'unchanged', 'back', 'running']),
  skip: row(['refused', 'next', 'next', 'next', 'refused', 'refused']),
  abort: row(['aborted', 'aborted', 'aborted', 'aborted', 'aborted', 'aborted'], { aborted: 'unchanged' }),
};

/** Why a verb is refused, in a sentence for people. */
export function rolloutRefusal(verb: RolloutVerbName, state: RolloutState): string {
  if (!isActive(state)) return `the rollout is over: ${state}`;
  if (state === 'proposed') return `nobody can ${verb} a rollout that a second person has not approved yet`;
  if (state === 'asking') return 'the rule was edited meanwhile: resume with its new percentage, or abort';
  return `a rollout that is ${state} has to be resumed before anybody can ${verb}`;
}

export interface RolloutStep {
  readonly percent: number;
  /** Before the next step, or before the end after the last. */
  readonly holdMinutes: number;
  /** Instead, for those who cannot wait: tests and trials. */
  readonly holdSeconds?: number;
}

export interface RolloutPlan {
  readonly steps: readonly RolloutStep[];
  /** Null: by the clock alone. */
  readonly guard: Guard | null;
}

export const ROLLOUT_BOUNDS = {
  steps: 20,
  holdMinutes: { least: 1, most: 30 * 24 * 60 },
  holdSeconds: { least: 1, most: 3_600 },
  /** How often the percentage of one rollout may change, edits of people included. */
  windows: 40,
  /** A year. */
  startAheadMs: 366 * 24 * 3_600_000,
  /** A client's, with the member in front. */
  requestIdLength: 250,
  noteLength: 500,
} as const;

const LOOK_EVERY_MS = 60_000;
const LOOK_LEAST_MS = 1_000;
/** Of a profile, in a comparison over time. */
const SETTLE_MOST_MS = 3_600_000;

export const holdMs = ({ holdMinutes, holdSeconds }: RolloutStep): number =>
  holdSeconds === undefined ? holdMinutes * 60_000 : holdSeconds * 1_000;

/** Each minute; in a trial of seconds so much sooner. */
export const lookEveryMs = (step: RolloutStep): number =>
  Math.max(LOOK_LEAST_MS, Math.min(LOOK_EVERY_MS, Math.floor(holdMs(step) / 4)));

/** For how long each profile is looked at where a window of 100 % is held against the one before. */
export const settleMs = (ownMs: number, beforeMs: number): number =>
  Math.floor(Math.min(SETTLE_MOST_MS, Math.min(ownMs, beforeMs) / 2));

export const endsAtAll = ({ steps }: Pick<RolloutPlan, 'steps'>): boolean => steps.some((step) => step.percent === 100);

const isWhole = (value: unknown, { least, most }: { least: number; most: number }): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;

/** What is wrong with a plan in itself; how it fits its rule is looked at where it is stored. */
export function planFault({ steps, guard }: RolloutPlan): string | undefined {
  const { steps: most, holdMinutes, holdSeconds } = ROLLOUT_BOUNDS;
  if (steps.length < 1 || steps.length > most) return `a rollout has 1 to ${String(most)} steps`;
  let before = 0;
  for (const step of steps) {
    if (!isWhole(step.percent, { least: 1, most: 100 })) return 'a percentage is a whole number from 1 to 100';
    if (step.percent <= before) return 'percentages of steps rise';
    if (!isWhole(step.holdMinutes, holdMinutes)) return 'holdMinutes is out of bounds';
    if (step.holdSeconds !== undefined && !isWhole(step.holdSeconds, holdSeconds))
      return 'holdSeconds is out of bounds';
    before = step.percent;
  }
  if (guard === null) return undefined;
  if (steps[0]?.percent === 100) return 'a guard needs a step below 100 % first, or there is nothing to compare with';
  return guardFault(guard);
}

/** What is asked for. Ids are hex. */
export interface RolloutRequest {
  readonly appId: string;
  readonly flagKey: string;
  readonly ruleId: string;
  readonly plan: RolloutPlan;
  /** Null: at once. */
  readonly startAtMs: number | null;
  readonly note: string | null;
}

export type RolloutVerb =
  | { readonly name: 'approve' | 'pause' | 'resume' | 'skip' }
  /** `back`: to the percentage before the rollout; `leave`: as it is. */
  | { readonly name: 'abort'; readonly rule: 'back' | 'leave' };

export interface Asked {
  /** The member, hex: set by the API from the token, never by who asks. */
  readonly actor: string;
  /** The same one is carried out once, however often and to whichever run it comes. */
  readonly requestId: string;
}

export interface OpenMessage extends Asked {
  readonly request: RolloutRequest;
}

export interface RolloutMessage extends Asked {
  readonly verb: RolloutVerb;
}

const ID = /^[0-9a-f]{24}$/;

function askedFault({ actor, requestId }: Asked): string | undefined {
  if (!ID.test(actor)) return 'the actor must be a member id';
  const { length } = requestId;
  return length > 0 && length <= ROLLOUT_BOUNDS.requestIdLength ? undefined : 'the request id is missing or too long';
}

/** What is wrong with a message as it comes over the wire, from the API or by hand: nothing of it is trusted. */
export function openFault(message: OpenMessage): string | undefined {
  try {
    const { appId, flagKey, ruleId, plan, startAtMs, note } = message.request;
    const isText = (text: unknown, most: number) => typeof text === 'string' && text.length > 0 && text.length <= most;
    if (!ID.test(appId) || !isText(flagKey, 128) || !isText(ruleId, 200)) return 'app, flag or rule is missing';
    if (startAtMs !== null && !Number.isSafeInteger(startAtMs)) return 'the start must be an instant';
    if (note !== null && !isText(note, ROLLOUT_BOUNDS.noteLength)) return 'the note is empty or too long';
    return askedFault(message) ?? planFault(plan);
  } catch {
    return 'the message has not the shape of a rollout';
  }
}

export function rolloutMessageFault(message: RolloutMessage): string | undefined {
  try {
    const { verb } = message;
    if (!ROLLOUT_VERBS.includes(verb.name)) return 'there is no such verb';
    if (verb.name === 'abort' && !['back', 'leave'].includes(verb.rule)) return 'an abort goes `back` or does `leave`';
    return askedFault(message);
  } catch {
    return 'the message has not the shape of a verb';
  }
}
