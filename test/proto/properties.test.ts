import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PlatformError } from '../../domain/errors.js';
import {
  decodeErrorBatch,
  decodeEventBatch,
  encodeErrorBatch,
  encodeEventBatch,
  type ErrorBatch,
  type EventBatch,
  readErrorBatchJson,
  readEventBatchJson,
} from '../../proto/codec.js';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 60, maxLength: 80 }));
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.maxSafeInteger();
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', '$set', 'a.b', '', '7'));
const map = fc.dictionary(key, text, { noNullPrototype: true, maxKeys: 5 });

const record = <T>(fields: { [Name in keyof T]: fc.Arbitrary<T[Name]> }) =>
  fc.record(fields, { noNullPrototype: true });
const few = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const pageContext = record({
  path: text,
  title: text,
  referrer: text,
  viewportWidth: int32,
  viewportHeight: int32,
  loadTimeMs: int64,
});
const elementContext = record({ tag: text, text, x: int32, y: int32, scrollDepthPct: int32 });
const browserContext = record({
  userAgent: text,
  browser: text,
  browserVersion: text,
  os: text,
  deviceType: text,
  screenWidth: int32,
  screenHeight: int32,
});
const sender = { appId: text, profileId: text, sessionId: text, timestampMs: int64 };

const eventBatch: fc.Arbitrary<EventBatch> = record({
  events: few(
    record({
      ...sender,
      eventId: text,
      eventType: text,
      pageUrl: text,
      elementTid: text,
      metadata: map,
      pageContext: maybe(pageContext),
      elementContext: maybe(elementContext),
    }),
  ),
  heatmapEvents: few(
    record({ ...sender, pageUrl: text, x: int32, y: int32, viewportWidth: int32, viewportHeight: int32 }),
  ),
});

const errorBatch: fc.Arbitrary<ErrorBatch> = record({
  errors: few(
    record({
      ...sender,
      errorId: text,
      errorType: text,
      message: text,
      stackTrace: text,
      sourceFile: text,
      line: int32,
      column: int32,
      pageContext: maybe(pageContext),
      browserContext: maybe(browserContext),
      userComment: text,
      severity: int32,
      tags: map,
      breadcrumbs: few(record({ timestampMs: int64, category: text, message: text, data: map })),
      release: text,
      environment: text,
    }),
  ),
});

function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      // The keys of a map are data and keep their spelling.
      name === 'metadata' || name === 'tags' || name === 'data' ? inner : snakeCase(inner),
    ]),
  );
}

function refusalOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof PlatformError, `${String(error)} is no refusal`);
    return error.code;
  }
}

describe('any batch', () => {
  it('comes back from protobuf, and from JSON by both spellings, as it was', () => {
    fc.assert(
      fc.property(eventBatch, (batch) => {
        assert.deepEqual(decodeEventBatch(encodeEventBatch(batch)), batch);
        assert.deepEqual(readEventBatchJson(JSON.stringify(batch)), batch);
        assert.deepEqual(readEventBatchJson(Buffer.from(JSON.stringify(snakeCase(batch)))), batch);
      }),
    );
    fc.assert(
      fc.property(errorBatch, (batch) => {
        assert.deepEqual(decodeErrorBatch(encodeErrorBatch(batch)), batch);
        assert.deepEqual(readErrorBatchJson(JSON.stringify(batch)), batch);
        assert.deepEqual(readErrorBatchJson(Buffer.from(JSON.stringify(snakeCase(batch)))), batch);
      }),
    );
  });

  it('is refused or read when its bytes are changed, and nothing else happens', () => {
    const change = fc.record({ at: fc.nat(), remove: fc.nat(4), insert: fc.uint8Array({ maxLength: 4 }) });
    let refused = 0;
    let read = 0;
    fc.assert(
      fc.property(
        eventBatch,
        errorBatch,
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (events, errors, changes) => {
          const mutate = (bytes: Uint8Array) =>
            changes.reduce((body, { at, remove, insert }) => {
              const start = at % (body.length + 1);
              return Buffer.concat([body.subarray(0, start), insert, body.subarray(start + remove)]);
            }, Buffer.from(bytes));
          const refusals = [
            refusalOf(() => decodeEventBatch(mutate(encodeEventBatch(events)), { maxItems: 3000 })),
            refusalOf(() => decodeErrorBatch(mutate(encodeErrorBatch(errors)), { maxItems: 3000 })),
            refusalOf(() => readEventBatchJson(mutate(Buffer.from(JSON.stringify(events))), { maxItems: 3000 })),
            refusalOf(() => readErrorBatchJson(mutate(Buffer.from(JSON.stringify(errors))), { maxItems: 3000 })),
          ];
          for (const refusal of refusals) {
            assert.ok(refusal === undefined || refusal === 'BODY_MALFORMED', refusal);
            if (refusal === undefined) read += 1;
            else refused += 1;
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(refused > 50 && read > 50, `${String(refused)} refused, ${String(read)} read`);
  });
});

describe('any bytes', () => {
  it('are refused or read, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const decode of [decodeEventBatch, decodeErrorBatch, readEventBatchJson, readErrorBatchJson]) {
          assert.ok(['BODY_MALFORMED', undefined].includes(refusalOf(() => decode(bytes))));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('any JSON', () => {
  it('as an item is read or marked, and leaves its neighbours alone', () => {
    const names = ['eventId', 'timestamp_ms', 'metadata', 'pageContext', 'element_context', 'x', 'path', '__proto__'];
    const jsonObject = fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 4 }), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.jsonValue(), jsonObject)), (items) => {
        const { events } = readEventBatchJson(
          JSON.stringify({ events: [{ eventId: 'a' }, ...items, { eventId: 'z' }] }),
        );
        assert.equal(events.length, items.length + 2);
        assert.deepEqual(
          [events[0], events.at(-1)],
          readEventBatchJson('{"events":[{"eventId":"a"},{"eventId":"z"}]}').events,
        );
        for (const event of events) assert.ok('invalid' in event || typeof event.timestampMs === 'number');
      }),
      { numRuns: 500 },
    );
  });
});
