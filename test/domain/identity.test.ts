import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { TrackEvent } from '../../domain/event.js';
import type { HeatmapEvent } from '../../domain/heatmap-event.js';
import { eventContent, externalIdOf, heatmapContent, keyHour } from '../../domain/identity.js';
import { HOUR_MS } from '../../domain/limits.js';

const NOON = Date.parse('2026-03-01T12:00:00Z');
/** A UUIDv7 of that millisecond. */
const v7 = (ms: number) => {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8def-0123456789ab`;
};

const event: TrackEvent = {
  eventId: '',
  appId: '',
  profileId: 'anna',
  sessionId: 's1',
  timestampMs: NOON,
  eventType: 'click',
  pageUrl: '/',
  elementTid: 'buy',
  metadata: { b: '2', a: '1' },
  pageContext: { path: '/', title: '', referrer: '', viewportWidth: 1, viewportHeight: 2, loadTimeMs: 3 },
  elementContext: { tag: 'a', text: '', x: 1, y: 2, scrollDepthPct: 3 },
};
const point: HeatmapEvent = {
  appId: '',
  profileId: 'anna',
  sessionId: 's1',
  pageUrl: '/',
  timestampMs: NOON,
  x: 1,
  y: 2,
  viewportWidth: 3,
  viewportHeight: 4,
};

describe('identity', () => {
  it('is the profile, else the session, and the two are never taken for each other', () => {
    assert.equal(externalIdOf({ profileId: 'anna', sessionId: 's1' }), 'anna');
    assert.equal(externalIdOf({ profileId: '', sessionId: 's1' }), 'session:s1');
  });

  it('takes the hour of a UUIDv7 whatever the timestamp says, in capitals too', () => {
    const id = v7(NOON);
    for (const sent of [NOON, 0, NOON + 5 * HOUR_MS]) {
      assert.equal(keyHour(id, sent), NOON / HOUR_MS);
      assert.equal(keyHour(id.toUpperCase(), sent), NOON / HOUR_MS);
    }
  });

  it('takes the hour of the timestamp for any other id', () => {
    const v4 = v7(NOON).replace('-7', '-4');
    for (const id of ['', 'order-1', v4, `${v7(NOON)} `, v7(NOON).replaceAll('-', '')])
      assert.equal(keyHour(id, NOON + HOUR_MS), NOON / HOUR_MS + 1);
  });

  it('is a 32-bit hour for every possible id and time', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uuid(), fc.string()), fc.maxSafeInteger(), (id, time) => {
        const hour = keyHour(id, time);
        assert.ok(Number.isInteger(hour) && hour >= 0 && hour < 2 ** 32);
      }),
    );
    assert.ok(keyHour('ffffffff-ffff-7fff-bfff-ffffffffffff', 0) < 2 ** 32);
  });

  it('of an event without an id does not depend on the order of its metadata', () => {
    assert.equal(eventContent(event), eventContent({ ...event, metadata: { a: '1', b: '2' } }));
  });

  it('of an event without an id is another as soon as any field differs', () => {
    const { pageContext: page, elementContext: element } = event;
    const others: Partial<TrackEvent>[] = [
      { profileId: 'bert' },
      { sessionId: 's2' },
      { timestampMs: NOON + 1 },
      { eventType: 'hover' },
      { pageUrl: '/a' },
      { elementTid: 'sell' },
      { metadata: { a: '1' } },
      { metadata: { a: '1', b: '3' } },
      { metadata: { a: '1","b":"2' } },
      { pageContext: undefined },
      { elementContext: undefined },
      ...Object.keys(page ?? {}).map((key) => ({ pageContext: { ...page, [key]: 99 } as never })),
      ...Object.keys(element ?? {}).map((key) => ({ elementContext: { ...element, [key]: 99 } as never })),
    ];
    const contents = [event, ...others.map((other) => ({ ...event, ...other }))].map(eventContent);
    assert.equal(new Set(contents).size, contents.length);
  });

  it('of a point is another as soon as any field differs, but not by whether it names its app', () => {
    const fields = Object.keys(point).filter((key) => key !== 'appId');
    const contents = fields.map((key) => heatmapContent({ ...point, [key]: 99 }));
    assert.equal(new Set([heatmapContent(point), ...contents]).size, contents.length + 1);
    assert.equal(heatmapContent({ ...point, appId: 'shop' }), heatmapContent(point));
  });
});
