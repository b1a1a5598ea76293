import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
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

const unzip = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  raw: promisify(inflateRaw),
  br: promisify(brotliDecompress),
};

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
 * The body as it was before compression. A gzip body is recognised by its first bytes too, since browsers send it
 * without saying so.
 * @throws PlatformError BODY_TOO_LARGE past the limit, BODY_MALFORMED on anything else that is wrong
 */
export async function inflated(
  body: Buffer,
  encoding: string | undefined,
  most: number = LIMITS.inflatedBytes,
): Promise<Buffer> {
  const named = (encoding ?? '').trim().toLowerCase();
  const isGzip = body[0] === 0x1f && body[1] === 0x8b;
  if (named === '' || named === 'identity') return isGzip ? run(unzip.gzip, body, most) : within(body, most);
  if (named === 'gzip' || named === 'x-gzip') return run(unzip.gzip, body, most);
  if (named === 'br') return run(unzip.br, body, most);
  // "deflate" means zlib's wrapper, and some clients leave it out.
  if (named === 'deflate') return run(((body[0] ?? 0) & 0x0f) === 8 ? unzip.deflate : unzip.raw, body, most);
  throw new PlatformError('BODY_MALFORMED', 'content-encoding must be gzip, deflate, br or identity');
}

function within(body: Buffer, most: number): Buffer {
  if (body.length <= most) return body;
  throw tooLarge(most);
}

const tooLarge = (most: number) =>
  new PlatformError('BODY_TOO_LARGE', `a body holds at most ${String(most)} bytes when inflated`);

async function run(
  unpack: (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>,
  body: Buffer,
  most: number,
): Promise<Buffer> {
  try {
    return await unpack(body, { maxOutputLength: most });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(most);
    throw new PlatformError('BODY_MALFORMED', 'the body cannot be inflated', { cause: error });
  }
}
