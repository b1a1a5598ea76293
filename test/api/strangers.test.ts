import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { newAppKey } from '../../api/secrets.js';
import { cpuMs } from '../helper/cpu-time.js';
import { ask, ingest, type Ingest, ingestApi, type Message } from '../helper/ingest.js';
import { envelopeUrl } from '../helper/sentry.js';
import { until } from '../helper/until.js';

const MIB = 1024 * 1024;
const GZIP = { 'content-encoding': 'gzip' };
const BROTLI = { 'content-encoding': 'br' };
const KEY_IN_BODY = ['/v1/batch', '/batch/', '/batch', '/e/', '/e', '/capture/', '/i/v0/e/', '/flags/', '/flags'];

describe('who has no valid key', () => {
  let it_: Ingest;
  let url = '';
  const lines: { level: number; msg: string }[] = [];
  let listening: Awaited<ReturnType<typeof ingestApi>>;
  before(async () => {
    it_ = await ingest('strangers');
    const stream = { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) };
    listening = await ingestApi(it_.client, it_.db, { log: pino({ level: 'debug' }, stream) });
    url = await listening.listen({ host: '127.0.0.1', port: 0 });
  });
  after(async () => {
    await listening.close();
    await it_.close();
  });

  const sends = (message: Message) => ask(it_.api, { key: null, ...message });
  /** What the smallest bodies become that cost most. */
  const brackets = gzipSync(Buffer.alloc(8 * MIB, '['));
  const zeros = brotliCompressSync(Buffer.alloc(128 * MIB));

  describe('costs little', () => {
    for (const path of KEY_IN_BODY)
      it(`on ${path}: 8 KB that inflate to 8 MB of brackets, eight at once`, async () => {
        const peak = process.resourceUsage().maxRSS;
        const answers = await Promise.all(
          Array.from({ length: 8 }, () => sends({ url: path, body: brackets, headers: GZIP })),
        );
        assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([413]));
        assert.ok(process.resourceUsage().maxRSS - peak < 128 * 1024, 'in KiB');
      });

    it('on the routes of Sentry: 200 bytes that inflate to 128 MB', async () => {
      assert.ok(zeros.length < 400);
      for (const path of ['/v1/sentry/tunnel', envelopeUrl(it_.shop).split('?', 1)[0] ?? '']) {
        const ms = await cpuMs(async () => {
          const answer = await sends({ url: path, body: zeros, headers: BROTLI, type: null });
          assert.equal(answer.status, 400);
        });
        assert.ok(ms < 200, `${path}: ${String(ms)} ms of CPU`);
      }
      const known = await sends({ url: envelopeUrl(it_.shop), body: zeros, headers: BROTLI, type: null });
      assert.equal(known.status, 400);
    });

    it('nor does a key that is good buy more than 200 times what was sent, beyond 8 MiB', async () => {
      const attachment = Buffer.concat([
        Buffer.from(`{}\n{"type":"attachment","length":${String(100 * MIB)}}\n`),
        Buffer.alloc(100 * MIB),
      ]);
      const body = brotliCompressSync(attachment);
      const answer = await sends({ url: envelopeUrl(it_.shop), body, headers: BROTLI, type: null });
      assert.deepEqual([answer.status, answer.body.code], [413, 'BODY_TOO_LARGE']);
    });

    it('where the head says who it is not: nothing of the body is read', async () => {
      for (const path of ['/v1/events', '/v1/errors', '/v1/batch', '/e/', '/ofrep/v1/evaluate/flags', '/v1/apps'])
        assert.match(await answerTo(path, { authorization: `Bearer ${newAppKey()}` }), /^HTTP\/1\.1 401 /, path);
    });
  });

  /** The answer to the head of a request, whose body of 4 MB is never sent. */
  async function answerTo(path: string, headers: Readonly<Record<string, string>>): Promise<string> {
    const socket = connect((listening.server.address() as AddressInfo).port, '127.0.0.1');
    let answer = '';
    socket.on('error', () => undefined).on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
    const head = { host: 'a', 'content-type': 'application/json', 'content-length': '4000000', ...headers };
    const stated = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST ${path} HTTP/1.1\r\n${stated.join('')}\r\n`);
    try {
      await until('an answer', () => answer !== '');
      return answer;
    } finally {
      socket.destroy();
    }
  }

  describe('and sends its key last', () => {
    /** As posthog-python and posthog-php write it: the batch, then the key. */
    const batchOf = (bytes: number, key: string): string => {
      const padding = 'x'.repeat(800);
      const events: string[] = [];
      for (let size = 0; size < bytes; size += events.at(-1)?.length ?? 0) {
        const properties = { $lib: 'posthog-python', padding, token: 'of the app itself', n: events.length };
        const times = { timestamp: new Date().toISOString(), uuid: randomUUID() };
        events.push(JSON.stringify({ event: 'e', distinct_id: 'ada', properties, ...times }));
      }
      return `{"historical_migration": false, "batch": [${events.join()}], "sentAt": "now", "api_key": "${key}"}`;
    };

    for (const [what, pack, headers] of [
      ['as it is', Buffer.from, {}],
      ['gzipped', gzipSync, GZIP],
    ] as const)
      it(`is known all the same, behind 1 MB and behind 2 MB, ${what}`, async () => {
        for (const bytes of [MIB, 2 * MIB]) {
          const from = await it_.register(`shop-${randomUUID().slice(0, 8)}`);
          const body = pack(batchOf(bytes, from.key));
          assert.equal((await sends({ url: '/batch/', body, headers })).status, 200);
          await it_.storeAll();
          assert.ok((await it_.stored('events', from)).length > 700);
        }
      });

    it('is refused where the key is nobody’s, or no text', async () => {
      for (const key of [newAppKey(), '', 'x'.repeat(5_000)])
        assert.equal((await sends({ url: '/batch/', body: batchOf(1_000, key) })).status, 401, key);
    });

    it('is refused where it inflates to more than 200 times what was sent, and is taken with its key in a header', async () => {
      const one = { event: 'e', distinct_id: 'ada', uuid: randomUUID(), properties: { padding: ' '.repeat(2 * MIB) } };
      const body = gzipSync(`{"batch":[${JSON.stringify(one)}],"api_key":"${it_.shop.key}"}`, { level: 9 });
      assert.ok(2 * MIB > body.length * 200);
      assert.equal((await sends({ url: '/batch/', body, headers: GZIP })).status, 413);
      assert.equal((await sends({ url: '/batch/', body, headers: GZIP, key: it_.shop.key })).status, 200);
    });
  });

  it('an upload that is given up is no error of ours', async () => {
    const { key, app } = it_.shop;
    const before = lines.length;
    const paths = [
      '/v1/events',
      '/batch/',
      '/v1/batch',
      `/api/${String(app.dsnId)}/envelope/`,
      '/ofrep/v1/evaluate/flags',
    ];
    for (const path of paths)
      for (const headers of [{ 'x-api-key': key, 'x-sentry-auth': `Sentry sentry_key=${key}` }, {}] as const) {
        const socket = connect(Number(new URL(url).port), '127.0.0.1');
        const stated = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 4000000\r\n`;
        await new Promise((resolve) => socket.write(`${head}${stated.join('')}\r\n{"batch":[`, resolve));
        const answered = lines.length;
        // Long enough on its way for the route to read it.
        await listening.inject('/healthz');
        socket.destroy();
        await until(`the end of ${path}`, () => lines.slice(answered).some(({ msg }) => msg === 'answered'));
      }
    assert.deepEqual(
      lines.slice(before).filter(({ level }) => level >= 50),
      [],
    );
  });

  it('has ten seconds for its headers', () => {
    const { headersTimeout, requestTimeout } = listening.server;
    assert.deepEqual([headersTimeout, requestTimeout], [10_000, 1_200_000]);
  });
});
