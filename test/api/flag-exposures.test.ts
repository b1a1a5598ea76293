import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Document } from 'mongodb';
import { exposures } from '../../api/flags/exposures.js';
import { people } from '../../api/ingest/people.js';
import type { Batch } from '../../db/batch.js';
import { profileIdOf } from '../../db/ids.js';
import { PlatformError } from '../../domain/errors.js';
import { DAY_MS } from '../../domain/limits.js';
import { appOf } from '../helper/apps.js';
import { flagEditor } from '../helper/flag-editor.js';
import { ruleOf } from '../helper/flag.js';
import { ingest, ingestApi } from '../helper/ingest.js';
import { until } from '../helper/until.js';

describe('exposures to an experiment', () => {
  let it_: Awaited<ReturnType<typeof ingest>>;
  const clock = { ahead: 0 };
  const now = () => Date.now() + clock.ahead;
  before(async () => {
    it_ = await ingest('exposures', { now });
    const edit = flagEditor(it_.client, it_.db);
    const variants = ['a', 'b'].map((key) => ({ key, value: true, weight: 1 }));
    const rules = [ruleOf({ ruleId: 'test', experimentId: 'checkout-test', variants })];
    await edit.create(it_.shop.app, 'checkout', { rules });
    await edit.create(it_.shop.app, 'plain', { rules: [ruleOf()] });
    await edit.create(it_.shop.app, 'off', { rules, enabled: false });
  });
  after(() => it_.close());

  const evaluate = (targetingKey: string | undefined, path: string) =>
    it_.send({
      url: `/ofrep/v1/evaluate/flags${path}`,
      body: { context: targetingKey === undefined ? {} : { targetingKey } },
    });
  /** What is stored once so many have arrived, and whatever else was on its way. */
  async function exposed(least: number): Promise<Document[]> {
    const look = async () => {
      await it_.storeAll();
      return (await it_.stored('events')).filter(({ eventName }) => eventName === '$exposure');
    };
    await until(`${String(least)} exposures`, async () => (await look()).length >= least);
    await new Promise((resolve) => setTimeout(resolve, 600));
    return look();
  }

  it('are an event for each profile, experiment and day, whatever was asked how often', async () => {
    for (const path of ['/checkout', '/checkout', '', '/plain', '/off']) {
      const { status } = await evaluate('anna', path);
      assert.equal(status, 200, path);
    }
    await evaluate('ben', '');
    await evaluate(undefined, '/plain');
    const events = await exposed(2);
    assert.equal(events.length, 2);
    const id = profileIdOf(it_.shop.app.id, 'anna').toHexString();
    const anna = events.find(({ profileId }) => String(profileId) === id);
    assert.ok(anna !== undefined);
    const day = Math.floor(now() / DAY_MS) * DAY_MS;
    assert.equal(anna['timestampMs'], day, 'the start of the day, so that its key is one all day long');
    assert.equal(anna['eventType'], 'custom');
    const { at, bucket, ...facts } = anna['metadata'] as Record<string, string>;
    const answer = String(facts['answer']);
    assert.ok(['a', 'b'].includes(answer));
    assert.deepEqual(facts, { experimentId: 'checkout-test', flagKey: 'checkout', ruleId: 'test', answer });
    assert.ok(Math.abs(Date.parse(at ?? '') - now()) < 60_000, 'when it was is beside it');
    assert.ok(Number(bucket) >= 1);
  });

  it('are once also of a process that does not remember, and again on the next day', async () => {
    const other = await ingestApi(it_.client, it_.db, { now });
    await other.inject({
      method: 'POST',
      url: '/ofrep/v1/evaluate/flags/checkout',
      headers: { 'x-api-key': it_.shop.key, 'content-type': 'application/json' },
      payload: { context: { targetingKey: 'anna' } },
    });
    await other.close();
    assert.equal((await exposed(2)).length, 2);
    clock.ahead = DAY_MS;
    await evaluate('anna', '/checkout');
    const events = await exposed(3);
    clock.ahead = 0;
    assert.equal(events.length, 3);
  });
});

describe('exposures that cannot be stored', () => {
  const app = appOf('shop');
  const exposure = (profileId: string) => ({
    ...{ profileId, experimentId: 'e', flagKey: 'f', ruleId: 'r', answer: 'a', bucket: 1 },
  });
  const quota = { check: () => undefined, add: () => undefined };
  const log = { warn: () => undefined };

  it('are asked for again by the next answer, and hold nobody up', async () => {
    const taken: Batch[] = [];
    let full = true;
    const gate = {
      check(): void {
        if (full) throw new PlatformError('UNAVAILABLE', 'the spool is full');
      },
    };
    const commit = {
      async submit(batch: Batch) {
        taken.push(batch);
        return { batchId: 'b', accepted: batch.items.length, rejected: [] };
      },
    };
    const own = exposures({ commit, people: people(), quota, gate, log });
    own.expose(app, exposure('anna'));
    await own.drain();
    assert.equal(taken.length, 0);
    full = false;
    own.expose(app, exposure('anna'));
    own.expose(app, exposure('anna'));
    await own.drain();
    assert.equal(taken.flatMap(({ items }) => items).length, 1);
  });

  it('take a bounded room while they wait', async () => {
    const sizes: number[] = [];
    const commit = {
      async submit(batch: Batch) {
        sizes.push(batch.items.length);
        return { batchId: 'b', accepted: batch.items.length, rejected: [] };
      },
    };
    const own = exposures({ commit, people: people(), quota, gate: { check: () => undefined }, log });
    for (let n = 0; n < 25_000; n++) own.expose(app, exposure(`user-${String(n)}`));
    await own.drain();
    const taken = sizes.reduce((a, b) => a + b, 0);
    assert.ok(taken > 15_000 && taken < 25_000, String(taken));
    assert.equal(own.waitingBytes(), 0);
    assert.equal(Math.max(...sizes), 500);
  });
});
