import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLongerThan, jsonFault } from '../../domain/json-value.js';

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

describe('a JSON value', () => {
  const sound = [
    '{"$x":1,"a.b":{"$set":[]},"__proto__":{"toString":1},"constructor":{"prototype":null},"":0}',
    '{"$ref":"a"}',
    '{"$id":1}',
    '["\\u0000 in a text", "😀", -0, 1e300]',
    'null',
  ];
  for (const text of sound) {
    it(`may be ${text}`, () => {
      assert.equal(jsonFault(JSON.parse(text)), undefined);
    });
  }

  const refused: readonly [text: string, path: string, why: RegExp][] = [
    ['{"a":[{"b/c":{"_bsontype":"ObjectId"}}]}', '/a/0/b~1c', /_bsontype/],
    ['{"x":{"$ref":"a.b","$id":1}}', '/x', /reference/],
    ['{"x":{"\\u0000":1}}', '/x', /NUL/],
    ['{"x":{"\\ud800":1}}', '/x', /well-formed/],
    ['["a\\ud800b"]', '/0', /well-formed/],
    ['[1,1e400]', '/1', /number/],
    [JSON.stringify(nested(41)), '/0'.repeat(40), /deep/],
  ];
  for (const [text, path, why] of refused) {
    it(`is refused as ${text}`, () => {
      const fault = jsonFault(JSON.parse(text));
      assert.equal(fault?.path, path);
      assert.match(fault.why, why);
    });
  }

  it('is longer than its length less one as JSON, and no longer than its length', () => {
    for (const value of [
      [],
      {},
      'a"b',
      { a: [1, null, { b: 'é' }], '"': [true, [], ''] },
      new Array(100_000).fill(0),
    ]) {
      const { length } = JSON.stringify(value);
      assert.equal(isLongerThan(value, length - 1), true);
      assert.equal(isLongerThan(value, length), false);
    }
  });

  it('may be 40 levels deep, and a million brackets cost no stack', () => {
    assert.equal(jsonFault(nested(40)), undefined);
    assert.ok(jsonFault(JSON.parse('['.repeat(1_000_000) + ']'.repeat(1_000_000))));
  });
});
