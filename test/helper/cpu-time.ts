/**
 * The CPU time that the work took, in ms: what shows that hostile input costs little. The clock on the wall would
 * measure what else the machine does meanwhile.
 */
export async function cpuMs(work: () => unknown): Promise<number> {
  const began = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

/** The least of so many measurements. Ends with the first that is less than `good`. */
export async function best(good: number, measure: () => Promise<number>, tries = 5): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < tries && least >= good; i++) least = Math.min(least, await measure());
  return least;
}
