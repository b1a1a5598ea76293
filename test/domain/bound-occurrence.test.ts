import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BSON } from 'mongodb';
import { boundOccurrence, ERROR_BYTES } from '../../domain/bound-occurrence.js';
import { DAY_MS } from '../../domain/limits.js';
import { occurrenceOf as occurrence } from '../helper/occurrence.js';

const NOW = 1_795_392_261_000;
const when = { now: NOW, retentionDays: 90 };
const bound = (fields: Parameters<typeof occurrence>[0], tight = false) =>
  boundOccurrence(occurrence(fields), when, tight);

const frame = (text: string) => ({
  file: text,
  module: text,
  function: text,
  line: 1,
  column: 1,
  inApp: true,
  context: { before: Array.from({ length: 9 }, () => text), line: text, after: Array.from({ length: 9 }, () => text) },
});
const map = (entries: number, text: string) =>
  Object.fromEntries(Array.from({ length: entries }, (_, n) => [`${String(n)}${text}`, text]));

/** Everything as long as it may not be. */
const huge = (text: string) => ({
  errorId: text,
  profileId: text,
  message: text,
  stackTrace: text,
  sourceFile: text,
  userComment: text,
  tags: map(300, text),
  flags: map(300, text),
  breadcrumbs: Array.from({ length: 300 }, () => ({
    timestampMs: NaN,
    category: text,
    message: text,
    data: map(50, text),
  })),
  pageUrl: text,
  release: text,
  exceptions: Array.from({ length: 30 }, () => ({
    type: text,
    value: text,
    synthetic: false,
    handled: null,
    frames: Array.from({ length: 400 }, () => frame(text)),
  })),
  fingerprint: Array.from({ length: 50 }, () => text),
});

describe('an occurrence within bounds', () => {
  it('is as it was sent where nothing is too long', () => {
    const sent = occurrence({ message: 'broken', timestampMs: NOW - 5, tags: { a: '1' } });
    const { truncated, ...rest } = boundOccurrence(sent, when);
    assert.deepEqual(rest, sent);
    assert.deepEqual(truncated, []);
  });

  it('names the fields that it cuts, and cuts no character in two', () => {
    const { message, tags, truncated } = bound({ message: '😀'.repeat(5_000), tags: { long: 'x'.repeat(5_000) } });
    assert.equal(message, '😀'.repeat(4_096));
    assert.equal(tags['long']?.length, 1_024);
    assert.deepEqual(truncated, ['message', 'tags']);
  });

  it('keeps the newest breadcrumbs and the frames nearest to the crash', () => {
    const breadcrumbs = Array.from({ length: 150 }, (_, n) => ({
      timestampMs: n,
      category: '',
      message: String(n),
      data: {},
    }));
    const frames = Array.from({ length: 400 }, (_, n) => ({ ...frame('f'), line: n + 1 }));
    const result = bound({
      breadcrumbs,
      exceptions: [{ type: 'E', value: '', synthetic: false, handled: null, frames }],
    });
    assert.deepEqual([result.breadcrumbs.length, result.breadcrumbs.at(-1)?.message], [100, '149']);
    assert.deepEqual([result.exceptions[0]?.frames.length, result.exceptions[0]?.frames[0]?.line], [250, 1]);
    assert.deepEqual(result.truncated, ['breadcrumbs', 'exceptions']);
  });

  for (const [what, text] of [
    ['letters', 'x'.repeat(20_000)],
    ['wide characters', '\u{1F600}'.repeat(10_000)],
    ['halves of characters', '\uD83D'.repeat(20_000)],
    ['NUL', '\0'.repeat(20_000)],
  ] as const) {
    it(`always fits when it is tight, whatever it is made of: ${what}`, () => {
      const result = bound(huge(text), true);
      const size = BSON.calculateObjectSize({ ...result, errorId: '' });
      assert.ok(size < ERROR_BYTES - 4_096, String(size));
      assert.doesNotThrow(() => BSON.serialize(result));
    });
  }

  for (const [what, sent, kept] of [
    ['missing', 0, undefined],
    ['before the retention', NOW - 91 * DAY_MS, NOW - 91 * DAY_MS],
    ['far in the future', NOW + 2 * DAY_MS, NOW + 2 * DAY_MS],
    ['beyond all numbers', 1e300, 1e300],
    ['no number', NaN, undefined],
    ['negative', -5, -5],
  ] as const) {
    it(`takes the time of receipt for a time that is ${what}`, () => {
      const result = bound({ timestampMs: sent });
      assert.equal(result.timestampMs, NOW);
      assert.equal(result.sentTimestampMs, kept);
    });
  }

  it('keeps a time that is a little ahead', () => {
    const { timestampMs, sentTimestampMs } = bound({ timestampMs: NOW + DAY_MS / 2 });
    assert.deepEqual([timestampMs, sentTimestampMs], [NOW + DAY_MS / 2, undefined]);
  });

  it('takes no count that is none', () => {
    const { line, column, exceptions } = bound({
      line: -3,
      column: 1.5,
      exceptions: [{ type: '', value: '', synthetic: true, handled: null, frames: [{ ...frame(''), line: 2 ** 60 }] }],
    });
    assert.deepEqual([line, column, exceptions[0]?.frames[0]?.line], [0, 0, 0]);
  });
});
