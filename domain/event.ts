import type { PageContext } from './contexts.js';
import { checkMap, checkNumber, checkText, type Fault, INT32_MIN, LIMITS, timeFault } from './limits.js';

/** The five types of the data model; any other name that a client sends is a `custom` event of that name. */
export const EVENT_TYPES = ['page_view', 'click', 'scroll', 'hover', 'custom'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface ElementContext {
  readonly tag: string;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly scrollDepthPct: number;
}

/** An event as a client sends it; absent text is '', absent numbers are 0. */
export interface TrackEvent {
  readonly eventId: string;
  readonly appId: string;
  readonly profileId: string;
  readonly sessionId: string;
  readonly timestampMs: number;
  readonly eventType: string;
  readonly pageUrl: string;
  readonly elementTid: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly pageContext: PageContext | undefined;
  readonly elementContext: ElementContext | undefined;
}

/** What an event may carry beyond the wire format, where the client's protocol knows numbers. */
export interface EventExtras {
  readonly eventName?: string;
  readonly measures?: Readonly<Record<string, number>>;
}

/** What the sender and the moment allow: an event is judged against these. */
export interface Acceptance {
  /** The slug of the app whose key was used. */
  readonly appId: string;
  /** Epoch ms of the request. */
  readonly now: number;
  readonly retentionDays: number;
}

const NAMED = new Set<string>(EVENT_TYPES);

export function eventTypeOf(eventType: string): EventType {
  return NAMED.has(eventType) ? (eventType as EventType) : 'custom';
}

/** The first thing that is wrong with an event, or undefined where it can be stored. */
export function eventFault(event: TrackEvent, { appId, now, retentionDays }: Acceptance): Fault | undefined {
  if (event.appId !== '' && event.appId !== appId) return { code: 'APP_MISMATCH', field: 'appId' };
  if (event.eventType === '') return { code: 'FIELD_MISSING', field: 'eventType' };
  if (event.profileId === '' && event.sessionId === '') return { code: 'PROFILE_MISSING', field: 'profileId' };
  return (
    timeFault(event.timestampMs, now, retentionDays) ??
    checkText('eventId', event.eventId, LIMITS.text) ??
    checkText('profileId', event.profileId, LIMITS.text) ??
    checkText('sessionId', event.sessionId, LIMITS.text) ??
    checkText('eventType', event.eventType, LIMITS.mapKey) ??
    checkText('pageUrl', event.pageUrl, LIMITS.url) ??
    checkText('elementTid', event.elementTid, LIMITS.text) ??
    checkMap('metadata', event.metadata) ??
    (event.pageContext && pageFault(event.pageContext)) ??
    (event.elementContext && elementFault(event.elementContext))
  );
}

function pageFault(page: PageContext): Fault | undefined {
  return (
    checkText('pageContext.path', page.path, LIMITS.url) ??
    checkText('pageContext.title', page.title, LIMITS.text) ??
    checkText('pageContext.referrer', page.referrer, LIMITS.url) ??
    checkNumber('pageContext.viewportWidth', page.viewportWidth, 0) ??
    checkNumber('pageContext.viewportHeight', page.viewportHeight, 0) ??
    checkNumber('pageContext.loadTimeMs', page.loadTimeMs, 0, Number.MAX_SAFE_INTEGER)
  );
}

function elementFault(element: ElementContext): Fault | undefined {
  return (
    checkText('elementContext.tag', element.tag, LIMITS.text) ??
    checkText('elementContext.text', element.text, LIMITS.text) ??
    checkNumber('elementContext.x', element.x, INT32_MIN) ??
    checkNumber('elementContext.y', element.y, INT32_MIN) ??
    checkNumber('elementContext.scrollDepthPct', element.scrollDepthPct, 0, 100)
  );
}
