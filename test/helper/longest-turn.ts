import { best } from './cpu-time.js';

/**
 * The CPU time of the longest turn of the event loop while the work goes on, in ms: for as long nobody else is answered.
 * By CPU and not by the clock, which would measure what else the machine does meanwhile.
 */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = process.cpuUsage();
  const look = (): void => {
    const { user, system } = process.cpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    last = process.cpuUsage();
  };
  let next: NodeJS.Immediate;
  const turn = (): void => {
    look();
    next = setImmediate(turn);
  };
  next = setImmediate(turn);
  try {
    await work();
    look();
  } finally {
    clearImmediate(next);
  }
  return longest;
}

/** The best of so many tries: whatever collects garbage meanwhile is counted too. */
export const bestLongestTurn = (goodMs: number, work: () => Promise<unknown>, tries?: number): Promise<number> =>
  best(goodMs, () => longestTurn(work), tries);
