import { randomUUID } from 'node:crypto';
import type { Sender } from './ingest.js';

/** What a Sentry SDK is given to send to an app of ours. */
export const dsnOf = (url: string, { app, key }: { app: Pick<Sender['app'], 'dsnId'>; key: string }): string =>
  `${url.replace('://', `://${key}@`)}/${String(app.dsnId)}`;

/** The way of an envelope, with the key where the JavaScript SDKs have it. */
export const envelopeUrl = ({ app, key }: Sender): string =>
  `/api/${String(app.dsnId)}/envelope/?sentry_version=7&sentry_key=${key}&sentry_client=test%2F1`;

export const newEventId = (): string => randomUUID().replaceAll('-', '');

/** An event as an SDK sends it, new at each call. */
export const sentryEvent = (fields: object = {}) => ({
  event_id: newEventId(),
  timestamp: Date.now() / 1000,
  platform: 'node',
  release: 'shop@1.0.0',
  environment: 'production',
  exception: {
    values: [
      {
        type: 'Error',
        value: 'boom',
        mechanism: { type: 'generic', handled: true },
        stacktrace: { frames: [{ filename: '/srv/shop/pay.js', function: 'pay', lineno: 3, colno: 7, in_app: true }] },
      },
    ],
  },
  ...fields,
});

/** Header, and items as pairs of type and payload; a payload of bytes goes with its length. */
export function envelope(header: object, ...items: readonly (readonly [string, object | Buffer])[]): Buffer {
  const parts: Buffer[] = [Buffer.from(JSON.stringify(header))];
  for (const [type, payload] of items) {
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload));
    const length = Buffer.isBuffer(payload) ? { length: bytes.length } : {};
    parts.push(Buffer.from(`\n${JSON.stringify({ type, ...length })}\n`), bytes);
  }
  return Buffer.concat(parts);
}
