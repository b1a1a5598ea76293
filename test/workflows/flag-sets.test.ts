import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { heartbeat } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import type { FlagDrift, FlagDriftActivities } from '../../activities/flag-drift.js';
import type { FlagSetActivities, PlanInput, RangeInput, RangeResult } from '../../activities/flag-sets.js';
import { flagDrift } from '../../workflows/flag-drift.js';
import { flagSetSweep } from '../../workflows/flag-set-sweep.js';
import { flagSets, flagSetsChanged, progressQuery } from '../../workflows/flag-sets.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

type Fakes = Omit<FlagSetActivities, 'wakeFlagSetsBehind'>;

describe('the workflow of flag sets', () => {
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    temporal = await testTemporal();
  });
  after(() => temporal.close());

  /** The workflow of an app whose definitions are at a version, and that has so many ranges. */
  async function app({ ranges = 1, compute }: { ranges?: number; compute?: Fakes['computeFlagRange'] } = {}) {
    const taskQueue = unique('flag-sets');
    const state = { version: 1, computed: 0, looks: 0 };
    const log = {
      begun: [] as number[],
      planned: [] as PlanInput[],
      ranges: [] as RangeInput[],
      ended: [] as object[],
    };
    const done: RangeResult = { profiles: 5_000, rewritten: 100, superseded: false };
    const activities: Fakes = {
      readFlagState() {
        state.looks += 1;
        return Promise.resolve({ app: 'shop', version: state.version, computed: state.computed });
      },
      beginFlagPass({ version }) {
        log.begun.push(version);
        return Promise.resolve(version === state.version);
      },
      planFlagRanges(input) {
        log.planned.push(input);
        const from = input.after === null ? 0 : Number(input.after);
        const left = Math.min(input.many, ranges - 1 - from);
        return Promise.resolve(Array.from({ length: left }, (_, n) => String(from + n + 1)));
      },
      async computeFlagRange(input) {
        log.ranges.push(input);
        return compute?.(input) ?? done;
      },
      endFlagPass({ version, profiles, rewritten }) {
        log.ended.push({ version, profiles, rewritten });
        state.computed = Math.max(state.computed, version);
        return Promise.resolve();
      },
    };
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: { ...activities },
    });
    const change = () =>
      temporal.client.workflow.signalWithStart(flagSets, {
        ...flagSetsChanged(taskQueue, 'shop'),
        workflowId: taskQueue,
        taskQueue,
      });
    return { state, log, worker, change, workflowId: taskQueue };
  }

  it('makes one pass of a burst of changes, and ends', async () => {
    const { state, log, worker, change, workflowId } = await app({ ranges: 3 });
    // Before the worker runs, so that how long it takes to tell of them makes no bursts of one.
    const handle = await change();
    for (let n = 0; n < 5; n++) {
      state.version += 1;
      await change();
    }
    await worker.runUntil(async () => {
      await handle.result();
      assert.deepEqual(await handle.query(progressQuery), { version: 6, after: '2', profiles: 15_000, rewritten: 300 });
    });
    assert.deepEqual(log.begun, [6]);
    assert.deepEqual(log.ended, [{ version: 6, profiles: 15_000, rewritten: 300 }]);
    const where = log.ranges.map(
      ({ after: from, upTo, version }) => `${String(version)}: ${String(from)} to ${String(upTo)}`,
    );
    assert.deepEqual(where.sort(), ['6: 1 to 2', '6: 2 to null', '6: null to 1']);
    for (const { now } of log.ranges) assert.ok(Math.abs(Date.parse(now) - Date.now()) < 60_000);
    const { typedSearchAttributes, status } = await temporal.client.workflow.getHandle(workflowId).describe();
    assert.equal(status.name, 'COMPLETED');
    const { kind, apps, version } = SEARCH_ATTRIBUTES;
    const shown = [
      typedSearchAttributes.get(kind),
      typedSearchAttributes.get(apps),
      typedSearchAttributes.get(version),
    ];
    assert.deepEqual(shown, ['flag-sets', ['shop'], 6]);
  });

  it('plans as many ranges as there are, a few at a time and two at once', async () => {
    let under = 0;
    let most = 0;
    const { log, worker, change } = await app({
      ranges: 47,
      async compute() {
        most = Math.max(most, ++under);
        await until('two at once', () => most >= 2);
        await new Promise((resolve) => setTimeout(resolve, 5));
        under -= 1;
        return { profiles: 10, rewritten: 1, superseded: false };
      },
    });
    await worker.runUntil(async () => (await change()).result());
    assert.deepEqual(
      log.planned.map(({ after: from, profiles }) => [from, profiles]),
      [
        [null, 0],
        ['20', 200],
        ['40', 400],
      ],
    );
    const ends = new Set(log.ranges.map(({ upTo }) => upTo));
    assert.deepEqual([log.ranges.length, ends.size, most], [47, 47, 2]);
    assert.deepEqual(log.ended, [{ version: 1, profiles: 470, rewritten: 47 }]);
  });

  it('lets a newer version win: the pass at the older one is cancelled', async () => {
    let begun = (): void => undefined;
    const first = new Promise<void>((resolve) => (begun = resolve));
    const cancelled: number[] = [];
    const { state, log, worker, change } = await app({
      ranges: 4,
      async compute({ version }) {
        if (version > 1) return { profiles: 1, rewritten: 1, superseded: false };
        begun();
        try {
          for (;;) {
            heartbeat();
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (state.version > 1 && log.begun.includes(2)) throw new CancelledFailure('as its next write would find');
          }
        } catch (error) {
          cancelled.push(version);
          throw error;
        }
      },
    });
    await worker.runUntil(async () => {
      const handle = await change();
      await first;
      // A signal without a change, as the sweep gives it, changes nothing.
      await change();
      await until('another look', () => state.looks >= 2);
      assert.deepEqual([log.begun, cancelled], [[1], []]);
      state.version = 2;
      await change();
      await handle.result();
    });
    assert.deepEqual(log.begun, [1, 2]);
    assert.deepEqual(log.ended, [{ version: 2, profiles: 4, rewritten: 4 }]);
  });

  it('looks again when an activity meets a newer version without a signal', async () => {
    const { state, log, worker, change } = await app({
      ranges: 2,
      compute({ version }) {
        state.version = 2;
        return Promise.resolve({ profiles: 1, rewritten: 0, superseded: version < 2 });
      },
    });
    await worker.runUntil(async () => (await change()).result());
    assert.deepEqual([log.begun, log.ended], [[1, 2], [{ version: 2, profiles: 2, rewritten: 0 }]]);
  });

  it('ends at once where nothing is to be done', async () => {
    const { state, log, worker, change } = await app();
    state.computed = 1;
    await worker.runUntil(async () => (await change()).result());
    assert.deepEqual([log.begun, log.ranges], [[], []]);
  });

  it('tries a range again that failed, and fails where it cannot be done, to be begun anew', async () => {
    let failures = 0;
    const { log, worker, change } = await app({
      compute() {
        failures += 1;
        if (failures === 1) throw new Error('no MongoDB');
        if (failures === 2) throw ApplicationFailure.nonRetryable('never');
        return Promise.resolve({ profiles: 1, rewritten: 1, superseded: false });
      },
    });
    await worker.runUntil(async () => {
      await assert.rejects((await change()).result());
      assert.deepEqual(log.ended, []);
      await (await change()).result();
    });
    assert.deepEqual([failures, log.ended], [3, [{ version: 1, profiles: 1, rewritten: 1 }]]);
  });

  it('continues as new after many signals, in the middle of a pass, and does nothing twice', async () => {
    let gate = (): void => undefined;
    const told = new Promise<void>((resolve) => (gate = resolve));
    const { log, worker, change, workflowId } = await app({
      ranges: 45,
      async compute() {
        await told;
        return { profiles: 10, rewritten: 2, superseded: false };
      },
    });
    await worker.runUntil(async () => {
      const handle = await change();
      await until('a range', () => log.ranges.length > 0);
      for (let n = 0; n < 510; n += 10) await Promise.all(Array.from({ length: 10 }, change));
      gate();
      await handle.result();
    });
    assert.deepEqual(log.begun, [1, 1], 'the fences are raised again, which does no harm');
    assert.deepEqual(
      log.planned.map(({ after: from, profiles }) => [from, profiles]),
      [
        [null, 0],
        ['20', 200],
        ['40', 400],
      ],
    );
    assert.deepEqual([log.ranges.length, new Set(log.ranges.map(({ upTo }) => upTo)).size], [45, 45]);
    assert.deepEqual(log.ended, [{ version: 1, profiles: 450, rewritten: 90 }]);
    const last = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
    assert.ok(last.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId);
  });

  it('is woken by the sweep, and looked after once a day', async () => {
    const taskQueue = unique('flag-sweeps');
    const drift: FlagDrift = { apps: 2, looked: 900, repaired: 0 };
    let asOf = '';
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: {
        wakeFlagSetsBehind: () => Promise.resolve(3),
        checkFlagDrift: ({ now }) => {
          asOf = now;
          return Promise.resolve(drift);
        },
      } satisfies Pick<FlagSetActivities, 'wakeFlagSetsBehind'> & FlagDriftActivities,
    });
    await worker.runUntil(async () => {
      const { workflow } = temporal.client;
      assert.equal(await workflow.execute(flagSetSweep, { taskQueue, workflowId: `${taskQueue}-sweep` }), 3);
      assert.deepEqual(await workflow.execute(flagDrift, { taskQueue, workflowId: `${taskQueue}-drift` }), drift);
    });
    assert.ok(Math.abs(Date.parse(asOf) - Date.now()) < 60_000);
  });
});
