import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { flagStates } from '../db/flag-states.js';
import { profileIdOf } from '../db/ids.js';
import { contexts, flagsWith } from './flag-samples.js';
import { flagReaders, percentile } from './flag-readers.js';
import { benchSystem } from './system.js';

const PROFILES = Math.round(100_000 * Number(process.env['BENCH_SCALE'] ?? 1));
const READS_A_SECOND = 200;
const EDITS = 40;
const APP = 'bench-sets';

type System = Awaited<ReturnType<typeof benchSystem>>;

interface SetsRow {
  readonly change: string;
  /** From the answer to the change until every set is right. */
  readonly seconds: number;
  readonly profiles: number;
  readonly rewritten: number;
  readonly readP50: number;
  readonly readP99: number;
  readonly reads: number;
  readonly failed: number;
  /** Seconds of a core, by process: what would be had without others on the machine. */
  readonly cpu: Readonly<Record<string, number>>;
}

export interface SetsFigures {
  readonly rows: readonly SetsRow[];
  /** From the answer to a change until the last request that was still answered by the version before, in ms. */
  readonly visible: { readonly edits: number; readonly p50: number; readonly p99: number; readonly most: number };
}

/** Passes over many profiles while sets are read, and how soon a change is in every answer. */
export async function measureSets(system: System): Promise<SetsFigures> {
  const { app, key } = await system.app(APP);
  const names = Array.from({ length: PROFILES }, (_, n) => `person-${String(n)}`);
  for (let from = 0; from < PROFILES; from += 5_000) {
    await system.db.collection('profiles').insertMany(
      names.slice(from, from + 5_000).map((externalId, n) => ({
        appId: app.id,
        profileId: profileIdOf(app.id, externalId),
        externalId,
        attributes: { ...contexts[(from + n) % contexts.length]?.attributes, email: `${externalId}@example.com` },
        firstSeen: new Date(),
        lastSeen: new Date(),
      })),
    );
  }

  async function manage(method: string, path: string, body: object): Promise<number> {
    const answer = await fetch(`${system.url()}/v1/apps/${APP}/${path}`, {
      method,
      headers: { authorization: `Bearer ${system.ownerToken}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${String(answer.status)} ${await answer.text()}`);
    return performance.now();
  }
  const state = async () => {
    const found = await flagStates(system.db).find(app.id);
    if (found === undefined) throw new Error('the app has no flags');
    return found;
  };
  const settled = async () => {
    for (;;) {
      const { version, computed, pass } = await state();
      if (version === computed && pass?.endedAt) return pass;
      await sleep(20);
    }
  };
  const [switched, ...others] = flagsWith(50).map(({ key: flagKey, conditions, percentage }) => ({
    key: flagKey,
    type: 'boolean',
    defaultValue: false,
    rules: [{ ruleId: 'rule', conditions, value: true, rolloutPercentage: percentage }],
  }));
  if (switched === undefined) throw new Error('no flags');
  const rolledOut = (percentage: number) => ({
    rules: switched.rules.map((rule) => ({ ...rule, conditions: [], rolloutPercentage: percentage })),
  });
  const reading = () =>
    flagReaders({
      url: system.url(),
      key,
      perSecond: READS_A_SECOND,
      profileId: () => names[Math.floor(Math.random() * names.length)] ?? '',
    });

  const rows: SetsRow[] = [];
  async function timed(change: string, make: () => Promise<number>): Promise<void> {
    const readers = reading();
    await sleep(1_000);
    const from = readers.answered.length;
    const before = system.uses();
    const began = await make();
    const { profiles, rewritten } = await settled();
    const seconds = (performance.now() - began) / 1_000;
    const cpu = [...system.uses()].map(([process, { cpuSeconds }]) => {
      const used = cpuSeconds - (before.get(process)?.cpuSeconds ?? 0);
      return [process, Number(used.toFixed(1))] as const;
    });
    await readers.stop();
    const meanwhile = readers.answered.slice(from);
    const took = meanwhile.map(({ ms }) => ms);
    rows.push({
      change,
      seconds: Number(seconds.toFixed(2)),
      profiles,
      rewritten,
      readP50: percentile(took, 0.5),
      readP99: percentile(took, 0.99),
      reads: took.length,
      failed: meanwhile.filter(({ status }) => status !== 200).length,
      cpu: Object.fromEntries(cpu),
    });
  }

  await timed('all sets are new', () =>
    manage('POST', 'flag-import', { flags: [{ ...switched, ...rolledOut(1) }, ...others] }),
  );
  await timed('a flag more: all sets change', () =>
    manage('POST', 'flags', { key: 'one-more', type: 'boolean', defaultValue: false, rules: [] }),
  );
  await timed('a rollout step, 1 to 5 %', () => manage('PATCH', `flags/${switched.key}`, rolledOut(5)));

  const readers = reading();
  const lags: number[] = [];
  for (let edit = 0; edit < EDITS; edit++) {
    const at = await manage('PATCH', `flags/${switched.key}`, rolledOut(6 + edit));
    const { version } = await state();
    await sleep(300 + Math.random() * 400);
    const late = readers.answered.filter((each) => each.askedAt > at && each.status === 200 && each.version < version);
    lags.push(Math.max(0, ...late.map(({ askedAt }) => askedAt - at)));
  }
  await readers.stop();
  await settled();
  const visible = { edits: EDITS, p50: percentile(lags, 0.5), p99: percentile(lags, 0.99), most: Math.max(...lags) };
  return { rows, visible };
}

export function printSets({ rows, visible }: SetsFigures): void {
  console.table(
    rows.map((row) => ({
      change: row.change,
      seconds: row.seconds,
      profiles: row.profiles,
      rewritten: row.rewritten,
      'reads meanwhile': row.reads,
      failed: row.failed,
      'p50 ms': row.readP50.toFixed(1),
      'p99 ms': row.readP99.toFixed(1),
    })),
  );
  console.table(rows.map(({ change, cpu }) => ({ 'core seconds': change, ...cpu })));
  const { edits, p50, p99, most } = visible;
  const ms = [p50, p99, most].map((each) => each.toFixed(0));
  console.log(
    `${String(edits)} changes, each in every answer after (ms): p50 ${String(ms[0])}, p99 ${String(ms[1])}, most ${String(ms[2])}`,
  );
}

// node --import tsx bench/flags-sets.ts: this part alone.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const system = await benchSystem();
  try {
    await system.start();
    const figures = await measureSets(system);
    printSets(figures);
    console.log(JSON.stringify(figures));
  } finally {
    await system.stop();
  }
  process.exit();
}
