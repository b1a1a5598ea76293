import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { build } from '../../api/app.js';
import { newAppKey, newMemberToken } from '../../api/secrets.js';

describe('when the database has gone away', () => {
  const [server] = new MongoClient(process.env['MONGODB_URL'] ?? '').options.hosts;
  assert.ok(server !== undefined);
  const wires = new Set<Socket>();
  const proxy = createServer((from) => {
    const to = connect(server.port ?? 27017, server.host ?? '127.0.0.1');
    for (const wire of [from, to]) wires.add(wire.on('error', () => undefined));
    from.pipe(to).pipe(from);
  });
  let client: MongoClient;
  let app: Awaited<ReturnType<typeof build>>;
  before(async () => {
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const url = `mongodb://127.0.0.1:${String(port)}/?directConnection=true`;
    client = await new MongoClient(url, { serverSelectionTimeoutMS: 300 }).connect();
    app = await build({
      client,
      db: client.db('nowhere'),
      temporal: () => undefined,
      log: pino({ level: 'silent' }),
      secretKey: 'x'.repeat(40),
      spoolMaxBytes: 1_000_000,
      requestsPerSecondPerKey: 100,
    });
    proxy.close();
    for (const wire of wires) wire.destroy();
  });
  after(async () => {
    await app.close();
    await client.close();
  });

  const cases: readonly [who: string, method: 'GET' | 'POST', url: string, token: string][] = [
    ['a member', 'GET', '/v1/apps', newMemberToken()],
    ['a member of an app', 'GET', '/v1/apps/demo/keys', newMemberToken()],
    ['an app', 'GET', `/v1/batches/${'a'.repeat(64)}`, newAppKey()],
    ['a sender', 'POST', '/v1/events', newAppKey()],
  ];
  for (const [who, method, url, token] of cases) {
    it(`${who} is asked to come back, and not told to have the wrong key`, async () => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await app.inject(
        method === 'GET' ? { method, url, headers } : { method, url, headers, payload: '{}' },
      );
      assert.equal(answer.statusCode, 503, answer.body);
      assert.equal(answer.json<{ code: string }>().code, 'UNAVAILABLE');
      assert.ok(Number(answer.headers['retry-after']) > 0);
    });
  }
});
