import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { ObjectId } from 'mongodb';
import { flagRolloutActivities } from '../../activities/flag-rollouts.js';
import type { RolloutRequest, RolloutState, RolloutVerb } from '../../domain/rollout.js';
import type { RolloutView } from '../../domain/rollout-view.js';
import {
  flagRollout,
  flagRolloutId,
  flagRolloutRun,
  openUpdate,
  rolloutSignal,
  rolloutUpdate,
} from '../../workflows/flag-rollout.js';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.js';
import { newRule } from '../helper/flags.js';
import { PLAN, type RolloutLife, rolloutLife } from '../helper/rollout-life.js';
import { timeSkippingTemporal, withoutTimeSkipping } from '../helper/time-skipping.js';
import { testBundle, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

const MINUTE = 60_000;
/** Of each step. Short, since there is a look each minute, which takes its time whatever the clock says. */
const HOLD = 10 * MINUTE;
const STEPS = { ...PLAN, steps: PLAN.steps.map((step) => ({ ...step, holdMinutes: 10 })) };
const BY_CLOCK = { ...STEPS, guard: null };

describe('the workflow of a rollout', { skip: withoutTimeSkipping }, () => {
  const taskQueue = unique('flag-rollout');
  let life: RolloutLife;
  let temporal: TestWorkflowEnvironment;
  let stopWorker: (() => Promise<void>) | undefined;
  const opened: string[] = [];
  before(async () => {
    // First: where there is none, nothing else has been opened.
    temporal = await timeSkippingTemporal();
    life = await rolloutLife('flag-rollout-workflow');
    const worker = await Worker.create({
      connection: temporal.nativeConnection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: flagRolloutActivities(life),
    });
    const running = worker.run();
    stopWorker = async () => {
      worker.shutdown();
      await running;
    };
  });
  after(async () => {
    if (stopWorker === undefined) return;
    await stopWorker();
    await temporal.teardown();
    await life.close();
  });

  // What goes on in the background slows each jump in time down. Not terminated: that can leave the test server's time
  // locked.
  afterEach(async () => {
    for (const rolloutId of opened.splice(0)) {
      const stored = await life.rollouts.findOne({ _id: new ObjectId(rolloutId) });
      if (stored?.active === true) await act(rolloutId, { name: 'abort', rule: 'leave' });
      await temporal.client.workflow.getHandle(flagRolloutId(rolloutId)).result();
    }
  });

  const startOf = (rolloutId: string) =>
    new WithStartWorkflowOperation(flagRollout, {
      ...flagRolloutRun(rolloutId),
      taskQueue,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  async function ask(flagKey: string, more: Partial<RolloutRequest> = {}) {
    const rolloutId = new ObjectId().toHexString();
    opened.push(rolloutId);
    const args: [ReturnType<RolloutLife['messageOf']>] = [
      life.messageOf(life.requestOf(flagKey, { plan: STEPS, ...more })),
    ];
    const startWorkflowOperation = startOf(rolloutId);
    return temporal.client.workflow.executeUpdateWithStart(openUpdate, { args, startWorkflowOperation });
  }
  async function open(more: Partial<RolloutRequest> = {}, rule = {}): Promise<RolloutView> {
    const outcome = await ask(await life.newFlag(rule), more);
    assert.equal(outcome.outcome, 'done', JSON.stringify(outcome));
    return outcome.rollout;
  }
  const messageOf = (verb: RolloutVerb) => ({ actor: life.actor.toHexString(), requestId: randomUUID(), verb });
  const act = (rolloutId: string, verb: RolloutVerb) =>
    temporal.client.workflow.executeUpdateWithStart(rolloutUpdate(verb.name), {
      args: [messageOf(verb)],
      startWorkflowOperation: startOf(rolloutId),
    });
  const find = ({ rolloutId }: RolloutView) => life.find(new ObjectId(rolloutId));
  const now = async () => new Date(await temporal.currentTimeMs());
  async function reaches(view: RolloutView, state: RolloutState, percent?: number): Promise<void> {
    let last: Pick<RolloutView, 'state' | 'percentage'> = view;
    await until(
      () => `${state}; it is ${last.state} at ${String(last.percentage)}`,
      async () => {
        last = await find(view);
        return last.state === state && (percent === undefined || last.percentage === percent);
      },
    );
  }
  /** Enough of them, with the same share on both sides unless told otherwise. */
  const come = async (view: RolloutView, exposed = 1) => {
    const percent = (await find(view)).percentage;
    await life.people(view, (bucket) => ({ profiles: 40, hit: bucket <= percent ? exposed : 1 }), await now());
  };

  it('begins at its time and takes its steps, by the clock alone where there is no guard', async () => {
    const start = await temporal.currentTimeMs();
    const view = await open({ startAtMs: start + 3 * HOLD, plan: BY_CLOCK });
    await temporal.sleep(3 * HOLD - 2 * MINUTE);
    assert.deepEqual([(await find(view)).state, await life.percentageOf(view.flagKey)], ['scheduled', 0]);
    for (const percent of [1, 5, 25, 100]) {
      await temporal.sleep(percent === 1 ? 3 * MINUTE : HOLD);
      await reaches(view, 'running', percent);
    }
    await temporal.sleep(HOLD);
    await reaches(view, 'done', 100);
    const { windows } = await find(view);
    const holds = windows.map(({ since }) => (since.getTime() - start) / HOLD);
    holds.forEach((hold, index) =>
      assert.ok(Math.abs(hold - 3 - index) < 0.1, `step ${String(index)} at ${String(hold)}`),
    );
    const handle = temporal.client.workflow.getHandle(flagRolloutId(view.rolloutId));
    assert.equal(await handle.result(), 'done');
    assert.ok(life.told.includes('shop'), 'who keeps the sets is told');
  });

  it('takes a step back by itself, within a minute or two, when it does harm', async () => {
    const view = await open();
    for (const percent of [1, 5, 25]) {
      await reaches(view, 'running', percent);
      await come(view);
      if (percent < 25) await temporal.sleep(HOLD);
    }
    await temporal.sleep(5 * MINUTE);
    assert.equal((await find(view)).percentage, 25, 'nothing is wrong yet');
    await come(view, 30);
    await temporal.sleep(2 * MINUTE);
    await reaches(view, 'reverted', 0);
    assert.equal(await life.percentageOf(view.flagKey), 0);
    const alert = await life.alerts.findOne({ flagKey: view.flagKey, cause: 'rollout_reverted' });
    assert.match(String(alert?.facts['why']), /errors: 75.00 % \(750 of 1000\) of the exposed .* at 25 %; back to 0 %/);
    const handle = temporal.client.workflow.getHandle(flagRolloutId(view.rolloutId));
    assert.equal(await handle.result(), 'reverted');
  });

  it('holds where nobody comes, and goes on once enough have', async () => {
    const view = await open();
    await reaches(view, 'running', 1);
    await temporal.sleep(2 * HOLD);
    await reaches(view, 'holding', 1);
    assert.equal((await find(view)).looks.at(-1)?.hold, 'sample');
    await come(view);
    await temporal.sleep(2 * MINUTE);
    await reaches(view, 'running', 5);
  });

  it('stops where it is while it is paused, and goes on with the time that was left', async () => {
    const view = await open({ plan: BY_CLOCK });
    await reaches(view, 'running', 1);
    await temporal.sleep(HOLD / 2);
    await act(view.rolloutId, { name: 'pause' });
    await temporal.sleep(3 * HOLD);
    assert.deepEqual([(await find(view)).state, (await find(view)).percentage], ['paused', 1]);
    await act(view.rolloutId, { name: 'resume' });
    await temporal.sleep(HOLD / 2 - 2 * MINUTE);
    assert.equal((await find(view)).percentage, 1);
    await temporal.sleep(4 * MINUTE);
    await reaches(view, 'running', 5);
  });

  it('asks within a minute or two when somebody edits its rule, and goes on from there', async () => {
    const view = await open({ plan: BY_CLOCK });
    await reaches(view, 'running', 1);
    await life.edit(view.flagKey, { rules: [newRule('all', { rolloutPercentage: 30 })] });
    await temporal.sleep(3 * MINUTE);
    await reaches(view, 'asking', 1);
    await temporal.sleep(3 * HOLD);
    assert.equal(await life.percentageOf(view.flagKey), 30);
    await act(view.rolloutId, { name: 'resume' });
    await temporal.sleep(HOLD + MINUTE);
    await reaches(view, 'running', 100);
  });

  it('ends within a minute or two of the kill switch', async () => {
    const view = await open({ plan: BY_CLOCK });
    await reaches(view, 'running', 1);
    await life.kill(view.flagKey);
    await temporal.sleep(3 * MINUTE);
    await reaches(view, 'killed', 1);
  });

  it('takes verbs as signals too, and refuses what has no shape', async () => {
    const view = await open({ startAtMs: (await temporal.currentTimeMs()) + HOLD, plan: BY_CLOCK });
    const handle = temporal.client.workflow.getHandle(flagRolloutId(view.rolloutId));
    await handle.signal(rolloutSignal('skip'), { ...messageOf({ name: 'skip' }), actor: 'nobody' });
    await handle.signal(rolloutSignal('skip'), { ...messageOf({ name: 'skip' }), actor: 'a'.repeat(24) });
    await handle.signal(rolloutSignal('skip'), messageOf({ name: 'pause' }));
    const shapeless = handle.executeUpdate(rolloutUpdate('skip'), { args: [{} as never] });
    await assert.rejects(shapeless, WorkflowUpdateFailedError);
    assert.equal((await find(view)).state, 'scheduled');
    await handle.signal(rolloutSignal('skip'), messageOf({ name: 'skip' }));
    await reaches(view, 'running', 1);
    await act(view.rolloutId, { name: 'abort', rule: 'back' });
    assert.equal(await handle.result(), 'aborted');
    const after = await act(view.rolloutId, { name: 'resume' });
    assert.equal(after.outcome === 'refused' && after.code, 'TRANSITION_REFUSED', 'also when its workflow has ended');
  });

  it('continues as new after many messages, with nothing to hand over', async () => {
    const view = await open({ plan: BY_CLOCK });
    await reaches(view, 'running', 1);
    const handle = temporal.client.workflow.getHandle(flagRolloutId(view.rolloutId));
    const { runId } = await handle.describe();
    for (let count = 0; count < 500; count += 50)
      await Promise.all(Array.from({ length: 50 }, () => handle.signal(rolloutSignal('pause'), {} as never)));
    await temporal.sleep(HOLD + MINUTE);
    await reaches(view, 'running', 5);
    assert.notEqual((await handle.describe()).runId, runId);
    await act(view.rolloutId, { name: 'abort', rule: 'back' });
    await reaches(view, 'aborted', 0);
  });

  it('is refused for a rule that has one, and leaves nothing behind', async () => {
    const view = await open({ plan: BY_CLOCK });
    await reaches(view, 'running', 1);
    const plan = { ...PLAN, steps: [{ percent: 50, holdMinutes: 60 }] };
    const second = await ask(view.flagKey, { plan });
    assert.equal(second.outcome === 'refused' && second.code, 'CONFLICT');
    await act(view.rolloutId, { name: 'abort', rule: 'back' });
    assert.equal((await ask(view.flagKey, { plan })).outcome, 'done');
  });

  it('shows that a guard cannot be evaluated, and goes no further; another one does not notice', async () => {
    const [bad, good] = [await open(), await open()];
    await reaches(bad, 'running', 1);
    await reaches(good, 'running', 1);
    await life.rollouts.updateOne(
      { _id: new ObjectId(bad.rolloutId) },
      { $set: { 'plan.guard.metrics': 'errors' } },
      { bypassDocumentValidation: true },
    );
    await come(good);
    await temporal.sleep(HOLD + 3 * MINUTE);
    await reaches(good, 'running', 5);
    await reaches(bad, 'holding', 1);
    const look = (await find(bad)).looks.at(-1);
    assert.equal(look?.hold, 'failed');
    assert.ok((look.detail ?? '').length > 0, 'with the reason');
    await act(bad.rolloutId, { name: 'abort', rule: 'back' });
    assert.equal(await life.percentageOf(bad.flagKey), 0);
  });

  it('is listed for ops by app, state and time', async () => {
    const view = await open({ plan: BY_CLOCK });
    await reaches(view, 'running', 1);
    const handle = temporal.client.workflow.getHandle(flagRolloutId(view.rolloutId));
    const found = await until('it is listed as running', async () => {
      const { typedSearchAttributes: listed } = await handle.describe();
      return listed.get(SEARCH_ATTRIBUTES.status) === 'running' && listed;
    });
    assert.deepEqual(found.get(SEARCH_ATTRIBUTES.apps), ['shop']);
    assert.equal(found.get(SEARCH_ATTRIBUTES.kind), 'flag-rollout');
    assert.equal(found.get(SEARCH_ATTRIBUTES.actor), life.actor.toHexString());
    assert.ok(found.get(SEARCH_ATTRIBUTES.dueAt) instanceof Date);
  });
});
