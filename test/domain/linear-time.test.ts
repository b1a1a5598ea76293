import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keyFromRequest } from '../../api/auth-header.js';
import { enclosingFunction } from '../../domain/enclosing-function.js';
import { nameInBundle, plainName } from '../../domain/function-name.js';
import { globs } from '../../domain/glob.js';
import { inboundFilter } from '../../domain/inbound-filter.js';
import { normaliseMessage } from '../../domain/message-pattern.js';
import { scrubber } from '../../domain/scrub.js';
import { finished } from '../../domain/steps.js';
import { isOriginPattern, originAllowed } from '../../domain/origin.js';
import { secretNames } from '../../domain/secret-name.js';
import {
  withoutCards,
  withoutEmails,
  withoutIps,
  withoutSecretPairs,
  withoutSecretParameters,
  withoutTokens,
} from '../../domain/secret-text.js';
import { clockOf } from '../../domain/sentry/clock.js';
import { dsnOf, keyInSentryAuth } from '../../domain/sentry/dsn.js';
import { errorTypeOf } from '../../domain/sentry/exceptions.js';
import { eventId, sentryOccurrence } from '../../domain/sentry/event.js';
import { isBundleName, isOwnFile, normaliseFile } from '../../domain/source-file.js';
import { isOwnSource, mappable, pathKey, tidySource } from '../../domain/source-path.js';
import { parseStackTrace, splitHeader } from '../../domain/stack.js';
import { postHogMessages } from '../../domain/posthog.js';
import { best, cpuMs } from '../helper/cpu-time.js';
import { occurrenceOf } from '../helper/occurrence.js';
import { seededRandom } from '../helper/random.js';

const isSecret = secretNames([]);
const filter = inboundFilter({
  browserExtensions: true,
  localhost: true,
  releases: ['*a*b*'],
  messages: ['*a*b*c*'],
});
const scrub = scrubber({ emails: true, ips: true, keys: ['a'], patterns: [] });
const clock = clockOf('', 1);

/** Everything that looks through a text from outside. */
const SCANNERS: Readonly<Record<string, (text: string) => unknown>> = {
  withoutTokens,
  withoutCards,
  withoutEmails,
  withoutIps,
  withoutSecretPairs: (text) => withoutSecretPairs(text, isSecret),
  withoutSecretParameters: (text) => withoutSecretParameters(text, isSecret),
  secretNames: isSecret,
  'scrubber: message': (text) => finished(scrub(occurrenceOf({ message: text }))),
  'scrubber: stack': (text) => finished(scrub(occurrenceOf({ stackTrace: text }))),
  parseStackTrace,
  splitHeader,
  normaliseMessage,
  plainName,
  nameInBundle,
  isOriginPattern,
  originAllowed: (text) => originAllowed(['https://*.example.com'], text),
  'keyFromRequest: bearer': (text) => keyFromRequest({ headers: { authorization: `Bearer ${text}` }, query: {} }),
  'keyFromRequest: basic': (text) => keyFromRequest({ headers: { authorization: `Basic ${text}` }, query: {} }),
  normaliseFile,
  isOwnFile,
  isBundleName,
  pathKey,
  tidySource,
  mappable,
  isOwnSource,
  enclosingFunction: (text) => enclosingFunction(text, text.length),
  globs: globs(['*a*b*c*', '?*x*']),
  'inboundFilter: message': (message) => filter(occurrenceOf({ message })),
  'inboundFilter: page': (pageUrl) => filter(occurrenceOf({ pageUrl })),
  'inboundFilter: stack': (stackTrace) => filter(occurrenceOf({ stackTrace })),
  'inboundFilter: file': (sourceFile) => filter(occurrenceOf({ sourceFile })),
  dsnOf,
  keyInSentryAuth: (text) => keyInSentryAuth(`Sentry ${text}`),
  eventId,
  sentryOccurrence: (text) =>
    sentryOccurrence({ request: { url: text, headers: { [text]: text } }, level: text, timestamp: text }, {}, clock),
  errorTypeOf: (text) => errorTypeOf({ exception: { values: [{ value: text, mechanism: { type: text } }] } }),
  postHogMessages: (text) =>
    postHogMessages(
      {
        event: '$autocapture',
        uuid: 'x',
        distinct_id: 'd',
        timestamp: text,
        properties: { $event_type: 'click', $elements_chain: text, $current_url: text, a: text },
      },
      { sentAt: text, now: 1 },
    ),
};

/** What patterns begin with, look for and pass over; repeated, it makes a pattern try again at each place. */
const TOKENS = [
  ...[
    'a',
    '1',
    ':',
    '@',
    '"',
    "'",
    '(',
    ')',
    '{',
    '}',
    '[',
    ']',
    '=',
    '\\',
    '\\"',
    '-',
    '.',
    '/',
    ' ',
    '\n',
    '\r',
    '?',
  ],
  ...['&', ';', '#', '%40', '%5D', ',', '<', '>', '_', '$', '*', '\0', 'é', '\uD800', '=>', ' (', '://', '::', 'a=b&'],
  ...['token:', 'token: ', 'token=', 'token:"', 'token:\\"', 'token:[', '"token":"', 'auth:', 'password:', 'cookie: '],
  ...[
    'authorization: ',
    'cookie:\r',
    'pin=',
    'sid:',
    'a]=',
    'secret:  ',
    'eyJ',
    'eyJaaaaaaaa.',
    '://a:',
    'a@b.',
    'a.b@',
  ],
  ...['1 ', '1-', '4111 ', 'at ', 'async ', 'bearer ', 'Basic a', '-----BEGIN ', '-----BEGIN PRIVATE KEY-----', 'sk-'],
  ...[
    'npm_',
    'AKIA',
    '127.',
    '0:',
    'Jan ',
    '1:',
    'x:1:1)',
    ' > eval',
    '[cause]: ',
    'Error: ',
    'https://',
    '../',
    'v1.',
  ],
  ...['function ', 'f(){', '=> {', 'chrome-extension://', 'sentry_key=', '^', 'Uncaught ', 'A.', ' [', '";a', 'text="'],
];
const AROUND: readonly (readonly [before: string, after: string])[] = [
  ['', ''],
  ['at f (', ':1:2)'],
];

const CHARS = 16_384;
const DOUBLINGS = 2;
/** Of CPU time. What the smallest text costs is lost in the measuring, so less than this is nothing. */
const NOTHING_MS = 2;
/** A scanner in quadratic time takes four times as long for a doubling. */
const MOST = 3;

let made = 0;
const textOf = (token: string, [before, after]: readonly [string, string], chars: number): string =>
  // With a number of its own, so that nobody remembers the answer.
  `${before}${token.repeat(Math.ceil(chars / token.length))}${after}${String(made++)}`;

const least = (times: number, work: () => unknown): Promise<number> => best(0, () => cpuMs(work), times);

/** How much longer it takes for each doubling of its text, where it takes any time worth measuring. */
async function growth(scan: (text: string) => unknown, token: string, around: readonly [string, string]) {
  const large = () => scan(textOf(token, around, CHARS * 2 ** DOUBLINGS));
  if ((await least(1, large)) < NOTHING_MS * 4) return 1;
  const times = 3;
  const small = await least(times, () => scan(textOf(token, around, CHARS)));
  return ((await least(times, large)) / Math.max(small, NOTHING_MS / 4)) ** (1 / DOUBLINGS);
}

describe('each scanner of texts from outside', () => {
  const random = seededRandom(10);
  const pairs = Array.from({ length: 16 }, () => random.pick(TOKENS) + random.pick(TOKENS));
  for (const [name, scan] of Object.entries(SCANNERS)) {
    it(`takes twice as long for twice the text at most: ${name}`, async () => {
      for (const token of [...TOKENS, ...pairs]) {
        for (const around of AROUND) {
          // The compiler and the collector of garbage may fall on the large texts only, but not at each try.
          const grows = await best(MOST, () => growth(scan, token, around));
          assert.ok(
            grows < MOST,
            `${JSON.stringify(token)} in ${JSON.stringify(around)}: ${grows.toFixed(1)} a doubling`,
          );
        }
      }
    });
  }
});
