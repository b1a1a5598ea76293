import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EVENT_TYPES, eventFault, eventTypeOf, type TrackEvent } from '../../domain/event.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const acceptance = { appId: 'shop', now: NOW, retentionDays: 90 };

const page = { path: '/', title: 'Home', referrer: '', viewportWidth: 800, viewportHeight: 600, loadTimeMs: 12 };
const element = { tag: 'button', text: 'Buy', x: 10, y: -5, scrollDepthPct: 40 };
const event: TrackEvent = {
  eventId: 'e1',
  appId: 'shop',
  profileId: 'anna',
  sessionId: 's1',
  timestampMs: NOW,
  eventType: 'click',
  pageUrl: 'https://shop.example.com/',
  elementTid: 'buy',
  metadata: { plan: 'pro' },
  pageContext: page,
  elementContext: element,
};
const fault = (fields: Partial<TrackEvent>) => eventFault({ ...event, ...fields }, acceptance);

describe('an event', () => {
  it('is good as it is, and with all that may be absent left out', () => {
    assert.equal(fault({}), undefined);
    const bare = { eventId: '', appId: '', sessionId: '', pageUrl: '', elementTid: '', metadata: {} };
    assert.equal(fault({ ...bare, pageContext: undefined, elementContext: undefined }), undefined);
  });

  it('keeps its type where the data model knows it, and is custom under any other name', () => {
    for (const type of EVENT_TYPES) assert.equal(eventTypeOf(type), type);
    for (const name of ['Order Completed', 'Click', 'constructor', '$pageview'])
      assert.equal(eventTypeOf(name), 'custom');
  });

  it('of another app is refused before anything else is looked at', () => {
    assert.deepEqual(fault({ appId: 'Shop', timestampMs: 0 }), { code: 'APP_MISMATCH', field: 'appId' });
  });

  it('needs a type, and somebody: a profile or at least a session', () => {
    assert.deepEqual(fault({ eventType: '' }), { code: 'FIELD_MISSING', field: 'eventType' });
    assert.deepEqual(fault({ profileId: '', sessionId: '' }), { code: 'PROFILE_MISSING', field: 'profileId' });
    assert.equal(fault({ profileId: '' }), undefined);
  });

  const texts: readonly [field: string, limit: number, with_: (text: string) => Partial<TrackEvent>][] = [
    ['eventId', 8192, (eventId) => ({ eventId })],
    ['profileId', 8192, (profileId) => ({ profileId })],
    ['sessionId', 8192, (sessionId) => ({ sessionId })],
    ['eventType', 200, (eventType) => ({ eventType })],
    ['pageUrl', 4096, (pageUrl) => ({ pageUrl })],
    ['elementTid', 8192, (elementTid) => ({ elementTid })],
    ['metadata', 1024, (value) => ({ metadata: { key: value } })],
    ['metadata', 200, (key) => ({ metadata: { [key]: '' } })],
    ['pageContext.path', 4096, (path) => ({ pageContext: { ...page, path } })],
    ['pageContext.title', 8192, (title) => ({ pageContext: { ...page, title } })],
    ['pageContext.referrer', 4096, (referrer) => ({ pageContext: { ...page, referrer } })],
    ['elementContext.tag', 8192, (tag) => ({ elementContext: { ...element, tag } })],
    ['elementContext.text', 8192, (text) => ({ elementContext: { ...element, text } })],
  ];
  for (const [field, limit, with_] of texts) {
    it(`may have ${String(limit)} bytes in ${field} and no more`, () => {
      assert.equal(fault(with_('x'.repeat(limit))), undefined);
      assert.deepEqual(fault(with_('x'.repeat(limit + 1))), { code: 'FIELD_TOO_LONG', field });
    });
  }

  const numbers: readonly [field: string, good: readonly number[], with_: (value: number) => Partial<TrackEvent>][] = [
    ['pageContext.viewportWidth', [0, 2 ** 31 - 1], (viewportWidth) => ({ pageContext: { ...page, viewportWidth } })],
    [
      'pageContext.viewportHeight',
      [0, 2 ** 31 - 1],
      (viewportHeight) => ({ pageContext: { ...page, viewportHeight } }),
    ],
    ['pageContext.loadTimeMs', [0, 2 ** 53 - 1], (loadTimeMs) => ({ pageContext: { ...page, loadTimeMs } })],
    ['elementContext.x', [-(2 ** 31), 2 ** 31 - 1], (x) => ({ elementContext: { ...element, x } })],
    ['elementContext.y', [-(2 ** 31), 2 ** 31 - 1], (y) => ({ elementContext: { ...element, y } })],
    [
      'elementContext.scrollDepthPct',
      [0, 100],
      (scrollDepthPct) => ({ elementContext: { ...element, scrollDepthPct } }),
    ],
  ];
  for (const [field, [least = 0, most = 0], with_] of numbers) {
    it(`takes ${field} from ${String(least)} to ${String(most)}`, () => {
      for (const good of [least, most]) assert.equal(fault(with_(good)), undefined);
      for (const bad of [least - 1, most + 1, 0.5, NaN])
        assert.deepEqual(fault(with_(bad)), { code: 'FIELD_INVALID', field }, String(bad));
    });
  }
});
