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
