import { join, resolve } from 'node:path';
import { DEFAULT_APP_CONFIG } from '../domain/app.js';
import { benchSystem, type Phase } from './system.js';

// npm run bench:cpu -- <another checkout>: what an item costs in CPU (API, worker and mongod), beside the same of
// another commit in a folder of its own. Rates differ by a fifth from run to run, and CPU an item by much less: both
// run at the same time and are loaded in turn, A B B A, and the median of the ratios counts.
// BENCH_PAIRS (5), BENCH_SCALE (1), BENCH_RUNS (a pattern of names: all).

const HERE = join(import.meta.dirname, '..');
const PAIRS = Number(process.env['BENCH_PAIRS'] ?? 5);
const SCALE = Number(process.env['BENCH_SCALE'] ?? 1);
const COUNTED = ['api', 'worker', 'mongod'];

const RUNS: readonly (readonly [name: string, phase: Phase])[] = [
  ['events, batch 20', { kind: 'events', items: 60_000, batch: 20, connections: 32 }],
  ['events, batch 1', { kind: 'events', items: 8_000, batch: 1, connections: 64 }],
  ['errors, batch 20', { kind: 'errors', groups: 100, items: 12_000, batch: 20, connections: 64 }],
  ['envelopes', { kind: 'envelopes', groups: 100, items: 6_000, batch: 1, connections: 64 }],
];
const PLAN = RUNS.filter(([name]) => new RegExp(process.env['BENCH_RUNS'] ?? '').test(name));

/** CPU in microseconds an item, by process. */
type Costs = Readonly<Record<string, number>>;

interface Pair {
  readonly name: string;
  readonly ours: Costs;
  readonly theirs: Costs;
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
  for (let index = 0; index < PAIRS; index++) for (const [name, phase] of PLAN) pairs.push(await pairOf(name, phase));
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
  const measured = (name: string, phase: Phase) =>
    system.measure(name, to, { ...phase, items: Math.round(phase.items * SCALE) });
  return {
    measured,
    async costsOf(name: string, phase: Phase): Promise<Costs> {
      const { refused, processes } = await measured(name, phase);
      if (Object.keys(refused).length > 0) throw new Error(`${root} refused: ${JSON.stringify(refused)}`);
      return Object.fromEntries(
        COUNTED.map((counted) => {
          const cost = processes.find(({ process }) => process === counted)?.microsecondsAnItem;
          if (cost === undefined) throw new Error(`${counted} is missing`);
          return [counted, cost];
        }),
      );
    },
    stop: () => system.stop(),
  };
}

/** A B B A, each with half of the items, so that a machine that gets slower meanwhile is slower for both. */
async function pairOf(name: string, phase: Phase): Promise<Pair> {
  const half = { ...phase, items: phase.items / 2 };
  const first = await ours.costsOf(`${name}, A`, half);
  const second = await theirs.costsOf(`${name}, B`, half);
  const third = await theirs.costsOf(`${name}, B`, half);
  const fourth = await ours.costsOf(`${name}, A`, half);
  return { name, ours: meanOf(first, fourth), theirs: meanOf(second, third) };
}

function meanOf(first: Costs, last: Costs): Costs {
  return Object.fromEntries(COUNTED.map((name) => [name, ((first[name] ?? NaN) + (last[name] ?? NaN)) / 2]));
}

/** Of all that is counted, or of one process. */
function costIn(costs: Costs, name?: string): number {
  if (name !== undefined) return costs[name] ?? NaN;
  return COUNTED.reduce((sum, each) => sum + costIn(costs, each), 0);
}

function report(pairs: readonly Pair[]): void {
  console.log('\nCPU of API, worker and mongod in microseconds an item: A is here, B is there\n');
  console.table(
    pairs.map(({ name, ours: a, theirs: b }) => ({
      run: name,
      A: costIn(a).toFixed(1),
      B: costIn(b).toFixed(1),
      'A of B': (costIn(a) / costIn(b)).toFixed(3),
      ...Object.fromEntries(
        COUNTED.map((each) => [`${each} A, B`, `${costIn(a, each).toFixed(1)}, ${costIn(b, each).toFixed(1)}`]),
      ),
    })),
  );
  const runs = PLAN.map(([name]) => {
    const own = pairs.filter((pair) => pair.name === name);
    const ratios = (process?: string): number[] =>
      own
        .map((pair) => Number((costIn(pair.ours, process) / costIn(pair.theirs, process)).toFixed(3)))
        .sort((a, b) => a - b);
    const all = ratios();
    const each = Object.fromEntries(COUNTED.map((process) => [process, medianOf(ratios(process))]));
    return { run: name, median: medianOf(all), least: all[0], most: all.at(-1), ...each };
  });
  console.table(runs);
  console.log(JSON.stringify({ other, pairs: PAIRS, runs, raw: pairs }));
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const [low = NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
