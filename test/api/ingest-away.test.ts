import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { type Answer, ask, click, ingest, type Ingest, ingestApi } from '../helper/ingest.js';
import { stallingMongodb } from '../helper/stalling-mongodb.js';
import { SLACK_MS, until } from '../helper/until.js';

const WITHIN_MS = 3_000;

describe('when MongoDB does not answer', () => {
  let it_: Ingest;
  let wire: Awaited<ReturnType<typeof stallingMongodb>>;
  let api: Awaited<ReturnType<typeof ingestApi>>;
  let ahead = 0;
  before(async () => {
    it_ = await ingest('ingest_away');
    wire = await stallingMongodb(it_.db.databaseName);
    api = await ingestApi(wire.client, wire.db, { now: () => Date.now() + ahead });
    assert.equal((await send()).status, 202);
  });
  afterEach(async () => {
    wire.letGo();
    ahead = 0;
    await until('it is taken again', async () => (await send()).status === 202);
    await it_.storeAll();
  });
  after(async () => {
    wire.letGo();
    await api.close();
    await wire.close();
    await it_.close();
  });

  const send = (body: object | Buffer = { events: [click()] }, key = it_.shop.key) => ask(api, { body, key });

  async function later(sent: Promise<Answer>): Promise<void> {
    const began = performance.now();
    const answer = await sent;
    const took = performance.now() - began;
    assert.deepEqual([answer.status, answer.body.code], [503, 'UNAVAILABLE'], answer.raw.toString());
    assert.ok(answer.retryAfter > 0);
    assert.ok(took < WITHIN_MS + SLACK_MS, `${String(Math.round(took))} ms`);
  }

  it('those who wait are told within three seconds to come later, and what they send again is stored once', async () => {
    const bodies = Array.from({ length: 5 }, () => ({ events: [click(), click()] }));
    wire.hold();
    await Promise.all(bodies.map((body) => later(send(body))));
    wire.letGo();
    for (const body of bodies) {
      const answer = await until('it is taken', async () => {
        const sent = await send(body);
        return sent.status !== 503 && sent;
      });
      assert.deepEqual([answer.status, answer.body.eventsAccepted], [202, 2]);
    }
    await it_.storeAll();
    for (const { eventId } of bodies.flatMap(({ events }) => events))
      assert.equal(await it_.db.collection('events').countDocuments({ eventId }), 1);
  });

  it('nobody is told to have the wrong key: a key that cannot be looked up is a 503 as well, in time', async () => {
    const unseen = await it_.addKey(it_.shop.app, 'client');
    wire.hold();
    await later(send(undefined, unseen));
  });

  it('also a key that was known is a 503 in time, once what is known of it is too old', async () => {
    wire.hold();
    ahead = 60_000;
    await later(send());
  });

  it('a quota that cannot be read is a 503 in time', async () => {
    const other = await it_.register('newcomer');
    assert.equal(
      (await ask(api, { method: 'GET', url: `/v1/batches/${'ab'.repeat(32)}`, key: other.key })).status,
      404,
    );
    wire.hold();
    await later(send(undefined, other.key));
  });

  it('a receipt and readiness are 503 as well, and the process says that it lives', async () => {
    wire.hold();
    const url = `/v1/batches/${'ab'.repeat(32)}`;
    await Promise.all([
      later(ask(api, { method: 'GET', url, key: it_.shop.key })),
      later(ask(api, { method: 'GET', url: '/readyz' })),
    ]);
    assert.equal((await ask(api, { method: 'GET', url: '/healthz' })).status, 200);
  });
});
