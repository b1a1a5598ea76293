import { HOUR_MS } from './limits.js';
import type { TrackEvent } from './event.js';
import type { HeatmapEvent } from './heatmap-event.js';
import type { Occurrence } from './occurrence.js';
import { trimOccurrence } from './trim-occurrence.js';

/** Who an item belongs to: the profile that the client names, else its session stands for one. */
export function externalIdOf(item: { readonly profileId: string; readonly sessionId: string }): string {
  return item.profileId === '' ? `session:${item.sessionId}` : item.profileId;
}

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/**
 * The hour that goes into an item's key. Only values that a resend repeats byte for byte count: the time inside
 * a UUIDv7, else the time that the body states. Never the moment of arrival.
 */
export function keyHour(id: string, timestampMs: number): number {
  const ms = id.length === 36 && UUID_V7.test(id) ? parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : timestampMs;
  return Math.floor(ms / HOUR_MS) >>> 0;
}

/**
 * All that an event without an id says, in one text: equal events give equal text, so a resend is recognised.
 * Metadata is sorted, since some encoders write a map in another order each time.
 */
export function eventContent(event: TrackEvent): string {
  const page = event.pageContext;
  const element = event.elementContext;
  return JSON.stringify([
    event.profileId,
    event.sessionId,
    event.timestampMs,
    event.eventType,
    event.pageUrl,
    event.elementTid,
    Object.entries(event.metadata).sort(([a], [b]) => (a < b ? -1 : 1)),
    page && [page.path, page.title, page.referrer, page.viewportWidth, page.viewportHeight, page.loadTimeMs],
    element && [element.tag, element.text, element.x, element.y, element.scrollDepthPct],
  ]);
}

export function heatmapContent(point: HeatmapEvent): string {
  return JSON.stringify([
    point.profileId,
    point.sessionId,
    point.pageUrl,
    point.timestampMs,
    point.x,
    point.y,
    point.viewportWidth,
    point.viewportHeight,
  ]);
}

/** As `eventContent`, of the error as it will be cut. */
export function errorContent(sent: Occurrence): string {
  const { occurrence } = trimOccurrence(sent, (text) => text);
  const tags = Object.entries(occurrence.tags).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ ...occurrence, tags });
}
