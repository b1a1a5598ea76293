import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { FlagDriftActivities } from '../activities/flag-drift.js';
import type { FlagSetActivities } from '../activities/flag-sets.js';
import { FLAG_DRIFT_ID, flagDrift } from '../workflows/flag-drift.js';
import { FLAG_SET_SWEEP_ID, flagSetSweep } from '../workflows/flag-set-sweep.js';
import { flagSets, flagSetsChanged } from '../workflows/flag-sets.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';

interface Recording {
  readonly client: Client;
  /** Writes down the last run of the workflow whose id `run` gives. */
  readonly record: (
    name: string,
    activities: Partial<FlagSetActivities & FlagDriftActivities>,
    run: (taskQueue: string) => Promise<string>,
  ) => Promise<void>;
}

/** What keeps flag sets true, along its ways: for `record-histories.ts`. */
export async function recordFlagSets({ client, record }: Recording): Promise<void> {
  const change = (appId: string, taskQueue: string) =>
    client.workflow.signalWithStart(flagSets, { ...flagSetsChanged(appId, 'shop'), taskQueue });

  /** Its pass has three windows; some ranges of it may take their time. */
  function app(holdUntil: () => boolean) {
    const state = { version: 1, computed: 0, ranges: 0 };
    const activities: Partial<FlagSetActivities> = {
      readFlagState: async () => ({ app: 'shop', version: state.version, computed: state.computed }),
      beginFlagPass: async ({ version }) => version === state.version,
      planFlagRanges: async ({ after, many }) => {
        const from = Number(after ?? 0);
        return Array.from({ length: Math.min(many, 44 - from) }, (_, n) => String(from + n + 1));
      },
      computeFlagRange: async ({ version }) => {
        state.ranges += 1;
        while (!holdUntil()) await sleep(50);
        return { profiles: 5_000, rewritten: 120, superseded: version < state.version };
      },
      endFlagPass: async ({ version }) => {
        state.computed = version;
      },
    };
    return { state, activities };
  }

  const whole = app(() => true);
  await record('flag-sets.whole', whole.activities, async (taskQueue) => {
    const handle = await change('a'.repeat(24), taskQueue);
    await handle.result();
    return handle.workflowId;
  });

  const older = app(() => older.state.version > 1);
  await record('flag-sets.superseded', older.activities, async (taskQueue) => {
    const handle = await change('b'.repeat(24), taskQueue);
    while (older.state.ranges === 0) await sleep(50);
    await change('b'.repeat(24), taskQueue);
    await sleep(1_000);
    older.state.version = 2;
    await change('b'.repeat(24), taskQueue);
    await handle.result();
    return handle.workflowId;
  });

  const signalled = { enough: false };
  const full = app(() => signalled.enough);
  await record('flag-sets.continued', full.activities, async (taskQueue) => {
    const handle = await change('c'.repeat(24), taskQueue);
    while (full.state.ranges === 0) await sleep(50);
    for (let n = 0; n < 510; n++) await change('c'.repeat(24), taskQueue);
    signalled.enough = true;
    await handle.result();
    return handle.workflowId;
  });

  await record('flag-set-sweep', { wakeFlagSetsBehind: async () => 3 }, async (taskQueue) => {
    const typedSearchAttributes = [{ key: SEARCH_ATTRIBUTES.kind, value: FLAG_SET_SWEEP_ID }];
    await client.workflow.execute(flagSetSweep, { taskQueue, workflowId: FLAG_SET_SWEEP_ID, typedSearchAttributes });
    return FLAG_SET_SWEEP_ID;
  });

  await record(
    'flag-drift',
    { checkFlagDrift: async () => ({ apps: 2, looked: 900, repaired: 1 }) },
    async (taskQueue) => {
      const typedSearchAttributes = [{ key: SEARCH_ATTRIBUTES.kind, value: FLAG_DRIFT_ID }];
      await client.workflow.execute(flagDrift, { taskQueue, workflowId: FLAG_DRIFT_ID, typedSearchAttributes });
      return FLAG_DRIFT_ID;
    },
  );
}
