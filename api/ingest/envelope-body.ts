import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import type { FastifyRequest } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { type Envelope, envelopeReader } from '../../domain/sentry/envelope.js';
import { asText } from './json-body.js';

/** What is read of an envelope. All else is passed over while it comes in. */
const KEPT_TYPES = new Set(['event', 'feedback', 'user_report', 'session', 'sessions', 'client_report']);

const BOUNDS = {
  /** As sent: attachments make an envelope large, and an SDK sends it only once. */
  sentBytes: 40 * 1024 * 1024,
  inflatedBytes: 200 * 1024 * 1024,
  items: 1_000,
} as const;

const tooLarge = (what: string, bytes: number) =>
  new PlatformError('BODY_TOO_LARGE', `${what} at most ${String(bytes)} bytes`);
const tooMuchKept = () => tooLarge('an envelope without its attachments has', LIMITS.inflatedBytes);

/**
 * The envelope in a request, read as it comes in, so that only what is kept of it takes memory.
 * @throws PlatformError BODY_TOO_LARGE, BODY_MALFORMED
 */
export async function envelopeIn(request: FastifyRequest): Promise<Envelope> {
  const reader = envelopeReader({
    decode: asText,
    keeps: KEPT_TYPES,
    maxItems: BOUNDS.items,
    maxKeptBytes: LIMITS.inflatedBytes,
  });
  await eachChunk(request, (chunk) => {
    if (!reader.push(chunk)) throw tooMuchKept();
  });
  const envelope = reader.finish();
  if (envelope === undefined) throw new PlatformError('BODY_MALFORMED', 'the envelope has no header');
  return envelope;
}

/** A single event, as SDKs sent it before there were envelopes. @throws PlatformError BODY_TOO_LARGE, BODY_MALFORMED */
export async function storedEventIn(request: FastifyRequest): Promise<Envelope> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  await eachChunk(request, (chunk) => {
    bytes += chunk.length;
    if (bytes > LIMITS.inflatedBytes) throw tooMuchKept();
    chunks.push(chunk);
  });
  const payload = Buffer.concat(chunks);
  return { header: {}, items: [{ type: 'event', index: 0, payload }], kept: payload };
}

async function eachChunk({ body, headers }: FastifyRequest, take: (chunk: Uint8Array) => void): Promise<void> {
  if (!(body instanceof Readable)) return;
  const chunks = bounded(body as AsyncIterable<Uint8Array>);
  const first = await chunks.next();
  if (first.done === true) return;
  const whole = async function* () {
    yield first.value;
    yield* chunks;
  };
  let bytes = 0;
  const read = async (inflated: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of inflated) {
      bytes += chunk.length;
      if (bytes > BOUNDS.inflatedBytes) throw tooLarge('a body has when inflated', BOUNDS.inflatedBytes);
      take(chunk);
    }
  };
  const inflater = inflaterOf(headers['content-encoding'], first.value[0] ?? 0);
  if (inflater === undefined) return read(whole());
  try {
    await pipeline(whole, inflater, read);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError('BODY_MALFORMED', 'the body cannot be inflated', { cause: error });
  }
}

async function* bounded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > BOUNDS.sentBytes) throw tooLarge('a body has', BOUNDS.sentBytes);
    if (chunk.length > 0) yield chunk;
  }
  return undefined;
}

/** By the header, or by the first byte where there is none: no envelope begins with that of gzip. */
function inflaterOf(encoding: string | undefined, firstByte: number) {
  const named = (encoding ?? '').trim().toLowerCase();
  if (named === 'gzip' || named === 'x-gzip') return createGunzip();
  if (named === 'br') return createBrotliDecompress();
  // "deflate" means zlib's wrapper, and some clients leave it out.
  if (named === 'deflate') return (firstByte & 0x0f) === 8 ? createInflate() : createInflateRaw();
  if (named === '' || named === 'identity') return firstByte === 0x1f ? createGunzip() : undefined;
  throw new PlatformError('BODY_MALFORMED', 'content-encoding must be gzip, deflate, br or identity');
}
