import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { simulate, type Verdict } from '../helper/ingest-simulation.js';

const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 200);
const FIRST = Number(process.env['SIMULATION_FIRST'] ?? 1);
const AT_ONCE = 24;
/** About one seed in sixty doubles something then, so this many never all stay clean. */
const MOST_UNFENCED = 960;

describe('storing flushes, whatever dies', () => {
  let database: TestDatabase;

  before(async () => {
    database = await testDatabase('simulation');
    await applySchema(database.db);
  });
  after(() => database.close());

  async function run(from: number, count: number, without?: 'fence' | 'renumber'): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    const rules = { fence: without !== 'fence', renumber: without !== 'renumber' };
    let next = from;
    const one = async (): Promise<void> => {
      while (next < from + count) verdicts.push(await simulate(next++, { ...database, ...rules }));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    return verdicts.filter(({ faults }) => Object.keys(faults).length > 0);
  }

  it(`keeps every promise in ${String(SEEDS)} seeds of interleavings`, async () => {
    assert.deepEqual(await run(FIRST, SEEDS), []);
  });

  it('is seen to double events when a new owner does not fence off the old ones', async () => {
    for (let from = 1_000_000; from < 1_000_000 + MOST_UNFENCED; from += AT_ONCE) {
      const bad = await run(from, AT_ONCE, 'fence');
      if (bad.some(({ faults }) => (faults['doubled'] ?? 0) > 0)) return;
    }
    assert.fail(`nothing was doubled in ${String(MOST_UNFENCED)} seeds without the fence`);
  });

  it('is seen to lose what is refused when what is left goes out again under the number of all', async () => {
    const bad = await run(2_000_000, AT_ONCE, 'renumber');
    assert.ok(
      bad.some(({ faults }) => (faults['refused without a row'] ?? 0) > 0),
      JSON.stringify(bad),
    );
  });
});
