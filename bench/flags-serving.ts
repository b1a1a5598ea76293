import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { flagStates } from '../db/flag-states.js';
import { profileIdOf } from '../db/ids.js';
import { withDatabase } from '../scripts/servers/mongodb.mjs';
import { contexts, flagsWith } from './flag-samples.js';
import type { GetJob, GetResult } from './get-load.js';
import { unleash } from './peers/unleash.js';
import { unleashConstraints } from './flag-peers.js';
import type { benchSystem } from './system.js';

const CONNECTIONS = 32;
const SECONDS = 8;
/** The bare route is asked before and after each of ours: the machine is not the same all the time. */
const ROUNDS = 2;

type System = Awaited<ReturnType<typeof benchSystem>>;
type Requests = GetJob['requests'];

export interface ServingRow extends GetResult {
  readonly name: string;
}

/** Sets by profile, as JSON and as 304, beside a bare route and Unleash's server with the same 50 flags. */
export async function measureServing(system: System): Promise<readonly ServingRow[]> {
  const { app, key } = await system.app('bench-serving');
  const flags = flagsWith(50);
  await system.db.collection('profiles').insertMany(
    contexts.map(({ targetingKey = '', attributes }) => ({
      appId: app.id,
      profileId: profileIdOf(app.id, targetingKey),
      externalId: targetingKey,
      attributes,
      firstSeen: new Date(),
      lastSeen: new Date(),
    })),
  );
  const imported = {
    flags: flags.map(({ key: flagKey, conditions, percentage }) => ({
      key: flagKey,
      type: 'boolean',
      defaultValue: false,
      rules: [{ ruleId: 'rule', conditions, value: true, rolloutPercentage: percentage }],
    })),
  };
  const answer = await fetch(`${system.url()}/v1/apps/bench-serving/flag-import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${system.ownerToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(imported),
  });
  if (!answer.ok) throw new Error(`import: ${String(answer.status)} ${await answer.text()}`);
  for (;;) {
    const state = await flagStates(system.db).find(app.id);
    if (state !== undefined && state.computed === state.version) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }

  const bare = await bareServer(withDatabase(system.mongodbUrl, 'bench'), app.id.toHexString());
  const headers = { authorization: `Bearer ${key}` };
  const targets = contexts.map(({ targetingKey = '' }) => targetingKey);
  const sets: Requests = targets.map((id) => ({ path: `/v1/flags?profileId=${id}`, headers }));
  const known: Requests = await Promise.all(
    sets.map(async ({ path }) => {
      const { headers: given } = await fetch(system.url() + path, { headers });
      return { path, headers: { ...headers, 'if-none-match': given.get('etag') ?? '' } };
    }),
  );
  const bareSets: Requests = targets.map((id) => ({ path: `/set/${profileIdOf(app.id, id).toHexString()}` }));
  const rows: ServingRow[] = [];
  const run = async (name: string, url: string, requests: Requests): Promise<void> => {
    rows.push({ name, ...(await load({ url, requests, connections: CONNECTIONS, seconds: SECONDS })) });
  };

  await load({ url: system.url(), requests: sets, connections: CONNECTIONS, seconds: 2 });
  for (let round = 0; round < ROUNDS; round++) {
    await run('bare', bare.url, bareSets);
    await run('set', system.url(), sets);
    await run('bare', bare.url, bareSets);
    await run('304', system.url(), known);
  }
  bare.stop();

  const peer = await unleash(flags.map((flag) => ({ ...flag, constraints: unleashConstraints(flag) })));
  try {
    const asked: Requests = contexts.map(({ targetingKey = '', attributes }) => ({
      path: `${peer.path}?userId=${targetingKey}&${propertiesOf(attributes)}`,
      headers: peer.headers,
    }));
    await load({ url: peer.url, requests: asked, connections: CONNECTIONS, seconds: 5 });
    for (let round = 0; round < ROUNDS; round++) await run('unleash-server', peer.url, asked);
  } finally {
    await peer.stop();
  }
  return rows;
}

const propertiesOf = (attributes: Readonly<Record<string, unknown>>): string =>
  Object.entries(attributes)
    .map(([name, value]) => `properties[${name}]=${encodeURIComponent(String(value))}`)
    .join('&');

async function bareServer(mongodbUrl: string, appId: string): Promise<{ readonly url: string; stop(): void }> {
  const server = fork(join(import.meta.dirname, 'bare-set-route.ts'), {
    env: { ...process.env, MONGODB_URL: mongodbUrl, APP_ID: appId },
  });
  const [{ url }] = (await once(server, 'message')) as [{ url: string }];
  return {
    url,
    stop: () => {
      server.disconnect();
    },
  };
}

async function load(job: GetJob): Promise<GetResult> {
  const from = fork(join(import.meta.dirname, 'get-load.ts'));
  from.send(job);
  const [{ result, error }] = (await once(from, 'message')) as [{ result?: GetResult; error?: string }];
  from.kill();
  if (result === undefined) throw new Error(error);
  return result;
}

/** The best run of each kind. */
export function servingFigures(rows: readonly ServingRow[]) {
  const best = (name: string): number =>
    Math.max(...rows.filter((row) => row.name === name).map(({ perSecond }) => perSecond));
  const ratio = (name: string, of: string): number => Number((best(name) / best(of)).toFixed(2));
  return {
    barePerSecond: Math.round(best('bare')),
    setPerSecond: Math.round(best('set')),
    notModifiedPerSecond: Math.round(best('304')),
    unleashPerSecond: Math.round(best('unleash-server')),
    setOfBare: ratio('set', 'bare'),
    notModifiedOfBare: ratio('304', 'bare'),
    setOfUnleash: ratio('set', 'unleash-server'),
  };
}

export function printServing(rows: readonly ServingRow[]): void {
  console.table(
    rows.map(({ name, perSecond, p50, p99, statuses, errors }) => ({
      asked: name,
      'answers/s': Math.round(perSecond),
      'p50 ms': p50,
      'p99 ms': p99,
      statuses: JSON.stringify(statuses),
      errors,
    })),
  );
}
