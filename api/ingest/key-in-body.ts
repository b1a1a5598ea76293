import { PlatformError } from '../../domain/errors.js';
import { type KeyPlaces, keyScanner } from '../../domain/key-scanner.js';
import { LIMITS } from '../../domain/limits.js';
import { cannotInflate, packingOf, tooLarge } from './body.js';
import { formReader, isForm } from './form-data.js';
import type { Breather } from './turns.js';

const PIECE_BYTES = 64 * 1024;
/** A body of a stranger that holds more than that when inflated has to be worth it: so many times what was sent. */
const FREE_BYTES = 64 * 1024;
const MOST_RATIO = 200;

/**
 * The app key in a body. The body is inflated and looked at piece by piece, none of which is kept.
 * @throws PlatformError BODY_TOO_LARGE, BODY_MALFORMED
 */
export async function keyInBody(
  body: Buffer,
  encoding: string | undefined,
  places: KeyPlaces,
  breathe: Breather,
): Promise<string | undefined> {
  const scanner = keyScanner(places);
  let form: ReturnType<typeof formReader> | undefined;
  let isFirst = true;
  for await (const piece of piecesOf(body, encoding)) {
    if (isFirst && isForm(piece)) form = formReader();
    isFirst = false;
    if (!scanner.push(form === undefined ? piece : form.push(piece))) return scanner.key();
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
  if (form !== undefined) scanner.push(form.end());
  return scanner.key();
}

async function* piecesOf(body: Buffer, encoding: string | undefined): AsyncGenerator<Buffer, undefined> {
  const packing = packingOf(encoding, body);
  if (packing === undefined) {
    for (let at = 0; at < body.length; at += PIECE_BYTES) yield body.subarray(at, at + PIECE_BYTES);
    return undefined;
  }
  const most = Math.min(LIMITS.inflatedBytes, Math.max(FREE_BYTES, body.length * MOST_RATIO));
  let bytes = 0;
  const unpacker = packing.unpacker({ chunkSize: PIECE_BYTES });
  unpacker.end(body);
  try {
    for await (const piece of unpacker as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > most) throw tooLarge(most);
      yield piece;
    }
  } catch (error) {
    throw error instanceof PlatformError ? error : cannotInflate(error);
  }
  return undefined;
}
