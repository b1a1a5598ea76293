import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
  type ScheduleSpec,
} from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { TASK_QUEUE } from '../domain/task-queue.js';
import { ERROR_AUTO_RESOLVE_ID, errorAutoResolve } from '../workflows/error-auto-resolve.js';
import { ERROR_WATCH_ID, errorWatch } from '../workflows/error-watch.js';
import { FLAG_STALE_ID, flagStale } from '../workflows/flag-stale.js';
import { FLAG_DRIFT_ID, flagDrift } from '../workflows/flag-drift.js';
import { FLAG_ROLLOUT_SWEEP_ID, flagRolloutSweep } from '../workflows/flag-rollout-sweep.js';
import { FLAG_SET_SWEEP_ID, flagSetSweep } from '../workflows/flag-set-sweep.js';
import { retention, RETENTION_ID } from '../workflows/retention.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';
import { SPOOL_SWEEP_ID, spoolSweep } from '../workflows/spool-sweep.js';

/** A workflow that starts by the clock, with an empty input. */
export interface Schedule {
  /** Of the schedule; its runs are called the same with their time after it. */
  readonly id: string;
  readonly workflow: Workflow;
  readonly spec: ScheduleSpec;
  /** One line for the Temporal UI. */
  readonly summary: string;
  /** Where another worker than the product's runs it. */
  readonly taskQueue?: string;
}

export const SCHEDULES: readonly Schedule[] = [
  {
    id: RETENTION_ID,
    workflow: retention,
    spec: { calendars: [{ hour: 3, minute: 0 }], timezone: 'UTC', jitter: '10 minutes' },
    summary: 'Deletes what apps no longer want to keep',
  },
  {
    id: ERROR_AUTO_RESOLVE_ID,
    workflow: errorAutoResolve,
    spec: { intervals: [{ every: '1 hour' }], jitter: '5 minutes' },
    summary: 'Resolves groups that are quiet, where apps want it',
  },
  {
    id: SPOOL_SWEEP_ID,
    workflow: spoolSweep,
    spec: { intervals: [{ every: '1 minute' }] },
    summary: 'Finds acknowledged flushes that nobody has stored',
  },
  {
    id: ERROR_WATCH_ID,
    workflow: errorWatch,
    spec: { intervals: [{ every: '1 minute' }] },
    summary: 'Judges error groups by alert rules, and finds alerts that nobody was told of',
  },
  {
    id: FLAG_STALE_ID,
    workflow: flagStale,
    spec: { calendars: [{ hour: 7, minute: 0 }], timezone: 'UTC', jitter: '10 minutes' },
    summary: 'Reminds of flags that nobody needs any more',
  },
  {
    id: FLAG_SET_SWEEP_ID,
    workflow: flagSetSweep,
    spec: { intervals: [{ every: '1 minute' }] },
    summary: 'Finds apps whose flag sets are behind and that nobody is working on',
  },
  {
    id: FLAG_ROLLOUT_SWEEP_ID,
    workflow: flagRolloutSweep,
    spec: { intervals: [{ every: '5 minutes' }] },
    summary: 'Starts what carries a rollout on, where it is gone',
  },
  {
    id: FLAG_DRIFT_ID,
    workflow: flagDrift,
    spec: { calendars: [{ hour: 4, minute: 0 }], timezone: 'UTC', jitter: '10 minutes' },
    summary: 'Evaluates some stored flag sets anew: none should differ',
  },
];

/**
 * Makes the schedules what this code says, at every start of a worker: created where missing, else brought up to
 * date. Whether one is paused, and why, is left as it is: that is ops' decision.
 */
export async function ensureSchedules(client: Client, schedules: readonly Schedule[]): Promise<void> {
  for (const schedule of schedules) {
    const options = optionsOf(schedule);
    try {
      await client.schedule.create(options);
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const { spec, action, policies } = options;
      await client.schedule
        .getHandle(schedule.id)
        .update(({ state }) => ({ spec, action, ...(policies === undefined ? {} : { policies }), state }));
    }
  }
}

function optionsOf({
  id,
  workflow,
  spec,
  summary,
  taskQueue = TASK_QUEUE,
}: Schedule): ScheduleOptions<ScheduleOptionsStartWorkflowAction<Workflow>> {
  return {
    scheduleId: id,
    spec,
    action: {
      type: 'startWorkflow',
      workflowType: workflow,
      workflowId: id,
      taskQueue,
      args: [{}],
      staticSummary: summary,
      typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.kind, value: id }],
    },
    policies: {
      // Two sweeps at once would only do the same work twice.
      overlap: ScheduleOverlapPolicy.SKIP,
      // After an outage the last hour's run is made up for; sweeps do not care for older ones.
      catchupWindow: '1 hour',
    },
  };
}
