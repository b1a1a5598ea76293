import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RolloutView } from '../../domain/rollout-view.js';
import { newRule } from '../helper/flags.js';
import { HARM, type RolloutLife, rolloutLife } from '../helper/rollout-life.js';

const HOUR = 3_600_000;

describe('a rollout', () => {
  let life: RolloutLife;
  before(async () => {
    life = await rolloutLife('flag-rollout-looks');
  });
  after(() => life.close());

  const percentageOf = ({ flagKey }: RolloutView) => life.percentageOf(flagKey);

  describe('whose rule somebody edits', () => {
    const edits: readonly [string, Parameters<typeof newRule>[1]][] = [
      ['its percentage', { rolloutPercentage: 40 }],
      [
        'its conditions',
        { rolloutPercentage: 1, conditions: [{ attribute: 'plan', operator: 'equals', values: ['pro'] }] },
      ],
      ['its value', { rolloutPercentage: 1, value: false }],
    ];
    for (const [what, rule] of edits) {
      it(`pauses and asks when that is ${what}, and people are told`, async () => {
        const view = await life.started();
        await life.edit(view.flagKey, { rules: [newRule('all', rule)] });
        const asking = await life.goOn(view);
        assert.equal(asking.state, 'asking');
        assert.equal(await percentageOf(view), rule?.rolloutPercentage, 'is left alone');
        const alert = await life.alerts.findOne({ flagKey: view.flagKey, cause: 'rollout_paused' });
        assert.equal(alert?.facts['rolloutId'], view.rolloutId);
      });
    }

    it('finds out at its next look, not only at its next step', async () => {
      const view = await life.started();
      await life.edit(view.flagKey, { rules: [newRule('all', { rolloutPercentage: 40 })] });
      assert.equal((await life.look(view)).state, 'asking');
    });

    it('goes on from there when it is resumed, and still goes back to where it was before', async () => {
      const view = await life.started();
      await life.edit(view.flagKey, { rules: [newRule('all', { rolloutPercentage: 10 })] });
      await life.look(view);
      const resumed = await life.done(view.rolloutId, { name: 'resume' });
      assert.deepEqual([resumed.state, resumed.percentage, resumed.step], ['running', 10, 1]);
      const next = await life.goOn(resumed);
      assert.equal(next.percentage, 25);
      assert.equal((await life.look(next, HARM)).state, 'reverted');
      assert.equal(await percentageOf(view), 0);
    });

    it('leaves the edit alone when it is aborted', async () => {
      const view = await life.started();
      await life.edit(view.flagKey, { rules: [newRule('all', { rolloutPercentage: 40 })] });
      await life.look(view);
      assert.equal((await life.done(view.rolloutId, { name: 'abort', rule: 'back' })).state, 'aborted');
      assert.equal(await percentageOf(view), 40);
    });

    it('asks instead of reverting, with the harm it saw', async () => {
      const view = await life.started();
      await life.edit(view.flagKey, { rules: [newRule('all', { rolloutPercentage: 40 })] });
      const asking = await life.look(view, HARM);
      assert.equal(asking.state, 'asking');
      assert.equal(await percentageOf(view), 40);
    });
  });

  describe('that does harm', () => {
    it('reverts its own rule, and tells people the numbers', async () => {
      const view = await life.goOn(await life.started({ rolloutPercentage: 0 }));
      await life.edit(view.flagKey, { description: 'edited, but not the rule' });
      const reverted = await life.look(view, HARM);
      assert.deepEqual([reverted.state, reverted.percentage, await percentageOf(view)], ['reverted', 0, 0]);
      const why =
        'errors: 30.00 % (30 of 100) of the exposed profiles against 3.00 % (27 of 900) of the others, at 5 %; back to 0 %';
      assert.equal(reverted.decision?.['why'], why);
      const alert = await life.alerts.findOne({ flagKey: view.flagKey });
      assert.equal(alert?.cause, 'rollout_reverted');
      assert.equal(alert.facts['why'], why);
      assert.deepEqual(alert.facts['exposed'], { profiles: 100, hit: 30 });
      const entry = await life.audit.findOne({ note: `rollout ${view.rolloutId}, reverted at 5 %` });
      assert.equal(entry?.actor.kind, 'system');
    });

    it('reverts also while it is paused', async () => {
      const view = await life.done((await life.started()).rolloutId, { name: 'pause' });
      assert.equal((await life.look(view, HARM)).state, 'reverted');
      assert.equal(await percentageOf(view), 0);
    });

    it('reverts once, and tells once, when two look at once', async () => {
      const view = await life.started();
      await Promise.all([life.look(view, HARM), life.look(view, HARM)]);
      assert.equal(await life.alerts.countDocuments({ flagKey: view.flagKey }), 1);
      assert.equal((await life.flags.findOne({ key: view.flagKey }))?.version, 3);
    });
  });

  describe('that is held', () => {
    it('shows at once that a look failed, and goes on when the next one does not', async () => {
      const view = await life.started();
      const held = await life.look(view, { hold: 'failed', detail: 'no such metric' });
      assert.deepEqual([held.state, held.look?.detail], ['holding', 'no such metric']);
      assert.equal((await life.look(held)).state, 'running');
    });

    it('shows that the sample is small when its time is over', async () => {
      const view = await life.started();
      assert.equal((await life.look(view, { hold: 'sample' })).state, 'running');
      const later = new Date(Date.now() + 2 * HOUR);
      assert.equal((await life.look(view, { hold: 'sample', at: later })).state, 'holding');
    });

    it('does not count a look of another window', async () => {
      const view = await life.started();
      const next = await life.goOn(view);
      const after = await life.look(view, HARM);
      assert.deepEqual([after.state, after.rev, after.percentage], ['running', next.rev, 5]);
    });
  });

  describe('and the kill switch', () => {
    it('takes no step after it', async () => {
      const view = await life.started();
      await life.kill(view.flagKey);
      assert.equal((await life.goOn(view)).state, 'killed');
      assert.equal(await percentageOf(view), 1);
    });

    it('reverts nothing after it', async () => {
      const view = await life.started();
      await life.kill(view.flagKey);
      assert.equal((await life.look(view, HARM)).state, 'killed');
      assert.equal(await percentageOf(view), 1);
    });

    it('ends when its flag is archived', async () => {
      const view = await life.started();
      await life.archive(view.flagKey);
      assert.equal((await life.look(view)).state, 'aborted');
    });
  });
});
