import { PlatformError } from '../../domain/errors.js';
import type { KeyPlaces } from '../../domain/key-scanner.js';
import { isObject, type Json } from '../../domain/loose.js';
import { formReader, isForm } from './form-data.js';
import { asText, parseJson } from './json-body.js';
import type { Breather } from './turns.js';

/** Where its bodies carry the app key; python and php put it behind the batch. */
export const KEY_IN_POSTHOG: KeyPlaces = {
  ofWhole: ['api_key', 'token'],
  ofFirst: ['api_key', 'token'],
  ofProperties: ['token'],
};

/**
 * What one of PostHog's libraries has sent: JSON, or the form that a page sends while it closes.
 * @throws PlatformError BODY_MALFORMED
 */
export async function postHogBody(body: Buffer, breathe: Breather): Promise<Json | readonly unknown[]> {
  const value = await parseJson(asText(isForm(body) ? await formData(body, breathe) : body), breathe);
  if (isObject(value)) return value;
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new PlatformError('BODY_MALFORMED', 'the body is neither an object nor a list');
}

const PIECE_BYTES = 64 * 1024;

async function formData(body: Buffer, breathe: Breather): Promise<Buffer> {
  const reader = formReader();
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    pieces.push(reader.push(body.subarray(at, at + PIECE_BYTES)));
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
  return Buffer.concat([...pieces, reader.end()]);
}
