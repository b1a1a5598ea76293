import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashSet } from '../../api/hash-set.js';
import { hashSecret } from '../../api/secrets.js';

describe('hashSet', () => {
  it('has what was added and nothing else, in whatever order and however often', () => {
    const set = hashSet();
    const added = Array.from({ length: 20_000 }, (_, n) => hashSecret(`added ${String(n)}`));
    for (const hash of [...added, ...added]) set.add(hash);
    assert.ok(added.every((hash) => set.has(hash)));
    for (let n = 0; n < 20_000; n += 1) assert.ok(!set.has(hashSecret(`other ${String(n)}`)));
  });

  it('keeps apart what differs within the first thirteen digits, also at both ends', () => {
    const set = hashSet();
    const rest = '0'.repeat(51);
    const ends = ['0000000000000', '0000000000002', 'fffffffffffff', 'ffffffffffffd'];
    for (const end of ends) set.add(end + rest);
    assert.ok(ends.every((end) => set.has(end + rest)));
    for (const between of ['0000000000001', '0000000000003', 'ffffffffffffe', 'ffffffffffffc'])
      assert.ok(!set.has(between + rest));
  });

  it('passes over what is no hash', () => {
    const set = hashSet();
    for (const odd of ['', 'abc', 'x'.repeat(64), '-1'.repeat(32)]) {
      set.add(odd);
      assert.ok(!set.has(odd));
    }
    assert.equal(set.byteLength(), 0);
  });

  it('holds a million hashes in little more than eight million bytes', () => {
    const set = hashSet();
    const digits = (n: number) => (Math.imul(n, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
    for (let n = 0; n < 1_000_000; n += 1) set.add(digits(n).concat('00000'));
    assert.ok(set.byteLength() >= 8_000_000 && set.byteLength() < 9_000_000, String(set.byteLength()));
  });
});
