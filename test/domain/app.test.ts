import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { APP_SLUG, firstKeptDay, outerBoundSeconds, utcDay } from '../../domain/app.js';

describe('APP_SLUG', () => {
  const slug = new RegExp(APP_SLUG);

  it('takes lower-case words with hyphens', () => {
    for (const good of ['demo', '0a', 'a-b-c', 'a'.repeat(63)]) assert.match(good, slug);
  });

  it('refuses what would not fit a URL or be told apart', () => {
    for (const bad of ['a', '-a', 'A-b', 'a_b', 'a.b', 'a/b', 'é-a', 'a'.repeat(64), 'a\n', '']) {
      assert.doesNotMatch(bad, slug, JSON.stringify(bad));
    }
  });
});

describe('firstKeptDay', () => {
  const now = Date.parse('2026-03-31T23:59:59.999Z');

  it('keeps today and the full days before it', () => {
    assert.equal(firstKeptDay(now, 30), utcDay(Date.parse('2026-03-01T12:00:00Z')));
    assert.equal(firstKeptDay(now + 1, 30), utcDay(Date.parse('2026-03-02T00:00:00Z')));
  });

  it('keeps no document for less than the retention, at any time of the day', () => {
    for (const hour of [0, 1, 12, 23]) {
      const at = Date.parse('2026-03-31T00:00:00Z') + hour * 3_600_000;
      const youngestDeleted = firstKeptDay(at, 7) * 86_400_000 - 1;
      assert.ok(at - youngestDeleted > 7 * 86_400_000);
    }
  });
});

describe('outerBoundSeconds', () => {
  it('is later than the end of any day that is still kept', () => {
    const now = Date.parse('2026-03-31T23:59:59.999Z');
    const oldestKept = firstKeptDay(now, 90) * 86_400_000;
    assert.ok((now - oldestKept) / 1000 < outerBoundSeconds(90));
  });
});
