import { writeFileSync } from 'node:fs';
import { filledFor, hostileApi, hostileApp, type HostileApi, send } from '../test/helper/hostile/api.js';
import { type HostileBody, nameOf, wireOf } from '../test/helper/hostile/body.js';
import { knownBodies } from '../test/helper/hostile/known.js';
import { type Found, search } from './hostile/search.js';
import { benchSystem, whole } from './system.js';

// npm run bench:hostile: what a request may cost at worst. A search grows bodies for each route and keeps those for
// which the API's loop was longest without a yield; they are then sent to an API of its own, for its memory.
// BENCH_SECONDS (600), BENCH_SEED (1), BENCH_ROUTES (a pattern of routes), BENCH_WORST (a file to write
// the worst bodies to, as test/helper/hostile/bodies.json has them).

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 600);
const SEED = Number(process.env['BENCH_SEED'] ?? 1);
const ROUTES = new RegExp(process.env['BENCH_ROUTES'] ?? '');
const WORST_FILE = process.env['BENCH_WORST'];
const WORST = 50;
const BAR_MS = 100;
const RUNS = 5;
const REST_MS = 60_000;
/** What the API may weigh when it has rested. */
const MOST_RSS_MIB = 450;

interface Row {
  readonly route: string;
  readonly body: string;
  readonly sentBytes: number;
  readonly inflatedBytes: number;
  readonly longestMs: number;
  readonly cpuMs: number;
  readonly status: number;
}

const say = (line: string): void => console.error(line);
const system = await benchSystem();
try {
  await report();
} finally {
  await system.stop();
}
process.exit();

async function report(): Promise<void> {
  const api = await hostileApi(system.client, system.client.db('hostile'));
  const asked = { ...api, targets: api.targets.filter(({ route }) => ROUTES.test(route)) };
  const found = await search(asked, { seconds: SECONDS, seed: SEED, known: knownBodies(), say });
  const worst = worstOf(found);
  if (WORST_FILE !== undefined) writeFileSync(WORST_FILE, linesOf(worst.slice(0, WORST)));
  const rows: Row[] = [];
  for (const { body } of worst) rows.push(await rowOf(api, body));
  say('measured');
  rows.sort((a, b) => b.longestMs - a.longestMs);
  const ofRoutes = asked.targets.flatMap(({ route }) => rows.find((row) => row.route === route) ?? []);
  const { targetOf, uncovered } = api;
  await api.close();

  console.log(`\nthe worst body of each route, the longest stretch of the loop without a yield, best of ${RUNS}\n`);
  printRows(ofRoutes);
  console.log(`\nall above ${BAR_MS} ms\n`);
  printRows(rows.filter(({ longestMs }) => longestMs > BAR_MS));
  for (const route of uncovered) console.log(`not covered: ${route}`);

  const above = rows.filter(({ longestMs }) => longestMs > BAR_MS).length;
  const memory = await memoryAfter(worst.slice(0, WORST), targetOf);
  console.log(
    `\nan API of its own, before, while all of them are sent twice, eight at once, and 60 s later: at most ${MOST_RSS_MIB}\n`,
  );
  console.table([memory]);
  console.log(JSON.stringify({ seconds: SECONDS, seed: SEED, aboveBar: above, rows: ofRoutes, memory, uncovered }));
}

/** The worst of each route, and after those the worst of all. */
function worstOf(found: readonly Found[]): Found[] {
  const routes = new Set<string>();
  const first = found.filter(({ body }) => !routes.has(body.route) && routes.add(body.route));
  const rest = found.filter((each) => !first.includes(each) && each.longestMs > BAR_MS / 2);
  return [...first, ...rest.slice(0, WORST)].sort((a, b) => b.longestMs - a.longestMs);
}

async function rowOf(api: HostileApi, body: HostileBody): Promise<Row> {
  const wire = api.wireTo(body);
  let [longestMs, cpuMs, status] = [Infinity, Infinity, 0];
  for (let run = 0; run < RUNS; run++) {
    const watched = await api.watch(body, wire);
    longestMs = Math.min(longestMs, watched.longestMs);
    ({ status } = watched.result);
    // Unwatched, since whoever watches never rests.
    const before = process.cpuUsage();
    await api.send(body, wire);
    const { user, system: kernel } = process.cpuUsage(before);
    cpuMs = Math.min(cpuMs, (user + kernel) / 1000);
    await api.forget();
    // Far from the bar it need not be exact.
    if (longestMs < BAR_MS / 2 || longestMs > BAR_MS * 5) break;
  }
  const sizes = { sentBytes: wire.bytes.length || wire.query.length, inflatedBytes: wire.inflatedBytes };
  return {
    route: body.route,
    body: nameOf(body),
    ...sizes,
    longestMs: Math.round(longestMs),
    cpuMs: Math.round(cpuMs),
    status,
  };
}

function printRows(rows: readonly Row[]): void {
  console.table(
    rows.map(({ route, body, sentBytes, inflatedBytes, longestMs, cpuMs, status }) => ({
      route,
      body: body.slice(0, 90),
      sent: whole(sentBytes),
      inflated: whole(inflatedBytes),
      'longest ms': longestMs,
      'CPU ms': cpuMs,
      status,
    })),
  );
}

function linesOf(worst: readonly Found[]): string {
  return `[\n${worst.map(({ body }) => JSON.stringify(body)).join(',\n')}\n]\n`;
}

/** What a process of its own weighs before, at most, and a minute after all of them, eight at once. */
async function memoryAfter(worst: readonly Found[], targetOf: HostileApi['targetOf']) {
  await system.start();
  const to = await hostileApp(system.client, system.db, system.url());
  const rss = (): number => system.uses().get('api')?.rssMiB ?? 0;
  const before = rss();
  let peak = before;
  const looking = setInterval(() => {
    peak = Math.max(peak, rss());
  }, 50);
  const queue = [...worst, ...worst].map(({ body }) => body);
  const sender = async (): Promise<void> => {
    for (let body = queue.pop(); body !== undefined; body = queue.pop()) {
      const target = targetOf(body);
      await send(to, target, wireOf(target, body, filledFor(to)));
    }
  };
  await Promise.all(Array.from({ length: 8 }, sender));
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  clearInterval(looking);
  const after = rss();
  return { 'RSS MiB before': before, 'at peak': peak, 'after 60 s': after, 'is over the bar': after > MOST_RSS_MIB };
}
