import type { App } from '../db/apps.js';
import { errorsSpec } from '../db/errors.js';
import { DEFAULT_APP_CONFIG } from '../domain/app.js';
import { bareInsertRate, errorDocuments } from './bare-insert.js';
import { benchSystem, type Measured, printRuns, whole } from './system.js';
import { type VerbLatency, verbLatencies } from './verbs.js';

// npm run bench:errors: errors and Sentry envelopes stored and grouped end to end, beside the bare insert rate.

const SCALE = Number(process.env['BENCH_SCALE'] ?? 1);
const BARE_ERRORS = 60_000 * SCALE;
const GROUPS_WITH_VERBS = 100;

/** Each run has an app of its own, so that its groups begin empty. */
const PLAN = [
  ['errors, 10 groups', { kind: 'errors', groups: 10, items: 60_000, batch: 20, connections: 128 }],
  ['errors, 1,000 groups', { kind: 'errors', groups: 1_000, items: 120_000, batch: 20, connections: 128 }],
  ['errors, 1 group', { kind: 'errors', groups: 1, items: 120_000, batch: 20, connections: 128 }],
  ['errors, 100,000 groups', { kind: 'errors', groups: 100_000, items: 100_000, batch: 20, connections: 128 }],
  ['envelopes, 10 groups', { kind: 'envelopes', groups: 10, items: 30_000, batch: 1, connections: 200 }],
  ['envelopes, 1,000 groups', { kind: 'envelopes', groups: 1_000, items: 60_000, batch: 1, connections: 200 }],
  ['envelopes, 100,000 groups', { kind: 'envelopes', groups: 100_000, items: 60_000, batch: 1, connections: 200 }],
] as const;

const system = await benchSystem();
try {
  const bare = () => bareInsertRate(system.db, errorsSpec, errorDocuments, BARE_ERRORS);
  const unlimited = { errors: { ...DEFAULT_APP_CONFIG.errors, maxErrorsPerDay: 1_000_000_000 } };
  const before = await bare();
  await system.start();

  const warm = await system.app('warm-up', unlimited);
  await system.measure('warm-up', warm, {
    kind: 'errors',
    groups: 100,
    items: 10_000 * SCALE,
    batch: 20,
    connections: 64,
  });
  const runs: (Measured & { readonly groupsMade: number; readonly bodiesKept: number })[] = [];
  let verbsOn: App | undefined;
  for (const [name, job] of PLAN) {
    const to = await system.app(name.replaceAll(/[^a-z0-9]+/g, '-'), unlimited);
    const measured = await system.measure(name, to, { ...job, items: job.items * SCALE });
    if (job.groups === 1_000) verbsOn = to.app;
    const of = { appId: to.app.id };
    const [counted] = await system.db
      .collection('error_groups')
      .aggregate<{ sum: number; groups: number }>([
        { $match: of },
        { $group: { _id: null, sum: { $sum: '$occurrenceCount' }, groups: { $sum: 1 } } },
      ])
      .toArray();
    const refused = Object.values(measured.refused).reduce((sum, count) => sum + count, 0);
    if (refused === 0 && counted?.sum !== job.items * SCALE)
      throw new Error(`${name}: ${String(counted?.sum)} counted`);
    const bodiesKept = await system.db.collection('errors').countDocuments(of);
    runs.push({ ...measured, groupsMade: counted?.groups ?? 0, bodiesKept });
  }
  const after = await bare();
  if (verbsOn === undefined) throw new Error('no app with groups');
  const verbs = await verbLatencies(system, verbsOn, GROUPS_WITH_VERBS);
  report(runs, verbs, before, after);
} finally {
  await system.stop();
}
process.exit();

function report(
  runs: readonly (Measured & { readonly groupsMade: number; readonly bodiesKept: number })[],
  verbs: readonly VerbLatency[],
  before: number,
  after: number,
): void {
  console.log(`\nbare insertMany of the same documents: ${whole(before)} errors/s before, ${whole(after)} after\n`);
  printRuns(runs, Math.max(before, after));
  console.table(
    runs.map(({ name, items, groupsMade, bodiesKept }) => ({
      run: name,
      errors: items,
      groups: groupsMade,
      bodiesKept,
    })),
  );
  console.table(verbs);
  const rate = (name: string) => Math.round(runs.find((run) => run.name === name)?.storedPerSecond ?? 0);
  console.log(
    JSON.stringify({
      errorsPerSecond: rate('errors, 1,000 groups'),
      oneGroupOfSpread: Number((rate('errors, 1 group') / rate('errors, 1,000 groups')).toFixed(3)),
      envelopesPerSecond: rate('envelopes, 1,000 groups'),
      verbP95Ms: verbs.at(-1)?.p95Ms,
      verbs,
      bareBefore: Math.round(before),
      bareAfter: Math.round(after),
      runs,
    }),
  );
}
