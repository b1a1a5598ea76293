import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { groupCommit } from '../../api/ingest/group-commit.js';
import { type Accepted, type Batch, batchId } from '../../db/batch.js';
import type { Claim } from '../../db/claim.js';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { refusal } from '../helper/refusal.js';
import { SLACK_MS } from '../helper/until.js';

const MIB = 1024 * 1024;
let count = 0;

/** Only what group commit looks at; its items are there to be counted. */
const batchOf = (items: number, bytes = 100): Batch => ({
  appId: new ObjectId(),
  appSlug: 'shop',
  key: Buffer.from(String((count += 1)).padStart(32)),
  kind: 'events',
  format: 'json',
  items: Array.from({ length: items }, (_, index) => ({ kind: 'events', key: String(index) })),
  rejected: [],
  touches: [],
  drops: [],
  bytes,
});
const accepted = (batch: Batch): Accepted => ({ batchId: batchId(batch.key), accepted: 1, rejected: [] });
const flushed = (batches: readonly Batch[]): Claim => ({
  flush: { id: 'f', batches: batches.length, items: 1, apps: [] },
  outcomes: batches.map(accepted),
});

describe('group commit', () => {
  it('takes what waits at one moment as one flush, and gives everybody their own answer', async () => {
    const flushes: (readonly Batch[])[] = [];
    const told: string[] = [];
    const commit = groupCommit({
      claim: async (batches) => {
        flushes.push(batches);
        return flushed(batches);
      },
      onFlushed: ({ id }) => told.push(id),
    });
    const batches = Array.from({ length: 10 }, () => batchOf(3));
    const answers = await Promise.all(batches.map((batch) => commit.submit(batch)));
    assert.deepEqual(answers, batches.map(accepted));
    assert.deepEqual(flushes, [batches]);
    assert.deepEqual(told, ['f']);
    await commit.drain();
  });

  it('never puts more into a flush than one may hold, and never splits a batch', async () => {
    const flushes: (readonly Batch[])[] = [];
    const commit = groupCommit({
      claim: async (batches) => {
        flushes.push(batches);
        return flushed(batches);
      },
      onFlushed: () => undefined,
    });
    const batches = [
      batchOf(2_000),
      batchOf(1_000),
      batchOf(1),
      batchOf(2, 8 * MIB),
      batchOf(2, 12 * MIB),
      batchOf(3_000),
    ];
    await Promise.all(batches.map((batch) => commit.submit(batch)));
    assert.deepEqual(flushes.flat(), batches);
    for (const flush of flushes) {
      const items = flush.reduce((sum, batch) => sum + batch.items.length, 0);
      const bytes = flush.reduce((sum, batch) => sum + batch.bytes, 0);
      assert.ok(flush.length === 1 || (items <= LIMITS.batchItems && bytes <= LIMITS.inflatedBytes));
    }
    await commit.drain();
  });

  it('has two flushes under way at most, and lets 64 MiB wait behind them', async () => {
    const finish: (() => void)[] = [];
    let underWay = 0;
    let most = 0;
    const commit = groupCommit({
      claim: async (batches) => {
        most = Math.max(most, (underWay += 1));
        await new Promise<void>((resolve) => finish.push(resolve));
        underWay -= 1;
        return flushed(batches);
      },
      onFlushed: () => undefined,
    });
    const waiting = Array.from({ length: 8 }, () => commit.submit(batchOf(1, 8 * MIB)));
    assert.equal(commit.waitingBytes(), 64 * MIB);
    assert.throws(() => void commit.submit(batchOf(1, 1)), refusal('UNAVAILABLE'));
    const letGo = setInterval(() => finish.shift()?.(), 5);
    await Promise.all(waiting);
    clearInterval(letGo);
    assert.equal(most, 2);
    assert.equal(commit.waitingBytes(), 0);
    await commit.drain();
  });

  it('refuses one batch of a flush without the others, and all of them when the flush is not confirmed', async () => {
    const [bad, lost] = [batchOf(1), batchOf(1)];
    const commit = groupCommit({
      claim: async (batches) => {
        if (batches.includes(lost)) throw new PlatformError('UNAVAILABLE', 'not confirmed');
        const reused = new PlatformError('IDEMPOTENCY_KEY_REUSED', 'another body');
        return { ...flushed(batches), outcomes: batches.map((each) => (each === bad ? reused : accepted(each))) };
      },
      onFlushed: () => undefined,
    });
    const first = [commit.submit(batchOf(1)), commit.submit(bad), commit.submit(batchOf(1))];
    const results = await Promise.allSettled(first);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    const others = await Promise.allSettled([commit.submit(batchOf(1)), commit.submit(lost)]);
    assert.ok(others.every((each) => each.status === 'rejected' && refusal('UNAVAILABLE')(each.reason)));
    await commit.drain();
  });

  it('gives up waiting within three seconds, and does not take later what it refused', async () => {
    const taken: Batch[] = [];
    const finish: (() => void)[] = [];
    const commit = groupCommit({
      claim: async (batches) => {
        taken.push(...batches);
        await new Promise<void>((resolve) => finish.push(resolve));
        return flushed(batches);
      },
      onFlushed: () => undefined,
    });
    // A server's sockets keep the process alive; its timers alone need not.
    const alive = setInterval(() => undefined, 1_000);
    const began = performance.now();
    // Two that are under way, each as large as a flush, and one behind them.
    const sent = [batchOf(3_000), batchOf(3_000), batchOf(1)].map((batch) => commit.submit(batch));
    for (const each of await Promise.allSettled(sent)) {
      assert.ok(each.status === 'rejected');
      refusal('UNAVAILABLE')(each.reason);
    }
    assert.ok(performance.now() - began < 3_000 + SLACK_MS);
    clearInterval(alive);
    for (const each of finish) each();
    await commit.drain();
    assert.equal(taken.length, 2);
  });

  it('keeps its pace when the clock is set back', async () => {
    let ahead = 60_000;
    const at: Date[] = [];
    const commit = groupCommit({
      claim: async (batches, now) => {
        at.push(now);
        return flushed(batches);
      },
      onFlushed: () => undefined,
      now: () => Date.now() + ahead,
    });
    await commit.submit(batchOf(1));
    ahead = 0;
    const began = performance.now();
    await commit.submit(batchOf(1));
    // A minute is how far the clock was set back.
    assert.ok(performance.now() - began < SLACK_MS);
    assert.ok((at[0]?.getTime() ?? 0) > (at[1]?.getTime() ?? 0));
    await commit.drain();
  });
});
