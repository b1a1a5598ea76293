import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { batchDeps } from '../../activities/batch-deps.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import type { ErrorDoc } from '../../db/errors.js';
import { lanes } from '../../db/lane.js';
import { applySchema } from '../../db/schema.js';
import type { StackFrame } from '../../domain/occurrence.js';
import { bundle, crash } from '../helper/bundle.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { groupedError } from '../helper/error-documents.js';
import { uploads } from '../helper/source-maps.js';

const URL_OF_BUNDLE = 'https://cdn.example.com/static/app.js';

/** As Chrome writes it. */
const stackText = (frames: readonly StackFrame[]): string =>
  [
    'RangeError: a price below nothing: -100',
    ...frames.map(({ file, function: name, line, column }) => {
      const place = `${file}:${String(line)}:${String(column)}`;
      return name === '' ? `    at ${place}` : `    at ${name} (${place})`;
    }),
  ].join('\n');

describe('errors of minified bundles, from the bytes of a flush to their groups', () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase('symbolicated');
    await applySchema(database.db);
  });
  after(() => database.close());

  async function store(appId: ObjectId, errorId: string, release: string, frames: readonly StackFrame[]) {
    const { client, db } = database;
    const fields = { stackTrace: stackText(frames), errorType: 'RangeError', release, errorId };
    const { bytes } = groupedError(appId, fields);
    // As a worker that starts now: what it knows of maps is not older than they are.
    const { errors } = batchDeps({ client, db, lanes: lanes(client, db), onAlerts: () => undefined });
    const prepared = await errors.prepare(bytes);
    await client.withSession((session) =>
      session.withTransaction(() => errors.store(prepared, session), { readConcern: { level: 'snapshot' } }),
    );
    const doc = await db.collection<ErrorDoc>('errors').findOne({ appId, errorId });
    assert.ok(doc);
    return doc;
  }
  const groupsOf = (appId: ObjectId) => database.db.collection<ErrorGroupDoc>('error_groups').find({ appId }).toArray();

  it('are one group over two builds, under the names of the sources, where both have their maps', async () => {
    const appId = new ObjectId();
    const one = await bundle();
    const two = await bundle({
      'node_modules/tiny-each/index.js': `const a = (x) => x, b = (x) => a(x), c = [a, b];
export function each(items, visit) {
  for (const item of items) visit(c[0](item));
}
`,
    });
    const { add } = uploads(database);
    await add(appId, one.map, { release: '1.0.0', path: '/static/app.js' });
    await add(appId, two.map, { release: '1.1.0', path: '/static/app.js' });
    const first = await store(appId, 'first', '1.0.0', crash(one, URL_OF_BUNDLE));
    const second = await store(appId, 'second', '1.1.0', crash(two, URL_OF_BUNDLE));

    assert.equal(String(first.groupId), String(second.groupId));
    const [group, ...more] = await groupsOf(appId);
    assert.equal(more.length, 0);
    assert.equal(group?.occurrenceCount, 2);
    assert.match(group.culprit, /total/);
    assert.match(group.culprit, /cart/);
    const [frame] = first.exceptions[0]?.frames ?? [];
    assert.deepEqual([frame?.file, frame?.function, frame?.line], ['src/cart.ts', 'total', 5]);
    assert.equal(frame?.context?.line.trim(), "throw new RangeError('a price below nothing: ' + String(cost));");
    assert.equal(frame.minified?.file, URL_OF_BUNDLE);
  });

  it('stay in their group, and as they were stored, when the map comes late; those after it are their own group', async () => {
    const appId = new ObjectId();
    const built = await bundle();
    const { add } = uploads(database);
    await add(appId, built.map, { release: '0.9.0', path: '/static/app.js' });
    const early = await store(appId, 'early', '1.0.0', crash(built, URL_OF_BUNDLE));
    assert.equal(early.exceptions[0]?.frames[0]?.unresolved, 'NO_SOURCE_MAP');
    await add(appId, built.map, { release: '1.0.0', path: '/static/app.js' });
    const late = await store(appId, 'late', '1.0.0', crash(built, URL_OF_BUNDLE));
    assert.notEqual(String(early.groupId), String(late.groupId));
    const groups = await groupsOf(appId);
    assert.deepEqual(groups.map(({ occurrenceCount }) => occurrenceCount).sort(), [1, 1]);
    const again = await store(appId, 'early', '1.0.0', crash(built, URL_OF_BUNDLE));
    assert.deepEqual(again, early, 'sent once more, it stays what it was');
  });
});
