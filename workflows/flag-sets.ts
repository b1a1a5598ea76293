import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { FlagSetActivities } from '../activities/flag-sets.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface FlagSetsInput {
  /** Hex. */
  readonly appId: string;
  /** What an earlier run has done of a pass. */
  readonly pass?: FlagPass;
}

/** How far a pass is: all profiles up to `after` are done, or none. */
export interface FlagPass {
  readonly version: number;
  readonly after: string | null;
  readonly profiles: number;
  readonly rewritten: number;
}

/** There is one an app, so that no two passes of it run at once. */
export const flagSetsId = (appId: string): string => `flag-sets/${appId}`;

/** That flags or segments have changed. It says nothing else: the workflow reads the newest version. */
const changedSignal = defineSignal('changed');
/** For ops and tests; people read it in the database. Null: no pass has begun. */
export const progressQuery = defineQuery<FlagPass | null>('progress');

/** How a change is told, whoever tells it: it starts the run when there is none. */
export const flagSetsChanged = (appId: string, app: string) => ({
  workflowId: flagSetsId(appId),
  signal: changedSignal,
  signalArgs: [] as [],
  args: [{ appId }] as [FlagSetsInput],
  typedSearchAttributes: [
    { key: SEARCH_ATTRIBUTES.kind, value: 'flag-sets' },
    { key: SEARCH_ATTRIBUTES.apps, value: [app] },
  ],
  staticSummary: `Keeps the flag sets of ${app} true`,
});

/** So that a burst of edits makes one pass. */
const DEBOUNCE_MS = 500;
const RANGE_PROFILES = 5_000;
const RANGES_PLANNED = 20;
const AT_ONCE = 2;
/** Temporal's own limit is 10,000 signals a run; a quiet moment before that is used. */
const SIGNALS_A_RUN = 500;

/** Once more soon: what a frozen worker has taken is only lost time, and a server that is away comes back. */
const retry = { maximumInterval: '10 seconds' } as const;
/**
 * The short steps run where the workflow runs: as tasks of their own, each could fall to a worker that is frozen but
 * still asked for work, and would be missed for the whole of its time.
 */
const brief = {
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 hour',
  cancellationType: 'TRY_CANCEL',
  retry,
} as const;
const { readFlagState } = proxyLocalActivities<Pick<FlagSetActivities, 'readFlagState'>>({
  ...brief,
  startToCloseTimeout: '8 seconds',
  summary: 'Read the newest version',
});
const { beginFlagPass } = proxyLocalActivities<Pick<FlagSetActivities, 'beginFlagPass'>>({
  ...brief,
  // A writer that died within a transaction is waited for until the database lets go of it: a minute by default.
  startToCloseTimeout: '2 minutes',
  summary: 'Keep older writers out',
});
const { planFlagRanges } = proxyLocalActivities<Pick<FlagSetActivities, 'planFlagRanges'>>({
  ...brief,
  summary: 'Plan the next ranges',
});
const { computeFlagRange } = proxyActivities<Pick<FlagSetActivities, 'computeFlagRange'>>({
  startToCloseTimeout: '10 minutes',
  scheduleToCloseTimeout: '1 hour',
  heartbeatTimeout: '10 seconds',
  cancellationType: 'TRY_CANCEL',
  retry,
  summary: 'Evaluate a range of profiles',
});
const { endFlagPass } = proxyLocalActivities<Pick<FlagSetActivities, 'endFlagPass'>>({
  ...brief,
  summary: 'Say that all sets are right',
});

type Outcome = 'ended' | 'superseded' | 'full';
type Reached = { -readonly [K in keyof FlagPass]: FlagPass[K] };

interface Running {
  readonly pass: Reached;
  readonly scope: CancellationScope;
  /** Never rejects. */
  settled: Promise<void>;
  outcome?: Outcome;
  failure?: Error;
}

/**
 * Brings every set of an app to the newest version of its flags; a newer version ends the pass at an older one. Answers
 * do not wait for it: they evaluate where a set is not right yet. Ends when nothing is to do; a change begins it anew.
 */
export async function flagSets({ appId, pass: earlier }: FlagSetsInput): Promise<void> {
  let changed = true;
  let signals = 0;
  let running: Running | undefined;
  let shown: FlagPass | undefined = earlier;
  const now = () => new Date().toISOString();
  const isFull = () => workflowInfo().continueAsNewSuggested || signals >= SIGNALS_A_RUN;

  setHandler(
    changedSignal,
    () => {
      changed = true;
      signals += 1;
    },
    { description: 'flags or segments have changed' },
  );
  setHandler(progressQuery, () => shown ?? null, { description: 'how far the pass is' });

  /** Two ranges at once; false: a newer version was met. */
  async function computeRanges(pass: Reached, ranges: readonly Range[]): Promise<boolean> {
    const { version } = pass;
    const waiting = [...ranges];
    let isCurrent = true;
    const lane = async (): Promise<void> => {
      for (let range = waiting.shift(); range !== undefined && isCurrent; range = waiting.shift()) {
        const { profiles, rewritten, superseded } = await computeFlagRange({ appId, version, ...range, now: now() });
        pass.profiles += profiles;
        pass.rewritten += rewritten;
        if (superseded) isCurrent = false;
        else show(pass, 'under way');
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    return isCurrent;
  }

  async function carryOut(pass: Reached): Promise<Outcome> {
    const { version } = pass;
    if (!(await beginFlagPass({ appId, version, now: now() }))) return 'superseded';
    for (let isLast = false; !isLast;) {
      if (isFull()) return 'full';
      const ends = await planFlagRanges({ appId, ...pass, size: RANGE_PROFILES, many: RANGES_PLANNED });
      isLast = ends.length < RANGES_PLANNED;
      if (!(await computeRanges(pass, rangesOf(pass.after, ends, isLast)))) return 'superseded';
      pass.after = ends.at(-1) ?? pass.after;
    }
    await endFlagPass({ appId, version, profiles: pass.profiles, rewritten: pass.rewritten, now: now() });
    show(pass, 'done');
    return 'ended';
  }

  function begin(pass: Reached): Running {
    const scope = new CancellationScope();
    const begun: Running = { pass, scope, settled: Promise.resolve() };
    begun.settled = scope
      .run(() => carryOut(pass))
      .then(
        (outcome) => {
          begun.outcome = outcome;
        },
        (failure: unknown) => {
          begun.failure = failure instanceof Error ? failure : new Error(String(failure));
        },
      );
    return begun;
  }

  for (;;) {
    if (changed) {
      await sleep(DEBOUNCE_MS, { summary: 'wait for more changes' });
      changed = false;
      const state = await readFlagState({ appId });
      if (state !== null && state.version > state.computed && state.version !== running?.pass.version) {
        const { app, version } = state;
        if (running !== undefined) {
          running.scope.cancel();
          await running.settled;
        }
        upsertSearchAttributes([
          { key: SEARCH_ATTRIBUTES.apps, value: [app] },
          { key: SEARCH_ATTRIBUTES.version, value: version },
        ]);
        const pass = earlier?.version === version ? earlier : { version, after: null, profiles: 0, rewritten: 0 };
        running = begin({ ...pass });
        shown = running.pass;
      }
      continue;
    }
    if (running === undefined) return;
    const current: Running = running;
    const isSettled = () => current.outcome !== undefined || current.failure !== undefined;
    await condition(() => changed || isSettled());
    if (!isSettled()) continue;
    running = undefined;
    if (current.failure !== undefined && !isCancellation(current.failure)) throw current.failure;
    if (current.outcome === 'full') await continueAsNew<typeof flagSets>({ appId, pass: current.pass });
    if (current.outcome === 'superseded') changed = true;
  }
}

interface Range {
  readonly after: string | null;
  readonly upTo: string | null;
}

function rangesOf(after: string | null, ends: readonly string[], isLast: boolean): readonly Range[] {
  const starts = [after, ...ends];
  const ranges = ends.map((upTo, index): Range => ({ after: starts[index] ?? null, upTo }));
  return isLast ? [...ranges, { after: starts.at(-1) ?? null, upTo: null }] : ranges;
}

/** Markdown, for the Temporal UI. */
function show({ version, profiles, rewritten }: FlagPass, how: string): void {
  const [looked, wrote] = [profiles, rewritten].map((n) => n.toLocaleString('en'));
  setCurrentDetails(`Version **${String(version)}** ${how}: ${looked ?? ''} profiles, ${wrote ?? ''} sets rewritten`);
}
