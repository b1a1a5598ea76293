import { ObjectId } from 'mongodb';
import type { ErrorGroupDoc } from '../db/error-groups.js';
import { ERROR_SORTS, type ErrorSort } from '../db/error-reads.js';
import { mixedGroups, NOUNS, randomFrom, RELEASES, TYPES } from './error-groups.js';
import { benchSystem } from './system.js';

// npm run bench:errors-list: lists of an app with 100,000 error groups, over HTTP from the built API.

const GROUPS = 100_000;
const OTHERS = 20_000;
const REQUESTS = 60;
const BATCH = 2_000;

type Query = Readonly<Record<string, string>>;
type Pick = <T>(list: readonly T[]) => T;

const members = Array.from({ length: 10 }, () => new ObjectId());
const statuses = ['new', 'investigating', 'resolved', 'ignored'];
const word = (pick: Pick): string => pick([...NOUNS, ...TYPES]).toLowerCase();

/** Each with other values at every request; `bound` is the p95 that it has to stay under. */
const KINDS: readonly { readonly name: string; readonly bound: number; readonly query: (pick: Pick) => Query }[] = [
  { name: 'all', bound: 50, query: () => ({}) },
  { name: 'status', bound: 50, query: (pick) => ({ status: pick(statuses) }) },
  { name: 'release', bound: 50, query: (pick) => ({ release: pick(RELEASES) }) },
  { name: 'assignee', bound: 50, query: (pick) => ({ assignee: pick(members).toHexString() }) },
  { name: 'status, release', bound: 50, query: (pick) => ({ status: pick(statuses), release: pick(RELEASES) }) },
  {
    name: 'status, assignee, release',
    bound: 50,
    query: (pick) => ({ status: pick(statuses), release: pick(RELEASES), assignee: pick(members).toHexString() }),
  },
  {
    name: 'status, nobody, release, environment',
    bound: 50,
    query: (pick) => ({
      status: pick(statuses),
      release: pick(RELEASES),
      assignee: 'none',
      environment: pick(['production', 'staging', 'preview']),
    }),
  },
  { name: 'text: a word', bound: 150, query: (pick) => ({ text: word(pick) }) },
  { name: 'text: its beginning', bound: 150, query: (pick) => ({ text: word(pick).slice(0, 3) }) },
  { name: 'text: two words', bound: 150, query: (pick) => ({ text: `${word(pick)} ${word(pick)}` }) },
  { name: 'text: three words', bound: 150, query: (pick) => ({ text: `${word(pick)} ${word(pick)} cannot` }) },
  { name: 'text: unknown', bound: 150, query: (pick) => ({ text: `${word(pick)}nowhere` }) },
  {
    name: 'text, status, release',
    bound: 150,
    query: (pick) => ({ text: word(pick), status: pick(statuses), release: pick(RELEASES) }),
  },
];

interface Run {
  readonly kind: string;
  readonly sort: ErrorSort;
  readonly bound: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly rows: number;
}

const system = await benchSystem();
const runs: Run[] = [];
try {
  await system.start();
  const { app } = await system.app('listed');
  await fill(app.id, GROUPS);
  await fill(new ObjectId(), OTHERS);
  const url = `${system.url()}/v1/apps/listed/errors`;
  for (const sort of ERROR_SORTS) await measure(url, sort, { name: 'warm-up', bound: 0, query: () => ({}) });
  for (const kind of KINDS) for (const sort of ERROR_SORTS) runs.push(await measure(url, sort, kind));
} finally {
  await system.stop();
}
report();
process.exit();

async function fill(appId: ObjectId, count: number): Promise<void> {
  const collection = system.db.collection<ErrorGroupDoc>('error_groups');
  let batch: ErrorGroupDoc[] = [];
  for (const group of mixedGroups(count, { appId, members, now: Date.now() })) {
    batch.push(group);
    if (batch.length < BATCH) continue;
    await collection.insertMany(batch);
    batch = [];
  }
  if (batch.length > 0) await collection.insertMany(batch);
}

/** The first page, and every third time the one after it. */
async function measure(url: string, sort: ErrorSort, { name, bound, query }: (typeof KINDS)[number]): Promise<Run> {
  const random = randomFrom(11);
  const pick: Pick = (list) => list[Math.floor(random() * list.length)] as (typeof list)[number];
  const times: number[] = [];
  let rows = 0;
  const ask = async (parameters: Query): Promise<string | null> => {
    const began = performance.now();
    const answer = await fetch(`${url}?${String(new URLSearchParams(parameters))}`, {
      headers: { authorization: `Bearer ${system.ownerToken}` },
    });
    const body = (await answer.json()) as { groups: unknown[]; next: string | null };
    times.push(performance.now() - began);
    if (answer.status !== 200) throw new Error(`${String(answer.status)} ${JSON.stringify(body)}`);
    rows += body.groups.length;
    return body.next;
  };
  for (let index = 0; times.length < REQUESTS; index += 1) {
    const parameters = { sort, limit: '50', ...query(pick) };
    const next = await ask(parameters);
    if (next !== null && index % 3 === 0) await ask({ ...parameters, after: next });
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { kind: name, sort, bound, p50: at(0.5), p95: at(0.95), max: at(1), rows: Math.round(rows / times.length) };
}

function report(): void {
  console.log(
    `\n${GROUPS.toLocaleString('en')} groups of one app, ${OTHERS.toLocaleString('en')} of another; pages of 50\n`,
  );
  console.table(
    runs.map(({ kind, sort, rows, p50, p95, max, bound }) => ({
      list: kind,
      sort,
      rows,
      'p50 ms': p50.toFixed(1),
      'p95 ms': p95.toFixed(1),
      'max ms': max.toFixed(1),
      bound,
    })),
  );
  const worst = (bound: number) =>
    Object.fromEntries(
      ERROR_SORTS.map((sort) => {
        const of = runs.filter((run) => run.sort === sort && run.bound === bound);
        return [sort, Number(Math.max(...of.map(({ p95 }) => p95)).toFixed(1))];
      }),
    );
  console.log(JSON.stringify({ groups: GROUPS, filtersP95Ms: worst(50), textP95Ms: worst(150), runs }));
}
