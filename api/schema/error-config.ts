import { Type } from '@fastify/type-provider-typebox';
import { ERROR_CONFIG_BOUNDS, MAX_EVENTS_PER_DAY, RETENTION_DAYS } from '../../domain/app.js';
import { GLOBS } from '../../domain/glob.js';
import { PATTERNS } from '../../domain/pattern.js';

const within = ({ least, most }: { readonly least: number; readonly most: number }, description: string) =>
  Type.Integer({ minimum: least, maximum: most, description });

const KEYS = { most: 100, chars: 100 } as const;
const texts = ({ most, chars }: { readonly most: number; readonly chars: number }, description: string) =>
  Type.Unsafe<readonly string[]>(
    Type.Array(Type.String({ minLength: 1, maxLength: chars }), { maxItems: most, uniqueItems: true, description }),
  );

const closed = { additionalProperties: false } as const;

const SCRUB = {
  emails: Type.Boolean({ description: 'take out e-mail addresses' }),
  ips: Type.Boolean({ description: 'take out IP addresses' }),
  keys: texts(KEYS, 'more names whose values go, whatever their case and separators'),
  patterns: texts(PATTERNS, 'more patterns, in RE2 syntax; what they match goes'),
};
const FILTERS = {
  browserExtensions: Type.Boolean({ description: 'drop what browser extensions throw' }),
  localhost: Type.Boolean({ description: 'drop what is thrown on a page of localhost' }),
  releases: texts(GLOBS, 'drop these releases: `*` is anything, `?` one character'),
  messages: texts(GLOBS, 'drop errors with such a message, or such a `type: message`'),
};
const NUMBERS = {
  maxErrorsPerDay: within(MAX_EVENTS_PER_DAY, 'errors taken on a UTC day'),
  maxNewReleasesPerDay: within(
    ERROR_CONFIG_BOUNDS.maxNewReleasesPerDay,
    'releases a UTC day that are noted because clients name them',
  ),
  retentionDays: within(RETENTION_DAYS, 'days that occurrences are kept; groups and counts stay'),
  maxStoredPerGroup: within(
    ERROR_CONFIG_BOUNDS.maxStoredPerGroup,
    'occurrences stored of one group; counts stay exact',
  ),
  releaseMinProfiles: within(ERROR_CONFIG_BOUNDS.releaseMinProfiles, 'profiles that make a release count as declared'),
  proofOfFixSessions: within(ERROR_CONFIG_BOUNDS.proofOfFixSessions, 'sessions without the error that prove a fix'),
  reminderHours: within(ERROR_CONFIG_BOUNDS.reminderHours, 'until the assignee is reminded; 0: never'),
  autoResolveDays: within(ERROR_CONFIG_BOUNDS.autoResolveDays, 'until a quiet group is resolved; 0: never'),
};

export const ErrorConfigView = Type.Object({ ...NUMBERS, scrub: Type.Object(SCRUB), filters: Type.Object(FILTERS) });

/** Each part by itself; a list as a whole. */
export const ErrorConfigChange = Type.Partial(
  Type.Object({
    ...NUMBERS,
    scrub: Type.Partial(Type.Object(SCRUB), closed),
    filters: Type.Partial(Type.Object(FILTERS), closed),
  }),
  closed,
);
