import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

export interface Answered {
  /** Of the process's clock, in ms. */
  readonly askedAt: number;
  readonly ms: number;
  /** 0: none was told, since it failed. */
  readonly version: number;
  readonly status: number;
}

interface Options {
  readonly url: string;
  readonly key: string;
  /** Requests a second, at an even pace, whether or not earlier ones are answered. */
  readonly perSecond: number;
  readonly profileId: () => string;
}

/** Reads sets at an even pace, as clients do that know nothing of each other, and remembers each answer. */
export function flagReaders({ url, key, perSecond, profileId }: Options) {
  const pool = new Pool(url, { connections: 32 });
  const headers = { authorization: `Bearer ${key}` };
  const answered: Answered[] = [];
  const under = new Set<Promise<void>>();
  let running = true;

  async function ask(): Promise<void> {
    const askedAt = performance.now();
    const path = `/v1/flags?profileId=${profileId()}`;
    const { statusCode: status, headers: told, body } = await pool.request({ method: 'GET', path, headers });
    await body.dump();
    const version = Number(/^W\/"(\d+)-/.exec(String(told['etag']))?.[1] ?? 0);
    answered.push({ askedAt, ms: performance.now() - askedAt, version, status });
  }

  async function pace(): Promise<void> {
    const began = performance.now();
    for (let asked = 0; running; asked++) {
      const early = began + (asked * 1_000) / perSecond - performance.now();
      if (early > 0) await sleep(early);
      const one = ask().finally(() => under.delete(one));
      under.add(one);
    }
  }
  const pacing = pace();

  return {
    answered: answered as readonly Answered[],
    async stop(): Promise<void> {
      running = false;
      await pacing;
      await Promise.all(under);
      await pool.close();
    },
  };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
