import assert from 'node:assert/strict';
import { type ErrorCode, PlatformError } from '../../domain/errors.js';

/** For `assert.rejects`: a refusal of that name, and no other error. */
export const refusal =
  (code: ErrorCode) =>
  (error: unknown): true => {
    assert.ok(error instanceof PlatformError, String(error));
    assert.equal(error.code, code);
    return true;
  };
