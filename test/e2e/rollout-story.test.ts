import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { FlagRolloutDoc } from '../../db/flag-rollouts.js';
import { flagRolloutId } from '../../workflows/flag-rollout.js';
import { FLAG_ROLLOUT_SWEEP_ID } from '../../workflows/flag-rollout-sweep.js';
import { ownerOf } from '../helper/owner.js';
import { pick, pickText } from '../helper/pick.js';
import { receiver, type Receiver } from '../helper/receiver.js';
import { busyShop } from '../helper/rollout-story.js';
import { runningSystem, type System, type TestApp } from '../helper/system.js';

const PEOPLE = 1_500;

describe('a rollout of a checkout that breaks', () => {
  let system: System;
  let app: TestApp;
  let ask: Awaited<ReturnType<typeof ownerOf>>;
  let hook: Receiver;
  before(async () => {
    hook = await receiver();
    system = await runningSystem('rollout-story', { own: true, env: { WEBHOOK_ALLOW_PRIVATE: 'true' } });
    await Promise.all([system.api.start(), system.worker.start()]);
    app = await system.app('shop');
    ask = await ownerOf(system, 'shop');
  });
  after(async () => {
    await system.stop();
    await hook.close();
  });

  async function reaches(rolloutId: string, field: string, value: unknown): Promise<unknown> {
    for (let tries = 0; tries < 900; tries++) {
      const view = await ask('GET', `flag-rollouts/${rolloutId}`);
      if (pick(view, field) === value) return view;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const view = await ask('GET', `flag-rollouts/${rolloutId}`);
    assert.fail(`never ${field} ${String(value)}: ${JSON.stringify(view).slice(0, 2_000)}`);
  }

  it('goes from 1 to 5 to 25 %, over killed workers and a Temporal that is restarted, and takes itself back', async () => {
    const url = hook.url;
    await ask('POST', 'alert-channels', { kind: 'webhook', name: 'ops', url, causes: ['rollout_reverted'] });
    const conditions = [{ attribute: 'plan', operator: 'equals', values: ['pro'] }];
    await ask('POST', 'flags', {
      key: 'new-checkout',
      type: 'boolean',
      defaultValue: false,
      rules: [{ ruleId: 'pros', priority: 1, conditions, value: true, rolloutPercentage: 0, experimentId: null }],
    });
    const shop = await busyShop({ url: system.url, key: app.key, flagKey: 'new-checkout', people: PEOPLE });
    try {
      const created = await ask('POST', 'flag-rollouts', {
        flagKey: 'new-checkout',
        ruleId: 'pros',
        // At 25 % long enough for a busy machine to see the harm before the clock takes the next step.
        steps: [1, 5, 25, 100].map((percent) => ({
          percent,
          holdMinutes: 1,
          holdSeconds: percent === 25 ? 80 : 6,
        })),
        guard: { metrics: [{ kind: 'errors' }], alpha: 0.05, minProfiles: 10 },
        note: 'the new checkout',
      });
      const rolloutId = pickText(created, 'rollout', 'rolloutId');

      await reaches(rolloutId, 'percentage', 1);
      await system.worker.kill('SIGKILL');
      await system.worker.start();

      await reaches(rolloutId, 'percentage', 5);
      const { temporal } = system.engines();
      await temporal.stop();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await temporal.start();

      await reaches(rolloutId, 'percentage', 25);
      await shop.round();
      assert.ok(Math.abs(shop.share() - 0.25) < 0.06, `${String(shop.share())} of the people have it`);
      shop.breaks();

      const reverted = await reaches(rolloutId, 'state', 'reverted');
      assert.equal(pick(reverted, 'percentage'), 0);
      // A process hears of the change a moment later: in the first of two rounds at most.
      await shop.round();
      await shop.round();
      assert.equal(shop.share(), 0, 'nobody has it any more');
      assert.match(
        pickText(reverted, 'decision', 'why'),
        /^errors: .* of the exposed profiles .* at 25 %; back to 0 %$/,
      );
      const exposed = pick(reverted, 'decision', 'exposed') as { profiles: number; hit: number };
      const control = pick(reverted, 'decision', 'control') as { profiles: number; hit: number };
      assert.ok(exposed.hit / exposed.profiles > 2 * (control.hit / control.profiles), 'the numbers it decided on');

      await hook.until(1);
      const told: unknown = JSON.parse(hook.received[0]?.body ?? '{}');
      assert.equal(pick(told, 'type'), 'flag.rollout_reverted');
      assert.equal(pick(told, 'data', 'flag', 'key'), 'new-checkout');
      assert.equal(pick(told, 'data', 'facts', 'why'), pick(reverted, 'decision', 'why'));

      // What a person reads: the audit log, and the history in the Temporal UI.
      const audit = await ask('GET', 'audit?action=flag.changed&limit=50');
      const notes = (pick(audit, 'entries') as { note?: string }[]).map(({ note }) => note);
      assert.deepEqual(notes.slice(0, 4), [
        `rollout ${rolloutId}, reverted at 25 %`,
        ...[3, 2, 1].map((step) => `rollout ${rolloutId}, step ${String(step)} of 4`),
      ]);
      const handle = system.temporal.workflow.getHandle(flagRolloutId(rolloutId));
      assert.equal(await handle.result(), 'reverted');
      const { events } = await handle.fetchHistory();
      const summaries = (events ?? []).map(({ userMetadata }) =>
        Buffer.from(userMetadata?.summary?.data ?? []).toString(),
      );
      for (const summary of ['"raise new-checkout to 1 %"', '"raise new-checkout to 25 %"'])
        assert.ok(summaries.includes(summary), `${summary} is in the history`);
      const stored = await system.db
        .collection<FlagRolloutDoc>('flag_rollouts')
        .findOne({ _id: new ObjectId(rolloutId) });
      assert.deepEqual(
        stored?.windows.map(({ percent }) => percent),
        [1, 5, 25],
      );
    } finally {
      await shop.close();
    }
  });

  it('is found by the sweep when its run is gone', async () => {
    const rule = { ruleId: 'all', priority: 1, conditions: [], value: true, rolloutPercentage: 0, experimentId: null };
    await ask('POST', 'flags', { key: 'new-search', type: 'boolean', defaultValue: false, rules: [rule] });
    const created = await ask('POST', 'flag-rollouts', {
      flagKey: 'new-search',
      ruleId: 'all',
      startAt: new Date(Date.now() + 5_000).toISOString(),
      steps: [{ percent: 100, holdMinutes: 1, holdSeconds: 1 }],
      guard: null,
    });
    const rolloutId = pickText(created, 'rollout', 'rolloutId');
    const handle = system.temporal.workflow.getHandle(flagRolloutId(rolloutId));
    await handle.terminate('somebody meant another one');
    await system.temporal.schedule.getHandle(FLAG_ROLLOUT_SWEEP_ID).trigger();
    await reaches(rolloutId, 'state', 'done');
    assert.equal(pick(await ask('GET', 'flags/new-search'), 'rules', '0', 'rolloutPercentage'), 100);
  });
});
