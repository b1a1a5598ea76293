import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzip,
  inflate,
  inflateRaw,
} from 'node:zlib';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';

export type Format = 'protobuf' | 'json';

/** The content types that say which format it is; those that do not are looked at; all others are refused. */
const STATED: ReadonlyMap<string, Format | 'look'> = new Map<string, Format | 'look'>([
  ['application/x-protobuf', 'protobuf'],
  ['application/protobuf', 'protobuf'],
  ['application/octet-stream', 'protobuf'],
  ['application/json', 'json'],
  ['text/plain', 'look'],
  ['', 'look'],
]);

interface Packing {
  /** All at once. */
  readonly unpack: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;
  /** Piece by piece. */
  readonly unpacker: (options: { chunkSize: number }) => Transform;
}

const GZIP: Packing = { unpack: promisify(gunzip), unpacker: createGunzip };
const ZLIB: Packing = { unpack: promisify(inflate), unpacker: createInflate };
const RAW: Packing = { unpack: promisify(inflateRaw), unpacker: createInflateRaw };
const BROTLI: Packing = { unpack: promisify(brotliDecompress), unpacker: createBrotliDecompress };

/** @throws PlatformError CONTENT_TYPE_UNSUPPORTED */
export function formatOf(contentType: string | undefined, body: Uint8Array): Format {
  const type = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const stated = STATED.get(type);
  if (stated === undefined) {
    throw new PlatformError('CONTENT_TYPE_UNSUPPORTED', `send protobuf or JSON, not ${type.slice(0, 100)}`);
  }
  return stated === 'look' ? lookedAt(body) : stated;
}

/** JSON begins with a brace or a bracket, which no message of ours does. */
function lookedAt(body: Uint8Array): Format {
  const first = body.find((byte) => byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
  return first === 0x7b || first === 0x5b ? 'json' : 'protobuf';
}

/**
 * How a body is packed; undefined where it is not. Gzip is recognised by its first bytes too, since browsers send it
 * without saying so.
 * @throws PlatformError BODY_MALFORMED where the encoding is unknown
 */
export function packingOf(encoding: string | undefined, start: Uint8Array): Packing | undefined {
  const named = (encoding ?? '').trim().toLowerCase();
  if (named === '' || named === 'identity') return start[0] === 0x1f && (start[1] ?? 0x8b) === 0x8b ? GZIP : undefined;
  if (named === 'gzip' || named === 'x-gzip') return GZIP;
  if (named === 'br') return BROTLI;
  // "deflate" means zlib's wrapper, and some clients leave it out.
  if (named === 'deflate') return ((start[0] ?? 0) & 0x0f) === 8 ? ZLIB : RAW;
  throw new PlatformError('BODY_MALFORMED', 'content-encoding must be gzip, deflate, br or identity');
}

/**
 * The body as it was before compression.
 * @throws PlatformError BODY_TOO_LARGE past the limit, BODY_MALFORMED on anything else that is wrong
 */
export async function inflated(
  body: Buffer,
  encoding: string | undefined,
  most: number = LIMITS.inflatedBytes,
): Promise<Buffer> {
  const packing = packingOf(encoding, body);
  if (packing === undefined) {
    if (body.length > most) throw tooLarge(most);
    return body;
  }
  try {
    return await packing.unpack(body, { maxOutputLength: most });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(most);
    throw cannotInflate(error);
  }
}

export const tooLarge = (most: number) =>
  new PlatformError('BODY_TOO_LARGE', `a body holds at most ${String(most)} bytes when inflated`);

export const cannotInflate = (cause: unknown) =>
  new PlatformError('BODY_MALFORMED', 'the body cannot be inflated', { cause });
