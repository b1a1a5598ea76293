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
  type ReceivedError,
  type ReceivedErrorBatch,
  type ReceivedEvent,
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

/**
 * The items of a parsed body, one by one; one that is wrong comes as an `InvalidItem`. Throws `BODY_MALFORMED` where the
 * body is no batch, and `BATCH_TOO_LARGE` before the first item where there are too many.
 */
export function* eventsInJson(body: unknown, limits: BatchLimits = {}): Iterable<ReceivedEvent> {
  const batch = batchIn(body);
  const events = itemsOf(batch, 'events');
  const heatmapEvents = itemsOf(batch, 'heatmapEvents');
  refuseTooMany(events.length + heatmapEvents.length, limits);
  for (const [index, item] of events.entries()) yield { list: 'events', index, item: readItem(item, trackEvent) };
  for (const [index, item] of heatmapEvents.entries())
    yield { list: 'heatmapEvents', index, item: readItem(item, heatmapEvent) };
}

/** As `eventsInJson`. */
export function* errorsInJson(body: unknown, limits: BatchLimits = {}): Iterable<ReceivedError> {
  const errors = itemsOf(batchIn(body), 'errors');
  refuseTooMany(errors.length, limits);
  for (const [index, item] of errors.entries()) yield { list: 'errors', index, item: readItem(item, errorEvent) };
}

/** All items of a body at once. */
export function readEventBatchJson(text: string | Uint8Array, limits: BatchLimits = {}): ReceivedEventBatch {
  const events: (TrackEvent | InvalidItem)[] = [];
  const heatmapEvents: (HeatmapEvent | InvalidItem)[] = [];
  for (const { list, item } of eventsInJson(parse(text), limits)) {
    if (list === 'events') events.push(item);
    else heatmapEvents.push(item);
  }
  return { events, heatmapEvents };
}

/** As `readEventBatchJson`. */
export function readErrorBatchJson(text: string | Uint8Array, limits: BatchLimits = {}): ReceivedErrorBatch {
  return { errors: Array.from(errorsInJson(parse(text), limits), ({ item }) => item) };
}

function parse(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : utf8.decode(text));
  } catch (cause) {
    throw bodyMalformed('JSON', cause);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A body as text; one that is no UTF-8 is `BODY_MALFORMED`. */
export function jsonText(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw bodyMalformed('JSON', cause);
  }
}

function batchIn(body: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(body)) return body;
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

function readItem<T>(item: unknown, read: Read<T>): T | InvalidItem {
  const problem = { field: '' };
  return read(item, problem) ?? { invalid: problem };
}
