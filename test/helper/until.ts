import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than anything takes on a machine that has other things to do: only what hangs takes it. */
const PATIENCE_MS = 60_000;
const EVERY_MS = 20;

/** What such a machine may add to a promise that is itself a time. */
export const SLACK_MS = 30_000;

/** Looks until it finds more than nothing or false, and resolves with that; fails after a minute, or as long as it is told. */
export async function until<T>(
  what: string | (() => string),
  look: () => T | Promise<T>,
  patienceMs = PATIENCE_MS,
): Promise<Exclude<T, undefined | null | false>> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found as Exclude<T, undefined | null | false>;
    assert.ok(
      performance.now() < end,
      `waited for ${String(patienceMs / 1000)} s: ${typeof what === 'string' ? what : what()}`,
    );
    await sleep(EVERY_MS);
  }
}
