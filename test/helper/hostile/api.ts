import { type IncomingMessage, request as httpRequest } from 'node:http';
import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { type Db, type MongoClient, ObjectId } from 'mongodb';
import { pino } from 'pino';
import { build } from '../../../api/app.js';
import { registry } from '../../../api/management.js';
import { hashSecret, newAppKey, newMemberToken } from '../../../api/secrets.js';
import { DEFAULT_APP_CONFIG } from '../../../domain/app.js';
import { shownPrefix } from '../../../domain/key.js';
import { changer, flagStore, newFlag, newRule } from '../flags.js';
import { type Route, routesOf } from '../routes.js';
import { type HostileBody, type Target, type Wire, wireOf } from './body.js';
import { type Watched, watchLoop } from './loop.js';
import { schemaTargets } from './schema-targets.js';
import { ALIASES, CLIENT_TARGETS } from './targets.js';

const APP = 'hostile';
/** What members change is of another app, so that what clients send is always taken. */
const CHANGED_APP = 'changed';
const AS_MUCH_AS_IT_LIKES = 1_000_000_000;

/** Whoever sends: an app with flags and rules of its own, and a member who may do everything. */
export interface Sender {
  readonly url: string;
  readonly key: string;
  readonly dsnId: number;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
}

/** An app whose settings cost as much as settings may: patterns over errors, and conditions of each kind over attributes. */
export async function hostileApp(client: MongoClient, db: Db, url: string): Promise<Sender> {
  const { members, memberTokens } = registry({ client, db });
  await addApp(client, db, CHANGED_APP);
  const { key, dsnId } = await addApp(client, db, APP);

  const token = newMemberToken();
  const memberId = new ObjectId();
  const began = new Date();
  await client.withSession(async (session) => {
    const member = {
      _id: memberId,
      name: 'Ada',
      email: null,
      owner: true,
      roles: [],
      createdAt: began,
      revokedAt: null,
    };
    await members.insert(session, member);
    const lifetime = { createdAt: began, expiresAt: null, revokedAt: null, lastUsedAt: null };
    const secret = { hash: hashSecret(token), prefix: shownPrefix(token) };
    await memberTokens.insert(session, { _id: new ObjectId(), memberId, name: 'Ada', ...secret, ...lifetime });
  });
  return { url, key, dsnId, token };
}

async function addApp(client: MongoClient, db: Db, appId: string) {
  const key = newAppKey();
  const { app } = await registry({ client, db }).appChanges.register({
    actor: changer().actor,
    ownerId: new ObjectId(),
    appId,
    name: appId,
    config: {
      maxEventsPerDay: AS_MUCH_AS_IT_LIKES,
      errors: {
        ...DEFAULT_APP_CONFIG.errors,
        maxErrorsPerDay: AS_MUCH_AS_IT_LIKES,
        scrub: { emails: true, ips: true, keys: ['order'], patterns: [String.raw`\bcust-\d+\b`, '(a+)+b'] },
        filters: { ...DEFAULT_APP_CONFIG.errors.filters, localhost: true, releases: ['*-dev'], messages: ['*a*b*c*'] },
      },
      flags: { ...DEFAULT_APP_CONFIG.flags, storeGivenAttributes: true },
    },
    clientKey: { hash: hashSecret(key), prefix: shownPrefix(key) },
  });
  await addFlags(client, db, app.id, appId);
  return { key, dsnId: app.dsnId };
}

const CONDITIONS: readonly (readonly [attribute: string, operator: string, values: readonly string[]])[] = [
  ['name', 'matches', ['(a+)+b', String.raw`^(\w+\s?)*$`, '.*.*.*x']],
  ['name', 'contains', ['needle', 'aab', 'x']],
  ['mail', 'ends_with', ['@example.com']],
  ['version', 'semver_range', ['>=1.0.0 <2.0.0 || ^3.1.0']],
  ['version', 'semver_gt', ['1.0.0']],
  ['address', 'cidr', ['10.0.0.0/8', '2001:db8::/32']],
  ['list', 'array_any', ['a', 'b']],
  ['list', 'array_all', ['a', 'b']],
  ['at', 'before', ['2026-01-01T00:00:00Z']],
  ['age', 'between', ['1', '5']],
];

const FLAGS = 60;

async function addFlags(client: MongoClient, db: Db, appId: ObjectId, app: string): Promise<void> {
  const { flagChanges } = flagStore(client, db);
  for (let index = 0; index < FLAGS; index++) {
    const conditions = CONDITIONS.map(([attribute, operator, values]) => ({
      attribute,
      operator,
      values,
      caseInsensitive: false,
    }));
    const rules = conditions.map((condition, at) => newRule(`rule-${at}`, { conditions: [condition] }));
    await flagChanges.create({ ...changer(app), appId, note: '', flag: newFlag(`f-${index}`, { rules }) });
  }
}

export type HostileApi = Awaited<ReturnType<typeof hostileApi>>;

/**
 * The whole API in this process, over a real port, and what it is asked. It is without Temporal: what is meant for
 * workflows is read and judged all the same, and then refused.
 */
export async function hostileApi(client: MongoClient, db: Db) {
  const { built, routes } = await routesOf(() =>
    build({
      client,
      db,
      temporal: () => undefined,
      log: pino({ level: 'silent' }),
      secretKey: 'hostile-'.repeat(5),
      spoolMaxBytes: Number.MAX_SAFE_INTEGER,
      requestsPerSecondPerKey: AS_MUCH_AS_IT_LIKES,
    }),
  );
  const to = await hostileApp(client, db, await built.listen({ host: '127.0.0.1', port: 0 }));
  const { targets, uncovered } = await targetsOf(built, routes);
  const byRoute = new Map(targets.map((target) => [target.route, target]));
  const targetOf = ({ route }: HostileBody): Target => {
    const target = byRoute.get(route);
    if (target === undefined) throw new Error(`no target ${route}`);
    return target;
  };
  const wireTo = (body: HostileBody): Wire => wireOf(targetOf(body), body, filledFor(to));

  return {
    targets,
    targetOf,
    /** Routes that take a body or a query and that nothing here asks. */
    uncovered,
    wireTo,

    send: (body: HostileBody, wire = wireTo(body)): Promise<Answer> => send(to, targetOf(body), wire),

    /** One request, and the longest that it kept the loop to itself. */
    watch: (body: HostileBody, wire = wireTo(body)): Promise<Watched<Answer>> =>
      watchLoop(() => send(to, targetOf(body), wire)),

    /** What was taken and waits for a worker that is not there. */
    async forget(): Promise<void> {
      await db.collection('ingest_spool').deleteMany({});
    },

    close: () => built.close(),
  };
}

async function targetsOf(app: FastifyInstance, routes: readonly Route[]) {
  const openapi: unknown = (await app.inject('/openapi.json')).json();
  const known = new Set(CLIENT_TARGETS.map(({ route }) => route));
  const targets = [...CLIENT_TARGETS, ...schemaTargets(openapi, known)];
  const covered = new Set([...targets.map(({ route }) => route), ...ALIASES]);
  const uncovered = routes
    .filter(({ method, url }) => ['POST', 'PUT', 'PATCH'].includes(method) && url !== '*')
    .map(({ method, url }) => `${method} ${url}`)
    .filter((route) => !covered.has(route));
  return { targets, uncovered };
}

/** What stands for the sender in a seed. */
export const filledFor =
  ({ url, key, dsnId }: Sender) =>
  (text: string): string =>
    text.replaceAll('{key}', key).replaceAll('{dsn}', `${url.replace('://', `://${key}@`)}/${dsnId}`);

const PARAMS: Readonly<Record<string, string>> = { appId: CHANGED_APP, flagKey: 'f-1', segmentKey: 's-1', '*': 'f-1' };

/** With a connection of its own, since a refusal of a large body closes it. */
export async function send(
  to: Sender,
  { route, by }: Target,
  { bytes, query, params, headers }: Wire,
): Promise<Answer> {
  const [method = '', pattern = ''] = route.split(' ');
  const path = pattern
    .replace('*', PARAMS['*'] ?? '')
    .replaceAll(/:(\w+)/g, (whole, name: string) =>
      encodeURIComponent(params[whole] ?? (name === 'dsnId' ? String(to.dsnId) : (PARAMS[name] ?? 'f'.repeat(24)))),
    );
  const request = httpRequest(new URL(`${path}${query === '' ? '' : `?${query}`}`, to.url), {
    method,
    agent: false,
    headers: {
      authorization:
        by === 'key' && route.includes(':dsnId')
          ? `Sentry sentry_key=${to.key}`
          : `Bearer ${by === 'key' ? to.key : to.token}`,
      ...(bytes.length > 0 && { 'content-length': String(bytes.length) }),
      ...headers,
    },
  });
  // Also after the answer: a body that is too large is refused while it is still being sent.
  request.on('error', () => undefined);
  request.end(bytes);
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'close');
    return { status: response.statusCode ?? 0 };
  } catch {
    // Closed while it was still being sent.
    return { status: 0 };
  }
}
