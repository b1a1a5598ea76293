import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { ObjectId } from 'mongodb';
import { errorGroupActivities } from '../../activities/error-groups.js';
import { sessions } from '../../db/release-sessions.js';
import type { ErrorVerb } from '../../domain/error-verb.js';
import { errorGroup, errorGroupId, errorGroupRun, errorGroupWake, verbUpdate } from '../../workflows/error-group.js';
import { type GroupLife, groupLife, profileId } from '../helper/group-life.js';
import { timeSkippingTemporal, withoutTimeSkipping } from '../helper/time-skipping.js';
import { testBundle, unique } from '../helper/temporal.js';
import { until } from '../helper/until.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('the workflow of an error group, over weeks', { skip: withoutTimeSkipping }, () => {
  const taskQueue = unique('error-group');
  let life: GroupLife;
  let temporal: TestWorkflowEnvironment;
  let stopWorker: (() => Promise<void>) | undefined;
  let count = 0;
  before(async () => {
    // First: where there is none, nothing else has been opened.
    temporal = await timeSkippingTemporal();
    life = await groupLife('error-group-time', { reminderHours: 48, proofOfFixSessions: 10 });
    const worker = await Worker.create({
      connection: temporal.nativeConnection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: errorGroupActivities(life),
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

  const newGroup = (release = '') => life.occur(`group ${String((count += 1))}`, [profileId(1)], { release });
  const found = async (id: ObjectId) => {
    const group = await life.groups.findOne({ _id: id });
    assert.ok(group);
    return group;
  };
  const verbsOf = async (id: ObjectId) => (await life.timeline(id)).map(({ verb }) => verb);
  const runOf = (id: ObjectId) => temporal.client.workflow.getHandle(errorGroupId(id.toHexString()));

  const act = async (id: ObjectId, verb: ErrorVerb) => {
    const outcome = await temporal.client.workflow.executeUpdateWithStart(verbUpdate(verb.name), {
      args: [{ actor: life.actor.toHexString(), requestId: randomUUID(), verb }],
      startWorkflowOperation: new WithStartWorkflowOperation(errorGroup, {
        ...errorGroupRun(id.toHexString()),
        taskQueue,
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    });
    assert.equal(outcome.outcome, 'done', JSON.stringify(outcome));
  };

  it('ends an ignore at its date', async () => {
    const { _id } = await newGroup();
    const start = await temporal.currentTimeMs();
    await act(_id, { name: 'ignore', untilMs: start + 30 * DAY });
    await temporal.sleep(29 * DAY);
    assert.equal((await found(_id)).status, 'ignored');
    await temporal.sleep(DAY + MINUTE);
    await until('it is new', async () => (await found(_id)).status === 'new');
    const ended = (await life.timeline(_id)).at(-1);
    assert.equal(ended?.verb, 'ignore_ended');
    assert.ok(Math.abs(ended.at.getTime() - start - 30 * DAY) < MINUTE, 'as of the time of the workflow');
  });

  it('leaves a group alone that was reopened and ignored for longer meanwhile', async () => {
    const { _id } = await newGroup();
    const start = await temporal.currentTimeMs();
    await act(_id, { name: 'ignore', untilMs: start + 2 * DAY });
    await temporal.sleep(DAY);
    await act(_id, { name: 'reopen' });
    await act(_id, { name: 'ignore', untilMs: start + 9 * DAY });
    await temporal.sleep(4 * DAY);
    assert.equal((await found(_id)).status, 'ignored');
    await temporal.sleep(5 * DAY);
    await until('it is new', async () => (await found(_id)).status === 'new');
    assert.deepEqual(await verbsOf(_id), ['ignore', 'reopen', 'ignore', 'ignore_ended']);
  });

  it('reminds once of an assigned group that nobody touches, and starts anew when somebody does', async () => {
    const { _id } = await newGroup();
    await act(_id, { name: 'assign', assignee: life.actor.toHexString() });
    await temporal.sleep(DAY);
    await act(_id, { name: 'comment', text: 'later' });
    await temporal.sleep(DAY + HOUR);
    assert.deepEqual(await verbsOf(_id), ['assign', 'comment']);
    await temporal.sleep(DAY);
    await until('a reminder', async () => (await verbsOf(_id)).at(-1) === 'reminded');
    await temporal.sleep(5 * DAY);
    assert.deepEqual(await verbsOf(_id), ['assign', 'comment', 'reminded']);
  });

  it('proves a fix once enough sessions ran on it', async () => {
    const start = await temporal.currentTimeMs();
    const declare = (version: string, at: number) =>
      life.releases.declare({ appId: life.appId, version, by: 'deploy', at: new Date(at) });
    const ran = async (release: string, ok: number) => {
      const at = new Date(await temporal.currentTimeMs());
      const counts = { ok, errored: 0, abnormal: 0, crashed: 0 };
      const { appId } = life;
      await life.client.withSession((session) =>
        sessions(life.db).write([{ type: 'sessions', appId, release, environment: 'live', at, counts }], session, at),
      );
    };
    await declare('w@1.0.0', start - 9 * DAY);
    const { _id } = await newGroup('w@1.0.0');
    await act(_id, { name: 'resolve', in: 'next_release' });
    await temporal.sleep(HOUR);
    await declare('w@1.1.0', await temporal.currentTimeMs());
    await ran('w@1.0.0', 100);
    await ran('w@1.1.0', 9);
    await temporal.sleep(DAY);
    assert.equal((await found(_id)).verifiedAt, null);
    await ran('w@1.1.0', 1);
    await temporal.sleep(7 * HOUR);
    await until('it is verified', async () => (await found(_id)).verifiedAt !== null);
    assert.equal((await found(_id)).status, 'resolved');
    assert.deepEqual(await verbsOf(_id), ['resolve', 'verified']);
  });

  it('gives up to prove a fix that nobody runs, and ends', async () => {
    const { _id } = await newGroup();
    await act(_id, { name: 'resolve', in: 'now' });
    await temporal.sleep(29 * DAY);
    assert.equal((await runOf(_id).describe()).status.name, 'RUNNING');
    await temporal.sleep(9 * DAY);
    await runOf(_id).result();
    assert.equal((await found(_id)).verifiedAt, null);
    const { events } = await runOf(_id).fetchHistory();
    assert.ok((events?.length ?? 0) < 2_500, `${String(events?.length)} events in a month`);
  });

  it('ends seven days after the last message when nothing is due, and begins again with the next', async () => {
    const { _id } = await newGroup();
    await act(_id, { name: 'comment', text: 'first' });
    await temporal.sleep(6 * DAY);
    await temporal.client.workflow.signalWithStart(errorGroup, { ...errorGroupWake(_id.toHexString()), taskQueue });
    await temporal.sleep(6 * DAY);
    assert.equal((await runOf(_id).describe()).status.name, 'RUNNING');
    await temporal.sleep(DAY + HOUR);
    await runOf(_id).result();
    const { runId } = await runOf(_id).describe();
    await act(_id, { name: 'comment', text: 'second' });
    assert.notEqual((await runOf(_id).describe()).runId, runId);
    assert.deepEqual(await verbsOf(_id), ['comment', 'comment']);
  });

  it('begins with a wake after a regression, when there are timers to set', async () => {
    const { _id } = await newGroup();
    await life.done(_id, { name: 'assign', assignee: life.actor.toHexString() });
    await life.done(_id, { name: 'resolve', in: 'now' }, { now: new Date(Date.now() - 1_000) });
    await life.occur(`group ${String(count)}`, [profileId(2)], { now: new Date(await temporal.currentTimeMs()) });
    assert.equal((await found(_id)).status, 'new');
    await temporal.client.workflow.signalWithStart(errorGroup, { ...errorGroupWake(_id.toHexString()), taskQueue });
    await temporal.sleep(49 * HOUR);
    await until('a reminder', async () => (await verbsOf(_id)).at(-1) === 'reminded');
  });
});
