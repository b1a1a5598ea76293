import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Document } from 'mongodb';
import { profileIdOf } from '../../db/ids.js';
import { browserPage, noBrowser } from '../helper/browser.js';
import { ingest, type Ingest, type Sender } from '../helper/ingest.js';
import { dsnOf } from '../helper/sentry.js';

const PATIENCE_MS = 60_000;

describe('in a page of another site, in a real Chromium,', { skip: noBrowser() }, () => {
  let it_: Ingest;
  let url = '';
  before(async () => {
    it_ = await ingest('browser-sdks');
    url = await it_.api.listen({ host: '127.0.0.1', port: 0 });
  });
  after(() => it_.close());

  /** What is stored of an app, once it is so many. */
  async function rows(name: string, from: Sender, least: number): Promise<Document[]> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      await it_.storeAll();
      const found = await it_.db.collection(name).find({ appId: from.app.id }).toArray();
      if (found.length >= least) return found;
      assert.ok(Date.now() < end, `${name}: ${String(found.length)} of ${String(least)}`);
      await sleep(100);
    }
  }

  it("Sentry's SDK sends errors, messages, feedback and its session", async () => {
    const from = await it_.register('sentry');
    const page = await browserPage(`
      import * as Sentry from '@sentry/browser';
      Sentry.init({ dsn: ${JSON.stringify(dsnOf(url, from))}, release: 'shop@1.0.0' });
      Sentry.setUser({ id: 'ada' });
      Sentry.captureMessage('cart is empty');
      Sentry.captureFeedback({ message: 'It broke' });
      setTimeout(function pay() { throw new RangeError('no card', { cause: new TypeError('why') }); });
    `);
    try {
      const errors = await rows('errors', from, 2);
      const thrown = errors.find(({ message }) => message === 'no card');
      const exceptions = thrown?.['exceptions'] as { type: string; handled: boolean; frames: { function: string }[] }[];
      assert.deepEqual(
        exceptions.map(({ type }) => type),
        ['RangeError', 'TypeError'],
      );
      assert.deepEqual([exceptions[0]?.handled, exceptions[0]?.frames[0]?.function], [false, 'pay']);
      assert.deepEqual([thrown?.['pageUrl'], thrown?.['release']], [page.url, 'shop@1.0.0']);
      assert.deepEqual(thrown?.['profileId'], profileIdOf(from.app.id, 'ada'));
      const [feedback] = await rows('feedback', from, 1);
      assert.equal(feedback?.['text'], 'It broke');
      const [day] = await rows('release_days', from, 1);
      assert.equal(day?.['release'], 'shop@1.0.0');
    } finally {
      await page.close();
    }
  });

  it("PostHog's library sends page views, clicks, heatmap points, exceptions and who it is", async () => {
    const from = await it_.register('posthog');
    // It takes a browser that is driven for a bot.
    const page = await browserPage(`
      import posthog from 'posthog-js';
      posthog.init(${JSON.stringify(from.key)}, {
        api_host: ${JSON.stringify(url)}, capture_heatmaps: true, opt_out_useragent_filter: true,
      });
      posthog.capture('Order Completed', { total: 5 });
      posthog.identify('ada', { plan: 'pro' });
      posthog.captureException(new Error('no card'));
    `);
    try {
      await page.page.click('#pay');
      const events = await rows('events', from, 3);
      const of = (type: string) => events.find(({ eventType }) => eventType === type);
      const { custom, view, click } = { custom: of('custom'), view: of('page_view'), click: of('click') };
      assert.deepEqual([custom?.['eventName'], custom?.['measures']], ['Order Completed', { total: 5 }]);
      assert.equal(view?.['pageUrl'], page.url);
      assert.deepEqual([click?.['elementTid'], (click?.['elementContext'] as Document)['text']], ['pay', 'Pay']);
      const [error] = await rows('errors', from, 1);
      assert.deepEqual([error?.['message'], error?.['pageUrl']], ['no card', page.url]);
      const [point] = await rows('heatmap_events', from, 1);
      const box = await page.page.locator('#pay').boundingBox();
      assert.ok(box && Number(point?.['x']) >= box.x && Number(point?.['x']) <= box.x + box.width);
      const [alias] = await rows('profile_aliases', from, 1);
      assert.deepEqual(alias?.['to'], profileIdOf(from.app.id, 'ada'));
    } finally {
      await page.close();
    }
  });
});
