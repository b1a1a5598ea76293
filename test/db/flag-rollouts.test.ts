import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { RolloutView } from '../../domain/rollout-view.js';
import { newRule } from '../helper/flags.js';
import { HARM, PLAN, type RolloutLife, rolloutLife } from '../helper/rollout-life.js';

const HOUR = 3_600_000;

describe('a rollout', () => {
  let life: RolloutLife;
  before(async () => {
    life = await rolloutLife('flag-rollouts');
  });
  after(() => life.close());

  const idOf = ({ rolloutId }: RolloutView) => new ObjectId(rolloutId);
  const percentageOf = ({ flagKey }: RolloutView) => life.percentageOf(flagKey);

  describe('that is asked for', () => {
    it('is stored once, however often the same request comes', async () => {
      const key = await life.newFlag();
      const message = life.messageOf(life.requestOf(key));
      const rolloutId = new ObjectId();
      const open = () => life.flagRolloutVerbs.open({ rolloutId, now: new Date(), message });
      const [first, second] = [await open(), await open()];
      assert.equal(first.outcome, 'done');
      assert.deepEqual(second, first);
      assert.equal(await life.rollouts.countDocuments({ flagKey: key }), 1);
      assert.equal(await life.audit.countDocuments({ 'target.id': rolloutId, action: 'rollout.created' }), 1);
      const other = await life.flagRolloutVerbs.open({
        rolloutId,
        now: new Date(),
        message: { ...message, request: { ...message.request, note: 'other' } },
      });
      assert.equal(other.outcome === 'refused' && other.code, 'IDEMPOTENCY_KEY_REUSED');
    });

    const refusals: readonly [string, (key: string) => Promise<Parameters<RolloutLife['requestOf']>[1]>, string][] = [
      ['for a rule that is not there', async () => ({ ruleId: 'other' }), 'NOT_FOUND'],
      ['for a flag that is not there', async () => ({ flagKey: 'none' }), 'NOT_FOUND'],
      [
        'for a flag of another app',
        async () => ({ appId: (await life.newApp(`app-${randomUUID()}`)).toHexString() }),
        'FORBIDDEN',
      ],
      [
        'to where the rule is already',
        async () => ({ plan: { ...PLAN, steps: [{ percent: 10, holdMinutes: 1 }] } }),
        'REQUEST_INVALID',
      ],
      ['for a time in ten years', async () => ({ startAtMs: Date.now() + 10 * 366 * 24 * HOUR }), 'REQUEST_INVALID'],
      [
        'while the kill switch is on',
        async (key) => {
          await life.kill(key);
          return {};
        },
        'CONFLICT',
      ],
      [
        'while another one of the rule is under way',
        async (key) => {
          await life.open(key, { plan: { ...PLAN, steps: [{ percent: 50, holdMinutes: 60 }] } });
          return { plan: { ...PLAN, steps: [{ percent: 50, holdMinutes: 60 }] } };
        },
        'CONFLICT',
      ],
    ];
    for (const [why, more, code] of refusals) {
      it(`is refused ${why}`, async () => {
        const key = await life.newFlag({ rolloutPercentage: 10 });
        const rolloutId = new ObjectId();
        const message = life.messageOf(life.requestOf(key, await more(key)));
        const outcome = await life.flagRolloutVerbs.open({ rolloutId, now: new Date(), message });
        assert.equal(outcome.outcome === 'refused' && outcome.code, code, JSON.stringify(outcome));
        assert.equal(await life.rollouts.findOne({ _id: rolloutId }), null, 'leaves no trace');
      });
    }

    it('is refused to members who may not, and to nobody’s member', async () => {
      const key = await life.newFlag();
      for (const by of [await life.person('viewer'), await life.person(undefined), new ObjectId()]) {
        const message = life.messageOf(life.requestOf(key), { by });
        const outcome = await life.flagRolloutVerbs.open({ rolloutId: new ObjectId(), now: new Date(), message });
        assert.equal(outcome.outcome === 'refused' && outcome.code, 'FORBIDDEN');
      }
    });

    it('is one of two that come at once', async () => {
      const key = await life.newFlag();
      const open = () =>
        life.flagRolloutVerbs.open({
          rolloutId: new ObjectId(),
          now: new Date(),
          message: life.messageOf(life.requestOf(key)),
        });
      const outcomes = await Promise.all([open(), open(), open()]);
      assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['done', 'refused', 'refused']);
    });

    it('waits for a second person where the app wants one', async () => {
      const app = await life.newApp('careful', true);
      const key = await life.newFlag({}, app);
      const [ada, bob] = [await life.person('developer', app), await life.person('developer', app)];
      const { rolloutId, state } = await life.open(key, { appId: app.toHexString() }, { by: ada });
      assert.equal(state, 'proposed');
      assert.equal((await life.refused(rolloutId, { name: 'approve' }, { by: ada })).code, 'FORBIDDEN');
      assert.equal((await life.refused(rolloutId, { name: 'skip' }, { by: ada })).code, 'TRANSITION_REFUSED');
      assert.equal((await life.done(rolloutId, { name: 'approve' }, { by: bob })).state, 'scheduled');
    });
  });

  describe('by itself', () => {
    it('takes its steps, each a revision of the flag and an entry of the audit log', async () => {
      let view = await life.started();
      const { rolloutId, flagKey } = view;
      assert.deepEqual([view.state, view.step, view.percentage, await percentageOf(view)], ['running', 0, 1, 1]);
      for (const percent of [5, 25, 100]) {
        view = await life.goOn(view);
        assert.deepEqual([view.state, view.percentage, await percentageOf(view)], ['running', percent, percent]);
      }
      view = await life.goOn(view);
      assert.deepEqual([view.state, await percentageOf(view)], ['done', 100]);
      assert.deepEqual(
        view.windows.map(({ percent }) => percent),
        [1, 5, 25, 100],
      );
      const flag = await life.flags.findOne({ key: flagKey });
      assert.equal(flag?.version, 5);
      const entries = await life.audit
        .find({ 'target.id': flag._id, action: 'flag.changed' })
        .sort({ _id: 1 })
        .toArray();
      assert.deepEqual(
        entries.map(({ actor, note }) => [actor.kind, note]),
        [1, 2, 3, 4].map((step) => ['system', `rollout ${rolloutId}, step ${String(step)} of 4`]),
      );
      const revisions = await life.revisions.page(life.appId, flagKey, { limit: 9 });
      assert.deepEqual(
        revisions.map(({ version }) => version),
        [5, 4, 3, 2, 1],
      );
    });

    it('does nothing that was due for an earlier revision', async () => {
      const view = await life.started();
      const next = await life.goOn(view);
      const again = await life.goOn(view);
      assert.deepEqual([again.rev, again.percentage], [next.rev, 5]);
    });

    it('takes one step when two workers take it at once', async () => {
      const view = await life.started();
      await Promise.all([life.goOn(view), life.goOn(view), life.goOn(view)]);
      assert.equal(await percentageOf(view), 5);
      const flag = await life.flags.findOne({ key: view.flagKey });
      assert.equal(flag?.version, 3);
    });

    it('begins where the rule is then', async () => {
      const key = await life.newFlag();
      const view = await life.open(key);
      await life.edit(key, { rules: [newRule('all', { rolloutPercentage: 10 })] });
      const begun = await life.goOn(view);
      assert.deepEqual([begun.percentageBefore, begun.percentage], [10, 25]);
    });

    it('ends where there is nothing to raise any more', async () => {
      const key = await life.newFlag();
      const view = await life.open(key);
      await life.edit(key, { rules: [newRule('all')] });
      const ended = await life.goOn(view);
      assert.equal(ended.state, 'aborted');
      assert.match(String(ended.decision?.['why']), /100 % already/);
      assert.equal(await percentageOf(view), 100);
    });

    it('goes on over edits of anything else of the flag', async () => {
      const view = await life.started();
      await life.edit(view.flagKey, { description: 'another' });
      const rules = [newRule('all', { rolloutPercentage: 1 }), newRule('beta', { priority: 2, rolloutPercentage: 50 })];
      await life.edit(view.flagKey, { rules });
      assert.equal((await life.goOn(view)).percentage, 5);
    });
  });

  describe('and people', () => {
    it('is paused with the time that is left, and goes on with it', async () => {
      const view = await life.started();
      const now = new Date((view.untilMs ?? 0) - HOUR / 4);
      const paused = await life.done(view.rolloutId, { name: 'pause' }, { now });
      assert.deepEqual([paused.state, paused.untilMs], ['paused', null]);
      const later = new Date(now.getTime() + 24 * HOUR);
      const resumed = await life.done(view.rolloutId, { name: 'resume' }, { now: later });
      assert.deepEqual([resumed.state, resumed.untilMs], ['running', later.getTime() + HOUR / 4]);
    });

    it('skips the rest of a step, the wait for the start, and the last step', async () => {
      const key = await life.newFlag();
      const plan = { ...PLAN, steps: PLAN.steps.slice(0, 2) };
      const { rolloutId } = await life.open(key, { plan, startAtMs: Date.now() + HOUR });
      assert.equal((await life.done(rolloutId, { name: 'skip' })).percentage, 1);
      assert.equal((await life.done(rolloutId, { name: 'skip' })).percentage, 5);
      assert.equal((await life.done(rolloutId, { name: 'skip' })).state, 'done');
      assert.equal(await life.percentageOf(key), 5);
    });

    it('is aborted back to before, or left as it is', async () => {
      const back = await life.goOn(await life.started({ rolloutPercentage: 0 }));
      assert.equal((await life.done(back.rolloutId, { name: 'abort', rule: 'back' })).percentage, 0);
      assert.equal(await percentageOf(back), 0);
      const left = await life.started();
      await life.done(left.rolloutId, { name: 'abort', rule: 'leave' });
      assert.equal(await percentageOf(left), 1);
      assert.equal((await life.refused(left.rolloutId, { name: 'resume' })).code, 'TRANSITION_REFUSED');
    });

    it('takes no step after an abort, however late that step comes', async () => {
      const waiting = await life.open(await life.newFlag());
      const view = await life.goOn(waiting);
      await life.done(view.rolloutId, { name: 'abort', rule: 'back' });
      for (const late of [waiting, view]) assert.equal((await life.goOn(late)).state, 'aborted');
      assert.equal((await life.look(view, HARM)).state, 'aborted');
      assert.equal(await percentageOf(view), 0);
    });

    it('either takes the step or is aborted when both come at once', async () => {
      for (let round = 0; round < 5; round++) {
        const view = await life.started();
        await Promise.all([life.goOn(view), life.done(view.rolloutId, { name: 'abort', rule: 'back' })]);
        const { state, percentage } = await life.find(idOf(view));
        assert.equal(state, 'aborted');
        assert.deepEqual([percentage, await percentageOf(view)], [0, 0]);
      }
    });

    it('does what one request asks for once', async () => {
      const view = await life.started();
      const requestId = randomUUID();
      const first = await life.done(view.rolloutId, { name: 'skip' }, { requestId });
      const second = await life.done(view.rolloutId, { name: 'skip' }, { requestId });
      assert.deepEqual([first.percentage, second.percentage], [5, 5]);
      assert.equal(
        (await life.refused(view.rolloutId, { name: 'pause' }, { requestId })).code,
        'IDEMPOTENCY_KEY_REUSED',
      );
    });

    it('is not touched by who may not', async () => {
      const view = await life.started();
      for (const by of [await life.person('viewer'), new ObjectId()])
        assert.equal((await life.refused(view.rolloutId, { name: 'abort', rule: 'back' }, { by })).code, 'FORBIDDEN');
      assert.equal(await percentageOf(view), 1);
    });

    it('writes down who did what', async () => {
      const view = await life.started();
      await life.done(view.rolloutId, { name: 'pause' });
      const { history } = await life.find(idOf(view));
      assert.deepEqual(
        history.map(({ what, actor }) => [what, actor !== null]),
        [
          ['created', true],
          ['step', false],
          ['pause', true],
        ],
      );
      const entry = await life.audit.findOne({ 'target.id': idOf(view), action: 'rollout.paused' });
      assert.ok(entry?.actor.id?.equals(life.actor));
    });
  });
});
