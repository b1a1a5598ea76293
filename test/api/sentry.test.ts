import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import type { Document } from 'mongodb';
import type { AppConfig } from '../../domain/app.js';
import { DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { type Answer, ask, ingest, type Ingest, ingestApi, type Message, type Sender } from '../helper/ingest.js';
import { dsnOf, envelope, envelopeUrl, newEventId, sentryEvent } from '../helper/sentry.js';
import { SLACK_MS } from '../helper/until.js';

const header = (fields: object = {}) => ({ sent_at: new Date().toISOString(), ...fields });
const errorQuota = (maxErrorsPerDay: number): Partial<AppConfig> => ({
  errors: { ...DEFAULT_APP_CONFIG.errors, maxErrorsPerDay },
});
const limits = (answer: Answer): unknown => answer.headers['x-sentry-rate-limits'];

let it_: Ingest;
let count = 0;
before(async () => {
  it_ = await ingest('sentry');
});
after(() => it_.close());

const sender = (config: Partial<AppConfig> = {}) => it_.register(`app-${String((count += 1))}`, config);
const send = (from: Sender, body: Buffer, more: Message = {}): Promise<Answer> =>
  it_.send({ url: envelopeUrl(from), body, key: null, type: null, ...more });

async function rows(name: string, from: Sender): Promise<Document[]> {
  await it_.storeAll();
  return it_.db.collection(name).find({ appId: from.app.id }).sort({ _id: 1 }).toArray();
}

describe('POST /api/:dsnId/envelope/', () => {
  it('stores an event under its id, once, and answers with the id', async () => {
    const from = await sender();
    const event = sentryEvent({ user: { id: 'ada' }, tags: { plan: 'pro' } });
    const body = envelope(header({ event_id: event.event_id }), ['event', event]);
    const first = await send(from, body);
    assert.deepEqual([first.status, first.body], [200, { id: event.event_id }], first.raw.toString());
    assert.equal((await send(from, body)).status, 200);
    const again = envelope(header({ event_id: event.event_id, again: true }), ['event', event]);
    assert.equal((await send(from, again)).status, 200);
    const [stored, ...more] = await rows('errors', from);
    assert.deepEqual(more, []);
    assert.deepEqual(
      [stored?.['errorId'], stored?.['release'], stored?.['message'], stored?.['tags']],
      [event.event_id, 'shop@1.0.0', 'boom', { plan: 'pro' }],
    );
    const [group] = await rows('error_groups', from);
    assert.deepEqual([group?.['occurrenceCount'], group?.['affectedProfiles']], [1, 1]);
  });

  it('knows its key from the query, X-Sentry-Auth or the DSN in the envelope, and only for the app of the path', async () => {
    const from = await sender();
    const other = await sender();
    const path = `/api/${String(from.app.dsnId)}/envelope/`;
    const body = (fields: object = {}) => envelope(header(fields), ['event', sentryEvent()]);
    const status = async (more: Message, fields?: object) => (await send(from, body(fields), more)).status;
    const auth = { 'x-sentry-auth': `Sentry sentry_version=7, sentry_client=t/1, sentry_key=${from.key}` };
    assert.equal(await status({}), 200);
    assert.equal(await status({ url: path, headers: auth }), 200);
    assert.equal(await status({ url: path.slice(0, -1), headers: auth }), 200);
    assert.equal(await status({ url: path }, { dsn: dsnOf('http://h', from) }), 200);
    assert.equal(await status({ url: path }), 401);
    assert.equal(await status({ url: path }, { dsn: dsnOf('http://h', other) }), 401);
    assert.equal(await status({ url: envelopeUrl({ ...from, key: other.key }) }), 401);
    assert.equal(await status({ url: envelopeUrl({ ...from, key: `${from.key}x` }) }), 401);
    const tunnel = { url: '/v1/sentry/tunnel' };
    assert.equal(await status(tunnel, { dsn: dsnOf('http://h', from) }), 200);
    assert.equal(await status(tunnel), 401);
    assert.equal(await status(tunnel, { dsn: dsnOf('http://h', { ...from, app: other.app }) }), 401);
    assert.equal((await rows('errors', from)).length, 5);
  });

  it('takes any content type or none, compressed or not, said or not', async () => {
    const from = await sender();
    const ids = [];
    const packed = [
      [null, {}, (bytes: Buffer) => bytes],
      ['text/plain;charset=UTF-8', {}, (bytes: Buffer) => bytes],
      ['application/x-sentry-envelope', { 'content-encoding': 'gzip' }, gzipSync],
      ['application/json', { 'content-encoding': 'deflate' }, deflateSync],
      [null, {}, gzipSync],
    ] as const;
    for (const [type, headers, pack] of packed) {
      const event = sentryEvent();
      ids.push(event.event_id);
      const answer = await send(from, pack(envelope(header(), ['event', event])), { type, headers });
      assert.equal(answer.status, 200, answer.raw.toString());
    }
    const stored = await rows('errors', from);
    assert.deepEqual(stored.map(({ errorId }): unknown => errorId).sort(), ids.sort());
  });

  it('passes over attachments, however large, and what it does not know', async () => {
    const from = await sender();
    const event = sentryEvent();
    const body = envelope(
      header(),
      ['attachment', Buffer.alloc(30 * 1024 * 1024, '\n')],
      ['event', event],
      ['log', { items: [] }],
      ['nobody-knows', Buffer.from('\n\n{"type":"event"}\n{}')],
    );
    const answer = await send(from, body);
    assert.equal(answer.status, 200, answer.raw.toString());
    assert.deepEqual(
      (await rows('errors', from)).map(({ errorId }): unknown => errorId),
      [event.event_id],
    );
    assert.equal((await send(from, envelope(header(), ['span', { items: [] }]))).status, 200);
    const bomb = gzipSync(envelope(header(), ['attachment', Buffer.alloc(210 * 1024 * 1024)]));
    assert.equal((await send(from, bomb, { headers: { 'content-encoding': 'gzip' } })).status, 413);
    const large = envelope(header(), ['attachment', Buffer.alloc(41 * 1024 * 1024)]);
    assert.equal((await send(from, large)).status, 413);
    const message = Buffer.from(JSON.stringify(sentryEvent({ message: 'x'.repeat(9 * 1024 * 1024) })));
    assert.equal((await send(from, envelope(header(), ['event', message]))).status, 413);
    assert.equal((await send(from, Buffer.from('no envelope'))).status, 400);
  });

  it('takes an event whatever stands in it, and gives one without an id that of its bytes', async () => {
    const from = await sender();
    const odd = { exception: 5, tags: 'x', user: [], timestamp: 'never', level: {}, breadcrumbs: { values: 7 } };
    const body = envelope(header(), ['event', odd]);
    assert.equal((await send(from, body)).status, 200);
    assert.equal((await send(from, envelope(header({ sent_at: 0 }), ['event', odd]))).status, 200);
    const [stored, ...more] = await rows('errors', from);
    assert.deepEqual([more.length, stored?.['severity'], String(stored?.['profileId'])], [0, 'error', '0'.repeat(24)]);
    assert.equal((await send(from, envelope(header(), ['event', Buffer.from('{"cut":')]))).status, 200);
  });

  it('corrects the times of a clock that is off, by what it says of the moment of sending', async () => {
    const from = await sender();
    const ahead = 7 * 86_400_000;
    const event = sentryEvent({ timestamp: (Date.now() + ahead - 5_000) / 1000 });
    await send(from, envelope({ sent_at: new Date(Date.now() + ahead).toISOString() }, ['event', event]));
    const [stored] = await rows('errors', from);
    assert.ok(Math.abs(Number(stored?.['timestampMs']) - (Date.now() - 5_000)) < 5_000 + SLACK_MS);
  });

  it('counts sessions of two processes that say the same twice, and one session by its id once', async () => {
    const from = await sender();
    const attrs = { release: 'shop@1.0.0', environment: 'production' };
    const started = new Date().toISOString();
    const aggregates = [{ started, exited: 3, errored: 1, crashed: 1 }];
    const counted = envelope({ sent_at: started }, ['sessions', { aggregates, attrs }]);
    for (let process = 0; process < 2; process++) assert.equal((await send(from, counted)).status, 200);
    const session = { sid: newEventId(), init: true, started, attrs, did: 'ada' };
    for (const status of ['ok', 'crashed', 'crashed', 'exited'])
      assert.equal((await send(from, envelope(header(), ['session', { ...session, status }]))).status, 200);
    const days = await rows('release_days', from);
    const sum = (name: string) => days.reduce((total, day) => total + Number(day[name]), 0);
    assert.deepEqual([sum('ok'), sum('errored'), sum('crashed')], [6, 2, 3]);
  });

  it('keeps feedback, and counts what the client says it dropped', async () => {
    const from = await sender();
    const about = newEventId();
    const feedback = {
      event_id: newEventId(),
      contexts: { feedback: { message: 'It broke', name: 'Ada', associated_event_id: about } },
    };
    const body = envelope(header(), ['feedback', feedback], ['attachment', Buffer.from('png')]);
    assert.equal((await send(from, body)).status, 200);
    assert.equal((await send(from, envelope(header({ again: 1 }), ['feedback', feedback]))).status, 200);
    const report = { discarded_events: [{ reason: 'before_send', category: 'error', quantity: 2 }] };
    for (let process = 0; process < 2; process++)
      assert.equal((await send(from, envelope({}, ['client_report', report]))).status, 200);
    const [stored, ...more] = await rows('feedback', from);
    assert.deepEqual([more.length, stored?.['text'], stored?.['errorId']], [0, 'It broke', about]);
    const drops = await rows('daily_drops', from);
    assert.deepEqual(
      drops.map(({ by, reason, category, count: dropped }): unknown[] => [by, reason, category, dropped]),
      [['client', 'before_send', 'error', 4]],
    );
  });

  it('says in its own header that the errors of today are used up, counts them as dropped, and takes the rest', async () => {
    const from = await sender(errorQuota(1));
    const event = () => envelope(header(), ['event', sentryEvent()]);
    assert.equal((await send(from, event())).status, 200);
    const refused = await send(from, event());
    assert.equal(refused.status, 429);
    assert.match(String(limits(refused)), /^\d+:error:key:quota$/);
    assert.equal(refused.headers['retry-after'], undefined);
    const feedback = { event_id: newEventId(), contexts: { feedback: { message: 'still heard' } } };
    const mixed = await send(from, envelope(header(), ['event', sentryEvent()], ['feedback', feedback]));
    assert.equal(mixed.status, 200);
    assert.match(String(limits(mixed)), /^\d+:error:key:quota$/);
    assert.deepEqual([(await rows('errors', from)).length, (await rows('feedback', from)).length], [1, 1]);
    const [drop] = await rows('daily_drops', from);
    assert.deepEqual([drop?.['by'], drop?.['category'], drop?.['count']], ['quota', 'error', 2]);
  });

  it('never sends a bare Retry-After, not when a key sends too fast nor when the spool is full', async () => {
    const from = await sender();
    const fast = await ingestApi(it_.client, it_.db, { requestsPerSecondPerKey: 1 });
    const full = await ingestApi(it_.client, it_.db, { spoolMaxBytes: 0 });
    try {
      const message = (): Message => ({
        url: envelopeUrl(from),
        body: envelope(header(), ['event', sentryEvent()]),
        type: null,
      });
      await ask(fast, message());
      const limited = await ask(fast, message());
      assert.deepEqual([limited.status, limits(limited)], [429, '1::key:rate_limited']);
      const refused = await ask(full, message());
      assert.deepEqual([refused.status, refused.body.code], [503, 'UNAVAILABLE']);
      assert.match(String(limits(refused)), /^\d+::key:unavailable$/);
      for (const { headers } of [limited, refused]) assert.equal(headers['retry-after'], undefined);
    } finally {
      await Promise.all([fast.close(), full.close()]);
    }
  });

  it('answers a page of any origin, unless the key has a list of its own', async () => {
    const from = await sender();
    const origin = 'https://shop.example';
    const answer = await send(from, envelope(header(), ['event', sentryEvent()]), { headers: { origin } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['access-control-allow-origin'], origin);
    assert.match(String(answer.headers['access-control-expose-headers']), /X-Sentry-Rate-Limits/);
    const preflight = await it_.send({
      method: 'OPTIONS',
      url: envelopeUrl(from),
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
    assert.equal(preflight.status, 204);
    const key = await it_.addKey(from.app, 'client', { origins: ['https://other.example'] });
    const refused = await send({ ...from, key }, envelope(header(), ['event', sentryEvent()]), { headers: { origin } });
    assert.equal(refused.status, 403);
    assert.equal(refused.headers['access-control-allow-origin'], origin);
  });
});

describe('POST /api/:dsnId/store/', () => {
  it('takes the one event of an older SDK', async () => {
    const from = await sender();
    const event = sentryEvent();
    const answer = await it_.send({
      url: `/api/${String(from.app.dsnId)}/store/`,
      body: event,
      headers: { 'x-sentry-auth': `Sentry sentry_key=${from.key}` },
      key: null,
    });
    assert.deepEqual([answer.status, answer.body], [200, { id: event.event_id }]);
    assert.equal((await rows('errors', from)).length, 1);
    const nobody = await it_.send({ url: `/api/${String(from.app.dsnId)}/store/`, body: event, key: null });
    assert.equal(nobody.status, 401);
  });
});
