import type { Target } from './body.js';
import { ERROR_BATCH, EVENT_BATCH } from './protobuf.js';
import { EACH, type Shape } from './shape.js';

const NOW = Date.now() - 60_000;
const MIB = 1024 * 1024;
const ID = `00000000-0000-4000-8000-00000${EACH}`;
const HEX = `0123456789abcdef0123456789abcd${EACH}`;
const STACK = 'TypeError: x is undefined\n    at pay (https://shop.example.com/app.js:1:1)\n    at run (/srv/a.js:2:3)';
const PAGE = { path: '/cart', title: 'Cart', referrer: 'https://example.com/', viewportWidth: 800, loadTimeMs: 3 };

const EVENTS: Shape = {
  events: [
    {
      eventId: ID,
      appId: '',
      profileId: 'anna',
      sessionId: 'session-1',
      timestampMs: NOW,
      eventType: 'checkout',
      pageUrl: 'https://shop.example.com/cart',
      elementTid: 'pay',
      metadata: { plan: 'pro' },
      pageContext: PAGE,
      elementContext: { tag: 'button', text: 'Pay', x: 1 },
    },
  ],
  heatmapEvents: [
    {
      profileId: 'anna',
      sessionId: 'session-1',
      pageUrl: 'https://shop.example.com/',
      timestampMs: NOW,
      x: 1,
      y: 2,
      viewportWidth: 800,
      viewportHeight: 600,
    },
  ],
};

const ERRORS: Shape = {
  errors: [
    {
      errorId: ID,
      appId: '',
      profileId: 'anna',
      sessionId: 'session-1',
      timestampMs: NOW,
      errorType: 'runtime',
      message: 'x is undefined',
      stackTrace: STACK,
      sourceFile: 'https://shop.example.com/app.js',
      line: 1,
      pageContext: PAGE,
      browserContext: { userAgent: 'Mozilla/5.0 Chrome/120', browser: 'Chrome', os: 'Linux', screenWidth: 800 },
      userComment: 'it broke',
      severity: 2,
      tags: { plan: 'pro' },
      breadcrumbs: [{ timestampMs: NOW, category: 'ui', message: 'clicked', data: { to: '/pay' } }],
      release: 'shop@1.0.0',
      environment: 'production',
    },
  ],
};

const CONTEXT = {
  page: { path: '/cart', title: 'Cart', referrer: 'https://example.com/', url: 'https://shop.example.com/' },
  screen: { width: 800, height: 600 },
  sessionId: 'session-1',
  identityProof: 'a.b',
};
const segment = (type: string, more: { readonly [key: string]: Shape }): Shape => ({
  type,
  messageId: ID,
  userId: 'anna',
  anonymousId: 'anon-1',
  timestamp: NOW,
  context: CONTEXT,
  ...more,
});
const SEGMENT: Shape = {
  writeKey: '{key}',
  batch: [
    segment('track', { event: 'Order', properties: { plan: 'pro', cart: { items: [{ id: 'a', price: 1.5 }] } } }),
    segment('identify', { traits: { mail: 'a@b.c', address: { city: 'Rome' } } }),
    segment('group', { groupId: 'g', traits: { size: 3 } }),
    segment('alias', { previousId: 'anon-2' }),
    segment('page', { name: 'Cart', properties: { url: 'https://shop.example.com/' } }),
  ],
};

const FRAME = {
  filename: 'https://shop.example.com/app.js',
  abs_path: '/srv/app.js',
  module: 'app',
  function: 'pay',
  lineno: 1,
  colno: 2,
  in_app: true,
  context_line: 'pay()',
  pre_context: ['a'],
  post_context: ['b'],
  chunk_id: '00000000-0000-4000-8000-000000000000',
};
const EXCEPTION = {
  type: 'TypeError',
  value: 'x is undefined',
  mechanism: { type: 'generic', handled: true, exception_id: 0 },
  stacktrace: { frames: [FRAME] },
};

const posthog = (event: string, properties: { readonly [key: string]: Shape }): Shape => ({
  event,
  uuid: ID,
  distinct_id: 'anna',
  timestamp: new Date(NOW).toISOString(),
  offset: 10,
  $set: { plan: 'pro' },
  properties: { token: '{key}', distinct_id: 'anna', $session_id: 's', $current_url: 'https://a.b/', ...properties },
});
const POSTHOG: Shape = {
  api_key: '{key}',
  sent_at: new Date(NOW).toISOString(),
  batch: [
    posthog('Order', { plan: 'pro', cart: { items: [1] }, $set: { mail: 'a@b.c' } }),
    posthog('$autocapture', {
      $event_type: 'click',
      $elements: [{ tag_name: 'button', attr__id: 'pay', $el_text: 'Pay' }],
      $elements_chain: 'button.big:attr_id="pay"nth-child="1"text="Pay";div:nth-child="1"',
      $pathname: '/cart',
      title: 'Cart',
      $referrer: 'https://example.com/',
    }),
    posthog('$$heatmap', { $viewport_width: 800, $heatmap_data: { 'https://a.b/': [{ x: 1, y: 2, type: 'click' }] } }),
    posthog('$exception', {
      $exception_list: [EXCEPTION],
      $exception_message: 'm',
      $exception_stack_trace_raw: STACK,
      $exception_level: 'error',
      $exception_fingerprint: 'f',
      $exception_steps: [{ $timestamp: 1, $type: 'ui', $message: 'clicked', to: '/pay' }],
      '$feature/new-cart': true,
      $raw_user_agent: 'Mozilla/5.0 Chrome/120',
      $browser: 'Chrome',
      plan: 'pro',
    }),
    posthog('$identify', { $anon_distinct_id: 'anon-1', $identity_proof: 'a.b' }),
    posthog('$create_alias', { alias: 'anon-2' }),
  ],
};

const EVENT = {
  event_id: HEX,
  timestamp: NOW / 1000,
  platform: 'javascript',
  level: 'error',
  release: 'shop@1.0.0',
  environment: 'production',
  message: { formatted: 'boom', message: 'boom', params: ['a'] },
  logentry: { formatted: 'boom' },
  user: { id: 'anna', email: 'a@b.c', username: 'anna' },
  tags: { plan: 'pro' },
  fingerprint: ['{{ default }}', 'a'],
  breadcrumbs: [{ timestamp: NOW / 1000, category: 'ui', type: 'default', message: 'clicked', data: { to: '/pay' } }],
  exception: { values: [EXCEPTION] },
  threads: { values: [{ crashed: true, stacktrace: { frames: [FRAME] } }] },
  request: { url: 'https://a.b/?token=1', headers: { 'User-Agent': 'Mozilla/5.0', Referer: 'https://e.com/' } },
  contexts: {
    browser: { name: 'Chrome', version: '120' },
    os: { name: 'Linux', version: '6' },
    device: { family: 'PC', screen_width_pixels: 800 },
    flags: { values: [{ flag: 'new-cart', result: true }] },
    feedback: { message: 'it broke', name: 'Anna', contact_email: 'a@b.c', url: 'https://a.b/' },
    trace: { trace_id: HEX },
  },
  debug_meta: { images: [{ code_file: '/srv/app.js', debug_id: '00000000-0000-4000-8000-000000000000' }] },
  sdk: { name: 'sentry.javascript.browser', version: '11.0.0' },
  extra: { cart: { items: [1] } },
};
const SESSION = { sid: HEX, did: 'anna', status: 'ok', errors: 0, started: new Date(NOW).toISOString() };
const ATTRIBUTES = { release: 'shop@1.0.0', environment: 'production' };
const ENVELOPE: Shape = [
  { event_id: HEX, dsn: '{dsn}', sent_at: new Date(NOW).toISOString(), sdk: { name: 'sentry', version: '1' } },
  [
    [{ type: 'event' }, EVENT],
    [{ type: 'feedback' }, EVENT],
    [{ type: 'user_report' }, { event_id: HEX, name: 'Anna', email: 'a@b.c', comments: 'it broke' }],
    [{ type: 'session' }, { ...SESSION, attrs: ATTRIBUTES }],
    [{ type: 'sessions' }, { aggregates: [{ started: NOW / 1000, exited: 1, errored: 1 }], attrs: ATTRIBUTES }],
    [{ type: 'client_report' }, { discarded_events: [{ reason: 'sample_rate', category: 'error', quantity: 1 }] }],
    [{ type: 'attachment' }, { any: 'thing' }],
  ],
];

const PERSON = { mail: 'a@b.c', name: 'anna', version: '1.2.3', address: '10.0.0.1', age: 3, list: ['a'], at: NOW };

const client = { by: 'key', weight: 8, sentBytes: 4 * MIB, inflatedBytes: 8 * MIB } as const;
const context = { by: 'key', weight: 6, sentBytes: MIB / 4, inflatedBytes: MIB / 4 } as const;
/** An envelope may be larger, with attachments; what is kept of it may not. */
const envelope = {
  ...client,
  formats: ['envelope'] as const,
  seed: ENVELOPE,
  sentBytes: 40 * MIB,
  inflatedBytes: 8 * MIB,
};

/** What clients ask of the API, written by hand: these routes read bytes, and no schema says what is in them. */
export const CLIENT_TARGETS: readonly Target[] = [
  { ...client, route: 'POST /v1/events', formats: ['json', 'protobuf'], seed: EVENTS, message: EVENT_BATCH },
  { ...client, route: 'POST /v1/errors', formats: ['json', 'protobuf'], seed: ERRORS, message: ERROR_BATCH },
  { ...client, route: 'POST /v1/batch', formats: ['json'], seed: SEGMENT },
  { ...client, route: 'POST /batch/', formats: ['json', 'form'], seed: POSTHOG },
  { ...client, route: 'POST /e/', formats: ['form', 'json'], seed: POSTHOG },
  { ...envelope, route: 'POST /api/:dsnId/envelope/' },
  { ...envelope, route: 'POST /v1/sentry/tunnel', weight: 2 },
  { ...client, route: 'POST /api/:dsnId/store/', formats: ['json'], seed: EVENT },
  {
    ...context,
    route: 'POST /ofrep/v1/evaluate/flags',
    formats: ['json'],
    seed: { context: { targetingKey: 'anna', ...PERSON } },
  },
  {
    ...context,
    route: 'POST /ofrep/v1/evaluate/flags/*',
    formats: ['json'],
    seed: { context: { targetingKey: 'anna', ...PERSON } },
  },
  {
    ...context,
    route: 'POST /flags/',
    formats: ['json', 'form'],
    seed: { api_key: '{key}', distinct_id: 'anna', person_properties: PERSON, flag_keys_to_evaluate: ['f-1'] },
  },
  {
    ...context,
    route: 'GET /v1/flags',
    formats: ['query'],
    seed: { profileId: 'anna' },
    weight: 1,
    inflatedBytes: 12_000,
  },
  {
    ...client,
    by: 'member',
    route: 'POST /v1/apps/:appId/source-maps',
    formats: ['json'],
    seed: {
      version: 3,
      file: 'app.js',
      sourceRoot: '',
      sources: ['a.ts'],
      sourcesContent: ['pay()'],
      names: ['pay'],
      mappings: 'AAAA,CAAA;',
      debugId: '00000000-0000-4000-8000-000000000000',
      sections: [{ offset: { line: 0, column: 0 }, map: { version: 3, sources: ['a'], names: [], mappings: 'AAAA' } }],
    },
    weight: 4,
    sentBytes: 64 * MIB,
    inflatedBytes: 64 * MIB,
  },
];

/** The same handler under another name. */
export const ALIASES: readonly string[] = [
  ...[
    '/batch',
    '/e',
    '/capture/',
    '/capture',
    '/i/v0/e/',
    '/i/v0/e',
    '/flags',
    '/api/:dsnId/envelope',
    '/api/:dsnId/store',
  ],
].map((url) => `POST ${url}`);
