import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { ObjectId } from 'mongodb';
import fc from 'fast-check';
import { type ErrorGroupActivities, errorGroupActivities } from '../../activities/error-groups.js';
import type { GroupPlan } from '../../db/error-timers.js';
import type { VerbOutcome } from '../../db/error-verb-state.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import type { ErrorVerb, VerbMessage } from '../../domain/error-verb.js';
import {
  errorGroup,
  errorGroupId,
  errorGroupRun,
  errorGroupWake,
  verbSignal,
  verbUpdate,
} from '../../workflows/error-group.js';
import { type GroupLife, groupLife, profileId, profileIds } from '../helper/group-life.js';
import { groupWorkers } from '../helper/group-worker.js';
import { unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

const RESOLVE: ErrorVerb = { name: 'resolve', in: 'now' };
const REOPEN: ErrorVerb = { name: 'reopen' };

describe('the workflow of an error group', () => {
  let life: GroupLife;
  let temporal: Awaited<ReturnType<typeof groupWorkers>>;
  let count = 0;
  before(async () => {
    life = await groupLife('error-group-workflow', { reminderHours: 0, proofOfFixSessions: 0 });
    temporal = await groupWorkers();
    await temporal.worker(errorGroupActivities(life));
  });
  after(async () => {
    await temporal.close();
    await life.close();
  });

  const nameOf = (n = count) => `group ${String(n)}`;
  const newGroup = () => {
    count += 1;
    return life.occur(nameOf(), [profileId(1)]);
  };
  const found = async (id: ObjectId) => {
    const group = await life.groups.findOne({ _id: id });
    assert.ok(group);
    return group;
  };
  const messageOf = (verb: ErrorVerb, requestId: string = randomUUID()): VerbMessage => ({
    actor: life.actor.toHexString(),
    requestId,
    verb,
  });
  const handleOf = (id: ObjectId) => temporal.client.workflow.getHandle(errorGroupId(id.toHexString()));

  function ask(id: ObjectId, message: VerbMessage, name = message.verb.name): Promise<VerbOutcome> {
    return temporal.client.workflow.executeUpdateWithStart(verbUpdate(name), {
      args: [message],
      startWorkflowOperation: new WithStartWorkflowOperation(errorGroup, {
        ...errorGroupRun(id.toHexString()),
        taskQueue: TASK_QUEUE,
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    });
  }
  const act = async (id: ObjectId, verb: ErrorVerb) => ask(id, messageOf(verb));
  const signal = (id: ObjectId, message: VerbMessage) =>
    temporal.client.workflow.signalWithStart(errorGroup, {
      ...errorGroupRun(id.toHexString()),
      taskQueue: TASK_QUEUE,
      signal: verbSignal(message.verb.name),
      signalArgs: [message],
    });
  const rejectedAs = (type: string) => (error: unknown) => {
    assert.ok(error instanceof WorkflowUpdateFailedError, String(error));
    assert.ok(error.cause instanceof ApplicationFailure);
    assert.equal(error.cause.type, type);
    return true;
  };

  it('rejects what has not the shape of a verb without a trace in its history', async () => {
    const { _id } = await newGroup();
    await act(_id, { name: 'comment', text: 'first' });
    const before = (await handleOf(_id).fetchHistory()).events?.length;
    const wrong: unknown[] = [
      { ...messageOf(RESOLVE), actor: 'anybody' },
      messageOf({ name: 'comment', text: '' }),
      { ...messageOf(RESOLVE), verb: { name: 'delete' } },
      {},
    ];
    for (const message of wrong) {
      await assert.rejects(ask(_id, message as VerbMessage, 'comment'), rejectedAs('REQUEST_INVALID'));
    }
    await assert.rejects(ask(_id, messageOf(REOPEN), 'resolve'), rejectedAs('REQUEST_INVALID'));
    assert.equal((await handleOf(_id).fetchHistory()).events?.length, before);
  });

  it('takes the same verbs as signals, once per request, and lives on after one that is refused', async () => {
    const { _id } = await newGroup();
    const message = messageOf({ name: 'comment', text: 'by signal' });
    await signal(_id, message);
    await signal(_id, message);
    await signal(_id, { ...messageOf(RESOLVE), actor: new ObjectId().toHexString() });
    await handleOf(_id).signal('resolve', {});
    await handleOf(_id).signal('resolve');
    await signal(_id, messageOf(RESOLVE));
    await until('resolved', async () => (await found(_id)).status === 'resolved');
    assert.equal((await found(_id)).comments.length, 1);
    assert.equal(await life.activity.countDocuments({ groupId: _id }), 2);
    assert.equal((await ask(_id, message)).outcome, 'done', 'an update of the same request is answered');
    assert.equal((await found(_id)).comments.length, 1);
  });

  it('asks nobody to believe it: who may act is looked up where it is written', async () => {
    const { _id } = await newGroup();
    const viewer = await life.person('viewer');
    const outcome = await ask(_id, { ...messageOf(RESOLVE), actor: viewer.toHexString() });
    assert.ok(outcome.outcome === 'refused' && outcome.code === 'FORBIDDEN');
    assert.equal((await found(_id)).status, 'new');
  });

  it('knows a request again after it continued as new', async () => {
    const { _id } = await newGroup();
    const first = messageOf({ name: 'comment', text: 'before' }, 'across');
    const answer = await ask(_id, first);
    const { runId } = await handleOf(_id).describe();
    const wake = { ...errorGroupWake(_id.toHexString()), taskQueue: TASK_QUEUE };
    for (let n = 0; n < 500; n += 20) {
      await Promise.all(Array.from({ length: 20 }, () => temporal.client.workflow.signalWithStart(errorGroup, wake)));
    }
    await until('another run', async () => (await handleOf(_id).describe()).runId !== runId);
    assert.deepEqual(await ask(_id, first), answer);
    const other = await ask(_id, { ...first, verb: { name: 'comment', text: 'after' } });
    assert.ok(other.outcome === 'refused' && other.code === 'IDEMPOTENCY_KEY_REUSED');
    assert.equal((await found(_id)).comments.length, 1);
  });

  it('goes on in another run when it was closed, with verbs that come at that moment', async () => {
    const { _id } = await newGroup();
    await act(_id, REOPEN);
    const [outcomes] = await Promise.all([
      Promise.allSettled(
        Array.from({ length: 12 }, (_, n) =>
          ask(_id, messageOf({ name: 'comment', text: String(n) }, `c${String(n)}`)),
        ),
      ),
      handleOf(_id).terminate('closing'),
    ]);
    // Whoever did not hear asks again with the same id.
    for (const [n, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue;
      const again = await ask(_id, messageOf({ name: 'comment', text: String(n) }, `c${String(n)}`));
      assert.equal(again.outcome, 'done');
    }
    const { comments } = await found(_id);
    assert.deepEqual(
      comments.map(({ text }) => Number(text)).sort((a, b) => a - b),
      [...Array(12).keys()],
    );
  });

  it('moves who was affected after a merge and an unmerge, by itself', async () => {
    const [a, b] = [await newGroup(), await newGroup()];
    await life.occur(nameOf(), profileIds(0, 700));
    await act(b._id, { name: 'merge', into: a._id.toHexString() });
    await until('moved', async () => (await found(b._id)).profileMove === undefined);
    assert.equal((await found(a._id)).affectedProfiles, 700);
    await act(b._id, { name: 'unmerge' });
    const moving = () => life.groups.countDocuments({ _id: { $in: [a._id, b._id] }, profileMove: { $exists: true } });
    await until('moved back', async () => (await moving()) === 0);
    assert.deepEqual([(await found(a._id)).affectedProfiles, (await found(b._id)).affectedProfiles], [1, 700]);
  });

  it('sets the timer of a verb that was under way when it began to wait', async () => {
    const plan: GroupPlan = {
      app: 'shop',
      status: 'new',
      statusRev: 1,
      ignoreUntilMs: null,
      remindAtMs: null,
      proveSinceMs: null,
      moving: false,
    };
    const gone: VerbOutcome = { outcome: 'refused', code: 'NOT_FOUND', reason: 'none', survivor: null };
    const gate = () => {
      let open = (): void => undefined;
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      return { open, opened };
    };
    const [commenting, signalled] = [gate(), gate()];
    const taskQueue = unique('timer');
    const stop = await temporal.worker(
      {
        ...errorGroupActivities(life),
        planGroup: async () => ({ ...plan, moving: true }),
        moveProfiles: async () => {
          await signalled.opened;
          return 1;
        },
        // While the first one is under way, what comes waits and comes together: the second verb, and what was moved.
        applyVerb: async ({ message: { verb } }) => {
          if (verb.name === 'ignore') return { outcome: gone, plan: { ...plan, ignoreUntilMs: Date.now() + 100 } };
          commenting.open();
          await new Promise((resolve) => setTimeout(resolve, 1_000));
          return { outcome: gone, plan };
        },
        endIgnore: async () => ({ ...plan, status: 'gone' }),
      } satisfies ErrorGroupActivities,
      taskQueue,
    );
    const groupId = new ObjectId().toHexString();
    const handle = await temporal.client.workflow.start(errorGroup, { ...errorGroupRun(groupId), taskQueue });
    await handle.signal(verbSignal('comment'), messageOf({ name: 'comment', text: 'slow' }));
    await commenting.opened;
    await handle.signal(verbSignal('ignore'), messageOf({ name: 'ignore', untilMs: Date.now() + 100 }));
    signalled.open();
    const ended = await Promise.race([
      handle.result().then(() => true),
      new Promise((resolve) => setTimeout(resolve, 60_000, false)),
    ]);
    assert.equal(ended, true, 'the end of the ignore was waited for');
    await stop();
  });

  it('ends at once for a group that is gone', async () => {
    const id = new ObjectId();
    const outcome = await act(id, RESOLVE);
    assert.ok(outcome.outcome === 'refused' && outcome.code === 'NOT_FOUND');
    await handleOf(id).result();
  });

  describe('with people and ingest at once', () => {
    const wish = fc.oneof(
      fc.constantFrom<ErrorVerb>(RESOLVE, REOPEN, { name: 'investigate' }, { name: 'ignore' }, RESOLVE, {
        name: 'ignore',
        occurrences: 2,
      }),
      fc.constant('occur' as const),
    );

    it('has one history: each answer is a revision of MongoDB, and each reopening is counted once', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(wish, { minLength: 6, maxLength: 24 }), async (wishes) => {
          const { _id } = await newGroup();
          const name = nameOf();
          const occurs = wishes.filter((each) => each === 'occur').length;
          const outcomes = await Promise.all(
            wishes.map(async (each) => {
              if (each !== 'occur') return act(_id, each);
              await life.occur(name, [profileId(2)], { now: new Date(Date.now() + 1_000) });
              return undefined;
            }),
          );
          const group = await found(_id);
          assert.equal(group.occurrenceCount, 1 + occurs);
          const rows = await life.timeline(_id);
          const changing = rows.filter(({ facts }) => facts['unchanged'] === undefined);
          assert.equal(group.statusRev, changing.length, 'each change is one revision, and one line');
          assert.equal(group.regressionCount, rows.filter(({ verb }) => verb === 'regressed').length);
          const alerts = await life.alerts.find({ groupId: _id }).toArray();
          const told = rows.filter(({ verb }) => verb === 'regressed' || verb === 'ignore_ended').length;
          assert.equal(alerts.length, 1 + told, 'one alert for each, and one for the new group');

          const byRev = new Map<number, string>([[0, 'new']]);
          for (const outcome of outcomes) {
            if (outcome?.outcome !== 'done') continue;
            const { statusRev, status } = outcome.state;
            assert.equal(byRev.get(statusRev) ?? status, status, 'two answers on one revision agree');
            byRev.set(statusRev, status);
          }
          const last = byRev.get(group.statusRev);
          if (last !== undefined) assert.equal(last, group.status);
          else assert.equal(group.status, 'new', 'the last word was ingest’s, which only reopens');
        }),
        { numRuns: 12, endOnFailure: true },
      );
    });
  });
});
