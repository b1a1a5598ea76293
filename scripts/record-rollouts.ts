import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { FlagRolloutActivities } from '../activities/flag-rollouts.js';
import { DEFAULT_GUARD } from '../domain/guard.js';
import type { RolloutVerb } from '../domain/rollout.js';
import type { RolloutLook, RolloutView } from '../domain/rollout-view.js';
import { FLAG_ROLLOUT_SWEEP_ID, flagRolloutSweep } from '../workflows/flag-rollout-sweep.js';
import { flagRollout, flagRolloutRun, openUpdate, rolloutSignal, rolloutUpdate } from '../workflows/flag-rollout.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';

interface Recording {
  readonly client: Client;
  /** Writes down the run whose workflow id `run` gives. */
  readonly record: (
    name: string,
    activities: Partial<FlagRolloutActivities>,
    run: (taskQueue: string) => Promise<string>,
  ) => Promise<void>;
}

const HOLD_MS = 1_500;

/** A rollout that is opened, held, paused, resumed, looked at in vain, raised and reverted: for `record-histories.ts`. */
export async function recordRollouts({ client, record }: Recording): Promise<void> {
  await record('flag-rollout-sweep', { wakeRollouts: async () => 2 }, async (taskQueue) => {
    const workflowId = FLAG_ROLLOUT_SWEEP_ID;
    const typedSearchAttributes = [{ key: SEARCH_ATTRIBUTES.kind, value: workflowId }];
    await client.workflow.execute(flagRolloutSweep, { taskQueue, workflowId, typedSearchAttributes });
    return workflowId;
  });

  const rolloutId = 'd'.repeat(24);
  const actor = 'c'.repeat(24);
  const plan = { steps: [5, 25].map((percent) => ({ percent, holdMinutes: 1, holdSeconds: 1 })), guard: DEFAULT_GUARD };
  let looks = 0;
  let view: RolloutView = {
    rolloutId,
    appId: 'b'.repeat(24),
    app: 'shop',
    flagKey: 'checkout',
    ruleId: 'all',
    state: 'scheduled',
    rev: 1,
    plan,
    percentageBefore: 0,
    percentage: 0,
    startAtMs: null,
    step: -1,
    untilMs: null,
    windows: [],
    look: null,
    lookCount: 0,
    decision: null,
    createdBy: actor,
    createdAtMs: Date.now(),
    endedAtMs: null,
  };
  const change = (more: Partial<RolloutView>): RolloutView => (view = { ...view, ...more, rev: view.rev + 1 });
  const lookOf = (now: string, more: Partial<RolloutLook> = {}): RolloutLook => {
    const { windows, percentage: percent } = view;
    const seen = { metrics: [], harm: null, hold: null, detail: null };
    return { atMs: Date.parse(now), window: windows.length - 1, percent, ...seen, ...more };
  };
  const messageOf = (verb: RolloutVerb) => ({ actor, requestId: verb.name, verb });

  await record(
    'flag-rollout',
    {
      viewRollout: async () => view,
      openRollout: async () => ({ outcome: { outcome: 'done', changed: true, rollout: view }, view }),
      applyRolloutVerb: async ({ now, message: { verb } }) => {
        if (verb.name === 'pause') change({ state: 'paused', untilMs: null });
        else change({ state: 'running', untilMs: Date.parse(now) + HOLD_MS });
        return { outcome: { outcome: 'done', changed: true, rollout: view }, view };
      },
      stepRollout: async ({ now }) => {
        const step = view.step + 1;
        const percent = plan.steps[step]?.percent ?? 100;
        const sinceMs = Date.parse(now);
        const windows = [...view.windows, { step, percent, sinceMs }];
        return change({ state: 'running', step, percentage: percent, windows, untilMs: sinceMs + HOLD_MS });
      },
      lookAtRollout: async ({ now }) => {
        looks++;
        // Tried three times.
        if (looks >= 2 && looks <= 4) throw ApplicationFailure.retryable('cannot be counted');
        if (view.step > 0) return change({ state: 'reverted', percentage: 0, look: lookOf(now, { harm: 'errors' }) });
        return change({ look: lookOf(now, looks === 1 ? { hold: 'sample' } : {}) });
      },
      noteFailedLook: async ({ now, reason }) =>
        change({ state: 'holding', look: lookOf(now, { hold: 'failed', detail: reason }) }),
    },
    async (taskQueue) => {
      const run = { ...flagRolloutRun(rolloutId), taskQueue };
      const { appId, flagKey, ruleId } = view;
      await client.workflow.executeUpdateWithStart(openUpdate, {
        args: [{ actor, requestId: 'open', request: { appId, flagKey, ruleId, plan, startAtMs: null, note: null } }],
        startWorkflowOperation: new WithStartWorkflowOperation(flagRollout, {
          ...run,
          workflowIdConflictPolicy: 'USE_EXISTING',
        }),
      });
      const handle = client.workflow.getHandle<typeof flagRollout>(run.workflowId);
      while (view.state !== 'holding') await new Promise((resolve) => setTimeout(resolve, 50));
      await handle.executeUpdate(rolloutUpdate('pause'), { args: [messageOf({ name: 'pause' })] });
      await handle.signal(rolloutSignal('resume'), messageOf({ name: 'resume' }));
      await handle.result();
      return run.workflowId;
    },
  );
}
