import type { HostileApi } from '../../test/helper/hostile/api.js';
import { type HostileBody, nameOf, type Target } from '../../test/helper/hostile/body.js';
import { mutated } from '../../test/helper/hostile/mutation.js';
import { isGrown } from '../../test/helper/hostile/shape.js';
import { seededRandom } from '../../test/helper/random.js';

export interface Found {
  readonly body: HostileBody;
  readonly longestMs: number;
}

interface Options {
  readonly seconds: number;
  readonly seed: number;
  /** Bodies to begin with. */
  readonly known: readonly HostileBody[];
  readonly say: (line: string) => void;
}

/** So many of a route are kept, and changed further. */
const KEPT = 8;

const CERTAIN_MS = 500;

/** Bodies that cost most, the worst first, for each route that is asked. */
export async function search(api: HostileApi, { seconds, seed, known, say }: Options): Promise<Found[]> {
  const weights = api.targets.reduce((sum, { weight }) => sum + weight, 0);
  const all: Found[] = [];
  for (const [index, target] of api.targets.entries()) {
    const from = known.filter(({ route }) => route === target.route);
    const found = await climb(api, target, from, (seconds * target.weight) / weights, seed + index);
    const [worst] = found;
    say(`${target.route}: ${(worst?.longestMs ?? 0).toFixed(0)} ms, ${worst === undefined ? '' : nameOf(worst.body)}`);
    all.push(...found);
    await api.forget();
  }
  return all.sort((a, b) => b.longestMs - a.longestMs);
}

async function climb(
  api: HostileApi,
  target: Target,
  from: readonly HostileBody[],
  seconds: number,
  seed: number,
): Promise<Found[]> {
  const random = seededRandom(seed);
  const kept = new Map<string, Found>();
  const until = performance.now() + seconds * 1000;
  const tried = async (body: HostileBody): Promise<Found> => {
    const { longestMs } = await api.watch(body);
    return { body, longestMs };
  };
  const plain: HostileBody = { route: target.route, format: target.formats[0], encoding: 'identity', puts: {} };
  for (const body of [plain, ...from]) await consider(kept, body, tried);
  for (let count = 1; performance.now() < until; count++) {
    const parents = [...kept.values()].map(({ body }) => body);
    await consider(kept, mutated(target, parents, random), tried);
    if (count % 50 === 0) await api.forget();
  }
  return [...kept.values()].sort((a, b) => b.longestMs - a.longestMs);
}

/** Kept where it costs more than what is kept, and does so twice. Of one kind only the worst is. */
async function consider(
  kept: Map<string, Found>,
  body: HostileBody,
  tried: (body: HostileBody) => Promise<Found>,
): Promise<void> {
  const kind = kindOf(body);
  const costs = [...kept.values()].map(({ longestMs }) => longestMs);
  const bar = kept.get(kind)?.longestMs ?? (kept.size < KEPT ? 0 : Math.min(...costs));
  const first = await tried(body);
  if (first.longestMs <= bar) return;
  // Once more, since the collector of garbage comes when it likes; but it is not that slow.
  const second = first.longestMs > CERTAIN_MS ? first : await tried(body);
  const found = second.longestMs < first.longestMs ? second : first;
  if (found.longestMs <= bar) return;
  kept.set(kind, found);
  if (kept.size <= KEPT) return;
  const [least] = [...kept].sort(([, a], [, b]) => a.longestMs - b.longestMs);
  if (least !== undefined) kept.delete(least[0]);
}

/** Where something is put, and what kind of thing. */
const kindOf = ({ puts }: HostileBody): string =>
  Object.entries(puts)
    .map(([path, put]) => `${path} ${isGrown(put) ? put.grown : ''}`)
    .sort()
    .join(', ');
