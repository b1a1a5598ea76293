import type { KeylessFlush } from '../db/spool.js';
import { PlatformError } from '../domain/errors.js';

export interface FlushResult {
  readonly flushId: string;
  readonly state: 'stored' | 'failed' | 'unknown';
  /** Items that the flush owns, less those past their retention and those that MongoDB refuses. */
  readonly stored: number;
  readonly expired: number;
  /** Absent where there are none. */
  readonly refused?: number;
}

/** @throws PlatformError UNAVAILABLE where somebody else is at it */
export function flushResult(flushId: string, flush: KeylessFlush | null): FlushResult {
  if (flush === null) return { flushId, state: 'unknown', stored: 0, expired: 0 };
  if (flush.state === 'new') throw new PlatformError('UNAVAILABLE', `flush ${flushId} has a newer owner`);
  const { state, owned, skip } = flush;
  const [expired, refused] = [skip.length, flush.refused?.length ?? 0];
  return { flushId, state, stored: owned - expired - refused, expired, ...(refused > 0 && { refused }) };
}
