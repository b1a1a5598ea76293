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
    const active = [running, paused, waiting].map(({ rolloutId }) => rolloutId);
    assert.deepEqual(life.woken.sort(), active.sort());

    life.woken.length = 0;
    const [broken = ''] = active;
    const wakeRollout = async (id: string): Promise<void> => {
      if (id === broken) throw new Error('too many signals');
      await life.wakeRollout(id);
    };
    await assert.rejects(flagRolloutActivities({ ...life, wakeRollout }).wakeRollouts(), /too many signals/);
    assert.deepEqual(life.woken.sort(), active.slice(1), 'one that fails stops none of the others');
  });
});
