import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { wantsNoMore, webhookSender } from '../../activities/webhook.js';
import { escaping } from '../helper/escaping.js';
import { receiver, type Receiver } from '../helper/receiver.js';

type Options = Parameters<typeof webhookSender>[0];
type Resolve = NonNullable<Options['resolve']>;

/** A name server that gives each look-up the next of these answers. */
function names(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const resolve: Resolve = (hostname, _options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    setImmediate(() => callback(null, found));
  };
  return { resolve, asked };
}

const post = (options: Options, url: string, body = '{"a":"é"}') =>
  webhookSender(options)({ url, body, headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1' } });

describe('a webhook to an address that is not public', () => {
  let inside: Receiver;
  before(async () => {
    inside = await receiver();
  });
  after(() => inside.close());

  it('is refused when the URL names it, in whatever notation, and nothing is connected to', async () => {
    const hosts = ['127.0.0.1', '127.1', '0x7f.0.0.1', '2130706433', '017700000001', '[::1]', '[::ffff:127.0.0.1]'];
    for (const host of [...hosts, '0.0.0.0', '169.254.169.254', '10.0.0.1', '[64:ff9b::7f00:1]', '[2002:7f00:1::]']) {
      const sent = await post({ allowPrivate: false }, `http://${host}:${String(inside.port)}/`);
      assert.match(sent.failure ?? '', /not on the public internet/, host);
      assert.equal(sent.isFinal, true, host);
    }
    assert.equal(inside.connections(), 0);
  });

  it('is refused when a name leads there, be it one of several addresses', async () => {
    for (const answer of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['::1'], ['fd00::1', '2606:4700::1111']]) {
      const { resolve } = names(answer);
      const sent = await post({ allowPrivate: false, resolve }, `http://hook.example.com:${String(inside.port)}/`);
      assert.match(sent.failure ?? '', /hook\.example\.com is not on the public internet/, answer.join());
      assert.equal(sent.isFinal, true);
    }
    const system = await post({ allowPrivate: false }, `http://localhost:${String(inside.port)}/`);
    assert.match(system.failure ?? '', /localhost is not on the public internet/);
    assert.equal(inside.connections(), 0);
  });

  it('is not reached by a name that answers otherwise the second time: there is no second time', async () => {
    const { resolve, asked } = names(['203.0.114.1'], ['127.0.0.1']);
    const url = `http://rebind.example.com:${String(inside.port)}/`;
    const sent = await post({ allowPrivate: false, resolve, timeoutMs: 300 }, url);
    assert.notEqual(sent.failure, null);
    assert.deepEqual(asked, ['rebind.example.com']);
    assert.equal(inside.connections(), 0);
  });

  it('is sent where the instance allows it', async () => {
    const { resolve } = names(['127.0.0.1']);
    const sent = await post({ allowPrivate: true, resolve }, `http://hook.example.com:${String(inside.port)}/path?a=1`);
    assert.equal(sent.failure, null);
    const [first] = inside.received;
    assert.equal(first?.method, 'POST');
    assert.equal(first.path, '/path?a=1');
    assert.equal(first.body, '{"a":"é"}');
    assert.equal(first.headers.host, `hook.example.com:${String(inside.port)}`);
    assert.equal(first.headers['webhook-id'], 'msg_1');
  });
});

describe('the URL of a webhook', () => {
  const PATHS: readonly (readonly [what: string, path: string, ...secrets: string[]])[] = [
    ['of Slack', '/services/T00000000/B00000000/XXXXsecretXXXX', 'T00000000', 'B00000000', 'XXXXsecretXXXX'],
    ['of Discord', '/api/webhooks/123456789/abc-DEF_ghi', '123456789', 'abc-DEF_ghi'],
    ['with a query', '/workflows/f00d/run?sp=%2Ftriggers%2Frun&sig=a1%2Bb2c3d4-e5', 'f00d', 'b2c3d4-e5'],
    ['with what is no encoding', '/hook%zz/s3cr3t.key~1', 's3cr3t.key~1'],
    ['with a short path', '/x9', '/x9'],
  ];
  /** As servers and their pages repeat what was asked of them. */
  const echoes = (path: string): readonly string[] => [
    `Cannot POST ${path}`,
    `<pre>Cannot POST ${path.replaceAll('&', '&amp;').replaceAll('/', '&#x2F;')}</pre>`,
    JSON.stringify({ path }).replaceAll('/', '\\/'),
    path.replaceAll('%2B', '+').replaceAll('%2F', '/'),
    path.split(/[/?&=]/).join(' '),
    // The end of what is kept of an answer stands in the middle of it.
    `${' '.repeat(1024 - path.length + 2)}${path}`,
  ];

  for (const [what, path, ...secrets] of PATHS) {
    it(`${what} is not in what is kept of an answer`, async () => {
      for (const said of echoes(path)) {
        const it_ = await receiver((reply) => reply.writeHead(404).end(said));
        const sent = await post({ allowPrivate: true }, new URL(path, it_.url).href);
        await it_.close();
        assert.equal(sent.failure, 'answered 404');
        for (const secret of secrets) {
          if (secret !== path || said.includes(path)) {
            const start = secret.slice(0, 6);
            assert.ok(!sent.answer.includes(start), `${start} in ${JSON.stringify(sent.answer)}`);
          }
        }
        assert.ok(sent.answer.length <= 1024);
      }
    });
  }

  it('is not in what a failure says, which names the host', async () => {
    const resolve: Resolve = (_hostname, _options, callback) =>
      setImmediate(() => callback(new Error('no way to https://hook.example.com/services/s3cr3t-path'), []));
    const sent = await post({ allowPrivate: true, resolve }, 'https://hook.example.com/services/s3cr3t-path');
    assert.equal(sent.failure, 'no way to https://hook.example.com…');
    const broken = await post({ allowPrivate: true }, 'no URL at all s3cr3t');
    assert.deepEqual([broken.status, broken.failure], [null, 'Invalid URL']);
  });
});

describe('what a receiver answers', () => {
  const sentTo = async (answer: (reply: ServerResponse) => void, timeoutMs = 2_000) => {
    const it_ = await receiver(answer);
    try {
      const sent = await post({ allowPrivate: true, timeoutMs }, it_.url);
      return { sent, received: it_.received.length };
    } finally {
      await it_.close();
    }
  };
  const status = (code: number, headers: Record<string, string> = {}) =>
    sentTo((reply) => reply.writeHead(code, headers).end(`said ${String(code)}`));

  it('is taken for 2xx, with the beginning of the answer for the log', async () => {
    for (const code of [200, 202, 204]) {
      const { sent } = await status(code);
      assert.deepEqual([sent.status, sent.failure, sent.isFinal], [code, null, true]);
    }
    const long = await sentTo((reply) => reply.end('x'.repeat(100_000)));
    assert.equal(long.sent.answer.length, 1024);
    assert.equal(long.sent.failure, null);
  });

  it('is worth another try for all else, 4xx too', async () => {
    for (const code of [400, 401, 404, 429, 500, 503]) {
      const { sent } = await status(code);
      assert.deepEqual([sent.status, sent.failure, sent.isFinal], [code, `answered ${String(code)}`, false]);
      assert.equal(sent.answer, `said ${String(code)}`);
    }
  });

  it('is final for 410: the receiver wants no more', async () => {
    const { sent } = await status(410);
    assert.equal(sent.isFinal, true);
    assert.equal(wantsNoMore(sent), true);
    assert.equal(wantsNoMore((await status(404)).sent), false);
  });

  it('says when to come again, within an hour', async () => {
    assert.equal((await status(429, { 'retry-after': '90' })).sent.retryAfterMs, 90_000);
    assert.equal((await status(503, { 'retry-after': '999999' })).sent.retryAfterMs, 3_600_000);
    assert.equal((await status(503, { 'retry-after': 'tomorrow' })).sent.retryAfterMs, undefined);
  });

  it('is not followed where it is a redirect', async () => {
    const other = await receiver();
    const { sent, received } = await status(307, { location: other.url });
    assert.match(sent.failure ?? '', /redirects are not followed/);
    assert.deepEqual([received, other.received.length], [1, 0]);
    await other.close();
  });

  it('may come too late, not at all, or without an end', async () => {
    const never = await sentTo(() => undefined, 200);
    assert.deepEqual([never.sent.failure, never.sent.isFinal], ['no answer within 0.2 s', false]);
    const cut = await sentTo((reply) => reply.destroy());
    assert.deepEqual([cut.sent.status, cut.sent.isFinal], [null, false]);
    const dripping = await sentTo((reply) => {
      reply.writeHead(200).write('a');
    }, 300);
    assert.deepEqual([dripping.sent.status, dripping.sent.answer, dripping.sent.failure], [200, 'a', null]);
  });

  it('is none where nobody listens', async () => {
    const gone = await receiver();
    await gone.close();
    const sent = await post({ allowPrivate: true }, gone.url);
    assert.match(sent.failure ?? '', /ECONNREFUSED/);
    assert.equal(sent.isFinal, false);
  });
});

/** What a name server may do to us, each with what the log of the delivery then says. */
const NAME_SERVERS: readonly (readonly [string, (callback: (...given: unknown[]) => void) => void, RegExp])[] = [
  ['says that there is no such host', (callback) => setImmediate(callback, missing(), undefined), /ENOTFOUND/],
  ['says so at once', (callback) => callback(missing(), undefined), /ENOTFOUND/],
  ['fails before it has asked', () => thrown('no resolver'), /no resolver/],
  ['fails with what is no error', (callback) => callback('broken', undefined), /broken/],
  ['gives no list', (callback) => setImmediate(callback, null, undefined), /has no address/],
  ['gives an empty list', (callback) => setImmediate(callback, null, []), /has no address/],
  ['gives nothing in its list', (callback) => setImmediate(callback, null, [null]), /has no address/],
  ['gives texts', (callback) => setImmediate(callback, null, ['127.0.0.1']), /has no address/],
  ['gives what is no address', (callback) => setImmediate(callback, null, [{ address: 'x', family: 4 }]), /no address/],
  ['gives half an address', (callback) => setImmediate(callback, null, [{ family: 4 }]), /has no address/],
  [
    'gives a family that there is not',
    (callback) => setImmediate(callback, null, [at('127.0.0.1', 9)]),
    /ECONNREFUSED/,
  ],
  [
    'answers twice',
    (callback) => {
      callback(missing(), undefined);
      callback(null, [at('127.0.0.1', 4)]);
      callback(missing(), undefined);
    },
    /ENOTFOUND/,
  ],
  [
    'answers, and fails then',
    (callback) => {
      callback(missing(), undefined);
      thrown('too late');
    },
    /ENOTFOUND/,
  ],
  ['never answers', () => undefined, /no answer within 0\.2 s/],
  [
    'answers when nobody waits',
    (callback) => setTimeout(callback, 300, missing(), undefined),
    /no answer within 0\.2 s/,
  ],
];

const at = (address: string, family: number) => ({ address, family });
const missing = () => Object.assign(new Error('getaddrinfo ENOTFOUND hooks.invalid'), { code: 'ENOTFOUND' });
function thrown(message: string): never {
  throw new Error(message);
}

describe('a webhook whose name server', () => {
  for (const [what, answer, reason] of NAME_SERVERS) {
    for (const allowPrivate of [true, false]) {
      it(`${what} is a failed attempt${allowPrivate ? '' : ', where private addresses are not allowed too'}`, async (t) => {
        const escaped = escaping(t);
        const resolve = ((_hostname, _options, callback) => answer(callback as () => void)) as Resolve;
        const sent = await post({ allowPrivate, resolve, timeoutMs: 200 }, 'http://hooks.invalid:1/x');
        const isRefused = !allowPrivate && String(reason) === '/ECONNREFUSED/';
        assert.match(sent.failure ?? 'nothing', isRefused ? /not on the public internet/ : reason);
        assert.deepEqual([sent.status, sent.isFinal], [null, isRefused]);
        assert.deepEqual(await escaped(), []);
      });
    }
  }
});

describe('a webhook whose receiver', () => {
  const ANSWERS: readonly (readonly [string, string, RegExp])[] = [
    ['speaks no HTTP', 'hello\r\n\r\n', /Parse Error/],
    ['wants another protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', /./],
    ['hangs up', '', /./],
    ['says no more than that it goes on', 'HTTP/1.1 100 Continue\r\n\r\n', /./],
    ['has no end of headers', `HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1_000)}\r\n`.repeat(100)}`, /./],
  ];
  for (const [what, answer, reason] of ANSWERS) {
    it(`${what} is a failed attempt`, async (t) => {
      const escaped = escaping(t);
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(answer));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const sent = await post({ allowPrivate: true, timeoutMs: 2_000 }, `http://127.0.0.1:${String(port)}/`);
      assert.match(sent.failure ?? 'nothing', reason);
      assert.deepEqual([sent.status, sent.isFinal], [null, false]);
      assert.deepEqual(await escaped(), []);
    });
  }

  it('cannot be asked for what we say or where it is is a failed attempt', async (t) => {
    const escaped = escaping(t);
    const send = webhookSender({ allowPrivate: true });
    for (const request of [
      { url: 'http://127.0.0.1:1/', headers: { 'x-a': 'new\nline' }, body: '' },
      { url: 'no url', headers: {}, body: '' },
      { url: 'ftp://127.0.0.1/', headers: {}, body: '' },
    ]) {
      const { status, failure, isFinal } = await send(request);
      assert.deepEqual([status, typeof failure, isFinal], [null, 'string', false], request.url);
    }
    assert.deepEqual(await escaped(), []);
  });
});
