import { bareInsertRate, eventDocuments } from './bare-insert.js';
import { eventsSpec } from '../db/events.js';
import { benchSystem, type Measured, type Phase, printRuns, whole } from './system.js';

// npm run bench:ingest: everything on this machine, the load from another process, all figures from one run.

const SCALE = Number(process.env['BENCH_SCALE'] ?? 1);
const BARE_EVENTS = 150_000 * SCALE;

const system = await benchSystem();
const runs: Measured[] = [];
try {
  const bare = () => bareInsertRate(system.db, eventsSpec, eventDocuments, BARE_EVENTS);
  const to = await system.app('bench');
  const before = await bare();
  await system.start();
  const measure = (name: string, job: Omit<Phase, 'kind'>) => system.measure(name, to, { kind: 'events', ...job });

  await measure('warm-up', { items: 20_000 * SCALE, batch: 20, connections: 64 });
  runs.push(await measure('batch 20', { items: 300_000 * SCALE, batch: 20, connections: 256 }));
  const half = Math.round((runs[0]?.storedPerSecond ?? 0) / 2);
  runs.push(
    await measure('batch 20, half rate', { items: half * 10, batch: 20, connections: 96, itemsPerSecond: half }),
  );
  runs.push(await measure('batch 500', { items: 400_000 * SCALE, batch: 500, connections: 24 }));
  runs.push(await measure('batch 1, 300 connections', { items: 60_000 * SCALE, batch: 1, connections: 300 }));
  report(before, await bare());
} finally {
  await system.stop();
}
process.exit();

function report(before: number, after: number): void {
  const bare = Math.max(before, after);
  console.log(`\nbare insertMany: ${whole(before)} events/s before, ${whole(after)} after\n`);
  printRuns(runs, bare);
  const of = (name: string) => runs.find((run) => run.name === name);
  const ratio = (name: string) => Number(((of(name)?.storedPerSecond ?? 0) / bare).toFixed(3));
  console.log(
    JSON.stringify({
      ratioBatch20: ratio('batch 20'),
      ratioBatch500: ratio('batch 500'),
      batch1PerSecond: Math.round(of('batch 1, 300 connections')?.storedPerSecond ?? 0),
      ackP99AtHalfRateMs: Number((of('batch 20, half rate')?.p99 ?? 0).toFixed(1)),
      bareBefore: Math.round(before),
      bareAfter: Math.round(after),
      runs,
    }),
  );
}
