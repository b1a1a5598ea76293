import { join, resolve } from 'node:path';
import { DEFAULT_APP_CONFIG } from '../domain/app.js';
import { benchSystem, type Measured, type Phase } from './system.js';

// npm run bench:cpu -- <another checkout>: what an item costs in CPU (API, worker and mongod), beside the same of
// another commit in a folder of its own. Rates differ by a fifth from run to run, and CPU an item by much less: both
// run at the same time and are loaded in turn, A B B A, and the ratio of each pair counts.
// BENCH_PAIRS (5), BENCH_SCALE (1).

const HERE = join(import.meta.dirname, '..');
const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 5);
const SCALE = Number(process.env['BENCH_SCALE'] ?? 1);
const COUNTED = new Set(['api', 'worker', 'mongod']);

const PLAN: readonly (readonly [name: string, phase: Phase])[] = [
  ['events, batch 20', { kind: 'events', items: 60_000, batch: 20, connections: 32 }],
  ['events, batch 1', { kind: 'events', items: 8_000, batch: 1, connections: 64 }],
  ['errors, batch 20', { kind: 'errors', groups: 100, items: 12_000, batch: 20, connections: 64 }],
  ['envelopes', { kind: 'envelopes', groups: 100, items: 6_000, batch: 1, connections: 64 }],
];

interface Pair {
  readonly name: string;
  readonly order: string;
  readonly ours: number;
  readonly theirs: number;
}

const [other] = process.argv.slice(2);
if (other === undefined) {
  console.error('which checkout to compare with? npm run bench:cpu -- <folder>');
  process.exit(1);
}
// Other servers' processes could not be counted.
for (const given of ['MONGODB_URL', 'TEMPORAL_ADDRESS']) Reflect.deleteProperty(process.env, given);

const [ours, theirs] = [await started(HERE), await started(resolve(other))];
try {
  for (const side of [ours, theirs]) for (const [, phase] of PLAN) await side.measured('warm-up', phase);
  const pairs: Pair[] = [];
  for (let index = 0; index < PAIRS; index++) {
    for (const [name, phase] of PLAN) pairs.push(await pairOf(name, phase, index % 2 === 0));
  }
  report(pairs);
} finally {
  await ours.stop();
  await theirs.stop();
}
process.exit();

async function started(root: string) {
  const system = await benchSystem(root);
  await system.start();
  const to = await system.app('bench', {
    errors: { ...DEFAULT_APP_CONFIG.errors, maxErrorsPerDay: 1_000_000_000 },
  });
  const measured = (name: string, phase: Phase): Promise<Measured> =>
    system.measure(name, to, { ...phase, items: Math.round(phase.items * SCALE) });
  return {
    measured,
    /** CPU in microseconds an item. */
    async costOf(name: string, phase: Phase): Promise<number> {
      const run = await measured(name, phase);
      if (Object.keys(run.refused).length > 0) throw new Error(`${root} refused: ${JSON.stringify(run.refused)}`);
      return costOf(run);
    },
    stop: () => system.stop(),
  };
}

function costOf({ processes }: Measured): number {
  const counted = processes.filter(({ process }) => COUNTED.has(process));
  if (counted.length !== COUNTED.size) throw new Error('a process is missing');
  return counted.reduce((sum, { microsecondsAnItem }) => sum + microsecondsAnItem, 0);
}

async function pairOf(name: string, phase: Phase, oursFirst: boolean): Promise<Pair> {
  const first = await (oursFirst ? ours : theirs).costOf(`${name}, ${oursFirst ? 'A' : 'B'}`, phase);
  const second = await (oursFirst ? theirs : ours).costOf(`${name}, ${oursFirst ? 'B' : 'A'}`, phase);
  return oursFirst
    ? { name, order: 'AB', ours: first, theirs: second }
    : { name, order: 'BA', ours: second, theirs: first };
}

function report(pairs: readonly Pair[]): void {
  console.log('\nCPU of API, worker and mongod in microseconds an item: A is here, B is there\n');
  console.table(
    pairs.map(({ name, order, ours: a, theirs: b }) => ({
      run: name,
      order,
      A: a.toFixed(1),
      B: b.toFixed(1),
      'A of B': (a / b).toFixed(3),
    })),
  );
  const runs = PLAN.map(([name]) => {
    const ratios = pairs.filter((pair) => pair.name === name).map((pair) => pair.ours / pair.theirs);
    const sorted = ratios.sort((a, b) => a - b).map((ratio) => Number(ratio.toFixed(3)));
    return { run: name, median: medianOf(sorted), least: sorted[0], most: sorted.at(-1) };
  });
  console.table(runs);
  console.log(JSON.stringify({ other, pairs: PAIRS, runs, raw: pairs }));
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const [low = NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
