import { PlatformError } from '../../domain/errors.js';
import { isObject, type Json } from '../../domain/loose.js';

/**
 * What one of PostHog's libraries has sent: JSON, or the form that a page sends while it closes.
 * @throws PlatformError BODY_MALFORMED
 */
export function postHogBody(body: Buffer): Json | readonly unknown[] {
  const text = body.toString('utf8');
  try {
    const json = text.startsWith('data=') ? Buffer.from(formData(text), 'base64').toString('utf8') : text;
    const value: unknown = JSON.parse(json);
    if (isObject(value)) return value;
    if (Array.isArray(value)) return value as readonly unknown[];
  } catch (cause) {
    throw new PlatformError('BODY_MALFORMED', 'the body is no JSON', { cause });
  }
  throw new PlatformError('BODY_MALFORMED', 'the body is neither an object nor a list');
}

const formData = (text: string): string => decodeURIComponent(text.slice('data='.length).split('&', 1)[0] ?? '');

/** Where its bodies carry the app key. */
export const keyIn = (value: Json): unknown => value['api_key'] ?? value['token'];
