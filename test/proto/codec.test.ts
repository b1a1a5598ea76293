import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import protobuf from 'protobufjs/minimal.js';
import {
  decodeErrorBatch,
  decodeEventBatch,
  decodeIngestResponse,
  encodeErrorBatch,
  encodeEventBatch,
  encodeIngestResponse,
  isInvalidItem,
  type TrackEvent,
} from '../../proto/codec.js';

const MIB = 1024 * 1024;
const malformed = { name: 'PlatformError', code: 'BODY_MALFORMED' };
const tooLarge = { name: 'PlatformError', code: 'BATCH_TOO_LARGE' };

function onlyEvent(bytes: Uint8Array): TrackEvent {
  const [event] = decodeEventBatch(bytes).events;
  assert.ok(event);
  return event;
}

/** `count` times the same bytes. */
function repeated(count: number, ...bytes: readonly number[]): Buffer {
  return Buffer.alloc(count * bytes.length, Buffer.from(bytes));
}

/** The bytes as field 1 of a batch: one item. */
function item(bytes: Uint8Array): Uint8Array {
  return protobuf.Writer.create().uint32(10).bytes(bytes).finish();
}

describe('the codec', () => {
  it('gives every field as an own property, with its default when it was not sent', () => {
    const event = onlyEvent(encodeEventBatch({ events: [{ eventId: 'a' }] }));
    assert.deepEqual(
      { ...event },
      {
        eventId: 'a',
        appId: '',
        profileId: '',
        sessionId: '',
        timestampMs: 0,
        eventType: '',
        pageUrl: '',
        elementTid: '',
        metadata: {},
        pageContext: undefined,
        elementContext: undefined,
      },
    );
    assert.equal(isInvalidItem(event), false);
  });

  it('gives the fields of the Sentry kind of error that the schema got later', () => {
    const bytes = encodeErrorBatch({ errors: [{ release: '1.2.3', environment: 'staging' }] });
    const [error] = decodeErrorBatch(bytes).errors;
    assert.equal(error?.release, '1.2.3');
    assert.equal(error.environment, 'staging');
  });

  it('reads an empty body as an empty batch', () => {
    assert.deepEqual(decodeEventBatch(new Uint8Array()), { events: [], heatmapEvents: [] });
    assert.deepEqual(decodeErrorBatch(new Uint8Array()), { errors: [] });
  });

  it('reads a view into a larger buffer', () => {
    const bytes = encodeEventBatch({ events: [{ eventId: 'inside' }] });
    const larger = new Uint8Array(bytes.length + 20).fill(0xff);
    larger.set(bytes, 7);
    assert.equal(onlyEvent(larger.subarray(7, 7 + bytes.length)).eventId, 'inside');
  });

  it('writes the answer to a batch', () => {
    const answer = { success: true, eventsAccepted: 19, eventsRejected: 1 };
    assert.deepEqual(decodeIngestResponse(encodeIngestResponse(answer)), answer);
  });
});

describe('an int64', () => {
  it('is a number, and NaN where a number would be another one', () => {
    const read = (value: bigint) => {
      const varint = [];
      for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
        varint.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
        if (rest <= 127n) break;
      }
      return onlyEvent(item(Uint8Array.from([0x28, ...varint]))).timestampMs;
    };
    const safe = 2n ** 53n - 1n;
    for (const value of [0n, 1n, -1n, 127n, 128n, 2n ** 49n - 1n, 2n ** 49n, 1763851234567n, safe, -safe]) {
      assert.equal(read(value), Number(value));
    }
    for (const value of [safe + 1n, -safe - 1n, safe + 2n, 2n ** 63n - 1n, -(2n ** 63n)]) {
      assert.equal(read(value), NaN, String(value));
    }
  });

  it('stays a Long object for everybody else who uses protobufjs, as Temporal does', () => {
    decodeEventBatch(encodeEventBatch({ events: [{ timestampMs: 5 }] }));
    assert.equal(typeof new protobuf.Reader(Uint8Array.of(5)).int64(), 'object');
  });
});

describe('map keys', () => {
  const odd = ['__proto__', 'constructor', 'toString', '$set', 'a.b', '', '0'];

  it('are data, whatever they are called, and own properties', () => {
    const metadata = Object.fromEntries(odd.map((key) => [key, `value of ${key}`]));
    const event = onlyEvent(encodeEventBatch({ events: [{ metadata }] }));
    assert.deepEqual(Object.keys(event.metadata).sort(), [...odd].sort());
    assert.deepEqual(event.metadata, metadata);
  });

  it('pollute no prototype', () => {
    const metadata = JSON.parse('{"__proto__":"polluted","constructor":"polluted"}') as Record<string, string>;
    const event = onlyEvent(encodeEventBatch({ events: [{ metadata }, {}] }));
    assert.equal(Object.getPrototypeOf(event.metadata), Object.prototype);
    assert.equal(Object.getPrototypeOf(event), Object.prototype);
    assert.equal(typeof {}.constructor, 'function');
  });

  it('are kept when a newer client says more about an entry', () => {
    const entry = Buffer.from('\x0a\x01k\x12\x01v\x1a\x03new', 'latin1');
    const bytes = protobuf.Writer.create().uint32(74).bytes(entry).finish();
    assert.deepEqual(onlyEvent(item(bytes)).metadata, { k: 'v' });
  });
});

describe('text', () => {
  it('may hold U+FFFD itself', () => {
    assert.equal(onlyEvent(encodeEventBatch({ events: [{ pageUrl: 'a\ufffdb' }] })).pageUrl, 'a\ufffdb');
  });

  it('is refused when it is no UTF-8, wherever it stands and however long it is', () => {
    for (const length of [1, 7, 8, 63, 64, 300]) {
      for (let at = 0; at < length; at += 11) {
        const text = Buffer.alloc(length, 'x');
        text[at] = 0xff;
        const string = protobuf.Writer.create().uint32(58).bytes(text).finish();
        assert.throws(() => decodeEventBatch(item(string)), malformed);
      }
    }
  });
});

describe('a body made to hurt', () => {
  it('is refused at the first item too many, before the rest is read', () => {
    const bytes = encodeEventBatch({ events: [{ eventId: 'a' }, { eventId: 'b' }], heatmapEvents: [{ x: 1 }] });
    const limits = { maxItems: 3 };
    assert.equal(decodeEventBatch(bytes, limits).heatmapEvents.length, 1);
    const oneMore = Buffer.concat([bytes, Uint8Array.of(0x12, 0x00)]);
    assert.throws(() => decodeEventBatch(oneMore, limits), tooLarge);
    // What follows is no protobuf, and is not looked at.
    assert.throws(() => decodeEventBatch(Buffer.concat([oneMore, Uint8Array.of(0xff)]), limits), tooLarge);
    assert.throws(() => decodeErrorBatch(repeated(4, 0x0a, 0x00), limits), tooLarge);
  });

  it('costs little when it holds millions of events', () => {
    const body = repeated(4 * MIB, 0x0a, 0x00);
    const before = process.memoryUsage().heapUsed;
    assert.throws(() => decodeEventBatch(body, { maxItems: 3000 }), tooLarge);
    assert.ok(process.memoryUsage().heapUsed - before < 20 * MIB);
  });

  it('is refused when one item alone holds millions of values', () => {
    const limits = { maxItems: 3000 };
    const entries = repeated(1.3 * MIB, 0x4a, 0x02, 0x0a, 0x00);
    assert.throws(() => decodeEventBatch(item(entries), limits), tooLarge);
    const breadcrumbs = repeated(2 * MIB, 0x8a, 0x01, 0x00);
    assert.throws(() => decodeErrorBatch(item(breadcrumbs), limits), tooLarge);
  });

  it('is read when it is as full as the limits allow: 3,000 events with 64 entries each', () => {
    const metadata = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`key ${String(index)}`, 'v']));
    const event = {
      eventId: 'e',
      appId: 'a',
      profileId: 'p',
      sessionId: 's',
      eventType: 'click',
      pageUrl: '/',
      metadata,
    };
    const full = { ...event, elementTid: 't', pageContext: { path: '/' }, elementContext: { tag: 'a', text: 'b' } };
    const bytes = encodeEventBatch({ events: Array.from({ length: 3000 }, () => full) });
    const { events } = decodeEventBatch(bytes, { maxItems: 3000 });
    assert.equal(events.length, 3000);
    assert.deepEqual(events[2999]?.metadata, metadata);
  });

  it('allocates nothing for a length that the body does not have', () => {
    const before = process.memoryUsage();
    for (const bytes of [
      [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07],
      [0x0a, 0x08, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x00],
      [0x0a, 0x08, 0x4a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x00],
    ]) {
      assert.throws(() => decodeEventBatch(Uint8Array.from(bytes)), malformed);
    }
    const after = process.memoryUsage();
    assert.ok(after.arrayBuffers - before.arrayBuffers < MIB);
    assert.ok(after.heapUsed - before.heapUsed < MIB);
  });

  it('is refused when groups are nested without end', () => {
    assert.throws(() => decodeEventBatch(repeated(MIB, 0x1b)), malformed);
    assert.throws(() => decodeEventBatch(item(repeated(MIB, 0xfb, 0x07))), malformed);
  });
});
