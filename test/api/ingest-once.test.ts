import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Binary } from 'mongodb';
import { itemKey } from '../../db/ids.js';
import { encodeEventBatch } from '../../proto/codec.js';
import { until } from '../helper/until.js';
import { type Answer, click, ingest, type Ingest, point, type Sender } from '../helper/ingest.js';

const HOUR = 3_600_000;

describe('an event that is sent again', () => {
  let it_: Ingest;
  let count = 0;
  before(async () => {
    it_ = await ingest('ingest_once');
  });
  after(() => it_.close());

  /** An app of its own for each test, so that all that is stored of it can be counted. */
  const sender = () => it_.register(`app-${String((count += 1))}`);
  const many = (length: number) => Array.from({ length }, () => click());
  async function sendAs(
    { key }: Sender,
    body: object | Buffer,
    headers: Record<string, string> = {},
    type?: string,
  ): Promise<Answer> {
    // As clients do: a disk that is slow for some seconds is no answer.
    return until('it is taken', async () => {
      const answer = await it_.send({ body, key, headers, ...(type !== undefined && { type }) });
      return answer.status !== 503 && answer;
    });
  }

  /** Sums over the receipts of different batches; also looks whether rollups and receipts agree with what is there. */
  async function stored(from: Sender, answers: readonly Answer[]): Promise<{ rows: number; duplicates: number }> {
    await it_.storeAll();
    const rows = (await it_.stored('events', from)).length + (await it_.stored('heatmap_events', from)).length;
    const ids = new Set(answers.filter(({ status }) => status === 202).map(({ body }) => body.batchId));
    const receipts = await Promise.all([...ids].map((id) => it_.receipt(id, from.key)));
    const sum = (field: 'stored' | 'duplicates') => receipts.reduce((total, { body }) => total + body[field], 0);
    assert.ok(receipts.every(({ body }) => body.state === 'stored'));
    assert.equal(sum('stored'), rows, 'receipts say what is stored');
    const counts = await it_.db.collection('event_rollups').find({ appId: from.app.id }).toArray();
    assert.equal(
      counts.reduce((total, each) => total + Number(each['count']), 0),
      rows,
      'rollups equal a recount',
    );
    return { rows, duplicates: sum('duplicates') };
  }

  const same = ([first, ...others]: readonly Answer[]): void => {
    for (const { status, body } of others) assert.deepEqual([status, body], [first?.status, first?.body]);
  };

  it('with its batch is answered as the first time, one after the other', async () => {
    const from = await sender();
    const body = { events: [...many(3), click({ eventType: '' })], heatmapEvents: [point()] };
    const answers = [await sendAs(from, body), await sendAs(from, body)];
    await it_.storeAll();
    answers.push(await sendAs(from, body));
    same(answers);
    assert.deepEqual(await stored(from, answers), { rows: 4, duplicates: 0 });
  });

  it('with its batch many times at once is stored once', async () => {
    const from = await sender();
    const body = { events: many(5) };
    const answers = await Promise.all(Array.from({ length: 20 }, () => sendAs(from, body)));
    same(answers);
    assert.equal(answers[0]?.status, 202);
    assert.deepEqual(await stored(from, answers), { rows: 5, duplicates: 0 });
  });

  it('compressed in another way is the same batch', async () => {
    const from = await sender();
    const body = Buffer.from(JSON.stringify({ events: many(2) }));
    const answers = [
      await sendAs(from, body),
      await sendAs(from, gzipSync(body)),
      await sendAs(from, gzipSync(body, { level: 1 })),
    ];
    same(answers);
    assert.deepEqual(await stored(from, answers), { rows: 2, duplicates: 0 });
  });

  it('twice in one batch is stored once, and the receipt counts the other as a duplicate', async () => {
    const from = await sender();
    const event = click();
    const answers = [await sendAs(from, { events: [event, click(), event] })];
    assert.equal(answers[0]?.body.eventsAccepted, 3);
    assert.deepEqual(await stored(from, answers), { rows: 2, duplicates: 1 });
  });

  for (const [how, atOnce] of [
    ['one after the other', false],
    ['at once', true],
  ] as const)
    it(`in batches that overlap by half is stored once: ${how}`, async () => {
      const from = await sender();
      const events = many(40);
      const bodies = [0, 10, 20].map((start) => ({ events: events.slice(start, start + 20) }));
      const answers: Answer[] = [];
      if (atOnce) answers.push(...(await Promise.all([...bodies, ...bodies].map((body) => sendAs(from, body)))));
      else for (const body of bodies) answers.push(await sendAs(from, body));
      for (const { status, body } of answers) assert.deepEqual([status, body.eventsAccepted], [202, 20]);
      assert.deepEqual(await stored(from, answers), { rows: 40, duplicates: 20 });
    });

  it('in a batch of nothing but duplicates leaves a receipt that says so', async () => {
    const from = await sender();
    const events = many(2);
    const answers = [await sendAs(from, { events }), await sendAs(from, { events: events.slice(0, 1) })];
    answers.push(await sendAs(from, { events: events.slice(1) }));
    assert.deepEqual(await stored(from, answers), { rows: 2, duplicates: 2 });
  });

  it('in the other format is the same event', async () => {
    const from = await sender();
    const event = click({ metadata: { b: '1', a: '2' } });
    const anonymous = click({ eventId: '' });
    const events = [event, anonymous];
    const answers = [await sendAs(from, { events })];
    const headers = { accept: 'application/json' };
    answers.push(await sendAs(from, Buffer.from(encodeEventBatch({ events })), headers, 'application/protobuf'));
    assert.deepEqual(await stored(from, answers), { rows: 2, duplicates: 2 });
  });

  it('without an id is known by its content: two equal ones in a batch are two, a resend adds none', async () => {
    const from = await sender();
    const timestampMs = Date.now();
    const events = [
      click({ eventId: '', timestampMs }),
      click({ eventId: '', timestampMs }),
      click({ eventId: '', timestampMs, elementTid: 'b' }),
    ];
    const heatmapEvents = [point({ timestampMs }), point({ timestampMs })];
    const answers = [await sendAs(from, { events, heatmapEvents })];
    assert.deepEqual(await stored(from, answers), { rows: 5, duplicates: 0 });
    // The same things in other company.
    answers.push(await sendAs(from, { events: [...events, click()], heatmapEvents }));
    assert.deepEqual(await stored(from, answers), { rows: 6, duplicates: 5 });
    // A third equal point is a point that was not there before.
    answers.push(await sendAs(from, { heatmapEvents: [...heatmapEvents, point({ timestampMs })] }));
    assert.deepEqual(await stored(from, answers), { rows: 7, duplicates: 7 });
  });

  it('with a UUIDv7 is the same event whatever its timestamp says', async () => {
    const from = await sender();
    const now = Date.now();
    const hex = now.toString(16).padStart(12, '0');
    const eventId = `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`;
    const answers: Answer[] = [];
    for (const timestampMs of [now, now - 5 * HOUR, now + HOUR])
      answers.push(await sendAs(from, { events: [click({ eventId, timestampMs })] }));
    assert.deepEqual(await stored(from, answers), { rows: 1, duplicates: 2 });
    assert.equal((await it_.stored('events', from))[0]?.['timestampMs'], now);
  });

  it('with the same id in another app is another event', async () => {
    const [one, other] = [await sender(), await sender()];
    const body = { events: many(2) };
    const answers = [await sendAs(one, body), await sendAs(other, body)];
    assert.notEqual(answers[0]?.body.batchId, answers[1]?.body.batchId);
    for (const [index, from] of [one, other].entries())
      assert.deepEqual(await stored(from, answers.slice(index, index + 1)), { rows: 2, duplicates: 0 });
  });

  describe('under an Idempotency-Key', () => {
    const named = (key: string) => ({ 'idempotency-key': key });

    it('is the same request', async () => {
      const from = await sender();
      const body = { events: many(2) };
      const answers = [await sendAs(from, body, named('k')), await sendAs(from, body, named('k'))];
      same(answers);
      assert.deepEqual(await stored(from, answers), { rows: 2, duplicates: 0 });
    });

    it('with another body is refused with 422, one after the other and at once, and stores nothing of it', async () => {
      const from = await sender();
      const first = await sendAs(from, { events: many(2) }, named('k'));
      const other = await sendAs(from, { events: many(3) }, named('k'));
      const atOnce = await Promise.all(
        [5, 7].map((length) => sendAs(from, { events: many(length) }, named('at once'))),
      );
      assert.deepEqual(atOnce.map(({ status }) => status).sort(), [202, 422]);
      for (const { status, body } of [other, ...atOnce].filter((answer) => answer.status !== 202))
        assert.deepEqual([status, body.code], [422, 'IDEMPOTENCY_KEY_REUSED']);
      const taken = atOnce.find(({ status }) => status === 202);
      assert.ok(taken);
      const { rows } = await stored(from, [first, taken]);
      assert.equal(rows, 2 + taken.body.eventsAccepted);
    });

    it('is another request in another app, and beside one without a key', async () => {
      const [one, other] = [await sender(), await sender()];
      const mine = await sendAs(one, { events: many(1) }, named('k'));
      const theirs = await sendAs(other, { events: many(2) }, named('k'));
      assert.deepEqual([mine.status, theirs.status], [202, 202]);
      const body = { events: many(1) };
      const answers = [await sendAs(one, body), await sendAs(one, body, named('l'))];
      assert.notEqual(answers[0]?.body.batchId, answers[1]?.body.batchId);
      assert.deepEqual(await stored(one, [mine, ...answers]), { rows: 2, duplicates: 1 });
      assert.deepEqual(await stored(other, [theirs]), { rows: 2, duplicates: 0 });
    });

    it('has 1 to 200 characters', async () => {
      const from = await sender();
      assert.equal((await sendAs(from, { events: many(1) }, named('k'.repeat(200)))).status, 202);
      for (const key of ['', 'k'.repeat(201)]) {
        const { status, body } = await sendAs(from, { events: many(1) }, named(key));
        assert.deepEqual([status, body.code], [400, 'REQUEST_INVALID']);
      }
    });
  });

  it('in a batch that repeats more than 200 others is asked to come in smaller pieces, which costs nobody else', async () => {
    const from = await sender();
    // Different events for each request: in one flush, what is looked up for one is known to the next.
    const [tooMany, enough] = [many(201), many(200)];
    assert.equal((await sendAs(from, { events: many(1) })).status, 202);
    const taken = await it_.flushes.findOne({ 'batches.appId': from.app.id });
    assert.ok(taken);
    // As if as many clients had each sent one of them, in a flush each.
    const holders = [...tooMany, ...enough].map(({ eventId = '', timestampMs = 0 }, index) => ({
      ...taken,
      _id: `holder-${String(index)}`,
      batchKeys: [new Binary(Buffer.from(`batch ${String(index)}`.padEnd(32)))],
      ids: [new Binary(Buffer.from(itemKey(from.app.id.toHexString(), 'events', eventId, timestampMs), 'latin1'))],
    }));
    await it_.flushes.insertMany(holders);
    const [greedy, modest, stranger] = await Promise.all([
      sendAs(from, { events: [...tooMany, click()] }),
      sendAs(from, { events: [...enough, click()] }),
      sendAs(from, { events: many(1) }),
    ]);
    assert.deepEqual([greedy.status, greedy.body.code], [429, 'RATE_LIMITED']);
    assert.ok(greedy.retryAfter > 0);
    assert.deepEqual([modest.status, stranger.status], [202, 202]);
    await it_.flushes.deleteMany({ _id: { $in: holders.map(({ _id }) => _id) } });
  });
});
