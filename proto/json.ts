/** proto3 JSON of the ingest messages, as it is used by browsers, `curl` and adapters. */
import { lookup } from '../domain/loose.js';
import {
  enumeration,
  type Field,
  int32,
  int64,
  isRecord,
  list,
  message,
  optional,
  type Read,
  snakeCase,
  string,
  stringMap,
} from './json-fields.js';
import {
  type BatchLimits,
  type Breadcrumb,
  type BrowserContext,
  type ElementContext,
  type ErrorEvent,
  type HeatmapEvent,
  type InvalidItem,
  type PageContext,
  type ReceivedErrorBatch,
  type ReceivedEventBatch,
  Severity,
  type TrackEvent,
} from './messages.js';
import { batchTooLarge, bodyMalformed } from './reader.js';

const pageContext: Field<PageContext | undefined> = optional(
  message<PageContext>({
    path: string,
    title: string,
    referrer: string,
    viewportWidth: int32,
    viewportHeight: int32,
    loadTimeMs: int64,
  }),
);

const elementContext = optional(
  message<ElementContext>({ tag: string, text: string, x: int32, y: int32, scrollDepthPct: int32 }),
);

const trackEvent = message<TrackEvent>({
  eventId: string,
  appId: string,
  profileId: string,
  sessionId: string,
  timestampMs: int64,
  eventType: string,
  pageUrl: string,
  elementTid: string,
  metadata: stringMap,
  pageContext,
  elementContext,
});

const heatmapEvent = message<HeatmapEvent>({
  appId: string,
  profileId: string,
  sessionId: string,
  pageUrl: string,
  timestampMs: int64,
  x: int32,
  y: int32,
  viewportWidth: int32,
  viewportHeight: int32,
});

const breadcrumb = message<Breadcrumb>({ timestampMs: int64, category: string, message: string, data: stringMap });

const browserContext = optional(
  message<BrowserContext>({
    userAgent: string,
    browser: string,
    browserVersion: string,
    os: string,
    deviceType: string,
    screenWidth: int32,
    screenHeight: int32,
  }),
);

const errorEvent = message<ErrorEvent>({
  errorId: string,
  appId: string,
  profileId: string,
  sessionId: string,
  timestampMs: int64,
  errorType: string,
  message: string,
  stackTrace: string,
  sourceFile: string,
  line: int32,
  column: int32,
  pageContext,
  browserContext,
  userComment: string,
  severity: enumeration(Severity),
  tags: stringMap,
  breadcrumbs: list(breadcrumb),
  release: string,
  environment: string,
});

/** Throws `BODY_MALFORMED` when this is no JSON or no batch; an item that is wrong becomes an `InvalidItem`. */
export function readEventBatchJson(text: string | Uint8Array, limits: BatchLimits = {}): ReceivedEventBatch {
  const body = parse(text);
  const events = itemsOf(body, 'events');
  const heatmapEvents = itemsOf(body, 'heatmapEvents');
  refuseTooMany(events.length + heatmapEvents.length, limits);
  return { events: readItems(events, trackEvent), heatmapEvents: readItems(heatmapEvents, heatmapEvent) };
}

/** As `readEventBatchJson`. */
export function readErrorBatchJson(text: string | Uint8Array, limits: BatchLimits = {}): ReceivedErrorBatch {
  const errors = itemsOf(parse(text), 'errors');
  refuseTooMany(errors.length, limits);
  return { errors: readItems(errors, errorEvent) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(text: string | Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(typeof text === 'string' ? text : utf8.decode(text));
    if (isRecord(body)) return body;
  } catch (cause) {
    throw bodyMalformed('JSON', cause);
  }
  throw bodyMalformed('JSON', 'a batch is an object');
}

function itemsOf(body: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
  const items = lookup(body, name) ?? lookup(body, snakeCase(name)) ?? [];
  if (Array.isArray(items)) return items;
  throw bodyMalformed('JSON', `"${name}" is not an array`);
}

function refuseTooMany(items: number, { maxItems = Infinity }: BatchLimits): void {
  if (items > maxItems) throw batchTooLarge(`a batch holds at most ${String(maxItems)} items`);
}

function readItems<T>(items: readonly unknown[], read: Read<T>): (T | InvalidItem)[] {
  return items.map((item) => {
    const problem = { field: '' };
    return read(item, problem) ?? { invalid: problem };
  });
}
