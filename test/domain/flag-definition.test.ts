import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shapeFault } from '../../domain/flag-definition.js';

describe('the shape of a definition', () => {
  it('is refused for its depth before it is written as JSON, which recursion does', () => {
    const value: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    assert.match(shapeFault({ value })?.why ?? '', /nested too deep/);
  });

  it('is refused for its size, and taken up to it', () => {
    const sized = (chars: number) => ({ value: 'x'.repeat(chars - '{"value":""}'.length) });
    assert.equal(shapeFault(sized(256 * 1024)), undefined);
    assert.match(shapeFault(sized(256 * 1024 + 1))?.why ?? '', /more than 262144 characters/);
  });
});
