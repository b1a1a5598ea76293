import { asyncLocalStorage as contexts, type Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory } from '@temporalio/worker';
import type { StoreFlushesInput, StoreFlushesResult } from '../activities/batches.js';
import type { activityNotes, RunningActivity } from './activity-notes.js';
import { suspectKeys } from './past-deaths.js';

type Execute = NonNullable<ActivityInboundCallsInterceptor['execute']>;

interface Deps {
  /** Undefined where there is no file for them. */
  readonly notes: Pick<ReturnType<typeof activityNotes>, 'begin'> | undefined;
  /** What must not run for now, each until when. */
  readonly refused: ReadonlyMap<string, number>;
  readonly now?: () => number;
}

interface Watched {
  readonly activity: RunningActivity;
  readonly noted: { readonly accuse: () => void; readonly end: () => void } | undefined;
}

/**
 * Knows which activities run, for whoever asks after a death, and keeps those away of which this worker has died again
 * and again: another worker may try them, and what else there is to do goes on here.
 */
export function activityWatch({ notes, refused, now = Date.now }: Deps) {
  // By Temporal's own contexts: each storage of ours beside theirs would cost every promise of the process.
  const running = new Map<Context, Watched>();

  const isRefused = (key: string): boolean => (refused.get(key) ?? 0) > now();

  async function run(context: Context, activity: RunningActivity, work: () => Promise<unknown>): Promise<unknown> {
    const noted = notes?.begin(activity);
    running.set(context, { activity, noted });
    try {
      return await work();
    } finally {
      running.delete(context);
      noted?.end();
    }
  }

  /** Of several flushes the suspect ones are left, as if there had been no time: each then goes by itself. */
  async function runOthers(
    context: Context,
    activity: RunningActivity,
    ...[input, next]: Parameters<Execute>
  ): Promise<unknown> {
    const { flushIds } = input.args[0] as StoreFlushesInput;
    const good = flushIds.filter((id) => !isRefused(`${activity.type} ${id}`));
    const left = flushIds
      .filter((id) => !good.includes(id))
      .map((flushId) => ({ flushId, reason: 'the worker has died while it stored this and others' }));
    if (good.length === 0) return { results: [], left } satisfies StoreFlushesResult;
    const args = [{ flushIds: good } satisfies StoreFlushesInput];
    const result = (await run(context, { ...activity, flushIds: good }, () =>
      next({ ...input, args }),
    )) as StoreFlushesResult;
    return { ...result, left: [...result.left, ...left] };
  }

  const interceptor: ActivityInterceptorsFactory = (context) => ({
    inbound: {
      async execute(input, next) {
        const { activityType: type, workflowExecution } = context.info;
        const workflowId = workflowExecution?.workflowId ?? '';
        const flushIds = flushesIn(input.args[0]);
        const activity = { type, workflowId, ...(flushIds && { flushIds }) };
        if (type === 'storeFlushes' && suspectKeys(activity).some(isRefused))
          return runOthers(context, activity, input, next);
        const suspect = suspectKeys(activity).find(isRefused);
        if (suspect !== undefined) throw refusal(suspect, refused.get(suspect) ?? 0);
        return run(context, activity, () => next(input));
      },
    },
  });

  return {
    interceptor,

    /** For the last words of the process: what was thrown in which activity, and what else ran. */
    doing() {
      const context = contexts.getStore();
      const culprit = context && running.get(context);
      culprit?.noted?.accuse();
      return { activity: culprit?.activity, running: [...running.values()].map(({ activity }) => activity) };
    },
  };
}

/** Of an activity's input. */
function flushesIn(input: unknown): readonly string[] | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  const { flushId, flushIds } = input as { readonly flushId?: unknown; readonly flushIds?: unknown };
  const ids: unknown[] = Array.isArray(flushIds) ? flushIds : [flushId];
  return ids.every((id) => typeof id === 'string') ? ids : undefined;
}

const refusal = (suspect: string, until: number): ApplicationFailure =>
  ApplicationFailure.create({
    message: `${suspect} was running whenever this worker died lately: not tried again before ${new Date(until).toISOString()}`,
    type: 'ACTIVITY_REFUSED',
  });
