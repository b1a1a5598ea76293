import { LRUCache } from 'lru-cache';
import { PlatformError } from '../../domain/errors.js';

interface Window {
  readonly endsAt: number;
  requests: number;
}

const WINDOW_MS = 1_000;
const MOST_KEYS = 10_000;

/**
 * So many requests a second of one key and process. Counting and judging are one step: where many requests resume at
 * the same moment, since they waited for one look-up, the first of them are let in and only the others are not.
 */
export function burstLimit(max: number) {
  const windows = new LRUCache<string, Window>({ max: MOST_KEYS });
  return {
    /** @throws PlatformError RATE_LIMITED */
    check(keyId: string): void {
      const at = performance.now();
      let window = windows.get(keyId);
      if (window === undefined || at >= window.endsAt) {
        window = { endsAt: at + WINDOW_MS, requests: 0 };
        windows.set(keyId, window);
      }
      window.requests += 1;
      if (window.requests <= max) return;
      const retryAfterSeconds = Math.max(1, Math.ceil((window.endsAt - at) / 1000));
      throw new PlatformError('RATE_LIMITED', `a key sends at most ${String(max)} requests a second`, {
        retryAfterSeconds,
      });
    },
  };
}
