import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { workerStatus } from '../../api/worker-status.js';
import { ask, click, ingest, type Ingest, ingestApi } from '../helper/ingest.js';

describe('the API process', () => {
  let it_: Ingest;
  before(async () => {
    it_ = await ingest('health');
  });
  after(() => it_.close());

  it('says that it lives and that it can serve, to anybody', async () => {
    const alive = await ask(it_.api, { method: 'GET', url: '/healthz' });
    assert.deepEqual([alive.status, alive.body], [200, { status: 'ok' }]);
    const ready = await ask(it_.api, { method: 'GET', url: '/readyz' });
    assert.deepEqual([ready.status, ready.body], [200, { status: 'ok', worker: { state: 'unknown' } }]);
  });

  it('says how the worker is, as far as whoever watches over it has said so', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'health-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'worker-status.json');
    const status = workerStatus(file);
    assert.deepEqual(await status(), { state: 'unknown' });
    const failing = {
      state: 'failing',
      reason: 'killed by SIGKILL',
      diedAt: '2026-11-27T10:00:00.000Z',
      suspects: ['attemptDelivery'],
    };
    writeFileSync(file, JSON.stringify(failing));
    assert.deepEqual(await status(), failing);
    for (const rubbish of ['', '{', '[]', '{"state":"fine"}', '{"state":"failing","suspects":"all"}']) {
      writeFileSync(file, rubbish);
      assert.deepEqual(await status(), { state: 'unknown' }, rubbish);
    }
  });

  it('counts in its metrics what was taken, rejected and how requests were answered', async () => {
    assert.equal((await it_.send({ body: { events: [click(), click({ eventType: '' })] } })).status, 202);
    assert.equal((await it_.send({ body: { events: [click({ eventType: '' })] } })).status, 400);
    assert.equal((await it_.send({ body: '{' })).status, 400);
    const { status, raw } = await ask(it_.api, { method: 'GET', url: '/metrics' });
    assert.equal(status, 200);
    const lines = new Set(raw.toString().split('\n'));
    for (const line of [
      'experience_ingest_items_total{outcome="accepted"} 1',
      'experience_ingest_items_total{outcome="rejected"} 2',
      'experience_http_request_seconds_count{route="/v1/events",status="2xx"} 1',
      'experience_http_request_seconds_count{route="/v1/events",status="4xx"} 2',
    ])
      assert.ok(lines.has(line), `${line} is not in\n${raw.toString()}`);
    assert.ok(!raw.includes(it_.shop.key));
  });

  it('answers an unknown route with a problem that does not repeat the key', async () => {
    const answer = await ask(it_.api, { method: 'GET', url: `/v1/nothing?key=${it_.shop.key}` });
    assert.deepEqual([answer.status, answer.body.code], [404, 'NOT_FOUND']);
    assert.ok(!answer.raw.includes(it_.shop.key));
  });

  it('has what it acknowledged on disk when it closes, and closes while connections are kept alive', async () => {
    const api = await ingestApi(it_.client, it_.db);
    await api.listen({ host: '127.0.0.1', port: 0 });
    const { port } = api.server.address() as AddressInfo;
    const agent = new Agent({ keepAlive: true });
    const headers = {
      authorization: `Bearer ${it_.shop.key}`,
      'content-type': 'text/plain',
      'content-encoding': 'gzip',
    };
    const events = Array.from({ length: 12 }, () => click());
    const send = async (event: object): Promise<number | undefined> => {
      const sent = request({ host: '127.0.0.1', port, path: '/v1/events', method: 'POST', headers, agent });
      // In two pieces and without a length, as a slow client sends it.
      const body = gzipSync(JSON.stringify({ events: [event] }));
      sent.write(body.subarray(0, 20));
      setImmediate(() => sent.end(body.subarray(20)));
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    const first = await Promise.all(events.slice(0, 6).map(send));
    const others = events.slice(6).map(send);
    const closed = api.close();
    const last = await Promise.allSettled(others);
    await closed;
    agent.destroy();
    assert.deepEqual(first, Array<number>(6).fill(202));

    const acknowledged = events.filter((_event, index) => {
      if (index < 6) return true;
      const each = last[index - 6];
      return each?.status === 'fulfilled' && each.value === 202;
    });
    await it_.storeAll();
    const stored = new Set((await it_.stored('events')).map(({ eventId }): unknown => eventId));
    for (const { eventId } of acknowledged) assert.ok(stored.has(eventId));
  });

  it('refuses a request whose documents do not fit one flush, though its body is small enough', async () => {
    // The session stands for the profile, so a long one is stored with the event and with the profile.
    const session = (index: number) => String(index).padStart(8_000, 's');
    const body = (events: number) =>
      gzipSync(
        JSON.stringify({
          events: Array.from({ length: events }, (_, index) => click({ profileId: '', sessionId: session(index) })),
        }),
      );
    const held = await it_.flushes.countDocuments();
    const over = await it_.send({ body: body(980) });
    assert.deepEqual([over.status, over.body.code], [413, 'BATCH_TOO_LARGE']);
    assert.equal(await it_.flushes.countDocuments(), held);
    assert.equal((await it_.send({ body: body(700) })).status, 202);
    await it_.storeAll();
    assert.equal(await it_.flushes.countDocuments({ state: 'new' }), 0);
  });
});
