import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Worker } from '@temporalio/worker';
import { errorGroupActivities } from '../../activities/error-groups.js';
import { errorAutoResolve } from '../../workflows/error-auto-resolve.js';
import { type GroupLife, groupLife, profileId } from '../helper/group-life.js';
import { testBundle, testTemporal, unique } from '../helper/temporal.js';

const DAY = 86_400_000;

describe('the workflow that resolves quiet groups', () => {
  let life: GroupLife;
  let temporal: Awaited<ReturnType<typeof testTemporal>>;
  before(async () => {
    life = await groupLife('error-auto-resolve', { autoResolveDays: 7 });
    temporal = await testTemporal();
  });
  after(async () => {
    await temporal.close();
    await life.close();
  });

  async function run() {
    const taskQueue = unique('auto-resolve');
    const worker = await Worker.create({
      connection: temporal.connection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: errorGroupActivities(life),
    });
    return worker.runUntil(async () => {
      const handle = await temporal.client.workflow.start(errorAutoResolve, { taskQueue, workflowId: taskQueue });
      const resolved = await handle.result();
      const { currentDetails } = await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
      return { resolved, details: currentDetails ?? '' };
    });
  }

  it('resolves all that are quiet, in more than one step, and tells ops how many', async () => {
    const old = new Date(Date.now() - 8 * DAY);
    for (let n = 0; n < 105; n++) await life.occur(`quiet ${String(n)}`, [profileId(1)], { now: old });
    const loud = await life.occur('loud', [profileId(1)], { now: new Date(Date.now() - 6 * DAY) });
    const first = await run();
    assert.deepEqual(first.resolved, [{ appId: 'shop', resolved: 105 }]);
    assert.match(first.details, /\| shop \| 105 \|/);
    assert.equal((await life.group('loud')).status, loud.status);
    assert.equal(await life.groups.countDocuments({ status: 'resolved' }), 105);
    assert.equal(await life.activity.countDocuments({ verb: 'resolve', actor: null }), 105);

    const again = await run();
    assert.deepEqual(again.resolved, []);
    assert.match(again.details, /Nothing was quiet/);
    await life.occur('quiet 7', [profileId(2)], { now: new Date(Date.now() + 1_000) });
    const back = await life.group('quiet 7');
    assert.deepEqual([back.status, back.regression?.comparedBy], ['new', 'time']);
  });
});
