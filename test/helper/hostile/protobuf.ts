import { entriesOf, isGrown, isList, type Shape, textOf } from './shape.js';

/** A message as its .proto file has it: number and type of each field. A map's entries are text to text. */
export type Message = {
  readonly [field: string]: readonly [number: number, type: 'text' | 'number' | 'map' | Message];
};

const PAGE: Message = {
  path: [1, 'text'],
  title: [2, 'text'],
  referrer: [3, 'text'],
  viewportWidth: [4, 'number'],
  loadTimeMs: [6, 'number'],
};
const EVENT: Message = {
  eventId: [1, 'text'],
  appId: [2, 'text'],
  profileId: [3, 'text'],
  sessionId: [4, 'text'],
  timestampMs: [5, 'number'],
  eventType: [6, 'text'],
  pageUrl: [7, 'text'],
  elementTid: [8, 'text'],
  metadata: [9, 'map'],
  pageContext: [10, PAGE],
  elementContext: [11, { tag: [1, 'text'], text: [2, 'text'], x: [3, 'number'] }],
};
const POINT: Message = {
  appId: [1, 'text'],
  profileId: [2, 'text'],
  sessionId: [3, 'text'],
  pageUrl: [4, 'text'],
  timestampMs: [5, 'number'],
  x: [6, 'number'],
  y: [7, 'number'],
  viewportWidth: [8, 'number'],
  viewportHeight: [9, 'number'],
};
const CRUMB: Message = { timestampMs: [1, 'number'], category: [2, 'text'], message: [3, 'text'], data: [4, 'map'] };
const ERROR: Message = {
  errorId: [1, 'text'],
  appId: [2, 'text'],
  profileId: [3, 'text'],
  sessionId: [4, 'text'],
  timestampMs: [5, 'number'],
  errorType: [6, 'text'],
  message: [7, 'text'],
  stackTrace: [8, 'text'],
  sourceFile: [9, 'text'],
  line: [10, 'number'],
  pageContext: [12, PAGE],
  browserContext: [13, { userAgent: [1, 'text'], browser: [2, 'text'], os: [4, 'text'], screenWidth: [6, 'number'] }],
  userComment: [14, 'text'],
  severity: [15, 'number'],
  tags: [16, 'map'],
  breadcrumbs: [17, CRUMB],
  release: [100, 'text'],
  environment: [101, 'text'],
};
export const EVENT_BATCH: Message = { events: [1, EVENT], heatmapEvents: [2, POINT] };
export const ERROR_BATCH: Message = { errors: [1, ERROR] };

const ENTRY: Message = { key: [1, 'text'], value: [2, 'text'] };

/** As the message on the wire; what does not fit its field's type is left out, as no client can send it. */
export function protobufOf(shape: Shape, message: Message): Buffer {
  if (typeof shape !== 'object' || shape === null || isList(shape) || isGrown(shape)) return Buffer.alloc(0);
  const parts = entriesOf(shape).map(([name, item]) => {
    const field = message[name];
    if (field === undefined) return Buffer.alloc(0);
    if (isList(item)) return Buffer.concat(item.map((each) => fieldOf(each, field)));
    if (isGrown(item) && item.grown === 'list') return times(fieldOf(item.item, field), item.times);
    return fieldOf(item, field);
  });
  return Buffer.concat(parts);
}

function fieldOf(shape: Shape, [number, type]: Message[string]): Buffer {
  if (type === 'number') {
    if (typeof shape !== 'number') return Buffer.alloc(0);
    return Buffer.concat([varint(number * 8), varint(Math.max(0, Math.trunc(shape)))]);
  }
  if (type === 'map') return mapOf(shape, number);
  if (type !== 'text') return delimited(number, protobufOf(shape, type));
  if (typeof shape === 'string') return delimited(number, Buffer.from(shape));
  return isGrown(shape) && shape.grown === 'text' ? delimited(number, Buffer.from(textOf(shape))) : Buffer.alloc(0);
}

function mapOf(shape: Shape, number: number): Buffer {
  if (typeof shape !== 'object' || shape === null || isList(shape)) return Buffer.alloc(0);
  const entry = (key: string, value: Shape) => delimited(number, protobufOf({ key, value }, ENTRY));
  if (!isGrown(shape)) return Buffer.concat(entriesOf(shape).map(([key, value]) => entry(key, value)));
  if (shape.grown !== 'keys') return Buffer.alloc(0);
  const { key, item } = shape;
  return Buffer.concat(Array.from({ length: shape.times }, (_, index) => entry(`${key}${index}`, item)));
}

const times = (bytes: Buffer, count: number): Buffer => Buffer.alloc(bytes.length * count, bytes);

const delimited = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
}
