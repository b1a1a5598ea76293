import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { AT_ONCE, simulations } from '../helper/simulations.js';

/** About one seed in sixty doubles something then, so this many never all stay clean. */
const MOST_UNFENCED = 960;

describe('storing flushes without a rule of the protocol', () => {
  let database: TestDatabase;

  before(async () => {
    database = await testDatabase('simulation');
    await applySchema(database.db);
  });
  after(() => database.close());

  it('is seen to double events when a new owner does not fence off the old ones', async () => {
    for (let from = 1_000_000; from < 1_000_000 + MOST_UNFENCED; from += AT_ONCE) {
      const bad = await simulations(from, AT_ONCE, { ...database, fence: false, renumber: true });
      if (bad.some(({ faults }) => (faults['doubled'] ?? 0) > 0)) return;
    }
    assert.fail(`nothing was doubled in ${String(MOST_UNFENCED)} seeds without the fence`);
  });

  it('is seen to lose what is refused when what is left goes out again under the number of all', async () => {
    const bad = await simulations(2_000_000, AT_ONCE, { ...database, fence: true, renumber: false });
    assert.ok(
      bad.some(({ faults }) => (faults['refused without a row'] ?? 0) > 0),
      JSON.stringify(bad),
    );
  });
});
