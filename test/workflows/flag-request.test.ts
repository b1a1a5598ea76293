import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { ObjectId } from 'mongodb';
import { flagLifeDeps } from '../../activities/flag-life-deps.js';
import { flagRequestActivities } from '../../activities/flag-requests.js';
import { intentText } from '../../db/flag-intents.js';
import type { FlagRequestDoc } from '../../db/flag-requests.js';
import { DAY_MS } from '../../domain/limits.js';
import { flagRequest, flagRequestRun, requestSignal, requestUpdate } from '../../workflows/flag-request.js';
import { changer, flagStore, newFlag } from '../helper/flags.js';
import { management, type Management } from '../helper/management.js';
import { timeSkippingTemporal, withoutTimeSkipping } from '../helper/time-skipping.js';
import { testBundle, unique } from '../helper/temporal.js';

describe('the workflow of a request for a change of flags', { skip: withoutTimeSkipping }, () => {
  const taskQueue = unique('flag-request');
  let it_: Management;
  let temporal: TestWorkflowEnvironment;
  let app: Awaited<ReturnType<Management['register']>>;
  let activities: ReturnType<typeof flagRequestActivities>;
  before(async () => {
    temporal = await timeSkippingTemporal();
    it_ = await management('flag-request-workflow');
    app = await it_.register('shop');
    const { client, db } = it_;
    activities = flagRequestActivities(flagLifeDeps({ client, db, wakeFlagSets: () => Promise.resolve() }));
    await flagStore(client, db).flagChanges.create({
      ...{ actor: changer().actor, appId: app.id, app: 'shop' },
      flag: newFlag('checkout'),
    });
  });
  after(async () => {
    await temporal.teardown();
    await it_.close();
  });

  async function working<T>(own: object, work: () => Promise<T>): Promise<T> {
    const worker = await Worker.create({
      connection: temporal.nativeConnection,
      taskQueue,
      workflowBundle: testBundle(),
      activities: own,
    });
    return worker.runUntil(work);
  }

  const requests = () => it_.db.collection<FlagRequestDoc>('flag_requests');
  async function requested(): Promise<FlagRequestDoc> {
    const createdAt = new Date(await temporal.currentTimeMs());
    const doc: FlagRequestDoc = {
      ...{ _id: new ObjectId(), appId: app.id, app: 'shop', kind: 'change', flagKey: 'checkout', segmentKey: null },
      intent: intentText({ kind: 'change', flagKey: 'checkout', change: { description: 'new' } }),
      ...{ baseVersion: 1, previewId: null, requestedBy: new ObjectId(), requestedByName: 'Ada', note: '' },
      ...{ state: 'pending', decidedBy: null, decidedByName: null, decidedAt: null, comment: '', reason: null },
      ...{ createdAt, endedAt: null, expiresAt: new Date(createdAt.getTime() + 14 * DAY_MS) },
    };
    await requests().insertOne(doc);
    return doc;
  }
  const start = ({ _id, expiresAt }: FlagRequestDoc) =>
    temporal.client.workflow.start(flagRequest, {
      ...flagRequestRun({ requestId: _id.toHexString(), expiresAtMs: expiresAt.getTime() }, 'shop'),
      taskQueue,
    });

  it('waits for two weeks, and then it is too late', async () => {
    const request = await requested();
    await working(activities, async () => {
      const handle = await start(request);
      await temporal.sleep('13 days');
      assert.equal((await requests().findOne({ _id: request._id }))?.state, 'pending');
      assert.equal(await handle.result(), 'expired');
    });
    const expired = await it_.db.collection('audit_log').findOne({ action: 'flag-request.expired' });
    assert.deepEqual(expired?.['target'], { kind: 'flag-request', id: request._id });
  });

  it('refuses what is no message, without a trace in its history', async () => {
    const request = await requested();
    await working(activities, async () => {
      const handle = await start(request);
      const args = [{ actor: 'me', comment: '' }] as const;
      await assert.rejects(
        handle.executeUpdate(requestUpdate('approve'), { args: [...args] }),
        WorkflowUpdateFailedError,
      );
      const { events } = await handle.fetchHistory();
      const isUpdate = (event: object): boolean => 'workflowExecutionUpdateAcceptedEventAttributes' in event;
      assert.equal(
        events?.some((event) => isUpdate(event) && event.workflowExecutionUpdateAcceptedEventAttributes !== null),
        false,
      );
      const member = await it_.person([{ appId: app.id, role: 'admin' }]);
      await handle.signal(requestSignal('reject'), { actor: member.id, comment: '' });
      assert.equal(await handle.result(), 'rejected');
    });
  });

  it('makes what was approved once the database answers again, and does so once', async () => {
    const request = await requested();
    const member = await it_.person([{ appId: app.id, role: 'developer' }]);
    let tries = 0;
    const failing = {
      ...activities,
      async applyRequest(input: Parameters<typeof activities.applyRequest>[0]) {
        if (++tries < 3) throw new Error('no MongoDB');
        await activities.applyRequest(input);
        if (tries === 3) throw new Error('died before it could say so');
        return activities.applyRequest(input);
      },
    };
    await working(failing, async () => {
      const handle = await start(request);
      await handle.signal(requestSignal('approve'), { actor: member.id, comment: 'fine' });
      await handle.signal(requestSignal('approve'), { actor: member.id, comment: 'fine' });
      assert.equal(await handle.result(), 'applied');
    });
    assert.ok(tries >= 4);
    const flag = await it_.flags.find(app.id, 'checkout');
    assert.deepEqual([flag?.version, flag?.description], [2, 'new']);
  });
});
