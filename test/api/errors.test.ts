import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { ErrorActivityDoc } from '../../db/error-activity.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { errorStore } from '../../db/error-store.js';
import type { ErrorDoc } from '../../db/errors.js';
import { releases } from '../../db/releases.js';
import { DAY_MS, HOUR_MS } from '../../domain/limits.js';
import { fingerprintOf, groupedError } from '../helper/error-documents.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

type Fields = NonNullable<Parameters<typeof groupedError>[1]>;

const NOW = Date.now();
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

describe('an error group, read over the API', () => {
  let it_: Management;
  let app: Awaited<ReturnType<Management['register']>>;
  let token: string;
  before(async () => {
    it_ = await management('errors');
    app = await it_.register('shop');
    ({ token } = await it_.person([{ appId: app.id, role: 'viewer' }]));
  });
  after(() => it_.close());

  const groups = () => it_.db.collection<ErrorGroupDoc>('error_groups');
  const get = async (path: string, status = 200, by = token): Promise<unknown> => {
    const answer = await it_.ask(by, 'GET', `/v1/apps/shop${path}`);
    assert.equal(answer.status, status, answer.text);
    return answer.body;
  };

  /** Through the store that ingest uses. */
  async function add(group: string, errors: readonly Fields[], appId = app.id): Promise<ObjectId> {
    const store = errorStore({ db: it_.db, releases: releases(it_.db) });
    const flush = {
      appId,
      errors: errors.map((fields) => groupedError(appId, { group, ...fields })),
      config: { maxStoredPerGroup: 1_000 },
      now: new Date(NOW),
    };
    await it_.client.withSession((session) => session.withTransaction(() => store.store(flush, session)));
    const found = await groups().findOne({ appId, fingerprint: fingerprintOf(group) });
    assert.ok(found);
    return found._id;
  }
  const many = (count: number, fields: Fields): Fields[] => Array.from({ length: count }, () => fields);
  const ago = (days: number, hours = 0): number => NOW - days * DAY_MS - hours * HOUR_MS;

  it('says what it is, why it is one, and how often it was seen where and when', async () => {
    const id = await add('known', [
      ...many(3, { timestampMs: ago(0), release: '2.0.0', environment: 'live' }),
      ...many(2, { timestampMs: ago(0, 5), release: '2.0.0', environment: 'live' }),
      ...many(4, { timestampMs: ago(9), release: '1.9%.$x', environment: 'live' }),
      { timestampMs: ago(29), profileId: new ObjectId() },
      { timestampMs: ago(31), release: '1.0.0' },
    ]);
    const body = await get(`/errors/${id.toHexString()}`);
    assert.equal(pick(body, 'title'), 'known');
    assert.equal(pick(body, 'occurrenceCount'), 11);
    assert.equal(pick(body, 'affectedProfiles'), 1);
    assert.deepEqual(pick(body, 'grouping', 'components'), ['known']);
    assert.match(pickText(body, 'grouping', 'explanation'), /Version 1 .* known$/);
    const [now, days9, days29, days31] = [0, 9, 29, 31].map((days) => dayOf(ago(days)));
    assert.deepEqual(pick(body, 'releases'), [
      { name: '2.0.0', count: 5, firstDay: dayOf(ago(0, 5)), lastDay: now },
      { name: '1.9%.$x', count: 4, firstDay: days9, lastDay: days9 },
      { name: '', count: 1, firstDay: days29, lastDay: days29 },
      { name: '1.0.0', count: 1, firstDay: days31, lastDay: days31 },
    ]);
    assert.deepEqual(
      pickList(body, 'environments').map((each) => [pick(each, 'name'), pick(each, 'count')]),
      [
        ['live', 9],
        ['', 2],
      ],
    );
    const hours = pickList(body, 'sparkline', 'hours');
    assert.deepEqual([hours.length, hours.indexOf(3) - hours.indexOf(2)], [24, 5]);
    assert.equal(
      hours.reduce((sum: number, each) => sum + Number(each), 0),
      5,
    );
    const days = pickList(body, 'sparkline', 'days');
    assert.deepEqual([days.length, days.indexOf(4) - days.indexOf(1)], [30, 20]);
    assert.equal(
      days.reduce((sum: number, each) => sum + Number(each), 0),
      10,
    );
    assert.equal(pickText(body, 'firstOccurrence', 'timestamp'), new Date(ago(31)).toISOString());
    assert.equal(pickText(body, 'newestOccurrence', 'timestamp'), new Date(NOW).toISOString());
    assert.equal(pick(body, 'newestOccurrence', 'profileId'), null);
    assert.deepEqual(pick(body, 'merged'), []);
  });

  it('that stands for others counts and shows theirs too; the merged one still shows its own', async () => {
    const survivor = await add('survivor', many(3, { timestampMs: ago(1), release: '1.0.0' }));
    const loser = await add('loser', [
      ...many(2, { timestampMs: ago(2), release: '1.0.0' }),
      { timestampMs: ago(0), release: '1.1.0' },
    ]);
    const profileMove = { phase: 'copy', after: null } as const;
    await groups().updateOne({ _id: loser }, { $set: { mergedInto: survivor, profileMove } });
    const body = await get(`/errors/${survivor.toHexString()}`);
    assert.deepEqual(
      pickList(body, 'merged').map((each) => [
        pick(each, 'groupId'),
        pick(each, 'title'),
        pick(each, 'occurrenceCount'),
      ]),
      [[loser.toHexString(), 'loser', 3]],
    );
    assert.deepEqual(
      pickList(body, 'releases').map((each) => [pick(each, 'name'), pick(each, 'count')]),
      [
        ['1.0.0', 5],
        ['1.1.0', 1],
      ],
    );
    assert.deepEqual(pickList(body, 'sparkline', 'days').slice(-3), [2, 3, 1]);
    assert.equal(pick(body, 'newestOccurrence', 'groupId'), loser.toHexString());
    assert.equal(pick(body, 'merging'), true);
    await groups().updateOne({ _id: loser }, { $unset: { profileMove: 1 } });
    assert.equal(pick(await get(`/errors/${survivor.toHexString()}`), 'merging'), false);
    const mine = await get(`/errors/${survivor.toHexString()}/occurrences`);
    assert.equal(pickList(mine, 'occurrences').length, 6);

    const merged = await get(`/errors/${loser.toHexString()}`);
    assert.equal(pick(merged, 'mergedInto'), survivor.toHexString());
    assert.equal(pickList(await get(`/errors/${loser.toHexString()}/occurrences`), 'occurrences').length, 3);
  });

  it('shows its occurrences newest first, page by page, and each with those next to it', async () => {
    // Several at one instant, so that time alone does not tell the order.
    const id = await add(
      'paged',
      Array.from({ length: 25 }, (_, n) => ({ timestampMs: ago(1, n % 5), message: `m${String(n)}` })),
    );
    const path = `/errors/${id.toHexString()}/occurrences`;
    const ids: string[] = [];
    for (let after = ''; ;) {
      const page = await get(`${path}?limit=4${after}`);
      ids.push(...pickList(page, 'occurrences').map((each) => pickText(each, 'occurrenceId')));
      if (pick(page, 'next') === null) break;
      after = `&after=${pickText(page, 'next')}`;
    }
    const stored = await it_.db
      .collection<ErrorDoc>('errors')
      .find({ groupId: id })
      .sort({ timestampMs: -1, _id: -1 })
      .toArray();
    assert.deepEqual(
      ids,
      stored.map(({ _id }) => _id.toHexString()),
    );

    for (const place of [0, 7, 24]) {
      const one = await get(`${path}/${ids[place] ?? ''}`);
      assert.deepEqual([pick(one, 'newer'), pick(one, 'older')], [ids[place - 1] ?? null, ids[place + 1] ?? null]);
      assert.equal(pick(one, 'message'), stored[place]?.message);
    }
    await get(`${path}/${new ObjectId().toHexString()}`, 404);
    const other = await add('stranger', [{}]);
    await get(`/errors/${other.toHexString()}/occurrences/${ids[0] ?? ''}`, 404);
    await get(`${path}?after=${Buffer.from(`activity 1 ${'0'.repeat(24)}`).toString('base64url')}`, 400);
  });

  it('shows of one occurrence all that is stored of it', async () => {
    const frame = {
      file: 'src/app.ts',
      module: '',
      function: 'render',
      line: 3,
      column: 7,
      inApp: true,
      unresolved: 'NO_SOURCE_MAP' as const,
    };
    const fields: Fields = {
      exceptions: [{ type: 'TypeError', value: 'x', synthetic: false, handled: null, frames: [frame] }],
      tags: { plan: 'pro', $odd: '1' },
      breadcrumbs: [{ timestampMs: 5, category: 'click', message: 'buy', data: { id: '7' } }],
      userComment: 'it broke',
      truncated: ['message'],
      profileId: new ObjectId(),
    };
    const id = await add('whole', [fields]);
    const [{ occurrenceId }] = pickList(await get(`/errors/${id.toHexString()}/occurrences`), 'occurrences') as [
      { occurrenceId: string },
    ];
    const one = await get(`/errors/${id.toHexString()}/occurrences/${occurrenceId}`);
    for (const field of ['exceptions', 'tags', 'breadcrumbs', 'userComment', 'truncated'] as const)
      assert.deepEqual(pick(one, field), fields[field], field);
    assert.equal(pick(one, 'profileId'), fields.profileId?.toHexString());
    assert.deepEqual([pick(one, 'ordinal'), pick(one, 'keptAs'), pick(one, 'errorType')], [1, 'first', 'runtime']);
  });

  it('tells how its occurrences differ, without what is different in each', async () => {
    const browserContext = {
      userAgent: '',
      browser: 'Firefox',
      browserVersion: '140',
      os: 'Linux',
      deviceType: '',
      screenWidth: 0,
      screenHeight: 0,
    };
    const id = await add(
      'tagged',
      Array.from({ length: 40 }, (_, n) => ({
        release: n < 30 ? '2.0.0' : '',
        tags: {
          plan: n < 10 ? 'free' : 'pro',
          request: `r${String(n)}`,
          ...(n < 5 && { rare: `v${String(n)}` }),
          many: `v${String(n % 15)}`,
        },
        ...(n < 12 && { browserContext }),
      })),
    );
    const body = await get(`/errors/${id.toHexString()}/tags`);
    assert.equal(pick(body, 'occurrences'), 40);
    assert.deepEqual(pick(body, 'nearlyUnique'), ['request']);
    const of = (wanted: string) => pickList(body, 'distributions').find((each) => pick(each, 'name') === wanted);
    const counts = (wanted: string) =>
      pickList(of(wanted), 'values').map((each) => [pick(each, 'value'), pick(each, 'count')]);
    assert.deepEqual(counts('plan'), [
      ['pro', 30],
      ['free', 10],
    ]);
    assert.deepEqual(counts('release'), [['2.0.0', 30]]);
    assert.deepEqual(counts('browser'), [['Firefox 140', 12]]);
    assert.deepEqual([pick(of('many'), 'distinct'), counts('many').length, pick(of('many'), 'count')], [15, 10, 40]);
    assert.equal(pick(of('rare'), 'distinct'), 5, 'few values are worth showing although each is another');
    assert.equal(of('request'), undefined);
  });

  it('shows what happened to it, newest first, page by page', async () => {
    const id = await add('lively', [{}]);
    const rows = Array.from({ length: 9 }, (_, n): ErrorActivityDoc => ({
      _id: new ObjectId(),
      appId: app.id,
      groupId: id,
      at: new Date(NOW - Math.floor(n / 3) * 1_000),
      actor: n % 2 === 0 ? null : new ObjectId(),
      verb: 'comment',
      facts: { n },
      requestId: `request-${String(n)}`,
    }));
    await it_.db.collection<ErrorActivityDoc>('error_activity').insertMany(rows);
    const seen: unknown[] = [];
    for (let after = ''; ;) {
      const page = await get(`/errors/${id.toHexString()}/activity?limit=2${after}`);
      seen.push(...pickList(page, 'activity'));
      if (pick(page, 'next') === null) break;
      after = `&after=${pickText(page, 'next')}`;
    }
    const order = [...rows].sort(
      (a, b) => Number(b.at) - Number(a.at) || (a._id.toHexString() < b._id.toHexString() ? 1 : -1),
    );
    assert.deepEqual(
      seen,
      order.map(({ _id, at, actor, verb, facts }) => ({
        activityId: _id.toHexString(),
        at: at.toISOString(),
        actor: actor?.toHexString() ?? null,
        verb,
        facts,
      })),
    );
  });

  it("is for its app's members alone: every role reads, a stranger, another app's member and an app key do not", async () => {
    const id = (await add('private', [{}])).toHexString();
    const other = await it_.register('other');
    const { token: theirs } = await it_.person([{ appId: other.id, role: 'owner' }]);
    const paths = ['', '/occurrences', '/tags', '/activity'].map((path) => `/errors/${id}${path}`);
    for (const path of paths) {
      for (const role of ['owner', 'admin', 'developer', 'reviewer', 'viewer'] as const) {
        const { token: own } = await it_.person([{ appId: app.id, role }]);
        await get(path, 200, own);
      }
      await get(path, 404, theirs);
      await get(path, 401, app.key);
    }
    for (const path of paths) assert.equal((await it_.ask(theirs, 'GET', `/v1/apps/other${path}`)).status, 404, path);
    await get('/errors/nothing', 400);
    await get(`/errors/${new ObjectId().toHexString()}`, 404);
  });
});
