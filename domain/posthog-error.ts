import type { BrowserContext, PageContext } from './contexts.js';
import { cutText, LIMITS } from './limits.js';
import { firstObjects, type Json, lastObjects, lookup, textMap, textOf, wholeOf } from './loose.js';
import { type Breadcrumb, MOST_READ, type Occurrence, type Severity } from './occurrence.js';
import { clockOf } from './sentry/clock.js';
import { errorTypeIn, exceptionsIn } from './sentry/exceptions.js';

interface Facts {
  readonly id: string;
  readonly profileId: string;
  readonly sessionId: string;
  readonly timestampMs: number;
  readonly properties: Json;
}

interface Moment {
  readonly sentAt: unknown;
  readonly now: number;
}

const SEVERITY: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ['fatal', 'fatal'],
  ['error', 'error'],
  ['warning', 'warning'],
  ['info', 'info'],
  ['log', 'info'],
  ['debug', 'info'],
]);

const FEATURE = '$feature/';
/** Looked at, of one event. */
const MOST_EXCEPTIONS = 1_000;

/** PostHog's `$exception`: its exceptions are Sentry's in all but their order, the thrown error comes first. */
export function postHogError(facts: Facts, { sentAt, now }: Moment): Occurrence {
  const { id, profileId, sessionId, timestampMs, properties } = facts;
  const values = firstObjects(properties['$exception_list'], MOST_EXCEPTIONS);
  const exceptions = exceptionsIn(values, 'thrown-first');
  const [thrown] = exceptions;
  const [crash] = thrown?.frames ?? [];
  // A server's library makes up an id where it is told none: that is nobody.
  const isNobody = properties['$process_person_profile'] === false && properties['$is_server'] === true;
  const fingerprint = textOf(properties['$exception_fingerprint']);
  const clock = clockOf(sentAt, now);
  return {
    errorId: id,
    profileId: isNobody ? '' : profileId,
    sessionId,
    timestampMs: clock(timestampMs / 1000),
    errorType: errorTypeIn(values, 'thrown-first'),
    message: thrown?.value || textOf(properties['$exception_message']) || thrown?.type || '',
    stackTrace: thrown === undefined ? textOf(properties['$exception_stack_trace_raw']) : '',
    sourceFile: crash?.file ?? '',
    line: crash?.line ?? 0,
    column: crash?.column ?? 0,
    severity: SEVERITY.get(textOf(properties['$exception_level'])) ?? 'error',
    userComment: '',
    tags: textMap(
      Object.entries(properties).filter(([key]) => isTag(key)),
      MOST_READ.tags,
    ),
    breadcrumbs: lastObjects(properties['$exception_steps'], MOST_READ.breadcrumbs).map((step) =>
      breadcrumbOf(step, clock),
    ),
    pageUrl: textOf(properties['$current_url']),
    pageContext: postHogPage(properties),
    browserContext: browserOf(properties),
    release: textOf(properties['$release']) || textOf(properties['$app_version']),
    environment: textOf(properties['$environment']),
    flags: flagsOf(properties),
    exceptions,
    fingerprint: fingerprint === '' ? [] : [fingerprint],
    sdk: [properties['$lib'], properties['$lib_version']].map(textOf).filter(Boolean).join('/'),
  };
}

const isTag = (key: string): boolean => !key.startsWith('$') && key !== 'token' && key !== 'distinct_id';

const breadcrumbOf = (step: Json, clock: (value: unknown) => number): Breadcrumb => ({
  timestampMs: clock(step['$timestamp']),
  category: textOf(step['$type']),
  message: textOf(step['$message']),
  data: textMap(
    Object.entries(step).filter(([key]) => !key.startsWith('$')),
    MOST_READ.breadcrumbData,
  ),
});

/** Undefined where the client says nothing of flags. */
function flagsOf(properties: Json): Record<string, string> | undefined {
  const flags = Object.entries(properties).filter(([key]) => key.startsWith(FEATURE));
  if (flags.length === 0) return undefined;
  return textMap(
    flags.map(([key, value]) => [key.slice(FEATURE.length), value]),
    MOST_READ.flags,
  );
}

/** Where it happened, within the bounds of an event. */
export function postHogPage(properties: Json): PageContext | undefined {
  const path = cutText(textOf(properties['$pathname']), LIMITS.url);
  if (path === '') return undefined;
  return {
    path,
    title: cutText(textOf(properties['title']), LIMITS.text),
    referrer: cutText(textOf(properties['$referrer']), LIMITS.url),
    viewportWidth: wholeOf(properties['$viewport_width']),
    viewportHeight: wholeOf(properties['$viewport_height']),
    loadTimeMs: 0,
  };
}

function browserOf(properties: Json): BrowserContext | undefined {
  const of = (name: string): string => textOf(lookup(properties, name));
  const userAgent = of('$raw_user_agent');
  const browser = of('$browser');
  if (userAgent === '' && browser === '') return undefined;
  return {
    userAgent,
    browser,
    browserVersion: of('$browser_version'),
    os: [of('$os'), of('$os_version')].filter(Boolean).join(' '),
    deviceType: of('$device_type'),
    screenWidth: wholeOf(properties['$screen_width']),
    screenHeight: wholeOf(properties['$screen_height']),
  };
}
