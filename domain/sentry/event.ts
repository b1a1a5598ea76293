import {
  firstObjects,
  isObject,
  type Json,
  lastObjects,
  listOf,
  lookup,
  objectOf,
  textMap,
  textOf,
  wholeOf,
} from '../loose.js';
import type { BrowserContext, PageContext } from '../contexts.js';
import { type Breadcrumb, MOST_READ, type Occurrence, type Severity } from '../occurrence.js';
import type { Clock } from './clock.js';
import { errorTypeOf, exceptionsOf } from './exceptions.js';

const SEVERITY: ReadonlyMap<string, Severity> = new Map<string, Severity>([
  ['fatal', 'fatal'],
  ['critical', 'fatal'],
  ['error', 'error'],
  ['warning', 'warning'],
  ['info', 'info'],
  ['log', 'info'],
  ['debug', 'info'],
]);

/** Of a fingerprint, empty ones included. */
const MOST_PARTS = 100;

/** An event of a Sentry SDK. Whatever in it is of a wrong type is left out: nothing of it is refused. */
export function sentryOccurrence(event: Json, header: Json, clock: Clock): Occurrence {
  const exceptions = exceptionsOf(event);
  const [thrown] = exceptions;
  const [crash] = thrown?.frames ?? [];
  const request = objectOf(event['request']);
  const contexts = objectOf(event['contexts']);
  return {
    errorId: eventId(event['event_id']) || eventId(header['event_id']),
    profileId: personOf(event['user']),
    sessionId: '',
    timestampMs: clock(event['timestamp']),
    errorType: errorTypeOf(event),
    message: thrown?.value || messageOf(event) || thrown?.type || '',
    stackTrace: '',
    sourceFile: crash?.file ?? '',
    line: crash?.line ?? 0,
    column: crash?.column ?? 0,
    severity: SEVERITY.get(textOf(event['level'])) ?? 'error',
    userComment: '',
    tags: tagsOf(event),
    breadcrumbs: breadcrumbsOf(event['breadcrumbs'], clock),
    pageUrl: textOf(request['url']),
    pageContext: pageOf(request),
    browserContext: browserOf(contexts, request),
    release: textOf(event['release']),
    environment: textOf(event['environment']),
    flags: flagsOf(contexts['flags']),
    exceptions,
    fingerprint: listOf(event['fingerprint']).slice(0, MOST_PARTS).map(textOf).filter(Boolean),
    sdk: sdkOf(event['sdk']) || sdkOf(header['sdk']),
  };
}

/** Some SDKs write it with dashes, and feedback must find its event. */
export const eventId = (value: unknown): string => {
  const id = textOf(value);
  const plain = id.replaceAll('-', '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(plain) ? plain : id;
};

/** Never the IP address: many share one, and it would make a profile of everybody who did not ask for one. */
export function personOf(value: unknown): string {
  const user = objectOf(value);
  return textOf(user['id']) || textOf(user['email']) || textOf(user['username']);
}

export const tagsOf = (event: Json): Record<string, string> => textMap(taggedIn(event), MOST_READ.tags);

function* taggedIn(event: Json): Iterable<readonly [string, unknown]> {
  for (const name of ['transaction', 'server_name', 'logger', 'dist']) yield [name, lookup(event, name)];
  yield* pairsOf(event['tags']);
}

/** Tags are an object, or a list of pairs. */
function* pairsOf(tags: unknown): Iterable<readonly [string, unknown]> {
  if (isObject(tags)) yield* Object.entries(tags);
  for (const pair of listOf(tags)) {
    if (Array.isArray(pair)) yield [textOf(pair[0]), pair[1] as unknown];
    else if (isObject(pair)) yield [textOf(pair['key']), pair['value']];
  }
}

function messageOf(event: Json): string {
  const entry = objectOf(event['logentry']);
  const message = event['message'];
  const legacy = objectOf(message);
  return [entry['formatted'], entry['message'], message, legacy['formatted'], legacy['message']]
    .map(textOf)
    .reduce((found, text) => found || text, '');
}

function breadcrumbsOf(value: unknown, clock: Clock): Breadcrumb[] {
  return lastObjects(isObject(value) ? value['values'] : value, MOST_READ.breadcrumbs).map((crumb) => ({
    timestampMs: clock(crumb['timestamp']),
    category: textOf(crumb['category']) || textOf(crumb['type']),
    message: textOf(crumb['message']),
    data: textMap(Object.entries(objectOf(crumb['data'])), MOST_READ.breadcrumbData),
  }));
}

const header = (request: Json, name: string): string => {
  let found = '';
  for (const [key, value] of pairsOf(request['headers'])) {
    // The last one counts.
    if (key.length === name.length && key.toLowerCase() === name) found = textOf(value);
  }
  return found;
};

function pageOf(request: Json): PageContext | undefined {
  const url = textOf(request['url']);
  const referrer = header(request, 'referer');
  if (url === '' && referrer === '') return undefined;
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? '';
  return { path, title: '', referrer, viewportWidth: 0, viewportHeight: 0, loadTimeMs: 0 };
}

function browserOf(contexts: Json, request: Json): BrowserContext | undefined {
  const browser = objectOf(contexts['browser']);
  const os = objectOf(contexts['os']);
  const device = objectOf(contexts['device']);
  const userAgent = header(request, 'user-agent');
  const known = [browser, os, device].some((context) => Object.keys(context).length > 0) || userAgent !== '';
  if (!known) return undefined;
  const named = ({ name, version }: Json): string => {
    // Node's SDK reads the version from a file, with its line's end.
    const parts = [name, version].map((part) => textOf(part).trim());
    return parts.filter(Boolean).join(' ');
  };
  return {
    userAgent,
    browser: textOf(browser['name']),
    browserVersion: textOf(browser['version']),
    os: named(os),
    deviceType: textOf(device['family']) || textOf(device['model']),
    screenWidth: wholeOf(device['screen_width_pixels']),
    screenHeight: wholeOf(device['screen_height_pixels']),
  };
}

/** Undefined where the client says nothing of flags. */
function flagsOf(context: unknown): Record<string, string> | undefined {
  if (!isObject(context)) return undefined;
  return textMap(flagResults(context), MOST_READ.flags);
}

/** Looked at; an SDK keeps a hundred. */
const MOST_FLAG_VALUES = 1_000;

function* flagResults(context: Json): Iterable<readonly [string, unknown]> {
  for (const { flag, result } of firstObjects(context['values'], MOST_FLAG_VALUES)) yield [textOf(flag), result];
}

function sdkOf(value: unknown): string {
  const sdk = objectOf(value);
  return [sdk['name'], sdk['version']].map(textOf).filter(Boolean).join('/');
}
