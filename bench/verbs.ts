import type { ObjectId } from 'mongodb';
import type { benchSystem } from './system.js';

export interface VerbLatency {
  readonly what: string;
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

const VERBS = [
  ['investigate', {}],
  ['comment', { text: 'looking into it' }],
  ['resolve', { in: 'now' }],
  ['reopen', {}],
] as const;

/** How long people wait for an answer, one verb at a time: the first on a group starts its workflow. */
export async function verbLatencies(
  { db, url, ownerToken }: Awaited<ReturnType<typeof benchSystem>>,
  app: { readonly id: ObjectId; readonly appId: string },
  groups: number,
): Promise<VerbLatency[]> {
  const found = await db.collection('error_groups').find({ appId: app.id }).limit(groups).toArray();
  const first: number[] = [];
  const later: number[] = [];
  for (const { _id } of found) {
    for (const [verb, body] of VERBS) {
      const began = performance.now();
      const answer = await fetch(`${url()}/v1/apps/${app.appId}/errors/${_id.toHexString()}/${verb}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ownerToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${verb} was answered ${String(answer.status)}: ${text}`);
      (verb === 'investigate' ? first : later).push(performance.now() - began);
    }
  }
  return [latency('first verb on a group', first), latency('later verbs', later), latency('all', [...first, ...later])];
}

function latency(what: string, times: number[]): VerbLatency {
  times.sort((a, b) => a - b);
  const at = (share: number) => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(1));
  return { what, count: times.length, p50Ms: at(0.5), p95Ms: at(0.95) };
}
