import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../domain/loose.js';
import { clockOf } from '../../domain/sentry/clock.js';
import { sentryOccurrence } from '../../domain/sentry/event.js';
import { cpuMs } from '../helper/cpu-time.js';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const ID = 'fc6d8c0c43fc4630ad850ee518f1b9d0';
const clock = clockOf(undefined, NOW);
const read = (event: Json, header: Json = {}) => sentryOccurrence({ event_id: ID, ...event }, header, clock);
const thrown = (values: readonly unknown[], more: Json = {}) => read({ exception: { values }, ...more });

describe("a Sentry SDK's event", () => {
  it('has the thrown error first and the crash frame first, whichever way it was sent', () => {
    const frames = (name: string) => ({ frames: [{ function: `${name}-caller` }, { function: `${name}-crash` }] });
    const cause = { type: 'TypeError', value: 'why', stacktrace: frames('cause') };
    const top = { type: 'Error', value: 'boom', stacktrace: frames('top') };
    const summary = (values: readonly unknown[]) =>
      thrown(values).exceptions.map(({ type, frames: [crash] }) => [type, crash?.function]);
    const expected = [
      ['Error', 'top-crash'],
      ['TypeError', 'cause-crash'],
    ];
    assert.deepEqual(summary([cause, top]), expected);
    const numbered = (value: object, id: number) => ({ ...value, mechanism: { exception_id: id } });
    assert.deepEqual(summary([numbered(top, 0), numbered(cause, 1)]), expected);
    assert.deepEqual(summary([numbered(cause, 1), numbered(top, 0)]), expected);
    // Numbers that are not each somebody's own say nothing.
    assert.deepEqual(summary([numbered(cause, 0), numbered(top, 0)]), expected);
    const { message, sourceFile, errorType } = thrown([cause, top]);
    assert.deepEqual([message, sourceFile, errorType], ['boom', '', 'runtime']);
  });

  it('has frames with file, position, source around it and the debug id of their bundle', () => {
    const debugId = '0d2b3c2e-6f3a-4b57-9e0b-1f2a3b4c5d6e';
    const frame = {
      filename: 'https://a.example/app.js',
      module: 'app',
      function: 'pay',
      lineno: 3,
      colno: 14,
      in_app: false,
      pre_context: ['a', 'b'],
      context_line: 'c',
      post_context: ['d'],
    };
    const images = [
      { type: 'sourcemap', code_file: frame.filename, debug_id: debugId.toUpperCase() },
      { type: 'sourcemap', code_file: 'https://a.example/other.js', debug_id: 'none' },
    ];
    const other = { filename: 'https://a.example/other.js' };
    const values = [{ type: 'Error', value: 'x', stacktrace: { frames: [other, frame] } }];
    const { exceptions, sourceFile, line, column } = thrown(values, { debug_meta: { images } });
    const [crash, caller] = exceptions[0]?.frames ?? [];
    assert.deepEqual(crash, {
      file: frame.filename,
      module: 'app',
      function: 'pay',
      line: 3,
      column: 14,
      inApp: false,
      context: { before: ['a', 'b'], line: 'c', after: ['d'] },
      debugId,
    });
    assert.deepEqual(caller, { file: other.filename, module: '', function: '', line: 0, column: 0, inApp: true });
    assert.deepEqual([sourceFile, line, column], [frame.filename, 3, 14]);
  });

  it('that is a message is synthetic and has no type; a template stays one', () => {
    const message = thrown([{ value: 'disk full', mechanism: { synthetic: true }, stacktrace: { frames: [{}] } }], {
      message: 'disk full',
      level: 'info',
    });
    assert.deepEqual([message.message, message.severity], ['disk full', 'info']);
    const [exception] = message.exceptions;
    assert.deepEqual([exception?.type, exception?.synthetic, exception?.handled], ['', true, null]);
    assert.equal(read({ logentry: { message: 'user %s', params: ['x'] } }).message, 'user %s');
    assert.equal(read({ logentry: { message: 'user %s', formatted: 'user x' } }).message, 'user x');
    assert.equal(read({ message: { formatted: 'old' } }).message, 'old');
    assert.deepEqual(read({ message: 'plain' }).exceptions, []);
  });

  it('is unhandled where any of its exceptions says so, since SDKs say it of another than the one that was thrown', () => {
    const caught = (type: string, handled: boolean) => ({ type: 'E', value: 'x', mechanism: { type, handled } });
    const event = thrown([caught('auto.node.onunhandledrejection', false), caught('chained', true)]);
    assert.deepEqual([event.exceptions[0]?.handled, event.errorType], [false, 'unhandled_rejection']);
    assert.equal(thrown([caught('generic', true), caught('chained', true)]).exceptions[0]?.handled, true);
  });

  it("takes the crashed thread's stack where the exception has none", () => {
    const threads = { values: [{ id: 1 }, { id: 2, crashed: true, stacktrace: { frames: [{ function: 'crash' }] } }] };
    const [exception] = thrown([{ type: 'SIGSEGV', value: 'bad' }], { threads }).exceptions;
    assert.deepEqual([exception?.type, exception?.frames[0]?.function], ['SIGSEGV', 'crash']);
    const [made] = read({ message: 'm', threads }).exceptions;
    assert.deepEqual([made?.synthetic, made?.frames.length], [true, 1]);
  });

  it('is one of four types by how it was caught, and of five levels by what it says', () => {
    const typed = (type: string, value = 'x') => thrown([{ type: 'E', value, mechanism: { type } }]).errorType;
    assert.equal(typed('auto.node.onunhandledrejection'), 'unhandled_rejection');
    assert.equal(typed('auto.browser.global_handlers.onunhandledrejection'), 'unhandled_rejection');
    assert.equal(typed('auto.function.react.error_boundary'), 'render');
    assert.equal(typed('auto.function.vue.error_handler'), 'render');
    assert.equal(typed('auto.http.client.fetch'), 'network');
    assert.equal(typed('generic', 'Failed to fetch (a.example)'), 'network');
    assert.equal(typed('auto.node.onuncaughtexception'), 'runtime');
    const levels = ['fatal', 'error', 'warning', 'log', 'info', 'debug', 'shout', 7, undefined];
    assert.deepEqual(
      levels.map((level) => read({ level }).severity),
      ['fatal', 'error', 'warning', 'info', 'info', 'info', 'error', 'error', 'error'],
    );
  });

  it('is of its user by id, else e-mail, else name, and of nobody by an address', () => {
    const of = (user: unknown) => read({ user }).profileId;
    assert.equal(of({ id: 'ada', email: 'a@b.c' }), 'ada');
    assert.equal(of({ id: 42 }), '42');
    assert.equal(of({ email: 'a@b.c', username: 'ada' }), 'a@b.c');
    assert.equal(of({ username: 'ada', ip_address: '1.2.3.4' }), 'ada');
    for (const nobody of [{ ip_address: '1.2.3.4' }, {}, null, 'ada', [], { id: {} }]) assert.equal(of(nobody), '');
  });

  it('has release, environment, tags, fingerprint, flags, breadcrumbs and what it ran in', () => {
    const event = read(
      {
        release: 'shop@1.2.3',
        environment: 'production',
        dist: '7',
        transaction: '/pay',
        server_name: 'web-1',
        tags: [['plan', 'pro'], { key: 'seats', value: 3 }, ['__proto__', true]],
        fingerprint: ['{{ default }}', 'x', 5, null],
        breadcrumbs: [{ timestamp: NOW / 1000, type: 'http', data: { url: '/a', n: 1, o: { p: 1 } } }],
        contexts: {
          flags: { values: [{ flag: 'new-pay', result: true }, { flag: 'v', result: 'b' }, 'x', { result: 1 }] },
          browser: { name: 'Firefox', version: '130' },
          os: { name: 'Linux', version: '6\n' },
          device: { family: 'Desktop', screen_width_pixels: 1920, screen_height_pixels: '1080' },
        },
        request: { url: 'https://a.example/pay?x=1#y', headers: { 'user-agent': 'UA', Referer: 'https://b.example/' } },
        user: { id: 'ada' },
      },
      { sdk: { name: 'sentry.javascript.browser', version: '11.12.0' } },
    );
    assert.deepEqual(
      [event.release, event.environment, event.sdk],
      ['shop@1.2.3', 'production', 'sentry.javascript.browser/11.12.0'],
    );
    assert.deepEqual(Object.entries(event.tags), [
      ['transaction', '/pay'],
      ['server_name', 'web-1'],
      ['dist', '7'],
      ['plan', 'pro'],
      ['seats', '3'],
      ['__proto__', 'true'],
    ]);
    assert.equal(Object.getPrototypeOf(event.tags), Object.prototype);
    assert.deepEqual(event.fingerprint, ['{{ default }}', 'x', '5']);
    assert.deepEqual(event.flags, { 'new-pay': 'true', v: 'b' });
    assert.deepEqual(event.breadcrumbs, [
      { timestampMs: NOW, category: 'http', message: '', data: { url: '/a', n: '1', o: '{"p":1}' } },
    ]);
    assert.equal(event.pageUrl, 'https://a.example/pay?x=1#y');
    assert.deepEqual([event.pageContext?.path, event.pageContext?.referrer], ['/pay', 'https://b.example/']);
    assert.deepEqual(event.browserContext, {
      userAgent: 'UA',
      browser: 'Firefox',
      browserVersion: '130',
      os: 'Linux 6',
      deviceType: 'Desktop',
      screenWidth: 1920,
      screenHeight: 0,
    });
    const bare = read({});
    assert.deepEqual([bare.flags, bare.pageContext, bare.browserContext], [undefined, undefined, undefined]);
  });

  it('has an id with or without dashes, else that of its envelope', () => {
    const dashed = 'FC6D8C0C-43FC-4630-AD85-0EE518F1B9D0';
    assert.equal(read({ event_id: dashed }).errorId, ID);
    assert.equal(read({ event_id: null }, { event_id: dashed }).errorId, ID);
    assert.equal(read({ event_id: 'own-id' }).errorId, 'own-id');
    assert.equal(read({ event_id: {} }).errorId, '');
  });

  it('has its times by the clock that sent it, corrected where that is off by more than a minute', () => {
    const at = (timestamp: unknown, sentAt?: unknown) => clockOf(sentAt, NOW)(timestamp);
    const iso = (ms: number) => new Date(ms).toISOString();
    assert.equal(at(NOW / 1000 + 0.25), NOW + 250);
    assert.equal(at(iso(NOW)), NOW);
    assert.equal(at(String(NOW / 1000)), NOW);
    const day = 86_400_000;
    assert.equal(at((NOW + day) / 1000, iso(NOW + day + 1_000)), NOW - 1_000);
    assert.equal(at((NOW - day) / 1000, iso(NOW - 30_000)), NOW - day, 'old, and sent by a clock that is right');
    for (const bad of [undefined, null, '', 'x', {}, true, NaN, -1, 0, 1e300]) assert.equal(at(bad), 0);
  });

  it('can be anything at all without an exception', () => {
    const json = fc.jsonValue({ maxDepth: 6 });
    const exception = fc.record({
      type: json,
      value: json,
      mechanism: fc.oneof(json, fc.record({ exception_id: json, type: json })),
      stacktrace: fc.oneof(
        json,
        fc.record({ frames: fc.oneof(json, fc.array(fc.oneof(json, fc.record({ filename: json })))) }),
      ),
    });
    const names = [
      'event_id',
      'timestamp',
      'level',
      'message',
      'logentry',
      'user',
      'tags',
      'fingerprint',
      'breadcrumbs',
    ];
    const more = ['contexts', 'request', 'release', 'threads', 'debug_meta', 'sdk', 'dist'];
    const event = fc.record(
      {
        ...Object.fromEntries([...names, ...more].map((name) => [name, json])),
        exception: fc.oneof(json, fc.record({ values: fc.array(fc.oneof(json, exception)) })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(event, fc.dictionary(fc.string(), json), (value, header) => {
        const occurrence = read(value, header);
        for (const text of [occurrence.errorId, occurrence.message, occurrence.profileId, occurrence.release])
          assert.equal(typeof text, 'string');
        assert.ok(Number.isSafeInteger(occurrence.timestampMs));
        JSON.stringify(occurrence);
      }),
      { numRuns: 500 },
    );
  });

  it('of a hundred thousand frames or exceptions, or nested a million deep, is read in no time', async () => {
    const frames = Array.from({ length: 100_000 }, (_, n) => ({ function: `f${String(n)}` }));
    const nested = JSON.parse(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`) as unknown;
    const took = await cpuMs(() => {
      assert.equal(thrown([{ type: 'E', value: 'x', stacktrace: { frames } }]).exceptions[0]?.frames.length, 251);
      assert.equal(thrown(frames).exceptions.length, 11);
      const deep = read({
        tags: { a: nested },
        user: nested,
        exception: nested,
        contexts: { flags: nested },
        message: nested,
      });
      assert.deepEqual(deep.tags, {});
    });
    assert.ok(took < 1_000, `${String(took)} ms`);
  });
});
