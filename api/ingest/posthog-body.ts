import { PlatformError } from '../../domain/errors.js';
import { isObject, type Json } from '../../domain/loose.js';
import { asText, parseJson } from './json-body.js';
import type { Breather } from './turns.js';

/**
 * What one of PostHog's libraries has sent: JSON, or the form that a page sends while it closes.
 * @throws PlatformError BODY_MALFORMED
 */
export async function postHogBody(body: Buffer, breathe: Breather): Promise<Json | readonly unknown[]> {
  const text = asText(body);
  const value = await parseJson(text.startsWith(FORM) ? await formData(text, breathe) : text, breathe);
  if (isObject(value)) return value;
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new PlatformError('BODY_MALFORMED', 'the body is neither an object nor a list');
}

const FORM = 'data=';
const PIECE_CHARS = 64 * 1024;

/** Base64 in a field of a form, piece by piece: it has no character of more than one byte, and so none that is cut. */
async function formData(text: string, breathe: Breather): Promise<string> {
  const ends = text.indexOf('&');
  const end = ends === -1 ? text.length : ends;
  const pieces: string[] = [];
  for (let at = FORM.length; at < end;) {
    const next = Math.min(at + PIECE_CHARS, end);
    const percent = next === end ? -1 : text.lastIndexOf('%', next - 1);
    const cut = percent > next - 3 ? percent : next;
    try {
      pieces.push(decodeURIComponent(text.slice(at, cut)));
    } catch (cause) {
      throw new PlatformError('BODY_MALFORMED', 'the form cannot be read', { cause });
    }
    at = cut;
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
  return Buffer.from(pieces.join(''), 'base64').toString('utf8');
}

/** Where its bodies carry the app key. */
export const keyIn = (value: Json): unknown => value['api_key'] ?? value['token'];
