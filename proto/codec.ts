/** The one door to protobuf: bytes and proto3 JSON in, plain objects out, and back. Only `proto/` knows protobufjs. */
import { shellapps } from './gen/experience.js';
import type {
  BatchLimits,
  ErrorBatch,
  ErrorEvent,
  EventBatch,
  FeatureFlag,
  HeatmapEvent,
  IngestResponse,
  ReceivedError,
  ReceivedEvent,
  Sparse,
  TrackEvent,
  UserFlagSet,
} from './messages.js';
import { errorEvent, featureFlag, heatmapEvent, ingestResponse, trackEvent, userFlagSet } from './plain.js';
import { batchTooLarge, readEach, type Reader, readMessage } from './reader.js';

export type * from './messages.js';
export { FlagType, isInvalidItem, Severity } from './messages.js';
export { errorsInJson, eventsInJson, jsonText, readErrorBatchJson, readEventBatchJson } from './json.js';

const generated = shellapps.experience;

/**
 * The items of an `EventBatch`, one by one. Throws `BODY_MALFORMED` when the bytes are no such message, invalid UTF-8
 * included. The batch itself is read here and not by the generated code, so that an item too many is refused before it
 * takes memory. Undefined stands for many fields that nobody knows, so that whoever reads may rest.
 */
export function eventsInBytes(bytes: Uint8Array, limits: BatchLimits = {}): Iterable<ReceivedEvent | undefined> {
  let events = 0;
  let heatmapEvents = 0;
  return readItems<ReceivedEvent>(bytes, limits, (reader, field) => {
    if (field === 1) {
      const item = trackEvent(generated.TrackEvent.decode(reader, reader.size()));
      return { list: 'events', index: events++, item };
    }
    if (field !== 2) return undefined;
    const item = heatmapEvent(generated.HeatmapEvent.decode(reader, reader.size()));
    return { list: 'heatmapEvents', index: heatmapEvents++, item };
  });
}

/** As `eventsInBytes`. */
export function errorsInBytes(bytes: Uint8Array, limits: BatchLimits = {}): Iterable<ReceivedError | undefined> {
  let index = 0;
  return readItems<ReceivedError>(bytes, limits, (reader, field) => {
    if (field !== 1) return undefined;
    const item = errorEvent(generated.ErrorEvent.decode(reader, reader.size()));
    return { list: 'errors', index: index++, item };
  });
}

/** All items at once. */
export function decodeEventBatch(bytes: Uint8Array, limits: BatchLimits = {}): EventBatch {
  const events: TrackEvent[] = [];
  const heatmapEvents: HeatmapEvent[] = [];
  for (const received of eventsInBytes(bytes, limits)) {
    if (received?.list === 'events') events.push(received.item as TrackEvent);
    else if (received) heatmapEvents.push(received.item as HeatmapEvent);
  }
  return { events, heatmapEvents };
}

/** As `decodeEventBatch`. */
export function decodeErrorBatch(bytes: Uint8Array, limits: BatchLimits = {}): ErrorBatch {
  const errors: ErrorEvent[] = [];
  for (const received of errorsInBytes(bytes, limits)) if (received) errors.push(received.item as ErrorEvent);
  return { errors };
}

const LENGTH_DELIMITED = 2;
/** So many fields that nobody knows are passed over in one go. */
const UNKNOWN_AT_ONCE = 10_000;

/** @param readItem reads the item of a field; undefined where it has none: the field is a newer client's, and skipped */
function readItems<T>(
  bytes: Uint8Array,
  { maxItems = Infinity }: BatchLimits,
  readItem: (reader: Reader, field: number) => T | undefined,
): Iterable<T | undefined> {
  let count = 0;
  let unknown = 0;
  return readEach(bytes, (reader) => {
    const tag = reader.tag();
    const wireType = tag & 7;
    const field = tag >>> 3;
    const item = wireType === LENGTH_DELIMITED ? readItem(reader, field) : undefined;
    if (item === undefined) {
      reader.skipType(wireType, 0, field);
      unknown += 1;
      return unknown % UNKNOWN_AT_ONCE === 0 ? { item } : undefined;
    }
    count += 1;
    if (count > maxItems) throw batchTooLarge(`a batch holds at most ${String(maxItems)} items`);
    return { item };
  });
}

export function decodeIngestResponse(bytes: Uint8Array): IngestResponse {
  return readMessage(bytes, (reader) => ingestResponse(generated.IngestResponse.decode(reader)));
}

export function decodeFeatureFlag(bytes: Uint8Array): FeatureFlag {
  return readMessage(bytes, (reader) => featureFlag(generated.FeatureFlag.decode(reader)));
}

export function decodeUserFlagSet(bytes: Uint8Array): UserFlagSet {
  return readMessage(bytes, (reader) => userFlagSet(generated.UserFlagSet.decode(reader)));
}

export const encodeEventBatch = encoder<EventBatch>(generated.EventBatch);
export const encodeErrorBatch = encoder<ErrorBatch>(generated.ErrorBatch);
export const encodeIngestResponse = encoder<IngestResponse>(generated.IngestResponse);
export const encodeFeatureFlag = encoder<FeatureFlag>(generated.FeatureFlag);
export const encodeUserFlagSet = encoder<UserFlagSet>(generated.UserFlagSet);

/** The generated types differ from ours in `readonly` and `null` only. */
function encoder<T>(message: { encode(value: never): { finish(): Uint8Array } }) {
  return (value: Sparse<T>): Uint8Array => message.encode(value as never).finish();
}
