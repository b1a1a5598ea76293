import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Document } from 'mongodb';
import { identityProof, identitySecret } from '../../api/identity-proof.js';
import { profileIdOf } from '../../db/ids.js';
import {
  type Answer,
  ingest,
  type Ingest,
  type Message,
  rejection,
  SECRET_KEY,
  type Sender,
} from '../helper/ingest.js';

const DAY = 86_400_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** A message as Segment's libraries send it. */
const message = (type: string, fields: object = {}) => ({
  type,
  messageId: `msg-${randomUUID()}`,
  timestamp: iso(Date.now()),
  userId: 'anna',
  context: { library: { name: 'test', version: '1' } },
  ...fields,
});
const track = (fields: object = {}) => message('track', { event: 'Order Completed', ...fields });

describe('POST /v1/batch', () => {
  let it_: Ingest;
  let count = 0;
  before(async () => {
    it_ = await ingest('segment');
  });
  after(() => it_.close());

  const sender = (config = {}) => it_.register(`app-${String((count += 1))}`, config);
  const send = ({ key }: Sender, batch: readonly unknown[], more: Message = {}): Promise<Answer> =>
    it_.send({ url: '/v1/batch', body: { batch, sentAt: iso(Date.now()) }, key, ...more });

  const profile = (from: Sender, id: string): Promise<Document | null> =>
    it_.db.collection('profiles').findOne({ appId: from.app.id, externalId: id });

  async function stored(from: Sender, batch: readonly unknown[]): Promise<Document[]> {
    const answer = await send(from, batch);
    assert.deepEqual([answer.status, answer.body.rejected], [202, []], answer.raw.toString());
    await it_.storeAll();
    return it_.stored('events', from);
  }

  it('stores track under its name, its properties as text and its numbers as measures', async () => {
    const from = await sender();
    const properties = { revenue: 39.95, items: 2, plan: 'pro', gift: false, tags: ['a', 1], none: null };
    const at = Date.now() - 60_000;
    const [event] = await stored(from, [track({ properties, timestamp: iso(at), context: { sessionId: 's1' } })]);
    assert.deepEqual([event?.['eventType'], event?.['eventName']], ['custom', 'Order Completed']);
    assert.deepEqual([event?.['timestampMs'], event?.['sessionId']], [at, 's1']);
    const metadata = { revenue: '39.95', items: '2', plan: 'pro', gift: 'false', tags: '["a",1]' };
    assert.deepEqual([event?.['metadata'], event?.['measures']], [metadata, { revenue: 39.95, items: 2 }]);
    assert.deepEqual(event?.['profileId'], profileIdOf(from.app.id, 'anna'));
  });

  it('stores page and screen as page views, with what the context says of the page', async () => {
    const from = await sender();
    const page = { url: 'https://a.example/x', path: '/x', title: 'X', referrer: 'https://b.example/' };
    const events = await stored(from, [
      message('page', { name: 'Home', context: { page, screen: { width: 800, height: 600 } } }),
      message('page', { properties: page, timestamp: iso(Date.now() + 1000) }),
      message('screen', { name: 'Cart', timestamp: iso(Date.now() + 2000) }),
    ]);
    assert.deepEqual(
      events.map(({ eventType }): unknown => eventType),
      ['page_view', 'page_view', 'page_view'],
    );
    const { url, ...context } = page;
    const sized = { ...context, loadTimeMs: 0, viewportWidth: 800, viewportHeight: 600 };
    assert.deepEqual([events[0]?.['pageUrl'], events[0]?.['pageContext']], [url, sized]);
    assert.deepEqual(events[1]?.['pageContext'], { ...sized, viewportWidth: 0, viewportHeight: 0 });
    assert.deepEqual(
      events.map(({ metadata }) => (metadata as { name?: string }).name),
      ['Home', undefined, 'Cart'],
    );
  });

  it('takes the anonymous id where there is no user, and rejects an event of nobody', async () => {
    const from = await sender();
    const batch = [track({ userId: undefined, anonymousId: 'anon-1' }), track({ userId: '' })];
    const answer = await send(from, batch);
    assert.deepEqual(answer.body.rejected, [rejection('batch', 1, 'PROFILE_MISSING', 'profileId')]);
    await it_.storeAll();
    assert.ok(await profile(from, 'anon-1'));
  });

  it('merges attributes: a later identify wins, one that comes late only fills gaps', async () => {
    const from = await sender();
    const now = Date.now();
    const identify = (ms: number, traits: object) => message('identify', { timestamp: iso(ms), traits });
    assert.deepEqual(await stored(from, [identify(now - 1000, { plan: 'free', name: 'Anna' })]), []);
    await stored(from, [identify(now, { plan: 'pro', $set: { 'a.b': 1 } })]);
    await stored(from, [identify(now - 5000, { plan: 'trial', city: 'Bonn' })]);
    const doc = await profile(from, 'anna');
    assert.deepEqual(doc?.['attributes'], { plan: 'pro', name: 'Anna', $set: { 'a.b': 1 }, city: 'Bonn' });
    assert.deepEqual([doc['firstSeen'], doc['lastSeen']], [new Date(now - 5000), new Date(now)]);
  });

  it('merges the same identify once, however often it is sent', async () => {
    const from = await sender();
    const first = message('identify', { traits: { plan: 'free' } });
    await stored(from, [first]);
    await stored(from, [message('identify', { traits: { plan: 'pro' } })]);
    await stored(from, [first, track()]);
    assert.deepEqual((await profile(from, 'anna'))?.['attributes'], { plan: 'pro' });
  });

  it('is not bound for ever to an identify from a clock that runs far ahead', async () => {
    const from = await sender();
    await stored(from, [message('identify', { timestamp: '2999-01-01T00:00:00Z', traits: { plan: 'free' } })]);
    await stored(from, [message('identify', { traits: { plan: 'pro' } })]);
    const doc = await profile(from, 'anna');
    assert.deepEqual(doc?.['attributes'], { plan: 'pro' });
    assert.ok((doc['lastSeen'] as Date).getTime() < Date.now() + DAY);
  });

  it('keeps group as attributes and alias as an alias', async () => {
    const from = await sender();
    await stored(from, [
      message('group', { groupId: 'acme', traits: { size: 7 } }),
      message('alias', { previousId: 'anon-1', userId: 'anna' }),
    ]);
    assert.deepEqual((await profile(from, 'anna'))?.['attributes'], { groupId: 'acme', group: { size: 7 } });
    const [alias] = await it_.db.collection('profile_aliases').find({ appId: from.app.id }).toArray();
    const ids = [profileIdOf(from.app.id, 'anon-1'), profileIdOf(from.app.id, 'anna')];
    assert.deepEqual([alias?.['from'], alias?.['to']], ids);
  });

  it('rejects what it cannot take, each with its place, and takes the rest', async () => {
    const from = await sender();
    const deep = JSON.parse('[['.repeat(30) + ']]'.repeat(30)) as unknown;
    const cases: readonly [unknown, string, string][] = [
      ['text', 'FIELD_INVALID', 'batch'],
      [message('delete'), 'FIELD_INVALID', 'type'],
      [track({ event: '' }), 'FIELD_MISSING', 'eventType'],
      [track({ timestamp: undefined }), 'TIMESTAMP_MISSING', 'timestampMs'],
      [track({ timestamp: 'yesterday' }), 'TIMESTAMP_MISSING', 'timestampMs'],
      [track({ timestamp: iso(Date.now() + 2 * DAY) }), 'TIMESTAMP_IN_FUTURE', 'timestampMs'],
      [track({ timestamp: iso(Date.now() - 91 * DAY) }), 'TIMESTAMP_TOO_OLD', 'timestampMs'],
      [track({ properties: { 'a\0b': 1 } }), 'FIELD_INVALID', 'metadata'],
      [track({ properties: { long: 'x'.repeat(1025) } }), 'FIELD_TOO_LONG', 'metadata'],
      [message('identify', { messageId: '' }), 'FIELD_MISSING', 'messageId'],
      [message('identify', { userId: '' }), 'PROFILE_MISSING', 'userId'],
      [message('identify', { userId: 'x'.repeat(8193) }), 'FIELD_TOO_LONG', 'userId'],
      [message('identify', { traits: { 'a\0b': 1 } }), 'FIELD_INVALID', 'traits'],
      [message('identify', { traits: { a: { _bsontype: 'ObjectId' } } }), 'FIELD_INVALID', 'traits'],
      [message('identify', { traits: { deep } }), 'FIELD_INVALID', 'traits'],
      [message('identify', { traits: { long: 'x'.repeat(65_536) } }), 'FIELD_TOO_LONG', 'traits'],
      [
        message('identify', { traits: Object.fromEntries(Array<number>(65).fill(1).entries()) }),
        'FIELD_TOO_LONG',
        'traits',
      ],
      [message('alias'), 'PROFILE_MISSING', 'previousId'],
    ];
    const answer = await send(from, [track(), ...cases.map(([each]) => each), track()]);
    assert.equal(answer.status, 202);
    assert.equal(answer.body.eventsAccepted, 2);
    const expected = cases.map(([, code, field], index) => rejection('batch', index + 1, code, field));
    assert.deepEqual(answer.body.rejected, expected);
  });

  it('keeps odd property names and numbers as data, and never fails on one', async () => {
    const from = await sender();
    const properties = '{"$x":1,"a.b":2,"__proto__":3,"_bsontype":4,"":5,"constructor":6,"huge":1e999,"t":"\\ud800"}';
    const body = JSON.stringify({ batch: [track({ properties: 'P' })] }).replace('"P"', properties);
    const answer = await send(from, [], { body });
    assert.deepEqual([answer.status, answer.body.rejected], [202, []], answer.raw.toString());
    await it_.storeAll();
    const [event] = await it_.db
      .collection('events')
      .aggregate([
        { $match: { 'meta.appId': from.app.id } },
        { $project: { metadata: { $objectToArray: '$metadata' }, measures: { $objectToArray: '$measures' } } },
      ])
      .toArray();
    const pairs = (of: string) => (event?.[of] as { k: string; v: unknown }[]).map(({ k, v }) => [k, v]);
    const numbers = ['$x', 'a.b', '__proto__', '_bsontype', '', 'constructor'];
    assert.deepEqual(new Map(pairs('measures') as []), new Map(numbers.map((name, index) => [name, index + 1])));
    assert.deepEqual(
      pairs('metadata').slice(0, 6),
      numbers.map((name, index) => [name, String(index + 1)]),
    );
    assert.deepEqual(pairs('metadata').at(-1), ['t', '\ufffd']);
  });

  it('is not brought down by a million brackets, in a property, in traits or around them', async () => {
    const from = await sender();
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    for (const each of [track({ properties: { a: 'D' } }), message('identify', { traits: { a: 'D' } }), 'D']) {
      const body = JSON.stringify({ batch: [each] }).replace('"D"', deep);
      const answer = await send(from, [], { body });
      assert.equal(answer.status, 400, answer.raw.toString().slice(0, 300));
      assert.equal(answer.body.rejected[0]?.code, 'FIELD_INVALID');
    }
  });

  it('refuses a batch that is larger as documents than a flush may be, and says so', async () => {
    const from = await sender();
    const numbers = Array<number>(5_000).fill(1);
    const batch = Array.from({ length: 400 }, () => message('identify', { traits: { numbers } }));
    const { status, body } = await send(from, batch);
    assert.deepEqual([status, body.code], [413, 'BATCH_TOO_LARGE']);
    assert.equal((await send(from, batch.slice(0, 100))).status, 202);
  });

  it('answers like the other ingest route: format, limits, gzip, the same batch twice', async () => {
    const from = await sender();
    const batch = [track()];
    for (const body of ['{', '[]', '{}', '{"batch":{}}']) {
      const answer = await send(from, [], { body });
      assert.deepEqual([answer.status, answer.body.code], [400, 'BODY_MALFORMED']);
    }
    const tooMany = await send(from, Array<object>(3_001).fill({}));
    assert.deepEqual([tooMany.status, tooMany.body.code], [413, 'BATCH_TOO_LARGE']);
    const empty = await send(from, []);
    assert.deepEqual([empty.status, empty.body.eventsAccepted], [202, 0]);
    const body = gzipSync(JSON.stringify({ batch }));
    const first = await send(from, [], { body });
    const again = await send(from, [], { body, headers: { 'content-encoding': 'gzip' } });
    assert.equal(first.status, 202);
    assert.deepEqual(again.body, first.body);
    assert.equal((await it_.receipt(first.body.batchId, from.key)).body.accepted, 1);
  });

  it('takes the key as the user of Basic and as writeKey, and none is 401', async () => {
    const from = await sender();
    const batch = [track()];
    const authorization = `Basic ${Buffer.from(`${from.key}:`).toString('base64')}`;
    assert.equal(
      (await it_.send({ url: '/v1/batch', body: { batch }, key: null, headers: { authorization } })).status,
      202,
    );
    const writeKey = from.key;
    assert.equal((await it_.send({ url: '/v1/batch', body: { batch, writeKey }, key: null })).status, 202);
    const none = await it_.send({ url: '/v1/batch', body: { batch, writeKey: 5 }, key: null });
    assert.deepEqual([none.status, none.body.code], [401, 'UNAUTHENTICATED']);
  });

  it('demands a proof of identity where the app does, from client keys, for what changes a profile', async () => {
    const from = await sender({ identityProof: true });
    const secret = identitySecret(SECRET_KEY, from.app, 1);
    const proof = (of: string) => ({ context: { identityProof: identityProof(secret, of) } });
    const traits = { plan: 'pro' };
    const answer = await send(from, [
      message('identify', { traits }),
      message('identify', { traits, ...proof('bert') }),
      message('identify', { traits, context: { identityProof: 'no hex' } }),
      message('alias', { previousId: 'anon-1' }),
      message('group', { groupId: 'acme' }),
      track(),
      message('identify', { traits, ...proof('anna') }),
      message('alias', { previousId: 'anon-1', ...proof('anna') }),
    ]);
    assert.equal(answer.status, 202);
    const refused = [0, 1, 2, 3, 4];
    const why = (index: number) => rejection('batch', index, 'IDENTITY_PROOF_INVALID', 'context.identityProof');
    assert.deepEqual(answer.body.rejected, refused.map(why));
    const trusted = await send({ ...from, key: from.serverKey }, [message('identify', { userId: 'carl', traits })]);
    assert.deepEqual([trusted.status, trusted.body.rejected], [202, []]);
    await it_.storeAll();
    for (const id of ['anna', 'carl']) assert.deepEqual((await profile(from, id))?.['attributes'], traits);
  });
});
