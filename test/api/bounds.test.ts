import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ObjectId } from 'mongodb';
import { PACE } from '../../api/body-pace.js';
import { STRANGERS } from '../../api/ingest/strangers.js';
import { LIMITS } from '../../domain/limits.js';
import { management, type Management } from '../helper/management.js';
import { type Route, routesOf } from '../helper/routes.js';

const [, chapter = ''] = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8').split(
  '## What a request may cost\n',
);
const [section = ''] = chapter.split('\n## ');

const UNITS: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 * 1024 };
const bytesOf = (cell: string): number | undefined => {
  const [, count, unit = ''] = /^(\d+) ([KM]iB)/.exec(cell) ?? [];
  return count === undefined ? undefined : Number(count) * (UNITS[unit] ?? NaN);
};

interface Row {
  /** Empty: all others. */
  readonly routes: readonly string[];
  readonly key: string;
  readonly sent: number;
  /** Undefined: what is packed is not taken. */
  readonly inflated: number | undefined;
}

const rows: readonly Row[] = section
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) => {
    const [routes = '', key = '', sent = '', inflated = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    const named = [...routes.matchAll(/`([^`]+)`/g)].map(([, route = '']) => route);
    return { routes: named, key, sent: bytesOf(sent) ?? NaN, inflated: bytesOf(inflated) };
  });

const rowOf = ({ method, url }: Route): Row | undefined =>
  rows.find(({ routes }) => routes.includes(`${method} ${url}`)) ?? rows.find(({ routes }) => routes.length === 0);

describe('the bounds in docs/architecture.md', () => {
  let it_: Management;
  let shop: Awaited<ReturnType<Management['register']>>;
  let dsnId = '';
  let reading: Route[];
  before(async () => {
    const { built, routes } = await routesOf(() => management('bounds'));
    it_ = built;
    shop = await it_.register('shop');
    dsnId = String((await it_.apps.findBySlug('shop'))?.dsnId);
    reading = routes.filter(({ method }) => ['POST', 'PUT', 'PATCH'].includes(method));
  });
  after(() => it_.close());

  async function send({ method, url, access }: Route, payload: Buffer, more: object = {}): Promise<number> {
    const path = url
      .replace(':appId', 'shop')
      .replace(':dsnId', dsnId)
      .replace('/*', '/x')
      .replace(/:\w+/g, new ObjectId().toHexString());
    const isApps = access === 'app-key';
    const headers = {
      authorization: `Bearer ${isApps ? shop.key : it_.owner.token}`,
      ...(isApps && { 'x-sentry-auth': `Sentry sentry_key=${shop.key}` }),
      'content-type': 'application/json',
      ...more,
    };
    return (await it_.app.inject({ method: method as 'POST', url: path, headers, payload })).statusCode;
  }
  /** A body that no route reads to its end: the key is in it where one belongs. */
  const padded = (bytes: number): Buffer => {
    const first = `{"dsn":"https://${shop.key}@a.example/${dsnId}"}\n{"type":"event"}\n`;
    return Buffer.concat([Buffer.from(first), Buffer.alloc(bytes - first.length, 0x20)]);
  };

  it('name every route that has one of its own, and none besides', () => {
    const all = new Set(reading.map(({ method, url }) => `${method} ${url}`));
    for (const name of rows.flatMap(({ routes }) => routes)) assert.ok(all.has(name), name);
    for (const { method, url, access } of reading)
      if (access === 'app-key') assert.ok((rowOf({ method, url } as Route)?.routes.length ?? 0) > 0, url);
    assert.equal(rows.filter(({ routes }) => routes.length === 0).length, 1);
  });

  it('hold for what is sent, on each route', async () => {
    for (const route of reading.filter(({ access }) => access !== 'invitation')) {
      const { sent = NaN } = rowOf(route) ?? {};
      assert.equal(await send(route, padded(sent + 1)), 413, `${route.method} ${route.url}`);
      if (sent <= 4 * 1024 * 1024)
        assert.notEqual(await send(route, padded(sent)), 413, `${route.method} ${route.url}`);
    }
  });

  it('hold for what it is inflated to, on each route', async () => {
    const gzip = { 'content-encoding': 'gzip' };
    for (const route of reading.filter((each) => rowOf(each)?.inflated !== undefined)) {
      const { inflated = NaN } = rowOf(route) ?? {};
      const status = await send(route, gzipSync(padded(inflated + 1)), gzip);
      assert.equal(status, 413, `${route.method} ${route.url}`);
    }
  });

  it('hold for how deep it is, on each route', async () => {
    const deep = Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    for (const route of reading) assert.ok((await send(route, deep)) < 500, `${route.method} ${route.url}`);
    const people = reading.filter(({ access, url }) => access === 'app:write' || url.endsWith('/releases'));
    assert.equal(people.length, 2);
    for (const route of people) assert.equal(await send(route, deep), 400, route.url);
  });

  it('are the numbers of the code', () => {
    const seconds = (ms: number): string => `${String(ms / 1000)} s`;
    const mib = (bytes: number): string => `${String(bytes / 1024 / 1024)} MiB`;
    for (const said of [
      `nothing came for ${seconds(PACE.idleMs)}`,
      `less than ${String(PACE.leastRate / 1024)} KiB a second over ${seconds(PACE.windowMs)}`,
      `not whole after ${seconds(PACE.senderMs)}`,
      `a source map has ${seconds(PACE.sourceMapMs)}, a sender that is not known yet ${seconds(PACE.strangerMs)}`,
      `Headers have ${seconds(it_.app.server.headersTimeout)}`,
      `at most ${String(LIMITS.jsonLevels)} levels deep`,
      `together take ${mib(STRANGERS.room.bytes)}, those of an address ${mib(STRANGERS.room.bytesOfAddress)}`,
    ])
      assert.ok(section.includes(said), said);
  });
});
