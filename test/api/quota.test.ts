import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dailyQuota } from '../../api/ingest/quota.js';
import { appOf } from '../helper/apps.js';
import { type Answer, ask, click, ingest, type Ingest, ingestApi } from '../helper/ingest.js';
import { networkOf } from '../../domain/client-address.js';
import { refusal } from '../helper/refusal.js';
import { SLACK_MS, until } from '../helper/until.js';

const DAY = 86_400_000;

const many = (length: number, fields = {}) => ({ events: Array.from({ length }, () => click(fields)) });

describe('how much an app may send', () => {
  const open: Ingest[] = [];
  const opened = async (...args: Parameters<typeof ingest>): Promise<Ingest> => {
    const it_ = await ingest(...args);
    open.push(it_);
    return it_;
  };
  let it_: Ingest;
  before(async () => {
    it_ = await opened('quota');
  });
  after(() => Promise.all(open.map((each) => each.close())));

  function refused(answer: Answer, status: number, code: string): void {
    assert.deepEqual([answer.status, answer.body.code], [status, code], answer.raw.toString());
    assert.ok(Number.isInteger(answer.retryAfter) && answer.retryAfter > 0);
  }

  it('a day: the batch that crosses the line is taken, the next is refused until the next UTC day', async () => {
    let ahead = 0;
    const it_ = await opened('quota_day', { now: () => Date.now() + ahead }, { maxEventsPerDay: 5 });
    assert.equal((await it_.send({ body: many(4) })).status, 202);
    const crossing = await it_.send({ body: many(4) });
    assert.deepEqual([crossing.status, crossing.body.eventsAccepted], [202, 4]);

    const held = await it_.flushes.countDocuments();
    const over = await it_.send({ body: many(1) });
    refused(over, 429, 'QUOTA_EXCEEDED');
    const toMidnight = Math.ceil((DAY - (Date.now() % DAY)) / 1000);
    assert.ok(Math.abs(over.retryAfter - toMidnight) <= SLACK_MS / 1000, `${over.retryAfter} s, not ${toMidnight}`);
    assert.equal(await it_.flushes.countDocuments(), held, 'nothing is taken of what is refused');

    ahead = over.retryAfter * 1000;
    assert.equal((await it_.send({ body: many(1, { timestampMs: Date.now() + ahead }) })).status, 202);
  });

  it('counts duplicates, since they are known only later', async () => {
    const { key } = await it_.register('twice', { maxEventsPerDay: 4 });
    const body = many(2);
    for (let time = 0; time < 2; time++) assert.equal((await it_.send({ body, key })).status, 202);
    refused(await it_.send({ body, key }), 429, 'QUOTA_EXCEEDED');
  });

  it('does not count what is rejected, and no app pays for another', async () => {
    const { key } = await it_.register('one', { maxEventsPerDay: 2 });
    const other = await it_.register('other', { maxEventsPerDay: 2 });
    for (let time = 0; time < 3; time++)
      assert.equal((await it_.send({ body: many(3, { eventType: '' }), key })).status, 400);
    assert.equal((await it_.send({ body: many(2), key })).status, 202);
    refused(await it_.send({ body: many(1), key }), 429, 'QUOTA_EXCEEDED');
    assert.equal((await it_.send({ body: many(2), key: other.key })).status, 202);
  });

  it('of nothing a day refuses the first', async () => {
    const { key } = await it_.register('none', { maxEventsPerDay: 0 });
    const held = await it_.flushes.countDocuments();
    refused(await it_.send({ body: many(1), key }), 429, 'QUOTA_EXCEEDED');
    assert.equal(await it_.flushes.countDocuments(), held);
  });

  it('is shared by API processes within about a second, and kept over a restart', async () => {
    const { key } = await it_.register('shared', { maxEventsPerDay: 10 });
    const other = await ingestApi(it_.client, it_.db);
    // Both have looked once, so that from here on each goes by what it knows.
    for (const api of [it_.api, other]) assert.equal((await ask(api, { body: many(1), key })).status, 202);
    assert.equal((await ask(it_.api, { body: many(10), key })).status, 202);

    const began = performance.now();
    await until('the other process knows', async () => {
      const answer = await ask(other, { body: many(0), key });
      return answer.status === 429;
    });
    assert.ok(performance.now() - began < 1_000 + SLACK_MS, `${performance.now() - began} ms`);
    refused(await ask(other, { body: many(1), key }), 429, 'QUOTA_EXCEEDED');

    await other.close();
    const next = await ingestApi(it_.client, it_.db);
    refused(await ask(next, { body: many(1), key }), 429, 'QUOTA_EXCEEDED');
    await next.close();
  });

  it('is kept by a tenth for server keys, so that no visitor can use up their day', async () => {
    const { key, serverKey } = await it_.register('reserve', { maxEventsPerDay: 50 });
    // Of an address that cannot be told: nobody has named this proxy.
    const visitor = (count: number) =>
      it_.send({ body: many(count), key, headers: { 'x-forwarded-for': '192.0.2.1' } });
    for (const count of [44, 1]) assert.equal((await visitor(count)).status, 202);
    refused(await visitor(1), 429, 'QUOTA_EXCEEDED');
    assert.equal((await it_.send({ body: many(5), key: serverKey })).status, 202);
    refused(await it_.send({ body: many(1), key: serverKey }), 429, 'QUOTA_EXCEEDED');
  });

  it('is kept by another tenth for addresses that have sent little', async () => {
    const localhost = networkOf('127.0.0.1');
    assert.ok(localhost !== undefined);
    let ahead = 0;
    const it_ = await opened('shares', { trustProxy: [localhost], now: () => Date.now() + ahead });
    const { key } = await it_.register('shares', { maxEventsPerDay: 200 });
    const from = (address: string, count: number) =>
      it_.send({
        body: many(count, { timestampMs: Date.now() + ahead }),
        key,
        headers: { 'x-forwarded-for': address },
      });
    assert.equal((await from('192.0.2.1', 160)).status, 202);
    refused(await from('192.0.2.1', 1), 429, 'QUOTA_EXCEEDED');
    // Other addresses of the same /64 are the same sender, those of another are not.
    assert.equal((await from('2001:db8:0:1::1', 3)).status, 202);
    refused(await from('2001:db8:0:1::2', 1), 429, 'QUOTA_EXCEEDED');
    assert.equal((await from('2001:db8:0:2::1', 2)).status, 202);
    assert.equal((await from('192.0.2.2', 15)).status, 202);
    refused(await from('192.0.2.3', 1), 429, 'QUOTA_EXCEEDED');

    ahead = DAY;
    for (let time = 0; time < 2; time++) assert.equal((await from('192.0.2.1', 80)).status, 202);
    refused(await from('192.0.2.1', 1), 429, 'QUOTA_EXCEEDED');
    assert.equal((await from('192.0.2.2', 1)).status, 202, 'what was yesterday is forgotten');
  });

  it('is not forgotten for as long as it takes to write it', async () => {
    const written: number[] = [];
    const never = new Promise<number>(() => undefined);
    const quota = dailyQuota({
      usage: { add: (_app, _day, _category, count) => (written.push(count) > 1 ? never : Promise.resolve(0)) },
      category: 'events',
      mostOf: () => 5,
    });
    const app = appOf('slow');
    await quota.check(app);
    quota.add(app, 5);
    await until('it is being written', () => written.includes(5));
    assert.throws(() => void quota.check(app), refusal('QUOTA_EXCEEDED'));
  });

  it('writes what was counted when it stops', async () => {
    const { key, app } = await it_.register('stop');
    const api = await ingestApi(it_.client, it_.db);
    await ask(api, { body: many(7), key });
    await api.close();
    const [count] = await it_.db.collection('daily_usage').find({ appId: app.id }).toArray();
    assert.equal(count?.['count'], 7);
  });

  it('a second: a burst of one key is slowed down, without taking from the other keys', async () => {
    const it_ = await opened('burst', { requestsPerSecondPerKey: 3 });
    const answers = await Promise.all(Array.from({ length: 8 }, () => it_.send({ body: many(1) })));
    const taken = answers.filter(({ status }) => status === 202);
    const slowed = answers.filter(({ status }) => status !== 202);
    assert.ok(taken.length >= 3 && slowed.length >= 1, answers.map(({ raw }) => raw.toString()).join());
    for (const answer of slowed) refused(answer, 429, 'RATE_LIMITED');
    const another = await it_.send({ body: many(1), key: it_.shop.serverKey });
    assert.equal(another.status, 202);
    await it_.storeAll();
    assert.equal((await it_.stored('events')).length, taken.length + 1);
    await until('the key may send again', async () => (await it_.send({ body: many(1) })).status === 202);
  });

  it('is as much as the spool holds: when that is full clients come later, when it is stored they may go on', async () => {
    const it_ = await opened('spool_full', { spoolMaxBytes: 2_000 });
    assert.equal((await it_.send({ body: many(20) })).status, 202);
    let full: Answer | undefined;
    await until('the gate closes', async () => {
      const answer = await it_.send({ body: {} });
      if (answer.status !== 202) full = answer;
      return full !== undefined;
    });
    assert.ok(full);
    refused(full, 503, 'UNAVAILABLE');
    const held = await it_.flushes.countDocuments();
    refused(await it_.send({ body: many(1) }), 503, 'UNAVAILABLE');
    assert.equal(await it_.flushes.countDocuments(), held);
    await it_.storeAll();
    await until('the gate opens', async () => (await it_.send({ body: many(1) })).status === 202);
  });
});
