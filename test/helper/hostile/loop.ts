import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * The CPU time of the thread that the loop runs on, in ms: neither that of zlib's threads nor that of other processes.
 * Where the system does not say, that of the whole process, which is more.
 */
export const threadCpuMs: () => number = reader();

function reader(): () => number {
  const file = '/proc/thread-self/schedstat';
  try {
    readFileSync(file);
  } catch {
    return () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    };
  }
  return () => Number(readFileSync(file, 'latin1').split(' ', 1)[0]) / 1e6;
}

export interface Watched<T> {
  readonly result: T;
  /** The longest time that the loop was not free for others, in ms of CPU. */
  readonly longestMs: number;
}

/** Looks at each turn of the loop while the work lasts. The loop never waits meanwhile, so this measures no idle time. */
export async function watchLoop<T>(work: () => Promise<T>): Promise<Watched<T>> {
  let longestMs = 0;
  let isWatching = true;
  let [wall, cpu] = [performance.now(), threadCpuMs()];
  const turn = (): void => {
    const [wallNow, cpuNow] = [performance.now(), threadCpuMs()];
    // The system counts CPU time in ticks, and a turn cannot have used more of it than has passed.
    longestMs = Math.max(longestMs, Math.min(wallNow - wall, cpuNow - cpu));
    [wall, cpu] = [wallNow, cpuNow];
    if (isWatching) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    const result = await work();
    // What is left to do after an answer belongs to it.
    await nextTurn();
    await nextTurn();
    return { result, longestMs };
  } finally {
    isWatching = false;
  }
}
