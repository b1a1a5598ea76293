import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ObjectId } from 'mongodb';
import { readMap } from '../../api/source-map-reader.js';
import { symbolicator } from '../../activities/symbolicate.js';
import { bundle } from '../helper/bundle.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { newDebugId } from '../helper/source-maps.js';

describe('/v1/apps/:appId/source-maps', () => {
  let it_: Management;
  let appId: ObjectId;
  let clientKey: string;
  let serverKey: string;
  let map: string;
  before(async () => {
    it_ = await management('maps');
    const app = await it_.register('shop');
    appId = app.id;
    clientKey = app.key;
    const created = await it_.ask(it_.owner.token, 'POST', '/v1/apps/shop/keys', { kind: 'server' });
    serverKey = pickText(created.body, 'key');
    map = (await bundle()).map;
  });
  after(() => it_.close());

  async function upload(query: object, body: string | Buffer = map, { token = serverKey, headers = {} } = {}) {
    const answer = await it_.app.inject({
      method: 'POST',
      url: `/v1/apps/shop/source-maps`,
      query: query as Record<string, string>,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      payload: body,
    });
    return { status: answer.statusCode, body: answer.json<unknown>(), text: answer.body };
  }
  const list = (query = '', token = it_.owner.token) => it_.ask(token, 'GET', `/v1/apps/shop/source-maps${query}`);

  it('takes a map and says which frames it will resolve, which then are', async () => {
    const debugId = newDebugId();
    const query = {
      release: '1.0.0',
      path: 'https://cdn.example.com//static/app.js.map?x=1',
      debugId: debugId.toUpperCase(),
    };
    const { status, body, text } = await upload(query);
    assert.equal(status, 201, text);
    assert.equal(pick(body, 'outcome'), 'created');
    assert.equal(pick(body, 'debugId'), debugId);
    assert.deepEqual(pick(body, 'matches'), [{ release: '1.0.0', path: '~/static/app.js' }]);
    assert.deepEqual([pick(body, 'sources'), pick(body, 'sourcesWithContent')], [3, 3]);
    assert.deepEqual(pick(body, 'warnings'), []);
    const again = await upload({ ...query, path: '~/static/app.js' });
    assert.deepEqual([again.status, pick(again.body, 'outcome')], [200, 'unchanged']);

    const frame = { module: '', function: 'o', line: 1, column: 52, inApp: true };
    const [resolved] = await symbolicator(it_).symbolicate(appId, '1.0.0', [
      {
        type: 'Error',
        value: '',
        synthetic: false,
        handled: null,
        frames: [{ ...frame, file: 'https://eu.example.com/static/app.js' }],
      },
    ]);
    assert.equal(resolved?.frames[0]?.file, 'src/cart.ts');
    const release = await it_.ask(it_.owner.token, 'GET', '/v1/apps/shop/releases/1.0.0');
    assert.equal(pick(release.body, 'declaredBy'), 'upload');
    assert.equal(pick(release.body, 'sourceMaps'), 1);
  });

  it('takes the debug id that is in the map', async () => {
    for (const name of ['debugId', 'debug_id']) {
      const debugId = newDebugId();
      const { body } = await upload({}, JSON.stringify({ ...(JSON.parse(map) as object), [name]: debugId }));
      assert.equal(pick(body, 'debugId'), debugId);
      assert.match(pickText(body, 'warnings', 0), /only frames that carry the debug id/);
    }
  });

  it('warns of a map without the texts of its sources', async () => {
    const without = { ...(JSON.parse(map) as object), sourcesContent: undefined };
    const { body } = await upload({ release: '1.0.0', path: '/bare.js' }, JSON.stringify(without));
    assert.match(pickText(body, 'warnings', 0), /sourcesContent/);
  });

  it('takes compressed bodies of any content type', async () => {
    for (const headers of [{ 'content-encoding': 'gzip' }, { 'content-type': 'application/octet-stream' }]) {
      const { status } = await upload({ release: '1.0.0', path: '/zip.js' }, gzipSync(map), { headers });
      assert.ok(status === 200 || status === 201);
    }
  });

  it('lists what there is, by release, to members of every role, without any of its content', async () => {
    const { token } = await it_.person([{ appId, role: 'viewer' }]);
    await upload({ release: '7.0.0', path: '/seven.js' });
    const { body, text } = await list('?release=7.0.0', token);
    const [listed, ...more] = pickList(body, 'sourceMaps');
    assert.deepEqual([more.length, pick(listed, 'sources')], [0, 3]);
    assert.ok(text.includes('~/seven.js'));
    for (const secret of ['sum += total', 'cart.ts', '"mappings"']) assert.ok(!text.includes(secret), secret);
    assert.equal((await list('', serverKey)).status, 200);
  });

  it('gives nobody the content of a map, and a client key nothing at all', async () => {
    const { body } = await list();
    const id = pickText(pickList(body, 'sourceMaps')[0], 'sourceMapId');
    for (const token of [it_.owner.token, serverKey, clientKey]) {
      const one = await it_.ask(token, 'GET', `/v1/apps/shop/source-maps/${id}`);
      assert.equal(one.status, 404, 'there is no such route');
    }
    assert.equal((await upload({ release: '1.0.0', path: '/a.js' }, map, { token: clientKey })).status, 401);
    assert.equal((await list('', clientKey)).status, 401);
    const { token } = await it_.person([{ appId, role: 'viewer' }]);
    assert.equal((await upload({ release: '1.0.0', path: '/a.js' }, map, { token })).status, 403);
    assert.equal((await it_.ask(token, 'DELETE', `/v1/apps/shop/source-maps/${id}`)).status, 403);
    assert.equal((await it_.ask(serverKey, 'DELETE', `/v1/apps/shop/source-maps/${id}`)).status, 401);
  });

  it('deletes a map once, and says so in the audit log', async () => {
    const { body } = await upload(
      { release: '8.0.0', path: '/gone.js' },
      JSON.stringify({ ...(JSON.parse(map) as object), file: 'x' }),
    );
    const id = pickText(body, 'sourceMapId');
    assert.equal((await it_.ask(it_.owner.token, 'DELETE', `/v1/apps/shop/source-maps/${id}`)).status, 204);
    assert.equal((await it_.ask(it_.owner.token, 'DELETE', `/v1/apps/shop/source-maps/${id}`)).status, 404);
    const entries = await it_.audit.page({ appId, action: 'source-map.deleted' }, 10);
    assert.deepEqual(
      entries.map(({ target }) => target.id.toHexString()),
      [id],
    );
    assert.deepEqual(pickList((await list('?release=8.0.0')).body, 'sourceMaps'), []);
  });

  const wrong: readonly [what: string, query: object, body: string, says: RegExp][] = [
    ['what is no JSON', {}, 'var a;', /no JSON/],
    ['an empty body', {}, '', /no JSON/],
    ['JSON that is no object', {}, '[]', /no JSON object/],
    ['an older version', {}, '{"version":2}', /version 3/],
    ['a map of nothing', {}, '{"version":3,"sources":[],"names":[],"mappings":""}', /maps nothing/],
    ['mappings of another alphabet', {}, '{"version":3,"sources":["a"],"mappings":"AA-A"}', /base64 VLQ/],
    ['sources that are no texts', {}, '{"version":3,"sources":[{}],"mappings":"AAAA"}', /"sources"/],
    [
      'a section to be fetched',
      {},
      '{"version":3,"sections":[{"offset":{"line":0,"column":0},"url":"https://a.test/b"}]}',
      /hold its map/,
    ],
  ];
  for (const [what, query, body, says] of wrong) {
    it(`refuses ${what} and says why`, async () => {
      const answer = await upload({ release: '1.0.0', path: '/wrong.js', ...query }, body);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(pick(answer.body, 'code'), 'SOURCE_MAP_INVALID');
      assert.match(pickText(answer.body, 'detail'), says);
    });
  }

  it('refuses a map that nothing would find', async () => {
    const own = JSON.stringify({ ...(JSON.parse(map) as object), debugId: newDebugId() });
    const cases: readonly [query: object, body: string][] = [
      [{}, map],
      [{ release: '1.0.0' }, map],
      [{ path: '/a.js' }, map],
      [{ release: '1.0.0', path: '/' }, map],
      [{ debugId: 'no uuid' }, map],
      [{ debugId: newDebugId() }, own],
      [{ release: '', path: '/a.js' }, map],
      [{ releases: '1.0.0', path: '/a.js' }, map],
    ];
    for (const [query, body] of cases) {
      const answer = await upload(query, body);
      assert.equal(answer.status, 400, JSON.stringify(query));
      assert.equal(pick(answer.body, 'code'), 'REQUEST_INVALID');
    }
  });

  it('refuses more than 64 MiB, also when it is small as sent', async () => {
    const huge = Buffer.alloc(64 * 1024 * 1024 + 1, ' ');
    for (const body of [huge, gzipSync(huge)]) {
      const answer = await upload({ release: '1.0.0', path: '/huge.js' }, body);
      assert.equal(answer.status, 413, answer.text);
      assert.equal(pick(answer.body, 'code'), 'BODY_TOO_LARGE');
    }
  });

  it('reads a large map as it reads a small one', async () => {
    const large = JSON.stringify({ ...(JSON.parse(map) as object), x_padding: 'é'.repeat(100_000) });
    const { status, body, text } = await upload({ release: '3.0.0', path: '/large.js' }, large);
    assert.equal(status, 201, text);
    assert.deepEqual([pick(body, 'sources'), pick(body, 'sourcesWithContent')], [3, 3]);
    const refused = await upload({ release: '3.0.0', path: '/large.js' }, ' '.repeat(100_000));
    assert.deepEqual([refused.status, pick(refused.body, 'code')], [400, 'SOURCE_MAP_INVALID']);
  });

  it('refuses a map that takes too much memory to read, and goes on', async () => {
    const lists = Buffer.from(`[${'[],'.repeat(1_400_000)}[]]`);
    assert.deepEqual(await readMap(lists, 32), { fault: 'reading the source map takes too much memory' });
    assert.equal((await upload({ release: '4.0.0', path: '/small.js' })).status, 201);
  });

  it('takes many uploads at once, in turn', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => upload({ release: '9.0.0', path: `/chunk-${String(n)}.js` })),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    const release = await it_.ask(it_.owner.token, 'GET', '/v1/apps/shop/releases/9.0.0');
    assert.ok(Number(pick(release.body, 'sourceMaps')) >= 1);
  });
});
