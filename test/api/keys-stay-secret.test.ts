import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import type { InjectOptions } from 'fastify';
import { STREAM_PATH } from '../../api/flags/stream-url.js';
import { processLog } from '../../last-net.js';
import { management, type Management } from '../helper/management.js';
import { type Route, routesOf } from '../helper/routes.js';

/** Every character as a client need not write it. */
const encoded = (text: string): string => Buffer.from(text).toString('hex').replaceAll(/../g, '%$&');

/** Forms in which a secret may stand in a path: good ones, and such that the router cannot read. */
const IN_PATH: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => encoded(secret),
  (secret) => `${secret.replace('_', '%5F')}.`,
  (secret) => `${secret}%`,
  (secret) => `%zz${secret}`,
  (secret) => `${secret}%2`,
  (secret) => secret + 'a'.repeat(3_000),
  (secret) => `${secret};v=1`,
];

const queryWith = (secret: string): string =>
  ['key', 'sentry_key', 'token', 'api_key', 'before', 'limit', 'profileId', 'since', secret]
    .map((name) => `${name}=${secret}`)
    .join('&');

const headersWith = (secret: string): Record<string, string> => ({
  'x-api-key': secret,
  'x-sentry-auth': `Sentry sentry_version=7, sentry_key=${secret}`,
  cookie: `token=${secret}`,
  referer: `https://shop.example/?key=${secret}`,
  'user-agent': secret,
  'x-request-id': secret,
  'x-forwarded-for': secret,
  'idempotency-key': secret,
  'if-none-match': `"${secret}"`,
  'if-match': `"${secret}"`,
  'last-event-id': secret,
  'accept-version': secret,
  traceparent: secret,
  [secret]: secret,
});

const objectWith = (secret: string) => ({
  [secret]: secret,
  ...Object.fromEntries(
    ['key', 'api_key', 'writeKey', 'token', 'name', 'kind', 'value', 'email', 'url', 'version', 'appId'].map((name) => [
      name,
      secret,
    ]),
  ),
  batch: [{ [secret]: secret, type: secret, event: secret, properties: { token: secret } }],
  events: [{ [secret]: secret, eventType: secret, metadata: { [secret]: secret } }],
  errors: secret,
});

interface Sent {
  readonly type: string;
  readonly payload?: string;
}

const bodiesWith = (secret: string): readonly Sent[] => [
  { type: 'application/json', payload: JSON.stringify(objectWith(secret)) },
  { type: 'application/json', payload: `{"api_key":${secret}}` },
  {
    type: `application/${secret}`,
    payload: `{"dsn":"https://${secret}@shop.example/1"}\n{"type":"${secret}"}\n${secret}`,
  },
];

describe('no log line and no refusal holds a key or token', () => {
  const lines: string[] = [];
  let it_: Management;
  let routes: Route[];
  /** An app key and a member token, each where the other belongs as well. */
  let secrets: readonly string[];
  before(async () => {
    const log = processLog({ name: 'api', level: 'trace', out: { write: (line) => lines.push(line) } });
    const { built, routes: found } = await routesOf(() => management('keys-stay-secret', { log }));
    it_ = built;
    const { key } = await it_.register('shop');
    const { token } = it_.owner;
    // The pages of the API reference are not ours.
    routes = found.filter(({ url, method }) => !url.startsWith('/docs') && method !== 'OPTIONS' && method !== 'HEAD');
    secrets = [key, token];
  });
  after(() => it_.close());

  /** What is random in it: however the rest of it is written, this is what nobody else may see. */
  const holds = (text: string, secret: string): boolean =>
    text.includes(secret.slice(4, 24)) || text.includes(encoded(secret.slice(4, 24)));

  function assertUnsaid(secret: string, what: string): void {
    const line = lines.find((each) => holds(each, secret));
    assert.equal(line, undefined, `${what} is logged`);
    lines.length = 0;
  }

  async function ask(
    request: InjectOptions & { readonly url: string },
    secret: string,
    mayAnswer: boolean,
  ): Promise<number> {
    const { statusCode, headers, body } = await it_.app.inject(request);
    const what = `${String(request.method)} ${request.url}: ${String(statusCode)}`;
    const answer = `${JSON.stringify(headers)}\n${body}`;
    if (statusCode >= 400 || !mayAnswer) assert.ok(!holds(answer, secret), `${what} is answered with ${answer}`);
    assert.ok(statusCode < 500 || statusCode === 503, `${what}: ${answer}`);
    assertUnsaid(secret, what);
    return statusCode;
  }

  /** The answers that are there to say it: a script with its page's key, and where a client finds its stream. */
  const isAnswer = (url: string): boolean => url.endsWith('/config.js') || url.startsWith('/ofrep/');

  it('from whatever place of whatever request of whatever route', async () => {
    const seen = new Set<number>();
    for (const secret of secrets) {
      for (const { method, url, access } of routes) {
        // That one would go on for ever.
        if (url === STREAM_PATH && secret.startsWith('exp_')) continue;
        const at = (
          path: string,
          sent: Partial<Sent> & { headers?: Record<string, string> } = {},
        ): InjectOptions & { readonly url: string } => ({
          method: method,
          url: path,
          headers: { ...sent.headers, ...(sent.type !== undefined && { 'content-type': sent.type }) },
          ...(method !== 'GET' && { payload: sent.payload }),
        });
        const here = url.replace(':appId', 'shop').replaceAll(/:\w+/g, '1'.repeat(24));
        const query = `${here}?${queryWith(secret)}`;
        const bearer = { authorization: `Bearer ${secret}` };
        const all = [at(query, { headers: { ...headersWith(secret), ...bearer } })];
        if (/[:*]/.test(url)) {
          for (const form of IN_PATH.slice(0, 2))
            all.push(at(url.replaceAll(/:\w+|\*$/g, form(secret)), { headers: bearer }));
        }
        if (access === 'app-key') {
          for (const authorization of [`Basic ${btoa(`${secret}:`)}`, `Sentry sentry_key=${secret}`])
            all.push(at(here, { headers: { authorization } }));
        }
        if (method !== 'GET') {
          const headers = access === 'app-key' ? {} : { authorization: `Bearer ${it_.owner.token}` };
          for (const body of bodiesWith(secret)) all.push(at(here, { ...body, headers }));
        }
        for (const request of all) seen.add(await ask(request, secret, isAnswer(url)));
      }
    }
    for (const status of [200, 400, 401, 404, 415]) assert.ok(seen.has(status), `no answer was ${String(status)}`);
  });

  it('from a path that leads nowhere', async () => {
    for (const secret of secrets) {
      for (const form of IN_PATH) {
        for (const path of ['/', '/array/', '/docs/static/', '/v1/apps/']) {
          for (const method of ['GET', 'POST'] as const) {
            await ask({ method, url: `${path}${form(secret)}?key=${secret}` }, secret, false);
          }
        }
      }
    }
  });

  it('from what is no request at all', async () => {
    await it_.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = it_.app.server.address() as AddressInfo;
    const host = 'Host: shop.example\r\n';
    for (const secret of secrets) {
      const url = `/array/${secret}/config`;
      for (const text of [
        secret,
        `GET ${url}\r\n\r\n`,
        `GET ${url} HTTP/9.9\r\n${host}\r\n`,
        `${secret} ${url} HTTP/1.1\r\n${host}\r\n`,
        `GET ${url} HTTP/1.1\r\n\r\n`,
        `GET ${url} HTTP/1.1\r\n${host}${secret}\r\n\r\n`,
        `GET ${url} HTTP/1.1\r\n${host}X-Api-Key: ${secret}\x00\r\n\r\n`,
        `GET ${url} HTTP/1.1\r\n${host}X-Api-Key: ${secret.repeat(1_000)}\r\n\r\n`,
        `GET ${url} HTTP/1.1\r\n${host}Expect: ${secret}\r\nConnection: close\r\n\r\n`,
        `GET ${url} HTTP/1.1\r\n${host}Upgrade: ${secret}\r\nConnection: upgrade\r\n\r\n`,
        `GET http://${secret}@shop.example${url} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
        `GET ${secret} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
        `GET /${secret}\xff%zz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
        `CONNECT ${secret}:443 HTTP/1.1\r\n${host}\r\n`,
        `POST ${url} HTTP/1.1\r\n${host}Content-Length: ${secret}\r\n\r\n`,
        `POST /e/?key=${secret} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${secret}\r\n${secret}`,
        `POST /e/?key=${secret} HTTP/1.1\r\n${host}Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n${secret}`,
      ]) {
        const socket = connect(port, '127.0.0.1');
        let answer = '';
        socket.setEncoding('latin1').on('data', (some: string) => (answer += some));
        socket.on('error', () => undefined);
        socket.end(text, 'latin1');
        await once(socket, 'close');
        const what = JSON.stringify(text.slice(0, 200));
        assert.ok(!holds(answer, secret), `${what} is answered with ${answer}`);
        assertUnsaid(secret, what);
      }
    }
  });

  it('in a label of the metrics', async () => {
    const { body } = await it_.app.inject({ url: '/metrics' });
    assert.match(body, /experience_http_request_seconds_count/);
    for (const secret of secrets) assert.ok(!holds(body, secret));
  });

  it('from an error that tells of it, or brings along what a client has sent', () => {
    const [secret = assert.fail()] = secrets;
    lines.length = 0;
    const log = processLog({ name: 'api', level: 'trace', out: { write: (line) => lines.push(line) } });
    const cause = new Error(`E11000 dup key: { key: "${secret}" }`);
    const err = Object.assign(new Error(`failed\n${secret}`, { cause }), {
      rawPacket: Buffer.from(`GET /array/${secret}/config`),
      keyValue: { key: secret },
    });
    log.error({ err, url: `/e/?key=${secret}&x=1` }, `no ${secret}`);
    log.error({ error: err, secret: `whsec_${'Ab+/'.repeat(10)}=` });
    assert.equal(lines.length, 2);
    for (const line of lines) {
      const told = JSON.parse(line) as { readonly err?: { readonly message: string } };
      assert.ok(told.err === undefined || told.err.message.includes('[secret]'));
      assert.doesNotMatch(line, /rawPacket|whsec_/);
    }
    assertUnsaid(secret, 'it');
  });
});
