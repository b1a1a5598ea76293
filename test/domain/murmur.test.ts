import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { murmur3, murmurEnd, murmurNext, murmurStart } from '../../domain/murmur.js';
import { utf8 } from '../../domain/utf8.js';
import { vectors } from '../vectors/read.js';

describe('murmur3', () => {
  it('has the hashes of another implementation', () => {
    for (const { text, seed, hash } of vectors('murmur3') as readonly { text: string; seed: number; hash: number }[])
      assert.equal(murmur3(utf8(text), seed), hash, JSON.stringify({ text, seed }));
  });

  it('is the same wherever the bytes are taken apart', () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (a, b, c, seed) => {
        const state = murmurNext(murmurNext(murmurStart(seed), a), b);
        const whole = Uint8Array.from([...a, ...b, ...c]);
        assert.equal(murmurEnd(state, c), murmur3(whole, seed));
        assert.equal(murmurEnd(murmurNext(state, c), new Uint8Array()), murmur3(whole, seed));
      }),
    );
  });
});

describe('utf8', () => {
  it("writes what Node's encoder writes, half surrogate pairs included", () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.integer({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
    );
    fc.assert(fc.property(text, (each) => assert.deepEqual([...utf8(each)], [...Buffer.from(each, 'utf8')])));
    for (const each of ['\ud800', 'a\udc00b', '\ud83d\ude00', '\ude00\ud83d', '\ud83d\ud83d\ude00'])
      assert.deepEqual([...utf8(each)], [...Buffer.from(each, 'utf8')]);
  });
});
