import { simulate, type Verdict } from './ingest-simulation.js';

type World = Parameters<typeof simulate>[1];

/** So many interleavings at once as keep a mongod busy. */
export const AT_ONCE = 24;

/** Runs seeds, many at once; those in which something is wrong. */
export async function simulations(from: number, count: number, world: World): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let next = from;
  const one = async (): Promise<void> => {
    while (next < from + count) verdicts.push(await simulate(next++, world));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return verdicts.filter(({ faults }) => Object.keys(faults).length > 0);
}
