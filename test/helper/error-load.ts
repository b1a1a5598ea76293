import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import type { AlertDoc } from '../../db/alerts.js';
import type { ErrorGroupDayDoc } from '../../db/error-group-days.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { encodeErrorBatch } from '../../proto/codec.js';
import { drained } from './audit.js';
import { doubledLoad, type LoadOptions, type LoadRequest } from './load.js';
import { storedByReceipts } from './receipt.js';
import type { TestApp } from './system.js';

const GROUPS = 9;
const PROFILES = 14;

const nameOf = (group: number): string => `fail${String.fromCharCode(97 + group)}`;

/**
 * Batches of errors that hurt: each is sent twice at once, shares half with the next, every other one is JSON. They fall
 * into nine groups, one of them hot; every fifth is nobody's.
 */
export function errorLoad(options: LoadOptions) {
  const run = randomUUID().slice(0, 8);
  const half = Math.floor(options.size / 2);
  /** Numbers of the errors that were sent, by group. */
  const wanted = new Map<number, Set<number>>();

  const groupOf = (n: number): number => (n % 2 === 0 ? 0 : n % GROUPS);
  const profileOf = (n: number): string => (n % 5 === 0 ? '' : `profile-${String(n % PROFILES)}`);
  const error = (n: number) => ({
    errorId: `${run}-${String(n)}`,
    profileId: profileOf(n),
    timestampMs: Date.now(),
    errorType: 'runtime',
    message: `number ${String(n)}`,
    stackTrace: `TypeError: number ${String(n)}\n    at ${nameOf(groupOf(n))} (https://shop.example/app.js:${String(n + 1)}:5)`,
    release: `1.0.${String(n % 3)}`,
    environment: 'test',
    tags: { n: String(n) },
  });

  function request(index: number): LoadRequest {
    const numbers = Array.from({ length: options.size }, (_, i) => index * half + i);
    for (const n of numbers) wanted.set(groupOf(n), (wanted.get(groupOf(n)) ?? new Set()).add(n));
    const batch = { errors: numbers.map(error) };
    return index % 2 === 0
      ? { body: Buffer.from(encodeErrorBatch(batch)), contentType: 'application/x-protobuf', items: numbers.length }
      : { body: Buffer.from(JSON.stringify(batch)), contentType: 'application/json', items: numbers.length };
  }

  return { ...doubledLoad('/v1/errors', request, options), wanted, profileOf };
}

interface Audited {
  readonly url: string;
  readonly db: Db;
}

/** That every acknowledged error is counted exactly once, in its group, its day and for its profile, and told once. */
export async function auditErrors(
  { url, db }: Audited,
  app: TestApp,
  load: ReturnType<typeof errorLoad>,
  patienceMs = 60_000,
): Promise<void> {
  await load.done();
  await drained(db, patienceMs);
  const groups = await db.collection<ErrorGroupDoc>('error_groups').find({ appId: app.id }).toArray();
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

  for (const [group, numbers] of load.wanted) {
    const found = groups.find(({ culprit }) => culprit.includes(nameOf(group)));
    assert.ok(found, `a group of ${nameOf(group)}`);
    const profiles = new Set([...numbers].map(load.profileOf));
    profiles.delete('');
    const groupId = found._id;
    const days = await db.collection<ErrorGroupDayDoc>('error_group_days').find({ groupId }).toArray();
    const counted = {
      occurrences: found.occurrenceCount,
      own: found.own.count,
      profiles: found.affectedProfiles,
      rows: await db.collection('error_group_profiles').countDocuments({ groupId }),
      days: sum(days.map(({ count }) => count)),
      times: sum(days.flatMap(({ times }) => Object.values(times))),
      releases: sum(days.flatMap(({ releases }) => Object.values(releases))),
      alerts: await db.collection<AlertDoc>('alerts').countDocuments({ groupId, cause: 'new_group' }),
    };
    const all = numbers.size;
    assert.deepEqual(
      counted,
      {
        occurrences: all,
        own: all,
        profiles: profiles.size,
        rows: profiles.size,
        days: all,
        times: all,
        releases: all,
        alerts: 1,
      },
      nameOf(group),
    );
    const kept = await db
      .collection('errors')
      .find({ groupId })
      .project<{ tags: { n: string } }>({ tags: 1 })
      .toArray();
    assert.equal(new Set(kept.map(({ tags }) => tags.n)).size, kept.length, 'stored twice');
    assert.equal(kept.length, Math.min(all, kept.length));
  }
  assert.equal(groups.length, load.wanted.size);

  const total = sum([...load.wanted.values()].map(({ size }) => size));
  assert.equal(await storedByReceipts(url, app, load.batchIds()), total, 'what the receipts say, in all');
  assert.ok(load.acknowledged() >= 2 * load.batchIds().length);
}
