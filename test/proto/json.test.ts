import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isInvalidItem, readErrorBatchJson, readEventBatchJson, Severity, type TrackEvent } from '../../proto/codec.js';

const malformed = { name: 'PlatformError', code: 'BODY_MALFORMED' };
const tooLarge = { name: 'PlatformError', code: 'BATCH_TOO_LARGE' };

function readEvent(json: string): TrackEvent {
  const [event] = readEventBatchJson(`{"events":[${json}]}`).events;
  assert.ok(event && !isInvalidItem(event), `${json} was taken for invalid`);
  return event;
}

describe('a JSON batch', () => {
  it('has camelCase or snake_case names, also mixed', () => {
    const event = readEvent('{"eventId":"a","app_id":"b","page_context":{"viewportWidth":1,"viewport_height":2}}');
    assert.equal(event.eventId, 'a');
    assert.equal(event.appId, 'b');
    assert.equal(event.pageContext?.viewportWidth, 1);
    assert.equal(event.pageContext.viewportHeight, 2);
    assert.equal(readEventBatchJson('{"heatmap_events":[{"page_url":"/"}]}').heatmapEvents.length, 1);
  });

  it('takes null for a missing field, and ignores what it does not know', () => {
    const event = readEvent('{"eventId":null,"timestampMs":null,"metadata":null,"pageContext":null,"new":{"a":[1]}}');
    assert.deepEqual(event, readEvent('{}'));
    assert.equal(event.eventId, '');
    assert.equal(event.pageContext, undefined);
    assert.deepEqual(readEventBatchJson('{"events":null,"other":1}'), { events: [], heatmapEvents: [] });
  });

  it('has integers as numbers or strings', () => {
    for (const written of ['1763851234567', '"1763851234567"', '1763851234567.0', '1.763851234567e12']) {
      assert.equal(readEvent(`{"timestampMs":${written}}`).timestampMs, 1763851234567);
    }
    const { elementContext } = readEvent('{"elementContext":{"x":"-2147483648","y":2147483647,"scrollDepthPct":-0}}');
    assert.equal(elementContext?.x, -2147483648);
    assert.equal(elementContext.y, 2147483647);
    assert.ok(Object.is(elementContext.scrollDepthPct, 0));
  });

  it('gives NaN for an int64 that a number cannot hold, as protobuf does', () => {
    for (const written of ['9007199254740993', '"9007199254740993"', '"-9223372036854775808"', '1e300']) {
      assert.equal(readEvent(`{"timestampMs":${written}}`).timestampMs, NaN);
    }
  });

  it('has an enum by name or number, also one that is not known yet', () => {
    const severities = ['"FATAL"', '"INFO"', '1', '17', 'null'].map((severity) => {
      const [error] = readErrorBatchJson(`{"errors":[{"severity":${severity}}]}`).errors;
      return error && !isInvalidItem(error) ? error.severity : undefined;
    });
    assert.deepEqual(severities, [Severity.FATAL, Severity.INFO, Severity.WARNING, 17, 0]);
  });

  it('may hold nested properties: they become their JSON text', () => {
    const { metadata } = readEvent(
      '{"metadata":{"text":"t","number":1.5,"yes":true,"no":false,"none":null,"object":{"a":[1,"b"]},"list":[null],"":"e"}}',
    );
    assert.deepEqual(metadata, {
      text: 't',
      number: '1.5',
      yes: 'true',
      no: 'false',
      object: '{"a":[1,"b"]}',
      list: '[null]',
      '': 'e',
    });
  });

  it('keeps odd keys as own properties and pollutes no prototype', () => {
    const event = readEvent(
      '{"__proto__":{"eventId":"x"},"metadata":{"__proto__":{"a":1},"constructor":"c","$set":"s","a.b":"d"}}',
    );
    assert.equal(event.eventId, '');
    assert.deepEqual(Object.keys(event.metadata), ['__proto__', 'constructor', '$set', 'a.b']);
    assert.deepEqual(Object.entries(event.metadata)[0], ['__proto__', '{"a":1}']);
    assert.equal(Object.getPrototypeOf(event.metadata), Object.prototype);
    assert.equal(({} as { a?: number }).a, undefined);
  });

  it('has U+FFFD for a lone surrogate, in values and in keys', () => {
    const event = readEvent(String.raw`{"pageUrl":"a\ud800b","metadata":{"\udfff":"\ud83d\ude00\ud83d"}}`);
    assert.equal(event.pageUrl, 'a\ufffdb');
    assert.deepEqual(event.metadata, { '\ufffd': '😀\ufffd' });
  });

  it('may come as bytes, with a byte order mark', () => {
    const bytes = Buffer.from('\ufeff{"events":[{"pageUrl":"/ü"}]}');
    const [event] = readEventBatchJson(bytes).events;
    assert.ok(event && !isInvalidItem(event));
    assert.equal(event.pageUrl, '/ü');
  });

  it('is refused above its limit of items, whatever they are', () => {
    const body = '{"events":[{},1],"heatmapEvents":[{},{}]}';
    assert.equal(readEventBatchJson(body, { maxItems: 4 }).heatmapEvents.length, 2);
    assert.throws(() => readEventBatchJson(body, { maxItems: 3 }), tooLarge);
    assert.throws(() => readErrorBatchJson('{"errors":[1,2]}', { maxItems: 1 }), tooLarge);
  });
});

describe('a value of the wrong type', () => {
  const wrongEvents: readonly (readonly [string, string])[] = [
    ['3', ''],
    ['"text"', ''],
    ['null', ''],
    ['[]', ''],
    ['{"eventId":1}', 'eventId'],
    ['{"event_id":{}}', 'eventId'],
    ['{"pageUrl":["/"]}', 'pageUrl'],
    ['{"timestampMs":"abc"}', 'timestampMs'],
    ['{"timestampMs":""}', 'timestampMs'],
    ['{"timestampMs":" 1"}', 'timestampMs'],
    ['{"timestampMs":"0x10"}', 'timestampMs'],
    ['{"timestampMs":1.5}', 'timestampMs'],
    ['{"timestampMs":true}', 'timestampMs'],
    ['{"timestampMs":1e400}', 'timestampMs'],
    ['{"metadata":"a=b"}', 'metadata'],
    ['{"metadata":[["a","b"]]}', 'metadata'],
    ['{"pageContext":[]}', 'pageContext'],
    ['{"pageContext":"/"}', 'pageContext'],
    ['{"page_context":{"load_time_ms":0.5}}', 'pageContext.loadTimeMs'],
    ['{"pageContext":{"viewportWidth":2147483648}}', 'pageContext.viewportWidth'],
    ['{"elementContext":{"x":"-2147483649"}}', 'elementContext.x'],
  ];
  for (const [json, field] of wrongEvents) {
    it(`costs one event, and is found at "${field}": ${json}`, () => {
      const { events } = readEventBatchJson(`{"events":[{"eventId":"a"},${json},{"eventId":"b"}]}`);
      assert.deepEqual(events[1], { invalid: { field } });
      assert.deepEqual([events[0], events[2]], [readEvent('{"eventId":"a"}'), readEvent('{"eventId":"b"}')]);
    });
  }

  it('costs one heatmap point or one error', () => {
    assert.deepEqual(readEventBatchJson('{"heatmapEvents":[{"x":"a"}]}').heatmapEvents, [{ invalid: { field: 'x' } }]);
    const wrongErrors = [
      '{"severity":"LOUD"}',
      '{"severity":1.5}',
      '{"breadcrumbs":{}}',
      '{"breadcrumbs":[{},null]}',
      '{"breadcrumbs":[{},{"data":1}]}',
      '{"browserContext":{"os":7}}',
    ];
    assert.deepEqual(
      readErrorBatchJson(`{"errors":[${wrongErrors.join()}]}`).errors,
      ['severity', 'severity', 'breadcrumbs', 'breadcrumbs[1]', 'breadcrumbs[1].data', 'browserContext.os'].map(
        (field) => ({
          invalid: { field },
        }),
      ),
    );
  });

  it('costs one event also when its value is a million brackets deep', () => {
    const deep = '['.repeat(1e6) + ']'.repeat(1e6);
    const { events } = readEventBatchJson(`{"events":[{"metadata":{"a":${deep}}},{"eventId":"b","new":${deep}}]}`);
    assert.deepEqual(events, [{ invalid: { field: 'metadata' } }, readEvent('{"eventId":"b"}')]);
  });
});

describe('what is no JSON batch', () => {
  const bodies = [
    '',
    ' ',
    '{',
    'null',
    '3',
    '"events"',
    '[]',
    '{"events":{}}',
    '{"events":"x"}',
    '{"heatmap_events":1}',
    '{"events":[{]}',
  ];
  for (const body of bodies) {
    it(`is refused: ${JSON.stringify(body)}`, () => {
      assert.throws(() => readEventBatchJson(body), malformed);
      assert.throws(() => readEventBatchJson(Buffer.from(body)), malformed);
    });
  }

  it('is refused when it is no UTF-8', () => {
    assert.throws(() => readEventBatchJson(Buffer.from('{"events":[{"pageUrl":"\xff"}]}', 'latin1')), malformed);
  });

  it('is refused for errors too', () => {
    assert.throws(() => readErrorBatchJson('{"errors":7}'), malformed);
  });
});
