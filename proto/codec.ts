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
  Sparse,
  TrackEvent,
  UserFlagSet,
} from './messages.js';
import { errorEvent, featureFlag, heatmapEvent, ingestResponse, trackEvent, userFlagSet } from './plain.js';
import { batchTooLarge, type Reader, readMessage } from './reader.js';

export type * from './messages.js';
export { FlagType, isInvalidItem, Severity } from './messages.js';
export { readErrorBatchJson, readEventBatchJson } from './json.js';

const generated = shellapps.experience;

/**
 * Throws `BODY_MALFORMED` when the bytes are no such message, invalid UTF-8 included. The batch itself is read here
 * and not by the generated code, so that an item too many is refused before it takes memory.
 */
export function decodeEventBatch(bytes: Uint8Array, limits: BatchLimits = {}): EventBatch {
  return readMessage(bytes, (reader) => {
    const events: TrackEvent[] = [];
    const heatmapEvents: HeatmapEvent[] = [];
    readItems(reader, limits, {
      1: () => events.push(trackEvent(generated.TrackEvent.decode(reader, reader.size()))),
      2: () => heatmapEvents.push(heatmapEvent(generated.HeatmapEvent.decode(reader, reader.size()))),
    });
    return { events, heatmapEvents };
  });
}

/** As `decodeEventBatch`. */
export function decodeErrorBatch(bytes: Uint8Array, limits: BatchLimits = {}): ErrorBatch {
  return readMessage(bytes, (reader) => {
    const errors: ErrorEvent[] = [];
    readItems(reader, limits, {
      1: () => errors.push(errorEvent(generated.ErrorEvent.decode(reader, reader.size()))),
    });
    return { errors };
  });
}

const LENGTH_DELIMITED = 2;

/** `items` reads the item of a field; any other field is a newer client's and skipped. */
function readItems(
  reader: Reader,
  { maxItems = Infinity }: BatchLimits,
  items: Readonly<Partial<Record<number, () => unknown>>>,
): void {
  let count = 0;
  while (reader.pos < reader.len) {
    const tag = reader.tag();
    const wireType = tag & 7;
    const field = tag >>> 3;
    const readItem = wireType === LENGTH_DELIMITED ? items[field] : undefined;
    if (readItem === undefined) {
      reader.skipType(wireType, 0, field);
    } else {
      count += 1;
      if (count > maxItems) throw batchTooLarge(`a batch holds at most ${String(maxItems)} items`);
      readItem();
    }
  }
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
