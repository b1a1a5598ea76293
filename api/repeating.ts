import { quietly } from '../domain/guarded.js';

/**
 * Does something every so often, one run at a time: where one takes longer, those that would begin meanwhile are left
 * out. One that fails is told of, and the next comes all the same. Keeps no process alive.
 */
export function repeating(everyMs: number, work: () => unknown, onError: (error: unknown) => void) {
  let running: Promise<void> | undefined;

  function run(): Promise<void> {
    running ??= quietly(work, onError).finally(() => {
      running = undefined;
    });
    return running;
  }
  const timer = setInterval(() => void run(), everyMs);
  timer.unref();

  return {
    /** Not only when it is time. Resolves when that run has ended, or the one under way. */
    now: run,

    /** Resolves when the last run has ended. */
    async stop(): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}
