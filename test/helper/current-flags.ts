import assert from 'node:assert/strict';
import type { ObjectId } from 'mongodb';
import type { Current, FlagFollower } from '../../api/flags/follower.js';
import { PlatformError } from '../../domain/errors.js';

export const NOBODY = { targetingKey: undefined, attributes: {} };

export const isUnavailable = (error: unknown): boolean =>
  error instanceof PlatformError && error.code === 'UNAVAILABLE' && (error.retryAfterSeconds ?? 0) > 0;

/** What a process answers by; nothing, where the machine is too busy to confirm what is known. */
export async function currentOf(
  { current }: Pick<FlagFollower, 'current'>,
  appId: ObjectId,
): Promise<Current | undefined> {
  try {
    return await current(appId);
  } catch (error) {
    assert.ok(isUnavailable(error));
    return undefined;
  }
}
