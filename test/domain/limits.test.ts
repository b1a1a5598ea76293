/// <reference lib="es2024.string" />
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkMap, checkNumber, checkText, DAY_MS, INT32_MIN, LIMITS, timeFault } from '../../domain/limits.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');

describe('limits', () => {
  it('counts bytes as UTF-8 has them, a lone surrogate as the three of its replacement', () => {
    const unit = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\ud800', '\udc00', 'é', '€', '😀'));
    fc.assert(
      fc.property(fc.array(unit), fc.nat({ max: 40 }), (parts, limit) => {
        const text = parts.join('');
        const fits = Buffer.byteLength(text.toWellFormed()) <= limit;
        assert.deepEqual(
          checkText('field', text, limit),
          fits ? undefined : { code: 'FIELD_TOO_LONG', field: 'field' },
        );
      }),
    );
  });

  it('takes a text of exactly its limit, and not one byte more', () => {
    for (const letter of ['a', 'é', '€', '😀']) {
      const size = Buffer.byteLength(letter);
      const fits = letter.repeat(Math.floor(LIMITS.url / size));
      assert.equal(checkText('pageUrl', fits, LIMITS.url), undefined);
      assert.deepEqual(checkText('pageUrl', fits + letter, LIMITS.url), { code: 'FIELD_TOO_LONG', field: 'pageUrl' });
    }
  });

  it('takes 64 entries with keys of 200 bytes and values of 1 KiB, and nothing beyond', () => {
    const key = (index: number, length: number) => String(index).padStart(length, 'k');
    const full = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [key(index, 200), 'v'.repeat(1024)]));
    const tooLong = { code: 'FIELD_TOO_LONG', field: 'metadata' };
    assert.equal(checkMap('metadata', full), undefined);
    assert.deepEqual(checkMap('metadata', { ...full, one: 'more' }), tooLong);
    assert.deepEqual(checkMap('metadata', { [key(0, 201)]: '' }), tooLong);
    assert.deepEqual(checkMap('metadata', { a: 'v'.repeat(1025) }), tooLong);
    assert.deepEqual(checkMap('metadata', { a: '€'.repeat(342) }), tooLong);
  });

  it('takes any key but one with a NUL', () => {
    const odd = { $set: '1', 'a.b': '2', '': '3', constructor: '4', _bsontype: '5', ['__proto__']: '6', a: '\0' };
    assert.equal(checkMap('metadata', odd), undefined);
    assert.deepEqual(checkMap('metadata', { 'a\0b': '' }), { code: 'FIELD_INVALID', field: 'metadata' });
  });

  it('takes whole numbers within their range only', () => {
    const invalid = { code: 'FIELD_INVALID', field: 'x' };
    for (const good of [INT32_MIN, -1, 0, 2 ** 31 - 1]) assert.equal(checkNumber('x', good, INT32_MIN), undefined);
    for (const bad of [INT32_MIN - 1, 2 ** 31, 0.5, NaN, Infinity, -Infinity])
      assert.deepEqual(checkNumber('x', bad, INT32_MIN), invalid);
    assert.deepEqual(checkNumber('x', -1, 0), invalid);
    assert.deepEqual(checkNumber('x', 101, 0, 100), invalid);
    assert.equal(checkNumber('x', Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER), undefined);
    assert.deepEqual(checkNumber('x', 2 ** 53, 0, 2 ** 60), invalid);
  });

  it('gives each time that is out of bounds its own code, and bounds are inclusive', () => {
    const code = (timestampMs: number) => timeFault(timestampMs, NOW, 90)?.code;
    assert.equal(code(NOW), undefined);
    assert.equal(code(NOW + DAY_MS), undefined);
    assert.equal(code(NOW + DAY_MS + 1), 'TIMESTAMP_IN_FUTURE');
    assert.equal(code(Date.UTC(50_000, 0)), 'TIMESTAMP_IN_FUTURE');
    assert.equal(code(NOW - 90 * DAY_MS), undefined);
    assert.equal(code(NOW - 90 * DAY_MS - 1), 'TIMESTAMP_TOO_OLD');
    assert.equal(code(1), 'TIMESTAMP_TOO_OLD');
    assert.equal(code(0), 'TIMESTAMP_MISSING');
    assert.equal(code(-5), 'TIMESTAMP_MISSING');
    assert.equal(code(NaN), 'FIELD_INVALID');
    assert.equal(code(NOW + 0.5), 'FIELD_INVALID');
  });
});
