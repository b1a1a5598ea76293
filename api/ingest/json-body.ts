import { PlatformError } from '../../domain/errors.js';
import { type Keeps, parsedJson } from '../../domain/json-text.js';
import { finished } from '../../domain/steps.js';
import { type Breather, steadily } from './turns.js';

/** What is smaller is parsed in one go: whatever it holds, that takes a few ms. */
const SMALL_CHARS = 64 * 1024;

/** UTF-8 without a copy of its bytes; what is none is replaced. */
export const asText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/**
 * The value of a JSON text, which is read the same way on every route: whatever its size, the event loop goes on.
 * @throws PlatformError BODY_MALFORMED
 */
export async function parseJson(text: string, breathe: Breather, keeps: Keeps = 'enough'): Promise<unknown> {
  try {
    if (text.length <= SMALL_CHARS) return finished(parsedJson(text, keeps));
    // 8 MiB that are not ASCII take 80 ms to decode, and that has just been done.
    const pause = breathe();
    if (pause !== undefined) await pause;
    return await steadily(parsedJson(text, keeps), breathe);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    // Without the piece of the body that V8 quotes.
    const why = cause.message.replace(/, (?:\.\.\.)?"[^]*$/, '');
    throw new PlatformError('BODY_MALFORMED', `the body cannot be read as JSON: ${why}`, { cause });
  }
}
