import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Binary, MongoServerError, ObjectId } from 'mongodb';
import type { Batch, BatchItem } from '../../db/batch.js';
import { claim } from '../../db/claim.js';
import { batchKey, bodyHash, itemKey } from '../../db/ids.js';
import { applySchema } from '../../db/schema.js';
import { type FlushDoc, type Spool, spool } from '../../db/spool.js';
import { PlatformError } from '../../domain/errors.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { refusal } from '../helper/refusal.js';

const APP = new ObjectId();
const NOW = new Date();
let count = 0;

const itemOf = (id: string): BatchItem => ({
  kind: 'events',
  key: itemKey(APP.toHexString(), 'events', id, NOW.getTime()),
  bytes: Buffer.from(id),
  rollup: { kind: 'events', hour: 1, eventType: 'click', eventName: '', count: 1 },
});

function batchOf(ids: readonly string[], idempotencyKey?: string): Batch {
  const body = Buffer.from(`${ids.join()} ${String((count += 1))}`);
  return {
    appId: APP,
    appSlug: 'shop',
    key: batchKey(APP.toHexString(), 'events', idempotencyKey, body),
    ...(idempotencyKey !== undefined && { bodyHash: bodyHash(body) }),
    kind: 'events',
    format: 'json',
    items: ids.map(itemOf),
    rejected: [],
    touches: [],
    drops: [],
    bytes: body.length,
  };
}

const textOf = (id: Binary): string => Buffer.from(id.buffer).toString('latin1');
const duplicateKey = () => new MongoServerError({ message: 'E11000 duplicate key', code: 11_000 });
const accepted = (outcome: unknown): number => {
  assert.ok(typeof outcome === 'object' && outcome !== null && 'accepted' in outcome, String(outcome));
  return Number(outcome.accepted);
};

describe('a claim', () => {
  let database: TestDatabase;
  let real: Spool;
  before(async () => {
    database = await testDatabase('claim');
    await applySchema(database.db);
    real = spool(database.db);
  });
  after(() => database.close());

  const held = async (id: string | undefined): Promise<FlushDoc> => {
    const flush = await database.db.collection<FlushDoc>('ingest_spool').findOne({ _id: id ?? '' });
    assert.ok(flush);
    return flush;
  };

  it('is one document with all batches, their items once, in the order in which they came', async () => {
    const [one, two, none] = [batchOf(['a', 'b', 'a']), batchOf(['b', 'c']), batchOf([])];
    const { flush, outcomes } = await claim(real, [one, two, none], NOW);
    assert.deepEqual(outcomes.map(accepted), [3, 2, 0]);
    assert.deepEqual([flush?.batches, flush?.items, flush?.apps], [3, 3, ['shop']]);
    const doc = await held(flush?.id);
    assert.equal(doc.bytes?.events.toString('utf8'), 'abc');
    assert.deepEqual(
      doc.batches.map(({ from, to }) => [from, to]),
      [
        [0, 2],
        [2, 3],
        [3, 3],
      ],
    );
    assert.deepEqual(
      doc.rollups?.map((share) => share.count),
      [3],
    );
    assert.notDeepEqual(doc.lanes.events, doc.lanes.heatmap);
  });

  it('of nothing but held items still holds its batch key, any number of times', async () => {
    await claim(real, [batchOf(['x1', 'x2'])], NOW);
    for (let time = 0; time < 2; time++) {
      const { flush, outcomes } = await claim(real, [batchOf(['x1', 'x2'])], NOW);
      assert.deepEqual(outcomes.map(accepted), [2]);
      assert.equal((await held(flush?.id)).ids, undefined);
    }
  });

  it('of a batch that was taken before is answered as then, and the others go in', async () => {
    const old = batchOf(['y1']);
    await claim(real, [old], NOW);
    const { flush, outcomes } = await claim(real, [old, batchOf(['y1', 'y2'])], NOW);
    assert.deepEqual(outcomes.map(accepted), [1, 2]);
    assert.deepEqual([flush?.batches, flush?.items], [1, 1]);
    const again = await claim(real, [old], NOW);
    assert.equal(again.flush, undefined);
    assert.deepEqual(again.outcomes.map(accepted), [1]);
  });

  it('refuses a key with another body, in one flush and after it, and takes what is beside it', async () => {
    const together = await claim(real, [batchOf(['z1'], 'k'), batchOf(['z2'], 'k'), batchOf(['z3'])], NOW);
    assert.equal(accepted(together.outcomes[0]), 1);
    assert.ok(refusal('IDEMPOTENCY_KEY_REUSED')(together.outcomes[1]));
    assert.equal(together.flush?.items, 2);
    const later = await claim(real, [batchOf(['z4'], 'k'), batchOf(['z5'])], NOW);
    assert.ok(refusal('IDEMPOTENCY_KEY_REUSED')(later.outcomes[0]));
    assert.equal(later.flush?.items, 1);
  });

  it('many times at once has one owner for each item', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `race-${String(index)}`);
    const batches = [0, 10, 15, 5].map((from) => batchOf(ids.slice(from, from + 15)));
    const claims = await Promise.all([...batches, ...batches].map((batch) => claim(real, [batch], NOW)));
    assert.ok(claims.every(({ outcomes }) => accepted(outcomes[0]) === 15));
    const flushes = await Promise.all(claims.flatMap(({ flush }) => (flush ? [held(flush.id)] : [])));
    const owned = flushes.flatMap((flush) => (flush.ids ?? []).map((id) => id.toString('hex')));
    assert.equal(owned.length, 30);
    assert.equal(new Set(owned).size, 30);
  });

  describe('when somebody holds what cannot be seen yet', () => {
    /** Refuses inserts as if a holder were in flight, whom look-ups see from the given one on. */
    function slow(holder: Batch, visibleFrom: number) {
      let looks = 0;
      const inserted: FlushDoc[] = [];
      const store: Spool = {
        ...real,
        insert: async (flush) => {
          const mine = new Set((flush.ids ?? []).map(textOf));
          if (holder.items.some(({ key }) => mine.has(key))) throw duplicateKey();
          inserted.push(flush);
        },
        holdersOfBatches: async () => [],
        holdersOfItems: async (ids) => {
          looks += 1;
          if (looks < visibleFrom) return [];
          const keys = new Set(holder.items.map(({ key }) => key));
          return [{ held: ids.filter((id) => keys.has(textOf(id))) }];
        },
      };
      return { store, inserted, looks: () => looks };
    }

    it('looks again until it is seen, and drops nothing on its word before', async () => {
      const { store, inserted, looks } = slow(batchOf(['v1']), 3);
      const { outcomes } = await claim(store, [batchOf(['v1', 'v2'])], NOW);
      assert.deepEqual(outcomes.map(accepted), [2]);
      assert.equal(looks(), 3);
      assert.deepEqual(
        inserted.map(({ bytes }) => bytes?.events.toString('utf8')),
        ['v2'],
      );
    });

    it('gives up after some rounds with UNAVAILABLE for all, and has taken nothing', async () => {
      const { store, inserted } = slow(batchOf(['w1']), Infinity);
      await assert.rejects(claim(store, [batchOf(['w1']), batchOf(['w2'])], NOW), refusal('UNAVAILABLE'));
      assert.deepEqual(inserted, []);
    });
  });

  it('that is not confirmed is UNAVAILABLE for all, whatever the reason', async () => {
    const reasons = [
      new MongoServerError({ message: 'waiting for replication timed out', code: 64 }),
      new MongoServerError({ message: 'interrupted at shutdown', code: 11_600 }),
      new Error('connection closed'),
    ];
    for (const reason of reasons) {
      const store: Spool = { ...real, insert: () => Promise.reject(reason) };
      await assert.rejects(claim(store, [batchOf(['u1']), batchOf(['u2'])], NOW), (error: unknown) => {
        refusal('UNAVAILABLE')(error);
        assert.ok(error instanceof PlatformError && error.retryAfterSeconds !== undefined);
        return error.cause === reason;
      });
    }
  });

  it('takes nothing for a duplicate when its look-up fails', async () => {
    const batch = batchOf(['t1']);
    await claim(real, [batch], NOW);
    const store: Spool = { ...real, holdersOfBatches: () => Promise.reject(new Error('no primary')) };
    await assert.rejects(claim(store, [batch], NOW));
  });

  it('that repeats more than 200 flushes is refused by itself', async () => {
    const ids = Array.from({ length: 201 }, (_, index) => `many-${String(index)}`);
    for (let from = 0; from < ids.length; from += 50)
      await Promise.all(ids.slice(from, from + 50).map((id) => claim(real, [batchOf([id])], NOW)));
    const { flush, outcomes } = await claim(real, [batchOf(ids), batchOf(ids.slice(1)), batchOf(['alone'])], NOW);
    assert.ok(refusal('RATE_LIMITED')(outcomes[0]));
    assert.deepEqual(outcomes.slice(1).map(accepted), [200, 1]);
    assert.equal(flush?.items, 1);
  });
});
