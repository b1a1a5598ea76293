import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { ERROR_SORTS, errorLists, type ErrorQuery } from '../../db/error-reads.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { groupOf } from '../helper/error-group.js';

const SIZE = 3_000;

describe('a list of error groups', () => {
  let database: TestDatabase;
  const appId = new ObjectId();
  before(async () => {
    database = await testDatabase('error-reads');
    await applySchema(database.db);
    const groups = Array.from({ length: SIZE }, (_, n) =>
      groupOf({
        appId,
        title: n % 2 === 0 ? 'EvenError' : 'OddError',
        message: n % 3 === 0 ? 'fizz' : 'buzz',
        occurrenceCount: n % 7,
        releases: n === 1_234 ? ['1.0.0', '2.0.0'] : ['1.0.0'],
      }),
    );
    await database.db.collection<ErrorGroupDoc>('error_groups').insertMany(groups);
  });
  after(() => database.close());

  const queries: readonly Omit<ErrorQuery, 'appId' | 'limit' | 'ascending' | 'sort'>[] = [
    { release: '1.0.0' },
    { release: '2.0.0' },
    { release: '1.0.0', terms: ['even', 'fizz'], statuses: ['new'] },
    { terms: ['odd'], assignee: null },
    { terms: ['even', 'odd'] },
  ];

  /** All pages by one way of finding them. */
  async function all(lists: ReturnType<typeof errorLists>, query: ErrorQuery): Promise<string[]> {
    const ids: string[] = [];
    for (let after: ErrorQuery['after']; ;) {
      const page = await lists.page({ ...query, after });
      ids.push(...page.map(({ _id }) => _id.toHexString()));
      const last = page.at(-1);
      if (last === undefined || page.length < query.limit) return ids;
      after = { value: Number(last[query.sort]), id: last._id };
    }
  }

  it('is the same by whichever index, and wherever the walk through one is given up', async () => {
    const byFilter = errorLists(database.db, { few: 1_000_000 });
    const byWalk = errorLists(database.db, { few: 1, walk: SIZE });
    const givingUp = [100, 450, 1_000].map((walk) => errorLists(database.db, { few: 1, walk }));
    for (const sort of ERROR_SORTS) {
      for (const each of queries) {
        const query = { appId, sort, ascending: sort === 'firstSeen', limit: 400, ...each };
        const expected = await all(byFilter, query);
        assert.equal(new Set(expected).size, expected.length);
        assert.deepEqual(await all(byWalk, query), expected);
        for (const lists of givingUp) assert.deepEqual(await all(lists, query), expected);
      }
    }
  });
});
