import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const LATE_MS = 150;

/**
 * Catches what would end a process of ours: exceptions outside any promise, and rejections that nobody handles.
 * What it returns waits for late ones and tells all of them.
 */
export function escaping(t: TestContext): () => Promise<string[]> {
  const escaped: string[] = [];
  const note = (error: unknown): void => void escaped.push(String(error));
  const kinds = ['uncaughtException', 'unhandledRejection'] as const;
  // Else the runner fails the test with its own words, and no other expectation of it is heard of.
  const others = kinds.map((kind) => process.listeners(kind as 'uncaughtException'));
  for (const kind of kinds) process.removeAllListeners(kind).on(kind, note);
  // A promise that nothing settles any more is to be waited for, as in a process that has other things to do.
  const alive = setInterval(() => undefined, 1_000);
  t.after(() => {
    clearInterval(alive);
    kinds.forEach((kind, index) => {
      process.removeAllListeners(kind);
      for (const listener of others[index] ?? []) process.on(kind as 'uncaughtException', listener);
    });
  });
  return async () => {
    await sleep(LATE_MS);
    return escaped;
  };
}
