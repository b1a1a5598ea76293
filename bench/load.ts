// Sends batches to the API from a process of its own, and answers over IPC with what it measured.
import { Pool } from 'undici';
import { KINDS, type LoadKind } from './load-bodies.js';

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export interface Job {
  readonly url: string;
  readonly key: string;
  readonly dsnId: number;
  readonly kind: keyof typeof KINDS;
  /** Of errors: into how many they fall. */
  readonly groups?: number;
  readonly items: number;
  readonly batch: number;
  readonly connections: number;
  /** With it requests leave on time whether or not earlier ones are answered, else as fast as they are. */
  readonly itemsPerSecond?: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly bytesAnItem: number;
  readonly p50: number;
  readonly p99: number;
  readonly refused: Readonly<Record<string, number>>;
}

async function run({
  url,
  key,
  dsnId,
  kind,
  groups = 1,
  items,
  batch,
  connections,
  itemsPerSecond,
}: Job): Promise<LoadResult> {
  const { path, contentType, accepted, body: bodyOf }: LoadKind = KINDS[kind];
  const bodies = Array.from({ length: Math.ceil(items / batch) }, (_, request) =>
    bodyOf(
      Array.from({ length: batch }, (__, index) => request * batch + index),
      groups,
    ),
  );
  const target = path(dsnId, key);
  const pool = new Pool(url, { connections, pipelining: 1 });
  const headers = {
    ...(kind !== 'envelopes' && { authorization: `Bearer ${key}` }),
    'content-type': contentType,
  };
  const times: number[] = [];
  const refused: Record<number, number> = {};
  const send = async (body: Buffer, began = performance.now()): Promise<void> => {
    const { statusCode, body: answer } = await pool.request({ path: target, method: 'POST', headers, body });
    await answer.dump();
    times.push(performance.now() - began);
    if (statusCode !== accepted) refused[statusCode] = (refused[statusCode] ?? 0) + 1;
  };

  process.send?.({ beganAt: Date.now() });
  const began = performance.now();
  let next = 0;
  if (itemsPerSecond === undefined) {
    const worker = async () => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) await send(body);
    };
    await Promise.all(Array.from({ length: connections }, worker));
  } else {
    const gap = (1000 * batch) / itemsPerSecond;
    const running = [];
    for (const body of bodies) {
      const due = began + gap * next++;
      while (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, 1));
      // From when it was due, so that a client that comes late does not hide a slow server.
      running.push(send(body, due));
    }
    await Promise.all(running);
  }
  const seconds = (performance.now() - began) / 1000;
  await pool.close();
  times.sort((a, b) => a - b);
  return {
    seconds,
    bytesAnItem: Math.round((bodies[0]?.length ?? 0) / batch),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    refused,
  };
}

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
