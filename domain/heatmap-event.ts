import type { Acceptance } from './event.js';
import { checkNumber, checkText, type Fault, INT32_MIN, LIMITS, timeFault } from './limits.js';

/** A point on a page as a client sends it; absent text is '', absent numbers are 0. */
export interface HeatmapEvent {
  readonly appId: string;
  readonly profileId: string;
  readonly sessionId: string;
  readonly pageUrl: string;
  readonly timestampMs: number;
  readonly x: number;
  readonly y: number;
  readonly viewportWidth: number;
  readonly viewportHeight: number;
}

/** The first thing that is wrong with a point, or undefined where it can be stored. */
export function heatmapFault(point: HeatmapEvent, { appId, now, retentionDays }: Acceptance): Fault | undefined {
  if (point.appId !== '' && point.appId !== appId) return { code: 'APP_MISMATCH', field: 'appId' };
  if (point.profileId === '' && point.sessionId === '') return { code: 'PROFILE_MISSING', field: 'profileId' };
  if (point.pageUrl === '') return { code: 'FIELD_MISSING', field: 'pageUrl' };
  return (
    timeFault(point.timestampMs, now, retentionDays) ??
    checkText('profileId', point.profileId, LIMITS.text) ??
    checkText('sessionId', point.sessionId, LIMITS.text) ??
    checkText('pageUrl', point.pageUrl, LIMITS.url) ??
    checkNumber('x', point.x, INT32_MIN) ??
    checkNumber('y', point.y, INT32_MIN) ??
    checkNumber('viewportWidth', point.viewportWidth, 0) ??
    checkNumber('viewportHeight', point.viewportHeight, 0)
  );
}
