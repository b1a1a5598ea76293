import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { keyScanner } from '../../domain/key-scanner.js';

const POSTHOG = {
  ofWhole: ['api_key', 'token'],
  ofFirst: ['api_key', 'token'],
  ofProperties: ['token'],
};

/** @param size of the pieces in which the text comes in, in bytes */
function keyIn(text: string, size = Infinity): string | undefined {
  const scanner = keyScanner(POSTHOG);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) if (!scanner.push(bytes.subarray(at, at + size))) break;
  return scanner.key();
}

const item = (properties: object, more: object = {}) => ({ event: 'e', distinct_id: 'd', properties, ...more });

describe('the key in a body', () => {
  const found: readonly (readonly [string, unknown])[] = [
    ['before the batch', { api_key: 'KEY', batch: [item({})] }],
    [
      'behind the batch, whose first item has a token of its own',
      { batch: [item({ token: 'other' })], api_key: 'KEY' },
    ],
    ['under its other name', { token: 'KEY', distinct_id: 'd' }],
    ['in the first of a list', [item({ $token: 'no', token: 'KEY' }), item({ token: 'other' })]],
    ['in the first of a batch', { batch: [item({ token: 'KEY' })], sent_at: 'now' }],
    ['beside the properties of the first', [item({ token: 'other' }, { api_key: 'KEY' })]],
    ['in the properties of a single event', item({ token: 'KEY' })],
    [
      'behind brackets, quotes and backslashes in texts',
      { a: '{"api_key":"no"}\\', b: ['"', '\\"]}'], api_key: 'KEY' },
    ],
    ['behind values of every kind', { a: 1.5e3, b: null, c: true, d: [[], {}, [{ api_key: 'no' }]], api_key: 'KEY' }],
    ['behind a first item that is a list', { batch: [[{ token: 'no' }], item({ token: 'no' })], token: 'KEY' }],
  ];
  for (const [where, body] of found) {
    it(`is found ${where}, however the text is cut into pieces`, () => {
      for (const text of [JSON.stringify(body), ` \uFEFF${JSON.stringify(body, null, 2)}`])
        for (const size of [1, 2, 7, 64, Infinity]) assert.equal(keyIn(text, size), 'KEY');
    });
  }

  const missed: readonly (readonly [string, unknown])[] = [
    ['nowhere', { batch: [item({})] }],
    ['in the second of a list', [item({}), item({ token: 'no' })]],
    ['in the second of a batch', { batch: [item({}), item({ token: 'no' })] }],
    ['deeper', { a: { api_key: 'no' }, batch: [item({ a: { token: 'no' } })], properties: [{ token: 'no' }] }],
    ['no text', { api_key: 7, token: ['no'] }],
    ['too long', { api_key: 'k'.repeat(300) }],
    ['a text in a list', ['api_key', 'no']],
  ];
  for (const [where, body] of missed)
    it(`is not found where it is ${where}`, () => {
      assert.equal(keyIn(JSON.stringify(body)), undefined);
    });

  it('ends the search where nothing can be better', () => {
    const scanner = keyScanner(POSTHOG);
    assert.equal(scanner.push(Buffer.from('{"batch":[{"properties":{"token":"t"}}],')), true);
    assert.equal(scanner.push(Buffer.from('"api_key":"KEY"')), false);
    assert.equal(scanner.key(), 'KEY');
  });

  it('is the one that a parser would find, in any JSON', () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const member = fc.constantFrom('api_key', 'token', 'batch', 'properties', 'other');
    const object = fc.dictionary(member, fc.oneof(value, fc.constantFrom('KEY', 'k2')), { maxKeys: 5 });
    const body = fc.oneof(
      fc.record({ batch: fc.array(fc.record({ properties: object }), { maxLength: 3 }), more: value, api_key: value }),
      fc.array(object, { maxLength: 3 }),
      object.filter(({ batch }) => !Array.isArray(batch)),
    );
    fc.assert(
      fc.property(body, fc.integer({ min: 1, max: 9 }), (sent, size) => {
        const text = JSON.stringify(sent);
        const { expected, isPlain } = parsedKey(JSON.parse(text));
        if (isPlain) assert.equal(keyIn(text, size), expected);
      }),
      { numRuns: 500 },
    );
  });

  it('costs no memory that grows with the text, and no text of any kind makes it fail', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('{', '[', '}', ']', '"', '\\', ':', ',', 'token', 'batch', 'a'), { maxLength: 60 }),
        (parts) => {
          keyIn(parts.join(''), 3);
        },
      ),
      { numRuns: 500 },
    );
    const scanner = keyScanner(POSTHOG);
    const piece = Buffer.from('[{"a":'.repeat(10_000));
    const before = process.memoryUsage().heapUsed;
    for (let mib = 0; mib < 100; mib++) scanner.push(piece);
    assert.ok(process.memoryUsage().heapUsed - before < 4 * 1024 * 1024);
  });
});

type Json = Readonly<Record<string, unknown>>;
const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const texts = (object: Json, ...names: readonly string[]) =>
  Object.keys(object)
    .filter((name) => names.includes(name))
    .map((name) => object[name])
    .filter((value) => typeof value === 'string');

/** By looking at the whole value; names and keys with escapes are another matter. */
function parsedKey(value: unknown): { readonly expected: string | undefined; readonly isPlain: boolean } {
  const whole = objectOf(value);
  const first = Array.isArray(value)
    ? objectOf(value[0])
    : Array.isArray(whole['batch'])
      ? objectOf(whole['batch'][0])
      : whole;
  const found = [
    ...texts(whole, 'api_key', 'token'),
    ...texts(first, 'api_key', 'token'),
    ...texts(objectOf(whole['properties']), 'token'),
    ...texts(objectOf(first['properties']), 'token'),
  ];
  return { expected: found[0], isPlain: found.every((key) => /^[ -!#-[\]-~]*$/.test(key)) };
}
