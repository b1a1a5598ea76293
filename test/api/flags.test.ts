import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { management, type Management } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

const RULE = { value: true, conditions: [{ attribute: 'plan', operator: 'equals', values: ['pro'] }] };

describe('/v1/apps/:appId/flags', () => {
  let it_: Management;
  before(async () => {
    it_ = await management('flags');
    await it_.register('shop');
  });
  after(() => it_.close());

  const ask = (method: string, path = '', body?: object) =>
    it_.ask(it_.owner.token, method, `/v1/apps/shop/flags${path}`, body);
  const code = async (answer: Promise<{ body: unknown; status: number }>) => {
    const { body, status } = await answer;
    return `${String(status)} ${status < 300 ? '' : pickText(body, 'code')}`.trim();
  };
  /** With headers, and those of the answer. */
  const send = (method: string, path: string, headers: Record<string, string>, payload?: object | string) =>
    it_.app.inject({
      method: method,
      url: `/v1/apps/shop/flags${path}`,
      headers: { authorization: `Bearer ${it_.owner.token}`, ...headers },
      ...(payload === undefined ? {} : { payload }),
    });

  it('creates, shows and changes a flag part by part; its version is its ETag', async () => {
    const created = await send('POST', '', {}, { key: 'dark', type: 'boolean', defaultValue: false, rules: [RULE] });
    assert.equal(created.statusCode, 201, created.body);
    assert.equal(created.headers.etag, '"1"');
    const flag: unknown = created.json();
    assert.match(pickText(flag, 'rules', 0, 'ruleId'), /^[0-9a-f]{24}$/);
    assert.deepEqual(pick(flag, 'rules', 0), {
      ...RULE,
      ruleId: pick(flag, 'rules', 0, 'ruleId'),
      priority: 0,
      rolloutPercentage: 100,
      experimentId: null,
    });
    const expected = {
      key: 'dark',
      type: 'boolean',
      description: '',
      enabled: true,
      owner: null,
      tags: [],
      version: 1,
    };
    for (const [name, value] of Object.entries(expected)) assert.deepEqual(pick(flag, name), value, name);

    const changed = await ask('PATCH', '/dark', {
      tags: ['ui', 'beta'],
      expiresAt: '2030-01-01T00:00:00Z',
      note: 'why',
    });
    assert.equal(changed.status, 200, changed.text);
    assert.deepEqual(pick(changed.body, 'rules'), pick(flag, 'rules'));
    const shown = await send('GET', '/dark', {});
    assert.equal(shown.headers.etag, '"2"');
    assert.deepEqual(shown.json(), changed.body);
    assert.equal(pick(changed.body, 'expiresAt'), '2030-01-01T00:00:00.000Z');
    const audit = await it_.ask(it_.owner.token, 'GET', '/v1/apps/shop/audit?limit=1&action=flag.changed');
    assert.equal(pick(audit.body, 'entries', 0, 'note'), 'why');
    assert.deepEqual(pick(audit.body, 'entries', 0, 'before', 'tags'), []);
    assert.deepEqual(pick(audit.body, 'entries', 0, 'after', 'tags'), ['ui', 'beta']);
  });

  it('answers 412 where If-Match is not the newest version, to every verb', async () => {
    await ask('POST', '', { key: 'guarded', type: 'number', defaultValue: 1 });
    const old = { 'if-match': '"7"' };
    const verbs: readonly [method: string, path: string, body: object][] = [
      ['PATCH', '/guarded', { defaultValue: 2 }],
      ['POST', '/guarded/kill', {}],
      ['POST', '/guarded/revive', {}],
      ['POST', '/guarded/archive', {}],
      ['POST', '/guarded/restore', {}],
      ['POST', '/guarded/revert', { version: 1 }],
    ];
    for (const [method, path, body] of verbs) {
      const answer = await send(method, path, old, body);
      assert.equal(answer.statusCode, 412, `${path} ${answer.body}`);
      assert.equal(pick(answer.json(), 'code'), 'PRECONDITION_FAILED');
    }
    assert.equal((await send('PATCH', '/guarded', { 'if-match': '"1"' }, { defaultValue: 2 })).headers.etag, '"2"');
    assert.equal((await send('PATCH', '/guarded', { 'if-match': '*' }, { defaultValue: 3 })).headers.etag, '"3"');
    for (const wrong of ['3', 'W/"3"', '"3", "4"', '"x"'])
      assert.equal(
        (await send('PATCH', '/guarded', { 'if-match': wrong }, { defaultValue: 4 })).statusCode,
        400,
        wrong,
      );
  });

  it('of two that change the same version at once, one is refused', async () => {
    await ask('POST', '', { key: 'race', type: 'string', defaultValue: '' });
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((defaultValue) => send('PATCH', '/race', { 'if-match': '"1"' }, { defaultValue })),
    );
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 412, 412, 412]);
  });

  it('kills, revives, archives, restores and reverts, also without a word', async () => {
    await ask('POST', '', { key: 'a/b.c-d_e', type: 'string', defaultValue: 'one' });
    const path = `/${encodeURIComponent('a/b.c-d_e')}`;
    await ask('PATCH', path, { defaultValue: 'two' });
    const killed = await ask('POST', `${path}/kill`);
    assert.equal(killed.status, 200, killed.text);
    assert.ok(pickText(killed.body, 'killedAt'));
    assert.equal(pick(await ask('POST', `${path}/revive`).then(({ body }) => body), 'killedAt'), null);
    assert.ok(pick((await ask('POST', `${path}/archive`, { note: 'old' })).body, 'archivedAt'));
    assert.equal(await code(ask('PATCH', path, { defaultValue: 'x' })), '409 CONFLICT');
    assert.equal(await code(ask('POST', '', { key: 'a/b.c-d_e', type: 'string', defaultValue: '' })), '409 CONFLICT');
    assert.equal(pick((await ask('POST', `${path}/restore`)).body, 'archivedAt'), null);
    const back = await ask('POST', `${path}/revert`, { version: 1, note: 'again' });
    assert.deepEqual([pick(back.body, 'defaultValue'), pick(back.body, 'version')], ['one', 7]);
    assert.equal(await code(ask('POST', `${path}/revert`, { version: 70 })), '404 NOT_FOUND');

    const first = await ask('GET', `${path}/revisions?limit=4`);
    const rest = await ask('GET', `${path}/revisions?limit=4&before=${String(pick(first.body, 'next'))}`);
    const all = [...pickList(first.body, 'revisions'), ...pickList(rest.body, 'revisions')];
    assert.deepEqual(
      all.map((each) => [pick(each, 'version'), pick(each, 'action'), pick(each, 'note')]),
      [
        [7, 'flag.reverted', 'again'],
        [6, 'flag.restored', null],
        [5, 'flag.archived', 'old'],
        [4, 'flag.revived', null],
        [3, 'flag.killed', null],
        [2, 'flag.changed', null],
        [1, 'flag.created', null],
      ],
    );
    assert.equal(pick(all[0], 'actor', 'id'), it_.owner.id);
    const second = await ask('GET', `${path}/revisions/2`);
    assert.equal(pick(second.body, 'flag', 'defaultValue'), 'two');
    assert.equal(await code(ask('GET', `${path}/revisions/9`)), '404 NOT_FOUND');
  });

  it('lists by key, with filters, a page at a time, and without rules and values', async () => {
    const { id } = await it_.register('lists');
    const member = await it_.person([{ appId: id, role: 'developer' }]);
    const list = async (query = '') => (await it_.ask(it_.owner.token, 'GET', `/v1/apps/lists/flags${query}`)).body;
    const keys = async (query = '') => pickList(await list(query), 'flags').map((flag) => pick(flag, 'key'));
    const create = (body: object) =>
      it_.ask(it_.owner.token, 'POST', '/v1/apps/lists/flags', { type: 'boolean', defaultValue: false, ...body });
    for (const n of [3, 1, 2, 5, 4])
      await create({ key: `f-${String(n)}`, tags: n > 3 ? ['late'] : [], rules: [RULE] });
    await create({ key: 'owned', owner: member.id, description: 'The (new) Checkout.*' });
    await create({ key: 'old' });
    await it_.ask(it_.owner.token, 'POST', '/v1/apps/lists/flags/old/archive');

    assert.deepEqual(await keys(), ['f-1', 'f-2', 'f-3', 'f-4', 'f-5', 'owned']);
    const page = await list('?limit=4');
    assert.equal(pick(page, 'next'), 'f-4');
    assert.equal(pick(page, 'flags', 0, 'rules'), 1);
    assert.equal(pick(await list('?limit=4&after=f-4'), 'next'), null);
    assert.deepEqual(await keys('?limit=4&after=f-4'), ['f-5', 'owned']);
    assert.deepEqual(await keys('?archived=true'), ['old']);
    assert.deepEqual(await keys('?tag=late'), ['f-4', 'f-5']);
    assert.deepEqual(await keys(`?owner=${member.id}`), ['owned']);
    for (const text of ['OWN', '(new)', 'checkout.*', 'OUT.'])
      assert.deepEqual(await keys(`?text=${encodeURIComponent(text)}`), ['owned'], text);
    assert.deepEqual(await keys('?text=%5Ed'), []);
  });

  it('takes an owner only among the app’s members', async () => {
    const other = await it_.register('elsewhere');
    const stranger = await it_.person([{ appId: other.id, role: 'owner' }]);
    const flag = { key: 'mine', type: 'boolean', defaultValue: true };
    for (const owner of [stranger.id, new ObjectId().toHexString()])
      assert.equal(await code(ask('POST', '', { ...flag, owner })), '400 REQUEST_INVALID');
    assert.equal(await code(ask('POST', '', { ...flag, owner: it_.owner.id })), '201');
    assert.equal(pick((await ask('PATCH', '/mine', { owner: null })).body, 'owner'), null);
  });

  it('checks a definition before it is saved: types, rules, and values by their schema', async () => {
    const json = { key: 'shape', type: 'json', defaultValue: { n: 1 } };
    const valueSchema = { type: 'object', properties: { n: { type: 'integer' } } };
    const created = await ask('POST', '', { ...json, valueSchema });
    assert.deepEqual(pick(created.body, 'valueSchema'), valueSchema);
    const wrong: readonly [body: object, why: RegExp][] = [
      [{ defaultValue: { n: 'one' } }, /\/defaultValue\/n: is no integer/],
      [{ valueSchema: { $ref: '#' } }, /\/valueSchema: \/\$ref is a keyword that is not supported/],
      [{ rules: [{ value: { n: 0.5 } }] }, /\/rules\/0\/value\/n/],
      [{ rules: [{ value: {}, conditions: [{ attribute: 'a', operator: 'like', values: [] }] }] }, /\/rules\/0/],
      [{ prerequisites: [{ flagKey: 'nowhere', values: [1] }] }, /\/prerequisites\/0/],
      [{ rules: [{ value: {}, rolloutPercentage: 12.5 }] }, /rolloutPercentage/],
      [{ rules: [{ value: {}, rolloutPercentage: 101 }] }, /rolloutPercentage/],
      [{ tags: ['a', 'a'] }, /tags/],
      [{ note: 'x'.repeat(1_001) }, /note/],
      [{ version: 9 }, /additional/],
      [{ type: 'string' }, /additional/],
      [{}, /fewer/],
    ];
    for (const [body, why] of wrong) {
      const answer = await ask('PATCH', '/shape', body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.match(pickText(answer.body, 'detail'), why);
    }
    assert.equal(pick((await ask('GET', '/shape')).body, 'version'), 1);
    assert.equal(pick((await ask('PATCH', '/shape', { valueSchema: null })).body, 'valueSchema'), null);
  });

  it('asks for a second person where the app wants one, except to kill and to revert', async () => {
    await it_.register('careful');
    const careful = (method: string, path: string, body?: object) =>
      it_.ask(it_.owner.token, method, `/v1/apps/careful${path}`, body);
    await careful('POST', '/flags', { key: 'f', type: 'boolean', defaultValue: true });
    await careful('PATCH', '/flags/f', { description: 'two' });
    await it_.ask(it_.owner.token, 'PATCH', '/v1/apps/careful', { config: { flags: { approval: true } } });
    for (const [method, path, body] of [
      ['POST', '/flags', { key: 'g', type: 'boolean', defaultValue: true }],
      ['PATCH', '/flags/f', { description: 'three' }],
      ['POST', '/flags/f/archive', {}],
      ['POST', '/flags/f/restore', {}],
      ['POST', '/flags/f/revive', {}],
      ['POST', '/flag-segments', { key: 's', clauses: [] }],
      ['PATCH', '/flag-segments/s', { clauses: [] }],
      ['DELETE', '/flag-segments/s', undefined],
      ['POST', '/flag-import', { flags: [] }],
    ] as const) {
      const answer = await careful(method, path, body);
      assert.equal(answer.status, 409, `${method} ${path} ${answer.text}`);
      assert.match(answer.text, /second person/);
    }
    assert.equal((await careful('POST', '/flags/f/kill')).status, 200);
    assert.equal((await careful('POST', '/flags/f/revert', { version: 1 })).status, 200);
  });

  it('is for members only: keys of an app, client and server, can write no definition', async () => {
    const { key } = await it_.register('keyed');
    const server = await it_.ask(it_.owner.token, 'POST', '/v1/apps/keyed/keys', { kind: 'server' });
    await it_.ask(it_.owner.token, 'POST', '/v1/apps/keyed/flags', { key: 'f', type: 'boolean', defaultValue: true });
    for (const token of [key, pickText(server.body, 'key')]) {
      for (const [method, path, body] of [
        ['POST', '/flags', { key: 'g', type: 'boolean', defaultValue: true }],
        ['PATCH', '/flags/f', { defaultValue: false }],
        ['POST', '/flags/f/kill', {}],
        ['POST', '/flags/f/revert', { version: 1 }],
        ['POST', '/flag-segments', { key: 's', clauses: [] }],
        ['POST', '/flag-import', { flags: [] }],
        ['GET', '/flag-export', undefined],
      ] as const) {
        const { status } = await it_.ask(token, method, `/v1/apps/keyed${path}`, body);
        assert.equal(status, 401, `${method} ${path}`);
        const headers = { 'x-api-key': token };
        const url = `/v1/apps/keyed${path}?key=${token}`;
        const byHeader = await it_.app.inject({ method, url, headers, ...(body && { payload: body }) });
        assert.equal(byHeader.statusCode, 401, `${method} ${path}`);
      }
    }
    assert.equal(await it_.db.collection('flag_revisions').countDocuments({ flagKey: 'g' }), 0);
  });
});
