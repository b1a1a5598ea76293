import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { symbolicator } from '../../activities/symbolicate.js';
import { applySchema } from '../../db/schema.js';
import type { Exception, StackFrame } from '../../domain/occurrence.js';
import { bundle, crash } from '../helper/bundle.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { newDebugId, uploads } from '../helper/source-maps.js';
import { cpuMs } from '../helper/cpu-time.js';

const URL_OF_BUNDLE = 'https://cdn.example.com/static/app.js?v=3';

const thrown = (frames: readonly StackFrame[]): Exception[] => [
  { type: 'RangeError', value: 'a price below nothing', synthetic: false, handled: false, frames },
];
const frame = (change: Partial<StackFrame> = {}): StackFrame => ({
  file: URL_OF_BUNDLE,
  module: '',
  function: 'o',
  line: 1,
  column: 52,
  inApp: true,
  ...change,
});
/** What a test looks at of a frame. */
const seen = ({ file, function: name, line, inApp, unresolved }: StackFrame) =>
  unresolved === undefined ? `${inApp ? '' : '- '}${name}@${file}:${String(line)}` : unresolved;

describe('symbolication', () => {
  let database: TestDatabase;
  let built: Awaited<ReturnType<typeof bundle>>;
  let stack: readonly StackFrame[];
  before(async () => {
    database = await testDatabase('symbolicate');
    await applySchema(database.db);
    built = await bundle();
    stack = crash(built, URL_OF_BUNDLE);
  });
  after(() => database.close());

  async function frames(appId: ObjectId, release: string, given: readonly StackFrame[], by = symbolicator(database)) {
    const [exception] = await by.symbolicate(appId, release, thrown(given));
    assert.ok(exception);
    return exception.frames;
  }

  it('shows the throwing line, its callers and their names as the sources have them', async () => {
    const app = new ObjectId();
    await uploads(database).add(app, built.map, { release: '1.0.0', path: '/static/app.js' });
    const found = await frames(app, '1.0.0', stack);
    assert.deepEqual(found.map(seen), [
      'total@src/cart.ts:5',
      '@src/main.ts:11',
      '- each@node_modules/tiny-each/index.js:2',
      'checkout@src/main.ts:10',
      '@src/main.ts:17',
      '@src/main.ts:17',
      '@src/main.ts:17',
    ]);
    assert.deepEqual(found[0]?.context, {
      before: [
        '/** What one item costs. */',
        'export function total(item: { price: number }): number {',
        '  const cost = item.price * 100;',
        '  if (cost < 0) {',
      ],
      line: "    throw new RangeError('a price below nothing: ' + String(cost));",
      after: ['  }', '  return cost;', '}', ''],
    });
    const { file, function: name, line, column } = stack[0] ?? frame();
    assert.deepEqual(found[0].minified, { file, function: name, line, column });
    assert.equal(found[0].column, 11);
  });

  it('leaves a function without a name that has none, whatever the browser calls it', async () => {
    const app = new ObjectId();
    await uploads(database).add(app, built.map, { release: '1.0.0', path: '/static/app.js' });
    const [, nameless] = stack;
    assert.ok(nameless !== undefined);
    for (const name of [
      '',
      '?',
      '<anonymous>',
      'HTMLButtonElement.<anonymous>',
      'async Object.<anonymous>',
      '(anonymous)',
    ]) {
      const [found] = await frames(app, '1.0.0', [{ ...nameless, function: name }]);
      assert.equal(found && seen(found), '@src/main.ts:11', name);
    }
  });

  it('gives one fault the same frames in two builds that name and place everything otherwise', async () => {
    const app = new ObjectId();
    const next = await bundle({
      'node_modules/tiny-each/index.js': `const a = (x) => x, b = (x) => a(x), c = [a, b];
export function each(items, visit) {
  for (const item of items) visit(c[0](item));
}
`,
    });
    assert.notEqual(next.code, built.code);
    const { add } = uploads(database);
    await add(app, built.map, { release: '1', path: '/static/app.js' });
    await add(app, next.map, { release: '2', path: '/static/app.js' });
    const own = (list: readonly StackFrame[]) => list.filter(({ inApp }) => inApp).map(seen);
    const [one, two] = [await frames(app, '1', stack), await frames(app, '2', crash(next, URL_OF_BUNDLE))];
    assert.notDeepEqual(
      one.map(({ minified }) => minified),
      two.map(({ minified }) => minified),
    );
    assert.deepEqual(own(one), own(two));
  });

  it('goes by the debug id before the path, and by the path where the id is not known', async () => {
    const app = new ObjectId();
    const { add } = uploads(database);
    const debugId = newDebugId();
    const moved = await bundle({ 'src/cart.ts': `\n\n\n${'/* moved */\n'.repeat(3)}export const total = () => 1;\n` });
    await add(app, moved.map, { release: '1.0.0', path: '/static/app.js' });
    await add(app, built.map, { debugId });
    const [byId] = await frames(app, '1.0.0', [frame({ debugId })]);
    assert.equal(byId && seen(byId), 'total@src/cart.ts:5');
    assert.equal(byId?.debugId, debugId);
    const [withoutRelease] = await frames(app, '', [frame({ debugId })]);
    assert.equal(withoutRelease && seen(withoutRelease), 'total@src/cart.ts:5');
    const [byPath] = await frames(app, '1.0.0', [frame({ debugId: newDebugId() })]);
    assert.ok(byPath?.minified !== undefined && byPath.line !== 5);
  });

  it('says of each frame that a map might have resolved why none did', async () => {
    const app = new ObjectId();
    const { add } = uploads(database);
    await add(app, built.map, { release: '1.0.0', path: '/static/app.js' });
    await add(app, '{"version":3,"sources":[],"mappings":""}', { release: '1.0.0', path: '/static/broken.js' });
    const cases: readonly [release: string, given: Partial<StackFrame>, says: string][] = [
      ['1.0.1', {}, 'NO_SOURCE_MAP'],
      ['1.0.0', { file: 'https://cdn.example.com/static/other.js' }, 'NO_SOURCE_MAP'],
      ['', {}, 'NO_RELEASE_OR_DEBUG_ID'],
      ['', { debugId: newDebugId() }, 'NO_SOURCE_MAP'],
      ['1.0.0', { column: 0 }, 'NO_POSITION'],
      ['1.0.0', { line: 0 }, 'NO_POSITION'],
      ['1.0.0', { line: 900 }, 'POSITION_NOT_IN_MAP'],
      ['1.0.0', { column: 1 }, 'POSITION_NOT_IN_MAP'],
      ['1.0.0', { file: 'https://cdn.example.com/static/broken.js' }, 'SOURCE_MAP_INVALID'],
      ['1.0.0', { file: '/srv/app/index.js' }, 'NO_SOURCE_MAP'],
    ];
    for (const [release, given, says] of cases) {
      const [found] = await frames(app, release, [frame(given)]);
      assert.equal(found?.unresolved, says, JSON.stringify([release, given]));
      assert.equal(found.minified, undefined);
      assert.equal(found.file, frame(given).file);
    }
  });

  it('leaves frames alone that no map is for', async () => {
    const app = new ObjectId();
    await uploads(database).add(app, built.map, { release: '1.0.0', path: '/static/app.js' });
    for (const given of [
      frame({ file: 'node:internal/process/task_queues', inApp: false }),
      frame({ file: 'chrome-extension://abc/inject.js' }),
      frame({ file: '/srv/app/node_modules/express/index.js', inApp: false }),
      frame({ file: '<anonymous>' }),
      frame({ file: '' }),
      frame({ file: 'main.py' }),
    ]) {
      assert.deepEqual(await frames(app, '1.0.0', [given]), [given]);
    }
    const inNode = frame({ file: '/srv/app/index.js' });
    assert.deepEqual(await frames(app, '2.0.0', [inNode]), [inNode], 'a release without maps needs none in Node');
  });

  it('finds a script of Node’s by its path', async () => {
    const app = new ObjectId();
    await uploads(database).add(app, built.map, { release: '1.0.0', path: '/srv/app/dist/index.js' });
    for (const file of ['/srv/app/dist/index.js', 'file:///srv/app/dist/index.js', 'app:///srv/app/dist/index.js']) {
      const [found] = await frames(app, '1.0.0', [frame({ file })]);
      assert.equal(found && seen(found), 'total@src/cart.ts:5', file);
    }
  });

  it('keeps the maps of apps apart', async () => {
    const [one, other] = [new ObjectId(), new ObjectId()];
    const debugId = newDebugId();
    const { add } = uploads(database);
    await add(one, built.map, { release: '1.0.0', path: '/static/app.js', debugId });
    await add(other, built.map, { release: '9.9.9', path: '/elsewhere.js' });
    const [found] = await frames(other, '1.0.0', [frame({ debugId })]);
    assert.equal(found?.unresolved, 'NO_SOURCE_MAP');
  });

  it('asks once in ten seconds whether there are maps, and then sees new, replaced and deleted ones', async () => {
    const app = new ObjectId();
    let at = 1_000_000;
    const by = symbolicator({ db: database.db, now: () => at });
    const { add, remove, store } = uploads(database);
    const asSent = seen(frame());
    const first = async () => seen((await frames(app, '1.0.0', [frame()], by))[0] ?? frame());
    assert.equal(await first(), asSent);
    await add(app, built.map, { release: '1.0.0', path: '/static/app.js' });
    assert.equal(await first(), asSent);
    at += 10_001;
    assert.equal(await first(), 'total@src/cart.ts:5');
    const renamed = JSON.stringify({ ...(JSON.parse(built.map) as object), sources: ['a.ts', 'b.ts', 'c.ts'] });
    await add(app, renamed, { release: '1.0.0', path: '/static/app.js' });
    at += 10_001;
    assert.equal(await first(), 'total@a.ts:5');
    const [map] = await store.page(app, { limit: 5 });
    assert.ok(map);
    await remove({ actor: { kind: 'system', id: null, name: 'a test' }, appId: app, mapId: map._id });
    at += 10_001;
    assert.equal(await first(), asSent);
  });

  it('asks again after the database failed, and does not swallow that it did', async () => {
    const app = new ObjectId();
    await uploads(database).add(app, built.map, { release: '1.0.0', path: '/static/app.js' });
    const other = await testDatabase('symbolicate_away');
    const by = symbolicator({ db: other.db });
    await other.close();
    await assert.rejects(frames(app, '1.0.0', [frame()], by));
    const [found] = await frames(app, '1.0.0', [frame()]);
    assert.equal(found && seen(found), 'total@src/cart.ts:5');
  });

  it('is quick where very many frames and debug ids are invented', async () => {
    const app = new ObjectId();
    await uploads(database).add(app, built.map, { release: '1.0.0', path: '/static/app.js' });
    const many = Array.from({ length: 5_000 }, (_, n) => frame({ column: n + 1, debugId: newDebugId() }));
    const took = await cpuMs(async () => {
      const found = await frames(app, '1.0.0', many);
      assert.equal(found.length, many.length);
      assert.ok(found.filter(({ context }) => context !== undefined).length <= 64);
    });
    assert.ok(took < 5_000, `${String(took)} ms`);
  });
});
