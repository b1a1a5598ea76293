import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ERRORS, type ErrorCode, PlatformError } from '../../domain/errors.js';
import { FAULT_CODES } from '../../domain/limits.js';

const [refusals = '', faults = ''] = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8').split(
  '## Items of a batch',
);

/** The cells of each row whose first cell is a code. */
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => /^\| `[A-Z_]+`/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );

describe('docs/errors.md', () => {
  it('lists every refusal with its status and whether a retry can help, and none besides', () => {
    const listed = rows(refusals).map(([code, status, retry]) => [code, status, retry]);
    const defined = Object.entries(ERRORS).map(([code, { status, retryable }]) => [
      code,
      String(status),
      retryable ? 'yes' : 'no',
    ]);
    assert.deepEqual(listed.sort(), defined.sort());
  });

  it('says of each refusal what it means and what to do', () => {
    for (const [code, , , meaning, action] of rows(refusals)) {
      assert.ok(meaning && action, code);
    }
  });

  it('lists every reason for which an item of a batch is rejected, with its meaning, and none besides', () => {
    const listed = rows(faults);
    assert.deepEqual(listed.map(([code]) => code).sort(), [...FAULT_CODES].sort());
    for (const [code, meaning] of listed) assert.ok(meaning, code);
  });
});

describe('a refusal', () => {
  it('is retryable exactly where its status says that the same request can succeed later', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const { status, retryable } = ERRORS[code];
      if (status < 500) assert.equal(retryable, status === 429 || status === 408, code);
      if (status === 503) assert.ok(retryable, code);
    }
  });

  it('carries its code, its cause and when to come back', () => {
    const cause = new Error('socket closed');
    const refusal = new PlatformError('UNAVAILABLE', 'the database is away', { cause, retryAfterSeconds: 2 });
    assert.deepEqual(
      [refusal.code, refusal.message, refusal.cause, refusal.retryAfterSeconds],
      ['UNAVAILABLE', 'the database is away', cause, 2],
    );
  });
});
