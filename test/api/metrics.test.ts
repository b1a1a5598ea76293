import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { readConfig } from '../../config.js';
import { ingestApi, type Ingest, ingest } from '../helper/ingest.js';

const TOKEN = 'metrics-token-'.repeat(3);

type Api = Awaited<ReturnType<typeof ingestApi>>;

describe('metrics', () => {
  let it_: Ingest;
  let open: Api;
  let guarded: Api;
  before(async () => {
    it_ = await ingest('metrics');
    open = it_.api;
    guarded = await ingestApi(it_.client, it_.db, { metricsToken: TOKEN });
  });
  after(async () => {
    await guarded.close();
    await it_.close();
  });

  interface From {
    readonly remoteAddress?: string;
    readonly headers?: Readonly<Record<string, string>>;
  }
  const read = async (api: Api, from: From = {}, method: 'GET' | 'HEAD' = 'GET') => {
    const { statusCode, body } = await api.inject({ method, url: '/metrics', ...from });
    return { status: statusCode, hasNumbers: body.includes('experience_'), body };
  };

  it('are shown to this host, in any of its notations', async () => {
    for (const remoteAddress of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1']) {
      const { status, hasNumbers } = await read(open, { remoteAddress });
      assert.deepEqual([status, hasNumbers], [200, true], remoteAddress);
    }
    for (const host of ['localhost', 'LOCALHOST:4400', '127.0.0.1:4400', '[::1]:4400']) {
      assert.equal((await read(open, { headers: { host } })).status, 200, host);
    }
  });

  it('are refused to every other host, in one answer', async () => {
    const foreign = ['10.0.0.1', '192.168.1.2', '172.17.0.1', '203.0.113.9', '::ffff:10.0.0.1', 'fe80::1', 'nonsense'];
    const answers = await Promise.all(foreign.map((remoteAddress) => read(open, { remoteAddress })));
    const bodies = answers.map(({ status, hasNumbers, body }) => {
      assert.deepEqual([status, hasNumbers], [401, false]);
      return body.replace(/"instance":"[^"]+"/, '');
    });
    assert.equal(new Set(bodies).size, 1);
    assert.equal((await read(open, { remoteAddress: '10.0.0.1' }, 'HEAD')).status, 401);
  });

  it('are not shown to who says of itself that it is this host', async () => {
    for (const said of ['127.0.0.1', '::1', 'localhost']) {
      for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'x-client-ip']) {
        const from = { remoteAddress: '203.0.113.9', headers: { [name]: said } };
        assert.equal((await read(open, from)).status, 401, `${name}: ${said}`);
      }
    }
  });

  it('are not shown to who comes through a proxy on this host, or from a web page', async () => {
    for (const headers of [
      { 'x-forwarded-for': '203.0.113.9' },
      { 'X-Forwarded-For': '127.0.0.1' },
      { 'x-forwarded-proto': 'https' },
      { 'x-forwarded-host': 'localhost' },
      { 'x-real-ip': '203.0.113.9' },
      { forwarded: 'for=203.0.113.9' },
      { via: '1.1 proxy' },
      { origin: 'https://evil.example' },
      { host: 'experience.example.com' },
      { host: 'evil.example:4400' },
      { host: 'localhost.evil.example' },
      { host: '127.0.0.1.evil.example' },
    ])
      assert.equal((await read(open, { headers })).status, 401, JSON.stringify(headers));
  });

  it('look at the socket itself', async () => {
    await open.listen({ host: '127.0.0.1', port: 0 });
    const { port } = open.server.address() as AddressInfo;
    const statusBy = async (headers: Record<string, string>) => {
      const [answer] = (await once(
        request({ host: '127.0.0.1', port, path: '/metrics', headers, agent: false }).end(),
        'response',
      )) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    assert.equal(await statusBy({}), 200);
    assert.equal(await statusBy({ 'X-Forwarded-For': '127.0.0.1' }), 401);
    assert.equal(await statusBy({ Host: 'rebound.example' }), 401);
  });

  it('need the token where there is one, also from this host, and from anywhere', async () => {
    const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    for (const wrong of ['', 'x', TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase(), it_.shop.key, it_.shop.serverKey]) {
      assert.equal((await read(guarded, bearer(wrong))).status, 401, wrong);
    }
    assert.equal((await read(guarded)).status, 401);
    const query = await guarded.inject({
      url: `/metrics?token=${TOKEN}&key=${TOKEN}`,
      headers: { 'x-api-key': TOKEN },
    });
    assert.equal(query.statusCode, 401);
    for (const headers of [{}, { 'x-forwarded-for': '203.0.113.9', host: 'experience.example.com' }]) {
      const from = { remoteAddress: '203.0.113.9', headers: { ...bearer(TOKEN).headers, ...headers } };
      const { status, hasNumbers } = await read(guarded, from);
      assert.deepEqual([status, hasNumbers], [200, true]);
    }
    assert.equal((await read(open, { remoteAddress: '203.0.113.9', ...bearer('') })).status, 401);
  });

  it('take no token that could be guessed', () => {
    const env = { MONGODB_URL: 'mongodb://localhost/experience', SECRET_KEY: 's'.repeat(32) };
    assert.equal(readConfig(env).metricsToken, undefined);
    assert.equal(readConfig({ ...env, METRICS_TOKEN: '' }).metricsToken, undefined);
    assert.equal(readConfig({ ...env, METRICS_TOKEN: TOKEN }).metricsToken, TOKEN);
    for (const METRICS_TOKEN of ['x', 'x'.repeat(31), `${'x'.repeat(40)} x`]) {
      assert.throws(() => readConfig({ ...env, METRICS_TOKEN }), /METRICS_TOKEN needs at least 32 characters/);
    }
  });
});
