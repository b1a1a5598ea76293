import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HeatmapEvent, heatmapFault } from '../../domain/heatmap-event.js';
import { DAY_MS } from '../../domain/limits.js';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const point: HeatmapEvent = {
  appId: 'shop',
  profileId: 'anna',
  sessionId: 's1',
  pageUrl: 'https://shop.example.com/',
  timestampMs: NOW,
  x: 1,
  y: 2,
  viewportWidth: 800,
  viewportHeight: 600,
};
const fault = (fields: Partial<HeatmapEvent>) =>
  heatmapFault({ ...point, ...fields }, { appId: 'shop', now: NOW, retentionDays: 30 });

describe('a heatmap point', () => {
  it('is good as it is, without the app and with a session alone', () => {
    assert.equal(fault({}), undefined);
    assert.equal(fault({ appId: '', profileId: '' }), undefined);
  });

  it('needs its own app, somebody and a page', () => {
    assert.deepEqual(fault({ appId: 'other' }), { code: 'APP_MISMATCH', field: 'appId' });
    assert.deepEqual(fault({ profileId: '', sessionId: '' }), { code: 'PROFILE_MISSING', field: 'profileId' });
    assert.deepEqual(fault({ pageUrl: '' }), { code: 'FIELD_MISSING', field: 'pageUrl' });
  });

  it('has times of its own retention', () => {
    assert.equal(fault({ timestampMs: NOW - 30 * DAY_MS }), undefined);
    assert.equal(fault({ timestampMs: NOW - 30 * DAY_MS - 1 })?.code, 'TIMESTAMP_TOO_OLD');
    assert.equal(fault({ timestampMs: NOW + DAY_MS + 1 })?.code, 'TIMESTAMP_IN_FUTURE');
    assert.equal(fault({ timestampMs: 0 })?.code, 'TIMESTAMP_MISSING');
  });

  it('may lie anywhere, on a viewport that is not less than nothing', () => {
    for (const at of [-(2 ** 31), 2 ** 31 - 1]) assert.equal(fault({ x: at, y: at }), undefined);
    for (const field of ['x', 'y'] as const)
      for (const bad of [-(2 ** 31) - 1, 2 ** 31, 0.5, NaN])
        assert.deepEqual(fault({ [field]: bad }), { code: 'FIELD_INVALID', field });
    for (const field of ['viewportWidth', 'viewportHeight'] as const)
      for (const bad of [-1, 2 ** 31, 0.5, NaN])
        assert.deepEqual(fault({ [field]: bad }), { code: 'FIELD_INVALID', field });
  });

  it('has texts within their limits', () => {
    for (const [field, limit] of [
      ['profileId', 8192],
      ['sessionId', 8192],
      ['pageUrl', 4096],
    ] as const) {
      assert.equal(fault({ [field]: 'x'.repeat(limit) }), undefined);
      assert.deepEqual(fault({ [field]: 'x'.repeat(limit + 1) }), { code: 'FIELD_TOO_LONG', field });
    }
  });
});
