import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

const CLAUSES = [{ conditions: [{ attribute: 'mail', operator: 'ends_with', values: ['@us.example'] }] }];

describe('segments, and flags on their way from app to app', () => {
  let it_: Management;
  before(async () => {
    it_ = await management('flag-transfer');
    await it_.register('from');
    await it_.register('to');
  });
  after(() => it_.close());
  const ask = (method: string, path: string, body?: object) =>
    it_.ask(it_.owner.token, method, `/v1/apps/${path}`, body);
  const flag = (key: string, more: object = {}) => ({ key, type: 'boolean', defaultValue: false, ...more });
  const inSegment = (segment: string) => [
    { value: true, conditions: [{ attribute: '', operator: 'in_segment', values: [segment] }] },
  ];

  it('a segment is created, listed, changed under its version, and removed once no rule names it', async () => {
    await it_.register('segments');
    for (const key of ['b', 'a', 'c']) {
      const created = await ask('POST', 'segments/flag-segments', { key, clauses: CLAUSES, note: 'new' });
      assert.equal(created.status, 201, created.text);
    }
    const page = await ask('GET', 'segments/flag-segments?limit=2');
    assert.equal(pick(page.body, 'next'), 'b');
    const rest = await ask('GET', 'segments/flag-segments?limit=2&after=b');
    assert.deepEqual([pick(rest.body, 'segments', 0, 'key'), pick(rest.body, 'next')], ['c', null]);
    assert.equal((await ask('POST', 'segments/flag-segments', { key: 'a', clauses: [] })).status, 409);
    await ask('POST', 'segments/flags', flag('f', { rules: inSegment('a') }));

    const url = '/v1/apps/segments/flag-segments/a';
    const change = (version: string) =>
      it_.app.inject({
        method: 'PATCH',
        url,
        headers: { authorization: `Bearer ${it_.owner.token}`, 'if-match': version },
        payload: { description: 'those of the house' },
      });
    const changed = await change('"1"');
    assert.deepEqual([changed.statusCode, changed.headers.etag], [200, '"2"']);
    assert.equal((await change('"1"')).statusCode, 412);
    const shown = await ask('GET', 'segments/flag-segments/a');
    assert.deepEqual([pick(shown.body, 'clauses'), pick(shown.body, 'description')], [CLAUSES, 'those of the house']);

    const refused = await ask('DELETE', 'segments/flag-segments/a');
    assert.equal(refused.status, 409);
    assert.match(pickText(refused.body, 'detail'), /stands in rules of f/);
    await ask('PATCH', 'segments/flags/f', { rules: [] });
    assert.equal((await ask('DELETE', 'segments/flag-segments/a?note=unused')).status, 204);
    assert.equal((await ask('GET', 'segments/flag-segments/a')).status, 404);
    assert.equal((await ask('DELETE', 'segments/flag-segments/a')).status, 404);
    const audit = await ask('GET', 'segments/audit?action=flag-segment.removed');
    assert.equal(pick(audit.body, 'entries', 0, 'note'), 'unused');
    const broken = [{ conditions: [{ attribute: 'x', operator: 'between', values: ['1'] }] }];
    assert.equal((await ask('PATCH', 'segments/flag-segments/b', { clauses: broken })).status, 400);
  });

  it('an export is imported as it is, elsewhere, and says the same when it is exported there', async () => {
    const valueSchema = { type: ['object', 'null'] };
    await ask('POST', 'from/flag-segments', { key: 'staff', clauses: CLAUSES });
    await ask(
      'POST',
      'from/flags',
      flag('base', { owner: it_.owner.id, tags: ['x'], expiresAt: '2031-01-01T00:00:00Z' }),
    );
    const json = flag('json', { type: 'json', defaultValue: { a: [1, { $b: null }] }, valueSchema });
    await ask('POST', 'from/flags', { ...json, prerequisites: [{ flagKey: 'base', values: [true] }] });
    const variants = [
      { key: 'a', value: true, weight: 1 },
      { key: 'b', value: false, weight: 2 },
    ];
    const rules = [...inSegment('staff'), { value: true, rolloutPercentage: 5, variants, bucketBy: 'device' }];
    await ask('POST', 'from/flags', flag('ruled', { rules }));
    await ask('POST', 'from/flags', flag('old'));
    await ask('POST', 'from/flags/old/archive');

    const exported = await ask('GET', 'from/flag-export');
    assert.deepEqual(
      pickList(exported.body, 'flags').map((each) => pick(each, 'key')),
      ['base', 'json', 'ruled'],
    );
    const imported = await ask('POST', 'to/flag-import', { ...(exported.body as object), note: 'from staging' });
    assert.deepEqual(imported.body, { version: 1, created: 4, changed: 0, unchanged: 0 });
    const again = await ask('GET', 'to/flag-export');
    for (const part of ['flags', 'segments', 'format'])
      assert.deepEqual(pick(again.body, part), pick(exported.body, part));
    const twice = await ask('POST', 'to/flag-import', again.body as object);
    assert.deepEqual(twice.body, { version: 1, created: 0, changed: 0, unchanged: 4 });
    const audit = await ask('GET', 'to/audit?action=flag.imported');
    assert.equal(pickList(audit.body, 'entries').length, 3);
    assert.equal(pick(audit.body, 'entries', 0, 'note'), 'from staging');
  });

  it('an import is bound to the version that was exported, where If-Match says so', async () => {
    await it_.register('bound');
    await ask('POST', 'bound/flags', flag('f'));
    const headers = { authorization: `Bearer ${it_.owner.token}` };
    const exported = await it_.app.inject({ url: '/v1/apps/bound/flag-export', headers });
    assert.equal(exported.headers.etag, '"1"');
    const send = () =>
      it_.app.inject({
        method: 'POST',
        url: '/v1/apps/bound/flag-import',
        headers: { ...headers, 'if-match': '"1"' },
        payload: { flags: [flag('f', { description: 'imported' })] },
      });
    const first = await send();
    assert.deepEqual([first.statusCode, first.headers.etag], [200, '"2"']);
    assert.equal((await send()).statusCode, 412);
  });

  it('an import may be larger than other bodies, and is refused as a whole for any fault', async () => {
    await it_.register('large');
    const large = Array.from({ length: 400 }, (_, n) => flag(`f-${String(n)}`, { description: 'x'.repeat(2_000) }));
    const wrong: readonly object[] = [
      { flags: [...large, flag('bad', { defaultValue: 1 })] },
      { flags: [...large, flag('f-7')] },
      { flags: large, segments: [{ key: 's', clauses: [{ conditions: [{ attribute: 'a', operator: 'x' }] }] }] },
      { flags: large, format: 'experience-flags/2' },
      { flags: [flag('a', { owner: it_.owner.id })] },
    ];
    for (const body of wrong) assert.equal((await ask('POST', 'large/flag-import', body)).status, 400);
    assert.equal(pick((await ask('GET', 'large/flag-export')).body, 'version'), 0);
    const taken = await ask('POST', 'large/flag-import', { flags: large });
    assert.deepEqual(taken.body, { version: 1, created: 400, changed: 0, unchanged: 0 });
  });
});
