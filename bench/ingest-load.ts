// Sends event batches to the API from a process of its own, and answers over IPC with what it measured.
import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { encodeEventBatch } from '../proto/codec.js';

const TYPES = ['page_view', 'click', 'scroll', 'hover', 'checkout'];
const PROFILES = 1_000;

/** About 250 bytes as protobuf, of a thousand people. */
function event(index: number) {
  const person = index % PROFILES;
  const path = `/products/${String(index % 500)}`;
  return {
    eventId: randomUUID(),
    profileId: `user-${String(person)}`,
    sessionId: `session-${String(person)}`,
    timestampMs: Date.now(),
    eventType: TYPES[index % TYPES.length] ?? 'click',
    pageUrl: `https://shop.example.com${path}`,
    elementTid: 'add-to-cart',
    metadata: { plan: 'pro', campaign: 'autumn' },
    pageContext: { path, title: 'A product', referrer: '', viewportWidth: 1440, viewportHeight: 900, loadTimeMs: 320 },
    elementContext: { tag: 'button', text: 'Add to cart', x: 120, y: 480, scrollDepthPct: 40 },
  };
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export interface Job {
  readonly url: string;
  readonly key: string;
  readonly events: number;
  readonly batch: number;
  readonly connections: number;
  /** With it requests leave on time whether or not earlier ones are answered, else as fast as they are. */
  readonly eventsPerSecond?: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly bytesAnEvent: number;
  readonly p50: number;
  readonly p99: number;
  readonly refused: Readonly<Record<string, number>>;
}

async function run({ url, key, events, batch, connections, eventsPerSecond }: Job): Promise<LoadResult> {
  const bodies = Array.from({ length: Math.ceil(events / batch) }, (_, request) =>
    Buffer.from(
      encodeEventBatch({ events: Array.from({ length: batch }, (__, index) => event(request * batch + index)) }),
    ),
  );
  const pool = new Pool(url, { connections, pipelining: 1 });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-protobuf' };
  const times: number[] = [];
  const refused: Record<number, number> = {};
  const send = async (body: Buffer, began = performance.now()): Promise<void> => {
    const { statusCode, body: answer } = await pool.request({ path: '/v1/events', method: 'POST', headers, body });
    await answer.dump();
    times.push(performance.now() - began);
    if (statusCode !== 202) refused[statusCode] = (refused[statusCode] ?? 0) + 1;
  };

  process.send?.({ beganAt: Date.now() });
  const began = performance.now();
  let next = 0;
  if (eventsPerSecond === undefined) {
    const worker = async () => {
      for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) await send(body);
    };
    await Promise.all(Array.from({ length: connections }, worker));
  } else {
    const gap = (1000 * batch) / eventsPerSecond;
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
    bytesAnEvent: Math.round((bodies[0]?.length ?? 0) / batch),
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
