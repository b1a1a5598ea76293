import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Document } from 'mongodb';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { type Answer, ingest, type Ingest, type Sender } from '../helper/ingest.js';
import { envelope, envelopeUrl, newEventId, sentryEvent } from '../helper/sentry.js';
import { until } from '../helper/until.js';

describe('an envelope over quota', () => {
  let it_: Ingest;
  let count = 0;
  before(async () => {
    it_ = await ingest('sentry_quotas');
  });
  after(() => it_.close());

  const header = () => ({ sent_at: new Date().toISOString(), nonce: newEventId() });
  const limits = (answer: Answer): unknown => answer.headers['x-sentry-rate-limits'];
  const sender = (config: Partial<AppConfig>) => it_.register(`app-${String((count += 1))}`, config);
  const send = (from: Sender, body: Buffer): Promise<Answer> =>
    it_.send({ url: envelopeUrl(from), body, key: null, type: null });
  async function rows(name: string, from: Sender): Promise<Document[]> {
    await it_.storeAll();
    return it_.db.collection(name).find({ appId: from.app.id }).sort({ _id: 1 }).toArray();
  }

  it('has a quota of its own for sessions and one for feedback, and says which is used up', async () => {
    const from = await sender({ maxSessionsPerDay: 2, maxFeedbackPerDay: 1 });
    const attrs = { release: 'shop@1.0.0' };
    const session = (): [string, object] => ['session', { sid: newEventId(), status: 'ok', init: true, attrs }];
    const counted = (exited: number): [string, object] => [
      'sessions',
      { aggregates: [{ started: new Date().toISOString(), exited }], attrs },
    ];
    const feedback = (): [string, object] => [
      'feedback',
      { event_id: newEventId(), contexts: { feedback: { message: 'It broke' } } },
    ];
    assert.equal((await send(from, envelope(header(), session(), counted(9), feedback()))).status, 200);
    const refused = await send(from, envelope(header(), session(), counted(7), feedback()));
    assert.equal(refused.status, 429);
    assert.match(String(limits(refused)), /^\d+:session:key:quota, \d+:feedback:key:quota$/);
    assert.equal(refused.headers['retry-after'], undefined);
    const mixed = await send(from, envelope(header(), ['event', sentryEvent()], feedback()));
    assert.equal(mixed.status, 200);
    assert.match(String(limits(mixed)), /^\d+:feedback:key:quota$/);
    const report: [string, object] = ['user_report', { event_id: newEventId(), comments: 'It broke too' }];
    assert.equal((await send(from, envelope(header(), report))).status, 429);

    assert.deepEqual([(await rows('errors', from)).length, (await rows('feedback', from)).length], [1, 1]);
    const [day] = await rows('release_days', from);
    assert.equal(day?.['ok'], 10);
    const drops = await rows('daily_drops', from);
    assert.deepEqual(
      new Set(drops.map(({ by, reason, category, count: dropped }) => [by, reason, category, dropped].join())),
      new Set(['quota,quota,session,8', 'quota,quota,feedback,3']),
    );
    await until('usage is written', async () => {
      const used = await it_.db.collection('daily_usage').find({ appId: from.app.id }).toArray();
      const counts = Object.fromEntries(
        used.map(({ category, count: items }) => [category as string, items as number]),
      );
      return counts['sessions'] === 2 && counts['feedback'] === 1;
    });
  });

  it('notes so many new releases a day, and stores what runs on others without one', async () => {
    const from = await sender({ errors: { ...DEFAULT_APP_CONFIG.errors, maxNewReleasesPerDay: 2 } });
    for (const release of ['1.0.0', '2.0.0', '3.0.0', '4.0.0', '4.0.0', '1.0.0']) {
      assert.equal((await send(from, envelope(header(), ['event', sentryEvent({ release })]))).status, 200);
      await it_.storeAll();
    }
    assert.equal((await rows('errors', from)).length, 6);
    assert.deepEqual(
      (await rows('releases', from)).map(({ version }) => version as unknown),
      ['1.0.0', '2.0.0'],
    );
    const [drop] = await rows('daily_drops', from);
    assert.deepEqual(
      [drop?.['by'], drop?.['reason'], drop?.['category'], drop?.['count']],
      ['quota', 'new_releases', 'release', 3],
    );
  });
});
