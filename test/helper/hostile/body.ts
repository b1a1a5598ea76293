import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { type Message, protobufOf } from './protobuf.js';
import {
  entriesOf,
  isGrown,
  isList,
  jsonOf,
  type Puts,
  repeated,
  type Shape,
  stepsOf,
  textOf,
  withPuts,
} from './shape.js';

export const ENCODINGS = ['identity', 'gzip', 'br', 'deflate'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** How a seed is written: as JSON, as a message, as the form of a closing page, as an envelope, or in the URL. */
export type Format = 'json' | 'protobuf' | 'form' | 'envelope' | 'query';

/** A route, and a body that it takes. */
export interface Target {
  /** Method and URL as the route has them. */
  readonly route: string;
  readonly formats: readonly [Format, ...Format[]];
  readonly seed: Shape;
  /** Of the body, as sent and as inflated. */
  readonly sentBytes: number;
  readonly inflatedBytes: number;
  readonly message?: Message;
  readonly headers?: Readonly<Record<string, string>>;
  /** Who asks. */
  readonly by: 'key' | 'member';
  /** What the search may give it, beside the others. */
  readonly weight: number;
}

/** A hostile body, in short: what is put into its target's seed, and how the whole is sent. */
export interface HostileBody {
  readonly route: string;
  readonly format: Format;
  readonly encoding: Encoding;
  readonly puts: Puts;
}

/** As it goes over the wire. */
export interface Wire {
  readonly query: string;
  /** Values of the path, by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  readonly inflatedBytes: number;
  readonly headers: Readonly<Record<string, string>>;
}

const TYPES: Readonly<Record<Format, string>> = {
  json: 'application/json',
  protobuf: 'application/x-protobuf',
  form: 'application/x-www-form-urlencoded',
  envelope: 'text/plain;charset=UTF-8',
  query: '',
};

const encoded: Readonly<Record<Encoding, (bytes: Buffer) => Buffer>> = {
  identity: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes, { level: 6 }),
  br: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  deflate: (bytes) => deflateSync(bytes, { level: 6 }),
};

export const shapeOf = (target: Target, { puts }: HostileBody): Shape => withPuts(target.seed, puts);

/** @param fill what stands for names in braces in the whole text, such as `{key}` */
export function wireOf(target: Target, body: HostileBody, fill: (text: string) => string): Wire {
  const shape = shapeOf(target, body);
  if (body.format === 'query') return { ...inUrl(shape), bytes: Buffer.alloc(0), inflatedBytes: 0, headers: {} };
  const plain = plainOf(target, body.format, shape, fill);
  const { encoding } = body;
  const bytes = encoded[encoding](plain);
  const headers = {
    'content-type': TYPES[body.format],
    ...(encoding !== 'identity' && { 'content-encoding': encoding }),
    ...target.headers,
  };
  return { query: '', params: {}, bytes, inflatedBytes: plain.length, headers };
}

function plainOf({ message }: Target, format: Format, shape: Shape, fill: (text: string) => string): Buffer {
  if (format === 'protobuf') return protobufOf(shape, message ?? {});
  if (format === 'envelope') return Buffer.from(envelopeOf(shape, fill));
  const json = fill(jsonOf(shape));
  if (format === 'form') return Buffer.from(`data=${encodeURIComponent(Buffer.from(json).toString('base64'))}`);
  return Buffer.from(json);
}

/** `[header, item, payload, ...]`; what is a list of those is repeated. */
function envelopeOf(shape: Shape, fill: (text: string) => string): string {
  if (!isList(shape)) return jsonOf(shape);
  const [header = null, items = null] = shape;
  return `${fill(jsonOf(header))}\n${linesOf(items)}`;
}

function linesOf(items: Shape): string {
  if (isList(items)) return items.map(pairOf).join('\n');
  if (isGrown(items) && items.grown === 'list') return repeated(pairOf(items.item), items.times, '\n');
  return jsonOf(items);
}

const pairOf = (item: Shape): string => (isList(item) ? item.map(jsonOf).join('\n') : jsonOf(item));

const plainText = (shape: Shape): string =>
  typeof shape === 'string' ? shape : isGrown(shape) && shape.grown === 'text' ? textOf(shape) : jsonOf(shape);

/** A colon before a name says that it stands in the path. */
function inUrl(shape: Shape): Pick<Wire, 'query' | 'params'> {
  if (typeof shape !== 'object' || shape === null || isList(shape) || isGrown(shape)) return { query: '', params: {} };
  const texts = entriesOf(shape).map(([name, item]) => [name, plainText(item).toWellFormed()] as const);
  const query = texts.filter(([name]) => !name.startsWith(':'));
  return {
    query: query.map(([name, text]) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`).join('&'),
    params: Object.fromEntries(texts.filter(([name]) => name.startsWith(':'))),
  };
}

/** In few words: what was put where. */
export const nameOf = ({ puts }: HostileBody): string =>
  Object.entries(puts)
    .map(([path, put]) => `${stepsOf(path).slice(-2).join('/')}: ${nameOfPut(put)}`)
    .join(', ') || 'the seed';

function nameOfPut(put: Shape): string {
  if (!isGrown(put)) return jsonOf(put).slice(0, 40);
  const times = `x ${put.times.toLocaleString('en')}`;
  if (put.grown === 'text') return `${JSON.stringify(put.text).slice(0, 40)} ${times}`;
  if (put.grown === 'list') return `[${nameOfPut(put.item)}] ${times}`;
  if (put.grown === 'keys') return `{${put.key}: ${nameOfPut(put.item)}} ${times}`;
  return `${put.grown} ${times}`;
}
