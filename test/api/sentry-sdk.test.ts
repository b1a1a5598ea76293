import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as Sentry from '@sentry/node';
import type { Document } from 'mongodb';
import { type AppConfig, DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { ingest, type Ingest, type Sender } from '../helper/ingest.js';
import { dsnOf } from '../helper/sentry.js';

describe("Sentry's SDK for Node, unmodified, with a DSN of ours", () => {
  let it_: Ingest;
  let url = '';
  before(async () => {
    it_ = await ingest('sentry-sdk');
    url = await it_.api.listen({ host: '127.0.0.1', port: 0 });
  });
  after(() => it_.close());

  async function rows(name: string, from: Sender): Promise<Document[]> {
    await it_.storeAll();
    return it_.db.collection(name).find({ appId: from.app.id }).toArray();
  }

  it('sends an error with its cause, a message, feedback with a file, and sessions', async () => {
    const from = await it_.register('talkative');
    Sentry.init({
      dsn: dsnOf(url, from),
      release: 'shop@2.0.0',
      environment: 'production',
      integrations: [Sentry.featureFlagsIntegration()],
    });
    Sentry.getClient<Sentry.NodeClient>()
      ?.getIntegrationByName<Sentry.FeatureFlagsIntegration>('FeatureFlags')
      ?.addFeatureFlag('new-pay', true);
    Sentry.setUser({ id: 'ada', email: 'ada@example.com' });
    Sentry.addBreadcrumb({ category: 'cart', message: 'checkout', data: { items: 2 } });
    const thrown = Sentry.captureException(new Error('payment failed', { cause: new TypeError('no card') }));
    const said = Sentry.captureMessage('disk almost full', 'warning');
    const attachments = [{ filename: 'screen.png', data: new Uint8Array([10, 10, 123, 255]) }];
    Sentry.captureFeedback({ message: 'It broke', associatedEventId: thrown }, { attachments });
    Sentry.startSession();
    Sentry.endSession();
    assert.ok(await Sentry.close(5_000));

    const errors = new Map((await rows('errors', from)).map((error) => [error['errorId'] as string, error]));
    assert.deepEqual([...errors.keys()].sort(), [thrown, said].sort());
    const error = errors.get(thrown);
    const exceptions = error?.['exceptions'] as { type: string; value: string; frames: { file: string }[] }[];
    assert.deepEqual(
      exceptions.map(({ type, value }) => [type, value]),
      [
        ['Error', 'payment failed'],
        ['TypeError', 'no card'],
      ],
    );
    assert.match(exceptions[0]?.frames[0]?.file ?? '', /sentry-sdk\.test\.ts/, 'the crash frame comes first');
    assert.deepEqual([error?.['release'], error?.['environment']], ['shop@2.0.0', 'production']);
    assert.match(String(error?.['sdk']), /^sentry\.javascript\.node\/11\./);
    assert.deepEqual(error?.['flags'], { 'new-pay': 'true' });
    assert.deepEqual((error['breadcrumbs'] as { category: string }[]).at(-1)?.category, 'cart');
    const message = errors.get(said);
    assert.deepEqual([message?.['message'], message?.['severity']], ['disk almost full', 'warning']);
    const [feedback] = await rows('feedback', from);
    assert.deepEqual([feedback?.['text'], feedback?.['errorId']], ['It broke', thrown]);
    const [day] = await rows('release_days', from);
    assert.equal(day?.['release'], 'shop@2.0.0');
    const profile = await it_.db.collection('profiles').findOne({ appId: from.app.id, externalId: 'ada' });
    assert.deepEqual(error['profileId'], profile?.['profileId']);
  });

  it('holds errors back when the quota is used up, and is still heard with feedback', async () => {
    const errors: AppConfig['errors'] = { ...DEFAULT_APP_CONFIG.errors, maxErrorsPerDay: 0 };
    const from = await it_.register('silenced', { errors });
    Sentry.init({ dsn: dsnOf(url, from), release: 'shop@2.0.0' });
    Sentry.captureException(new Error('first'));
    assert.ok(await Sentry.flush(5_000));
    Sentry.captureException(new Error('second, which it does not send'));
    Sentry.captureFeedback({ message: 'It broke' });
    assert.ok(await Sentry.close(5_000));
    assert.deepEqual([(await rows('errors', from)).length, (await rows('feedback', from)).length], [0, 1]);
    const [drop] = await rows('daily_drops', from);
    assert.deepEqual([drop?.['by'], drop?.['count']], ['quota', 1], 'the second was never sent');
  });
});
