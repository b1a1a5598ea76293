import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Analytics } from '@segment/analytics-node';
import { profileIdOf } from '../../db/ids.js';
import type { ProfileDoc } from '../../db/profiles.js';
import { eventRollups } from '../helper/audit.js';
import { answeringLate } from '../helper/answering-late.js';
import { pickText } from '../helper/pick.js';
import { finalReceipt } from '../helper/receipt.js';
import { runningSystem, type System, type TestApp } from '../helper/system.js';
import { until } from '../helper/until.js';

const AT = new Date(Date.now() - 60_000);

describe("Segment's client for Node, unmodified, with our URL and a key", () => {
  let system: System;
  let shop: TestApp;
  before(async () => {
    system = await runningSystem('segment');
    shop = await system.app('shop');
    await Promise.all([system.api.start(), system.worker.start()]);
  });
  after(() => system.stop());

  /** What a shop's server would send of one visit. */
  function visit(analytics: Analytics): void {
    const timestamp = AT;
    analytics.identify({ userId: 'ada', traits: { email: 'ada@example.com', plan: 'pro', seats: 3 }, timestamp });
    analytics.page({
      userId: 'ada',
      name: 'Pricing',
      properties: { url: 'https://shop.example/pricing', path: '/pricing', title: 'Prices' },
      timestamp,
    });
    analytics.track({
      userId: 'ada',
      event: 'Order Completed',
      properties: { total: 99.5, currency: 'EUR', items: ['a', 'b'], $coupon: 'x', 'dotted.key': 'y' },
      context: { sessionId: 's-1' },
      timestamp,
    });
    analytics.track({ anonymousId: 'visitor-7', event: 'click', timestamp });
    analytics.group({ userId: 'ada', groupId: 'acme', traits: { employees: 12 }, timestamp });
    analytics.alias({ userId: 'ada', previousId: 'visitor-7', timestamp });
  }

  /** All that is stored of the shop, less the moments of arrival. */
  async function stored() {
    const ofShop = { appId: shop.id };
    const without = { projection: { receivedAt: 0, _id: 0 } };
    return {
      events: await system.db.collection('events').find(ofShop, without).sort({ eventType: 1, eventName: 1 }).toArray(),
      profiles: await system.db
        .collection<ProfileDoc>('profiles')
        .find(ofShop, without)
        .sort({ externalId: 1 })
        .toArray(),
      aliases: await system.db.collection('profile_aliases').find(ofShop, without).toArray(),
      rollups: await eventRollups(system.db, shop.id),
    };
  }

  it('tracks, pages, identifies, groups and aliases; its retry of what had arrived changes nothing', async () => {
    const network = await answeringLate(system.url, 1);
    const failures: unknown[] = [];
    const analytics = new Analytics({ writeKey: shop.key, host: network.url, flushAt: 6, maxRetries: 3 });
    analytics.on('error', (error) => failures.push(error));
    visit(analytics);
    await analytics.closeAndFlush();
    await network.close();

    assert.deepEqual(failures, []);
    assert.deepEqual(
      network.passed.map(({ status, headers }) => [status, headers['x-retry-count'] ?? 'none']),
      [
        [202, 'none'],
        [202, '1'],
      ],
      'the client sent its batch twice, and both times it was taken',
    );
    const ids = network.passed.map(({ answer }) => pickText(answer, 'batchId'));
    const receipts = [];
    for (const id of ids) receipts.push(await finalReceipt(system.url, shop.key, id));
    assert.deepEqual(
      receipts.map(({ state, accepted, stored, duplicates }) => ({ state, accepted, stored, duplicates })),
      [
        { state: 'stored', accepted: 6, stored: 6, duplicates: 0 },
        { state: 'stored', accepted: 6, stored: 0, duplicates: 6 },
      ],
    );

    const { events, profiles, aliases, rollups } = await stored();
    const [click, order, page, ...more] = events;
    assert.deepEqual(more, []);
    const ada = profileIdOf(shop.id, 'ada');
    const visitor = profileIdOf(shop.id, 'visitor-7');

    assert.equal(click?.['eventType'], 'click');
    assert.deepEqual(click['profileId'], visitor);

    assert.equal(order?.['eventType'], 'custom');
    assert.equal(order['eventName'], 'Order Completed');
    assert.deepEqual(order['profileId'], ada);
    assert.equal(order['sessionId'], 's-1');
    assert.deepEqual(order['timestamp'], AT);
    assert.equal(order['timestampMs'], AT.getTime());
    assert.deepEqual(order['metadata'], {
      total: '99.5',
      currency: 'EUR',
      items: '["a","b"]',
      $coupon: 'x',
      'dotted.key': 'y',
    });
    assert.deepEqual(order['measures'], { total: 99.5 });

    assert.equal(page?.['eventType'], 'page_view');
    assert.equal(page['pageUrl'], 'https://shop.example/pricing');
    assert.equal((page['pageContext'] as { path: string }).path, '/pricing');
    assert.equal((page['metadata'] as { name: string }).name, 'Pricing');

    assert.deepEqual(
      profiles.map(({ externalId, profileId, attributes }) => ({ externalId, profileId, attributes })),
      [
        {
          externalId: 'ada',
          profileId: ada,
          attributes: {
            email: 'ada@example.com',
            plan: 'pro',
            seats: 3,
            groupId: 'acme',
            group: { employees: 12 },
          },
        },
        { externalId: 'visitor-7', profileId: visitor, attributes: {} },
      ],
    );
    assert.deepEqual(profiles[0]?.['firstSeen'], AT);
    assert.deepEqual(aliases, [{ appId: shop.id, from: visitor, to: ada, at: AT }]);
    assert.deepEqual(
      rollups.map(({ eventType, eventName, count }) => [eventType, eventName, count]),
      [
        ['click', '', 1],
        ['custom', 'Order Completed', 1],
        ['page_view', '', 1],
      ],
    );
  });

  it('is seen by ops: its runs by app and kind, with what they hold, and by their ids in the log', async () => {
    const query = "ExpApps = 'shop' AND ExpKind = 'batch-ingest' AND ExecutionStatus = 'Completed'";
    // Visibility follows a little later.
    const run = await until('a run', async () => {
      for await (const found of system.temporal.workflow.list({ query })) return found;
      return undefined;
    });
    assert.ok(Number(run.memo?.['batches']) >= 1);
    const { workflowId } = run;
    const handle = system.temporal.workflow.getHandle(workflowId);
    const { staticSummary, staticDetails } = await handle.describe().then(async (description) => ({
      staticSummary: await description.staticSummary(),
      staticDetails: await description.staticDetails(),
    }));
    assert.match(staticSummary ?? '', /batch(es)?, \d+ items?, 1 app/);
    assert.match(staticDetails ?? '', /Apps: shop/);
    assert.ok(
      system.log('api').some((line) => line['workflowId'] === workflowId),
      'the API says which run it has started',
    );
    const answered = system.log('api').filter((line) => line['path'] === '/v1/batch');
    assert.ok(answered.length >= 2);
    assert.ok(answered.every(({ reqId }) => typeof reqId === 'string' && reqId !== ''));
  });

  it('reports a failure to its user when the key is wrong', async () => {
    const before = await stored();
    const analytics = new Analytics({ writeKey: `${shop.key.slice(0, -4)}0000`, host: system.url, maxRetries: 1 });
    const heard = new Promise<{ code: string; reason?: unknown }>((resolve) => {
      analytics.on('error', (error) => resolve(error));
    });
    analytics.track({ userId: 'mallory', event: 'Order Completed' });
    await analytics.closeAndFlush();
    const error = await heard;
    assert.equal(error.code, 'delivery_failure');
    assert.match(String(error.reason), /401/);
    assert.deepEqual(await stored(), before);
  });
});
