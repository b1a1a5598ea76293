import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { dsnOf, keyInSentryAuth } from '../../domain/sentry/dsn.js';
import { type Envelope, envelopeReader } from '../../domain/sentry/envelope.js';
import { cpuMs } from '../helper/cpu-time.js';

const KEEPS = new Set(['event', 'session', 'feedback']);
const decode = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
const reader = (limits: { maxItems?: number; maxKeptBytes?: number } = {}) =>
  envelopeReader({ decode, keeps: KEEPS, maxItems: 100, maxKeptBytes: 1_000_000, ...limits });

function read(bytes: string | Uint8Array, chunk = 1_000_000): Envelope | undefined {
  const each = reader();
  const all = Buffer.from(bytes);
  for (let at = 0; at < all.length; at += chunk) assert.ok(each.push(all.subarray(at, at + chunk)));
  return each.finish();
}
const itemsOf = (bytes: string | Uint8Array, chunk?: number): [string, string][] =>
  (read(bytes, chunk)?.items ?? []).map(({ type, payload }) => [type, decode(payload).trim()]);

const EVENT = '{"event_id":"a"}';
const attachment = (bytes: Uint8Array) =>
  Buffer.concat([
    Buffer.from(`{"type":"attachment","length":${String(bytes.length)},"filename":"x"}\n`),
    bytes,
    Buffer.from('\n'),
  ]);

describe("a Sentry SDK's envelope", () => {
  it('has items whose payload ends at its line, or after as many bytes as it says', () => {
    const counted = `{"type":"event","length":${String(EVENT.length)}}\n${EVENT}`;
    assert.deepEqual(itemsOf(`{"a":1}\n{"type":"event"}\n${EVENT}\n${counted}`), [
      ['event', EVENT],
      ['event', EVENT],
    ]);
    assert.deepEqual(read('{"a":1}')?.header, { a: 1 });
    assert.deepEqual(read('{}')?.items, []);
  });

  it('may have CRLF, blank lines, and no line break at its end', () => {
    const text = `{}\r\n\r\n{"type":"event"}\r\n${EVENT}\r\n\r\n\n{"type":"session"}\r\n{}`;
    assert.deepEqual(itemsOf(text), [
      ['event', EVENT],
      ['session', '{}'],
    ]);
  });

  it('is read the same however it is cut into chunks, attachments with line breaks and all', () => {
    const binary = Buffer.from([0x0a, 0x7b, 0xff, 0x0a, 0x22, 0x0a, 0x00]);
    const bytes = Buffer.concat([
      Buffer.from('{"event_id":"a"}\n'),
      attachment(binary),
      Buffer.from(`{"type":"event"}\n${EVENT}\n`),
      attachment(Buffer.alloc(0)),
      Buffer.from('{"type":"log"}\n{"skipped":true}\n{"type":"session"}\n{"sid":"s"}'),
    ]);
    const whole = itemsOf(bytes);
    assert.deepEqual(whole, [
      ['event', EVENT],
      ['session', '{"sid":"s"}'],
    ]);
    for (let chunk = 1; chunk <= bytes.length; chunk++) assert.deepEqual(itemsOf(bytes, chunk), whole);
    assert.deepEqual(
      read(bytes)?.items.map(({ index }) => index),
      [1, 4],
    );
  });

  it('keeps nothing of what is skipped, so its size counts toward no limit', () => {
    const each = reader({ maxKeptBytes: 500 });
    assert.ok(each.push(Buffer.concat([Buffer.from('{}\n'), attachment(Buffer.alloc(1_000_000, 0x0a))])));
    assert.ok(each.push(Buffer.from(`{"type":"replay"}\n${'x'.repeat(10_000)}\n{"type":"event"}\n${EVENT}`)));
    const envelope = each.finish();
    assert.equal(envelope?.items.length, 1);
    assert.ok(envelope.kept.length < 200, String(envelope.kept.length));
  });

  it('is too large where more must be kept than may be', () => {
    const each = reader({ maxKeptBytes: 100 });
    assert.equal(each.push(Buffer.from(`{}\n{"type":"event"}\n${'x'.repeat(100)}`)), false);
  });

  it('is refused for its header alone: an item that makes no sense is passed over', () => {
    for (const bad of ['', '\n', 'x', '[]\n', '"x"\n{"type":"event"}\n{}', '{"a":\n{}', 'null'])
      assert.equal(read(bad), undefined, bad);
    const junk = ['nonsense', '[1]', '{"type":5}', '{"length":3}', '{"type":"event"', '\u0000'];
    assert.deepEqual(itemsOf(`{}\n${junk.join('\n')}\n{"type":"event"}\n${EVENT}`), [['event', EVENT]]);
  });

  it('that ends early gives the last payload as far as it came, and takes absurd lengths for none', () => {
    assert.deepEqual(itemsOf(`{}\n{"type":"event","length":9000}\n${EVENT}`), [['event', EVENT]]);
    assert.deepEqual(itemsOf('{}\n{"type":"event"}\n'), [['event', '']]);
    assert.deepEqual(itemsOf('{}\n{"type":"event"'), []);
    for (const length of ['-1', '1.5', '1e99', '"7"', 'null'])
      assert.deepEqual(itemsOf(`{}\n{"type":"event","length":${length}}\n${EVENT}\n`), [['event', EVENT]]);
  });

  it('has a bounded number of items and lines that are looked at', () => {
    const many = `{}\n${`{"type":"event"}\n${EVENT}\n`.repeat(150)}`;
    assert.equal(read(many)?.items.length, 100);
    assert.equal(read(`{}\n${'x\n'.repeat(150)}{"type":"event"}\n${EVENT}`)?.items.length, 0);
    assert.equal(read(`{}\n${'\n'.repeat(150)}{"type":"event"}\n${EVENT}`)?.items.length, 0);
  });

  it('can be anything at all without an exception, in any chunks', () => {
    const line = fc.oneof(
      fc.constantFrom('{"type":"event"}', '{"type":"attachment","length":5}', '{}', '{"type":"event","length":3}', ''),
      fc.string(),
      fc.json(),
    );
    const text = fc.array(line).map((lines) => Buffer.from(lines.join('\n')));
    fc.assert(
      fc.property(
        fc.oneof(text, fc.uint8Array({ maxLength: 500 })),
        fc.integer({ min: 1, max: 50 }),
        (bytes, chunk) => {
          const envelope = read(bytes, chunk);
          assert.deepEqual(read(bytes), envelope);
          for (const { type } of envelope?.items ?? []) assert.ok(KEEPS.has(type));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of eight megabytes of one-byte lines, brackets or quotes is read at once', async () => {
    for (const text of ['\n', 'x\n', '{}\n', '{"type":"event"}\n', '[', '"']) {
      const body = Buffer.from(`{}\n${text.repeat(8_000_000 / text.length)}`);
      const each = envelopeReader({ decode, keeps: KEEPS, maxItems: 1_000, maxKeptBytes: 9_000_000 });
      const took = await cpuMs(() => {
        for (let at = 0; at < body.length; at += 65_536) each.push(body.subarray(at, at + 65_536));
        each.finish();
      });
      assert.ok(took < 1_000, `${JSON.stringify(text)}: ${String(took)} ms`);
    }
  });
});

describe('a DSN', () => {
  it('holds the key and the number of an app, with or without a path, port or password', () => {
    const expected = { key: 'exp_aB1', dsnId: '42' };
    for (const text of ['https://exp_aB1@h.example/42', 'http://exp_aB1:@h:80/a/b/42', 'http://exp_aB1:pw@[::1]:3/42/'])
      assert.deepEqual(dsnOf(text), expected, text);
    for (const bad of [
      '',
      'x',
      null,
      5,
      'ftp://k@h/1',
      'https://h/1',
      'https://a b@h/1',
      `https://k@${'h'.repeat(2000)}/1`,
    ])
      assert.equal(dsnOf(bad), undefined, String(bad));
  });

  it("has its key in X-Sentry-Auth too, where an SDK doesn't use the query", () => {
    assert.equal(keyInSentryAuth('Sentry sentry_version=7, sentry_key=exp_aB1, sentry_client=x/1'), 'exp_aB1');
    assert.equal(keyInSentryAuth('sentry sentry_key=exp_aB1'), 'exp_aB1');
    for (const bad of ['', 'Bearer exp_aB1', 'Sentry', 'Sentry sentry_key='])
      assert.equal(keyInSentryAuth(bad), undefined);
  });
});
