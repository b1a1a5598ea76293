import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyRequest } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import type { Json } from '../../domain/loose.js';
import { type Envelope, envelopeReader, HEADER_BYTES } from '../../domain/sentry/envelope.js';
import { cannotInflate, packingOf } from './body.js';
import { asText } from './json-body.js';

/** What is read of an envelope. All else is passed over while it comes in. */
const KEPT_TYPES = new Set(['event', 'feedback', 'user_report', 'session', 'sessions', 'client_report']);

const BOUNDS = {
  /** As sent: attachments make an envelope large, and an SDK sends it only once. */
  sentBytes: 40 * 1024 * 1024,
  inflatedBytes: 200 * 1024 * 1024,
  /** What is more than that when inflated has to be worth it: at most so many times what was sent. */
  freeBytes: LIMITS.inflatedBytes,
  ratio: 200,
  items: 1_000,
} as const;

const PIECE_BYTES = 64 * 1024;

const tooLarge = (what: string, bytes: number) =>
  new PlatformError('BODY_TOO_LARGE', `${what} at most ${String(bytes)} bytes`);
const tooMuchKept = () => tooLarge('an envelope without its attachments has', LIMITS.inflatedBytes);
const noHeader = () => new PlatformError('BODY_MALFORMED', 'the envelope has no header');

/**
 * The envelope in a request, read as it comes in, so that only what is kept of it takes memory.
 * @param onHeader is told of its header, before anything else is read; what it throws ends the reading
 * @throws PlatformError BODY_TOO_LARGE, BODY_MALFORMED
 */
export async function envelopeIn(
  request: FastifyRequest,
  onHeader: (header: Json) => Promise<void>,
): Promise<Envelope> {
  const reader = envelopeReader({
    decode: asText,
    keeps: KEPT_TYPES,
    maxItems: BOUNDS.items,
    maxKeptBytes: LIMITS.inflatedBytes,
  });
  const told = { header: false };
  await eachChunk(request, async (chunk, soFar) => {
    if (!reader.push(chunk)) throw tooMuchKept();
    if (told.header) return;
    const header = reader.header();
    if (header === null || (header === undefined && soFar > HEADER_BYTES)) throw noHeader();
    if (header === undefined) return;
    told.header = true;
    await onHeader(header);
  });
  const envelope = reader.finish();
  if (envelope === undefined) throw noHeader();
  if (!told.header) await onHeader(envelope.header);
  return envelope;
}

/** A single event, as SDKs sent it before there were envelopes. @throws PlatformError BODY_TOO_LARGE, BODY_MALFORMED */
export async function storedEventIn(request: FastifyRequest): Promise<Envelope> {
  const chunks: Uint8Array[] = [];
  await eachChunk(request, (chunk, soFar) => {
    if (soFar > LIMITS.inflatedBytes) throw tooMuchKept();
    chunks.push(chunk);
  });
  const payload = Buffer.concat(chunks);
  return { header: {}, items: [{ type: 'event', index: 0, payload }], kept: payload };
}

/** @param take gets each piece of the inflated body, and how many bytes came so far, with it */
async function eachChunk(
  { body, headers }: FastifyRequest,
  take: (chunk: Uint8Array, soFar: number) => Promise<void> | void,
): Promise<void> {
  if (!(body instanceof Readable)) return;
  let sent = 0;
  const chunks = bounded(body as AsyncIterable<Uint8Array>, (bytes) => (sent = bytes));
  const first = await chunks.next();
  if (first.done === true) return;
  const whole = async function* () {
    yield first.value;
    yield* chunks;
  };
  let soFar = 0;
  const read = async (pieces: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const piece of pieces) {
      soFar += piece.length;
      const most = Math.min(BOUNDS.inflatedBytes, Math.max(BOUNDS.freeBytes, sent * BOUNDS.ratio));
      if (soFar > most) throw tooLarge('a body has when inflated', most);
      const pause = take(piece, soFar);
      if (pause !== undefined) await pause;
    }
  };
  const packing = packingOf(headers['content-encoding'], first.value);
  if (packing === undefined) return read(whole());
  try {
    await pipeline(whole, packing.unpacker({ chunkSize: PIECE_BYTES }), read);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw cannotInflate(error);
  }
}

async function* bounded(
  body: AsyncIterable<Uint8Array>,
  onBytes: (soFar: number) => void,
): AsyncGenerator<Uint8Array, undefined> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > BOUNDS.sentBytes) throw tooLarge('a body has', BOUNDS.sentBytes);
    onBytes(bytes);
    if (chunk.length > 0) yield chunk;
  }
  return undefined;
}
