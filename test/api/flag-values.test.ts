import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ObjectId } from 'mongodb';
import { management, type Management } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';

describe('a value of a flag', () => {
  let it_: Management;
  let appId: ObjectId;
  before(async () => {
    it_ = await management('flag-values');
    appId = (await it_.register('shop')).id;
  });
  after(() => it_.close());

  /** The body as text: what JSON says is not always what an object literal would be. */
  const create = (payload: string) =>
    it_.app.inject({
      method: 'POST',
      url: '/v1/apps/shop/flags',
      headers: { authorization: `Bearer ${it_.owner.token}`, 'content-type': 'application/json' },
      payload,
    });

  const values: readonly string[] = [
    '{"$x":1,"$set":{"a":1},"a.b":{"c.d":[1,{"$in":[]}]},"":null}',
    '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}},"toString":"me","hasOwnProperty":1}',
    '{"$ref":"a"}',
    '{"unicode":"😀\\u0000é","n":-0.5e-7,"big":123456789012345680000}',
    '[[[]],{},"",0,false,null]',
  ];
  for (const [n, text] of values.entries()) {
    it(`comes back as it was given: ${text}`, async () => {
      const key = `json-${String(n)}`;
      const rule = `{"ruleId":"r","value":${text},"variants":[{"key":"v","value":${text},"weight":1}]}`;
      const body = `{"key":"${key}","type":"json","defaultValue":${text},"rules":[${rule}]}`;
      const created = await create(body);
      assert.equal(created.statusCode, 201, created.body);
      const given: unknown = JSON.parse(text);
      for (const flag of [
        created.json(),
        (await it_.ask(it_.owner.token, 'GET', `/v1/apps/shop/flags/${key}`)).body,
      ] as unknown[]) {
        assert.deepEqual(pick(flag, 'defaultValue'), given);
        assert.deepEqual(pick(flag, 'rules', 0, 'value'), given);
        assert.deepEqual(pick(flag, 'rules', 0, 'variants', 0, 'value'), given);
      }
      const stored = await it_.flagDefinitions.read(appId);
      assert.deepEqual(stored.flags.find((flag) => flag.key === key)?.defaultValue, given);
      const audit = await it_.ask(it_.owner.token, 'GET', '/v1/apps/shop/audit?limit=1');
      assert.deepEqual(pick(audit.body, 'entries', 0, 'after', 'defaultValue'), given);
    });
  }

  it('is refused where it could not be stored as it is', async () => {
    for (const [text, why] of [
      ['{"a":{"_bsontype":"ObjectId"}}', /_bsontype/],
      ['{"a":{"$ref":"x","$id":1}}', /reference/],
      ['{"a\\u0000b":1}', /NUL/],
      ['"\\ud800"', /well-formed/],
      ['1e999', /too large/],
      ['['.repeat(100_000) + ']'.repeat(100_000), /deep/],
    ] as const) {
      const body = `{"key":"unsound","type":"json","defaultValue":${text}}`;
      const answer = await create(body);
      assert.equal(answer.statusCode, 400, answer.body);
      assert.match(pickText(answer.json(), 'detail'), why);
      assert.match(pickText(answer.json(), 'detail'), /^body\/defaultValue/);
    }
  });
});
