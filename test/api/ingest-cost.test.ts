import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ingest, type Ingest, type Message } from '../helper/ingest.js';
import { bestLongestTurn } from '../helper/longest-turn.js';
import { envelope, envelopeUrl, sentryEvent } from '../helper/sentry.js';

/** Of CPU time, for which no body may keep the event loop to itself. */
const MOST_MS = 100;

const MIB = 1024 * 1024;
const many = (count: number, each: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => each(n)).join();
const zipped = (body: string | Buffer, url = '/v1/events', type: string | null = 'application/json'): Message => ({
  url,
  type,
  body: gzipSync(body),
  headers: { 'content-encoding': 'gzip' },
});
const repeated = (count: number, ...bytes: number[]): Buffer => Buffer.alloc(count * bytes.length, Buffer.from(bytes));
/** A message of that field in a batch. */
const field = (tag: number, content: Buffer): Buffer => {
  const length: number[] = [];
  for (let left = content.length; ; left >>>= 7) {
    length.push(left < 128 ? left : (left & 127) | 128);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
};
const PROTOBUF = 'application/x-protobuf';
const POINTS = 200_000;
const SESSIONS = { attrs: { release: '1' }, aggregates: Array.from({ length: 1_000 }, () => ({ exited: 2 })) };

/** What costs much and is no shape of the worst bodies known, which have a test of their own. */
const BODIES: Readonly<Record<string, (shop: Ingest['shop']) => Message>> = {
  'millions of zeros': () => zipped(`{"events":[${many(4 * MIB - 20, () => '0')}]}`),
  'no JSON after 8 MB': () => zipped(`{"events":[${many(1_000_000, () => '{"a":1}').slice(0, 8_000_000)}`),
  'protobuf of empty events': () => zipped(repeated(4 * MIB, 0x0a, 0x00), '/v1/events', PROTOBUF),
  'protobuf of fields that nobody knows': () => zipped(repeated(4 * MIB, 0x78, 0x00), '/v1/events', PROTOBUF),
  'protobuf of an event with millions of fields that nobody knows': () =>
    zipped(field(0x0a, repeated(3 * MIB, 0x78, 0x00)), '/v1/events', PROTOBUF),
  'an envelope with a long header': (shop) => ({
    url: envelopeUrl(shop),
    body: gzipSync(`{${many(600_000, (n) => `"k${String(n)}":0`)}}\n{"type":"event"}\n{}`),
  }),
  'an envelope of counted sessions': (shop) => ({
    url: envelopeUrl(shop),
    body: gzipSync(envelope({}, ...Array.from({ length: 330 }, () => ['sessions', SESSIONS] as const))),
  }),
  'a form of 8 MB': ({ key }) => {
    const json = `{"api_key":"${key}","batch":[{"event":"e","uuid":"u","distinct_id":"d","properties":{${many(150_000, (n) => `"k${String(n)}":${String(n)}`)}}}]}`;
    const form = `data=${encodeURIComponent(Buffer.from(json).toString('base64')).replaceAll('A', '%41')}`;
    return zipped(form, '/e/', 'application/x-www-form-urlencoded');
  },
};

const heatmap = (key: string): Message => {
  const points = many(POINTS, (n) => `{"x":${String(n)},"y":1,"type":"click"}`);
  const properties = `{"$viewport_width":800,"$viewport_height":600,"$heatmap_data":{"https://x.example/":[${points}]}}`;
  const item = `{"event":"$$heatmap","uuid":"h","distinct_id":"d","timestamp":${String(Date.now())},"properties":${properties}}`;
  return zipped(`{"api_key":"${key}","batch":[${item}]}`, '/batch/');
};

describe('what one body may cost', () => {
  let it_: Ingest;
  before(async () => {
    it_ = await ingest('ingest_cost');
  });
  after(() => it_.close());

  for (const [what, message] of Object.entries(BODIES)) {
    it(`never keeps others waiting: ${what}`, async () => {
      const body = message(it_.shop);
      const status: number[] = [];
      const longest = await bestLongestTurn(MOST_MS, async () => {
        const answer = await it_.send(body);
        status.push(answer.status);
      });
      assert.ok(
        status.every((each) => each < 500),
        `answered ${String(status)}`,
      );
      assert.ok(longest < MOST_MS, `${longest.toFixed(0)} ms of CPU in one turn, answered ${String(status)}`);
    });
  }

  it('takes 3,000 points of heatmaps a request and counts the others', async () => {
    const shop = await it_.register('points');
    const longest = await bestLongestTurn(
      MOST_MS,
      async () => {
        const { status } = await it_.send({ ...heatmap(shop.key), key: null });
        assert.equal(status, 200);
      },
      1,
    );
    await it_.storeAll();
    assert.equal((await it_.stored('heatmap_events', shop)).length, 3_000);
    const dropped = await it_.db.collection('daily_drops').find({ appId: shop.app.id }).toArray();
    assert.deepEqual(
      dropped.map(({ by, reason, category, count }) => [by, reason, category, count] as unknown[]),
      [['quota', 'points_per_request', 'heatmap', POINTS - 3_000]],
    );
    assert.ok(longest < MOST_MS * 3, `${longest.toFixed(0)} ms`);
  });

  it('keeps the newest of many breadcrumbs, and says that others were left out', async () => {
    const shop = await it_.register('breadcrumbs');
    const breadcrumbs = Array.from({ length: 120_000 }, (_, n) => ({ message: String(n) }));
    const event = sentryEvent({
      breadcrumbs,
      tags: Object.fromEntries(breadcrumbs.map(({ message }) => [message, 'v'])),
    });
    const { status } = await it_.send({ url: envelopeUrl(shop), body: gzipSync(envelope({}, ['event', event])) });
    assert.equal(status, 200);
    await it_.storeAll();
    const stored = await it_.db.collection('errors').findOne({ appId: shop.app.id });
    const messages = (stored?.['breadcrumbs'] as { message: string }[]).map(({ message }) => Number(message));
    assert.deepEqual(
      messages,
      Array.from({ length: 100 }, (_, n) => 119_900 + n),
    );
    assert.equal(Object.keys(stored?.['tags'] as object).length, 64);
    assert.deepEqual(stored?.['truncated'], ['breadcrumbs', 'tags']);
  });

  it('refuses more attributes than can be written at once, however short they are', async () => {
    const identifies = (count: number, traits: number) => ({
      batch: Array.from({ length: count }, (_, n) => ({
        type: 'identify',
        messageId: `${String(count)}-${String(n)}`,
        userId: 'a',
        traits: Object.fromEntries(Array.from({ length: traits }, (_, t) => [`t${String(t)}`, { é: 1 }])),
      })),
    });
    assert.equal((await it_.send({ url: '/v1/batch', body: identifies(3_000, 5) })).status, 202);
    assert.equal((await it_.send({ url: '/v1/batch', body: identifies(500, 60) })).status, 202);
    const { status, body } = await it_.send({ url: '/v1/batch', body: identifies(3_000, 60) });
    assert.deepEqual([status, body.code], [413, 'BATCH_TOO_LARGE']);
  });
});
