import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { waitingFlushActivities } from '../../activities/waiting-flushes.js';
import { type FlushDoc, spool } from '../../db/spool.js';
import { retention } from '../../db/retention.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { emptyFlush } from '../helper/flush.js';

const NOW = Date.parse('2026-11-27T12:00:00Z');
const MINUTE = 60_000;
const asked = { olderThanMs: MINUTE, limit: 200, mostFailedBefore: 100, replayFailed: false };

describe('flushes that wait', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('waiting');
    await applySchema(database.db);
  });
  after(() => database.close());
  beforeEach(() => flushes().deleteMany({}));

  const flushes = () => database.db.collection<FlushDoc>('ingest_spool');

  const activities = (open: readonly string[] = []) =>
    waitingFlushActivities({
      spool: spool(database.db),
      retention: retention(database.db),
      replayRefused: () => Promise.resolve(),
      openFlushes: async () => open,
      now: () => NOW,
    });

  /** Flushes of which each is a second younger than the one before; the first has waited for `minutes`. */
  async function insert(count: number, minutes: number, fields: Partial<FlushDoc> = {}): Promise<string[]> {
    const docs = Array.from({ length: count }, (_, index) => ({
      ...emptyFlush(new Date(NOW - minutes * MINUTE + index * 1_000)),
      ...fields,
    }));
    await flushes().insertMany(docs);
    return docs.map(({ _id }) => _id);
  }

  const idsOf = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);

  it('are found oldest first, so many at a time, when they are older than asked', async () => {
    const younger = await insert(3, 5);
    const older = await insert(3, 10);
    await insert(2, 0.5);
    await insert(1, 20, { state: 'stored' });
    assert.deepEqual(idsOf(await activities().findWaiting(asked)), [...older, ...younger]);
    assert.deepEqual(idsOf(await activities().findWaiting({ ...asked, limit: 4 })), [...older, younger[0]]);
  });

  it('are passed over while a run is at them, however many there are', async () => {
    const open = await insert(300, 60);
    const [lost] = await insert(1, 2);
    assert.deepEqual(idsOf(await activities(open).findWaiting(asked)), [lost]);
  });

  it('are passed over once a run has failed on them, but for so many at a time', async () => {
    const stuck = await insert(300, 60);
    const left = stuck.map((flushId) => ({ flushId, reason: 'connection reset' }));
    await activities().recordFailedRun({ runId: 'run-1', left });
    const [lost] = await insert(1, 2);
    const found = await activities().findWaiting(asked);
    assert.deepEqual(idsOf(found), [lost, ...stuck.slice(0, 100)]);
    assert.deepEqual(found.map(({ failedBefore }) => failedBefore === true).lastIndexOf(false), 0);

    const open = stuck.slice(0, 60);
    const next = await activities(open).findWaiting(asked);
    assert.deepEqual(idsOf(next), [lost, ...stuck.slice(60, 100)], 'with those that are open, no more than so many');
  });

  it('have their turn by how many runs have failed on them, then by age', async () => {
    const [a = '', b = '', c = ''] = await insert(3, 60);
    const fail = (runId: string, ...ids: string[]) =>
      activities().recordFailedRun({ runId, left: ids.map((flushId) => ({ flushId, reason: 'odd' })) });
    await fail('run-1', a, b, c);
    await fail('run-2', a);
    assert.deepEqual(idsOf(await activities().findWaiting(asked)), [b, c, a]);
    await fail('run-3', b);
    await fail('run-4', b);
    assert.deepEqual(idsOf(await activities().findWaiting({ ...asked, mostFailedBefore: 2 })), [c, a]);
  });

  it('keep what the last run failed for; a run counts once, and what is stored is left alone', async () => {
    const [waits = ''] = await insert(1, 60);
    const [stored = ''] = await insert(1, 60, { state: 'stored' });
    const left = [waits, stored].map((flushId) => ({ flushId, reason: 'no primary' }));
    for (const runId of ['run-1', 'run-1', 'run-2', 'run-2']) await activities().recordFailedRun({ runId, left });
    const flush = await flushes().findOne({ _id: waits });
    assert.equal(flush?.failedRuns, 2);
    assert.deepEqual(flush.lastFailedRun, { runId: 'run-2', reason: 'no primary', at: new Date(NOW) });
    assert.equal((await flushes().findOne({ _id: stored }))?.failedRuns, undefined);
  });

  it('come back in line when ops ask for those set aside', async () => {
    const [failed] = await insert(1, 60, { state: 'failed' });
    assert.deepEqual(await activities().findWaiting(asked), []);
    assert.deepEqual(idsOf(await activities().findWaiting({ ...asked, replayFailed: true })), [failed]);
  });

  it('are found by an index, without reading those that are passed over', async () => {
    const open = await insert(500, 90);
    await insert(500, 60, { failedRuns: 1 });
    await insert(500, 30, { state: 'stored' });
    const [lost] = await insert(1, 2);
    await database.db.command({ profile: 2 });
    const found = await activities(open).findWaiting({ ...asked, mostFailedBefore: 5 });
    await database.db.command({ profile: 0 });
    assert.equal(found[0]?.id, lost);
    assert.equal(found.length, 6);
    const queries = await database.db
      .collection<{ planSummary: string; docsExamined: number; hasSortStage?: boolean }>('system.profile')
      .find({ op: 'query', ns: /ingest_spool$/ })
      .sort({ ts: 1 })
      .toArray();
    assert.deepEqual(
      queries.map(({ planSummary, docsExamined, hasSortStage }) => ({ planSummary, docsExamined, hasSortStage })),
      [1, 5].map((docsExamined) => ({
        planSummary: 'IXSCAN { failedRuns: 1, at: 1, _id: 1 }',
        docsExamined,
        hasSortStage: undefined,
      })),
    );
  });
});
