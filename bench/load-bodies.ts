import { randomUUID } from 'node:crypto';
import { encodeErrorBatch, encodeEventBatch } from '../proto/codec.js';

/** What a load sends: where to, and a body for a run of item numbers. */
export interface LoadKind {
  readonly path: (dsnId: number, key: string) => string;
  readonly contentType: string;
  readonly accepted: number;
  readonly body: (numbers: readonly number[], groups: number) => Buffer;
}

const TYPES = ['page_view', 'click', 'scroll', 'hover', 'checkout'];
const PROFILES = 1_000;
const person = (index: number): string => String(index % PROFILES);
const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

/** About 250 bytes as protobuf, of a thousand people. */
function event(index: number) {
  const path = `/products/${String(index % 500)}`;
  return {
    eventId: randomUUID(),
    profileId: `user-${person(index)}`,
    sessionId: `session-${person(index)}`,
    timestampMs: Date.now(),
    eventType: TYPES[index % TYPES.length] ?? 'click',
    pageUrl: `https://shop.example.com${path}`,
    elementTid: 'add-to-cart',
    metadata: { plan: 'pro', campaign: 'autumn' },
    pageContext: { path, title: 'A product', referrer: '', viewportWidth: 1440, viewportHeight: 900, loadTimeMs: 320 },
    elementContext: { tag: 'button', text: 'Add to cart', x: 120, y: 480, scrollDepthPct: 40 },
  };
}

/** Letters only, since digits in a name are taken for a build's. */
const word = (n: number): string => String(n).replaceAll(/\d/g, (digit) => String.fromCharCode(97 + Number(digit)));

const FRAMES = range(9).map((n) => ({
  function: `handle${word(n)}`,
  file: `https://shop.example.com/lib/part${word(n)}.js`,
}));

/** A stack of ten calls; the first names the group. */
const framesOf = (group: number) => [
  { function: `load${word(group)}`, file: 'https://shop.example.com/app.js' },
  ...FRAMES,
];

/** One fault throws from one place, however often. */
const lineOf = (group: number, at: number): number => (at === 0 ? group % 900 : at * 10) + 1;

/** About a kilobyte, of a thousand people, in `groups` groups. */
function error(index: number, groups: number) {
  const who = person(Math.floor(index / 10));
  const message = `cart ${String(index)} is undefined`;
  const lines = framesOf(index % groups).map(
    (frame, at) => `    at ${frame.function} (${frame.file}:${String(lineOf(index % groups, at))}:17)`,
  );
  return {
    errorId: randomUUID(),
    profileId: `user-${who}`,
    sessionId: `session-${who}`,
    timestampMs: Date.now(),
    errorType: 'runtime',
    severity: 2,
    message,
    stackTrace: [`TypeError: ${message}`, ...lines].join('\n'),
    release: 'shop@2.0.0',
    environment: 'production',
    tags: { plan: 'pro', region: `r${String(index % 8)}` },
    breadcrumbs: range(3).map((n) => ({
      timestampMs: Date.now(),
      category: 'ui.click',
      message: `button ${String(n)}`,
    })),
  };
}

/** The same as Sentry's SDK for Node sends it. */
function envelope(index: number, groups: number): Buffer {
  const event_id = randomUUID().replaceAll('-', '');
  const frames = framesOf(index % groups)
    .map(({ function: name, file }, at) => ({
      function: name,
      filename: file,
      lineno: lineOf(index % groups, at),
      colno: 17,
      in_app: true,
    }))
    .reverse();
  const value = `cart ${String(index)} is undefined`;
  const payload = {
    event_id,
    timestamp: Date.now() / 1000,
    platform: 'node',
    level: 'error',
    release: 'shop@2.0.0',
    environment: 'production',
    user: { id: `user-${person(Math.floor(index / 10))}` },
    tags: { plan: 'pro', region: `r${String(index % 8)}` },
    breadcrumbs: range(3).map((n) => ({
      timestamp: Date.now() / 1000,
      category: 'ui.click',
      message: `button ${String(n)}`,
    })),
    exception: {
      values: [{ type: 'TypeError', value, stacktrace: { frames }, mechanism: { type: 'generic', handled: true } }],
    },
    sdk: { name: 'sentry.javascript.node', version: '11.12.0' },
  };
  const lines = [{ event_id, sent_at: new Date().toISOString() }, { type: 'event' }, payload];
  return Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'));
}

export const KINDS = {
  events: {
    path: () => '/v1/events',
    contentType: 'application/x-protobuf',
    accepted: 202,
    body: (numbers) => Buffer.from(encodeEventBatch({ events: numbers.map(event) })),
  },
  errors: {
    path: () => '/v1/errors',
    contentType: 'application/x-protobuf',
    accepted: 202,
    body: (numbers, groups) => Buffer.from(encodeErrorBatch({ errors: numbers.map((n) => error(n, groups)) })),
  },
  envelopes: {
    path: (dsnId, key) => `/api/${String(dsnId)}/envelope/?sentry_version=7&sentry_key=${key}`,
    contentType: 'text/plain;charset=UTF-8',
    accepted: 200,
    body: ([first = 0], groups) => envelope(first, groups),
  },
} satisfies Readonly<Record<string, LoadKind>>;
