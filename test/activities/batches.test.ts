import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { simulations } from '../helper/simulations.js';

const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 200);
const FIRST = Number(process.env['SIMULATION_FIRST'] ?? 1);

describe('storing flushes, whatever dies and whatever is refused', () => {
  let database: TestDatabase;

  before(async () => {
    database = await testDatabase('simulation');
    await applySchema(database.db);
  });
  after(() => database.close());

  it(`keeps every promise in ${String(SEEDS)} seeds of interleavings`, async () => {
    assert.deepEqual(await simulations(FIRST, SEEDS, { ...database, fence: true, renumber: true }), []);
  });
});
