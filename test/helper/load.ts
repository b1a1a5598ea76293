import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestApp } from './system.js';

/** A batch as a client sends it, any number of times. */
export interface LoadRequest {
  readonly body: Buffer;
  readonly contentType: string;
  readonly items: number;
}

interface Answer {
  readonly batchId: string;
  readonly eventsAccepted: number;
}

/** A batch that is not taken for so long is lost. */
const GIVE_UP_MS = 60_000;

export interface LoadOptions {
  readonly url: string;
  readonly app: TestApp;
  readonly batches: number;
  /** Items of a batch; half of them are in the next batch too. */
  readonly size: number;
  readonly connections?: number;
  /** Waited by each connection between two batches. */
  readonly pauseMs?: number;
}

/** Sends each batch twice at once, and again until it is acknowledged. */
export function doubledLoad(
  path: string,
  request: (index: number) => LoadRequest,
  { url, app, batches, connections = 8, pauseMs = 0 }: LoadOptions,
) {
  const answers: Answer[] = [];
  const refusals: number[] = [];
  let next = 0;
  let stopped = false;

  async function sendUntilTaken({ body, contentType, items }: LoadRequest): Promise<void> {
    const headers = { authorization: `Bearer ${app.key}`, 'content-type': contentType, accept: 'application/json' };
    const end = Date.now() + GIVE_UP_MS;
    for (;;) {
      assert.ok(Date.now() < end, `a batch is not taken: ${refusals.slice(-5).join(', ')}`);
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body }).catch(() => undefined);
      if (answer?.status === 202) {
        const told = (await answer.json().catch(() => undefined)) as Answer | undefined;
        // An API that dies while it answers has acknowledged nothing that the client heard of.
        if (told !== undefined) {
          assert.equal(told.eventsAccepted, items);
          answers.push(told);
          return;
        }
      } else {
        if (answer !== undefined) assert.ok([429, 503].includes(answer.status), `answered ${String(answer.status)}`);
        refusals.push(answer?.status ?? 0);
        await sleep(100);
      }
    }
  }

  async function connection(): Promise<void> {
    while (next < batches && !stopped) {
      const sent = request(next++);
      await Promise.all([sendUntilTaken(sent), sendUntilTaken(sent)]);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
  const all = Promise.all(Array.from({ length: connections }, connection));
  // Told by `done`, also when a test fails before it asks.
  all.catch(() => undefined);

  return {
    /** Acknowledgements so far; each batch has two in the end. */
    acknowledged: () => answers.length,
    /** Statuses other than 202; 0 for a connection that broke. */
    refusals,
    /** Begins no further batches; those begun are sent until they are taken. */
    stop: (): void => {
      stopped = true;
    },
    done: async (): Promise<void> => {
      await all;
    },
    batchIds: () => [...new Set(answers.map(({ batchId }) => batchId))],
  };
}
