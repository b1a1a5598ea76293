import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { flagRolloutActivities } from '../../activities/flag-rollouts.js';
import { type RolloutLife, rolloutLife } from '../helper/rollout-life.js';

describe('the sweep for rollouts', () => {
  let life: RolloutLife;
  before(async () => {
    life = await rolloutLife('rollout-sweep');
  });
  after(() => life.close());

  it('wakes each that is active, and none that has ended', async () => {
    const running = await life.started();
    const paused = await life.started();
    await life.done(paused.rolloutId, { name: 'pause' });
    const waiting = await life.open(await life.newFlag(), { startAtMs: Date.now() + 3_600_000 });
    const over = await life.started();
    await life.done(over.rolloutId, { name: 'abort', rule: 'leave' });
    assert.equal(await flagRolloutActivities(life).wakeRollouts(), 3);
    assert.deepEqual(life.woken.sort(), [running, paused, waiting].map(({ rolloutId }) => rolloutId).sort());
  });
});
