import { ObjectId } from 'mongodb';
import type { ErrorGroupDoc } from '../db/error-groups.js';
import type { ErrorStatus } from '../domain/error-status.js';
import { DAY_MS } from '../domain/limits.js';
import { groupOf } from '../test/helper/error-group.js';

export const TYPES = [
  'TypeError',
  'ReferenceError',
  'RangeError',
  'SyntaxError',
  'NetworkError',
  'ChunkLoadError',
  'AppError',
];
const VERBS = [
  'render',
  'load',
  'fetch',
  'parse',
  'update',
  'validate',
  'submit',
  'open',
  'close',
  'merge',
  'sync',
  'draw',
];
export const NOUNS =
  'account address agent alert amount answer archive article asset attachment audience avatar badge balance banner basket batch billing block board bonus booking bookmark branch brand bucket budget bundle button calendar campaign canvas card cart category cell channel chapter chart chat checkout claim client cluster collection color column comment company config contact content contract country coupon course credit currency customer dashboard dataset delivery deposit device dialog document domain draft driver editor email employee entry episode event export factory feature feed field file filter flag folder font form frame gallery game gateway grid group guest header history image import inbox index ingredient inventory invoice item journal keyboard label language layer ledger lesson license list loader locale location lock logger map marker market measure media member menu message metric mirror model module monitor node note notice offer option order owner package page panel parcel partner password patient payload payment payroll permission person photo picker plan player playlist plugin policy poll portal post preview price printer product profile project promo proxy quiz quota quote rating recipe record refund region reminder renderer reply report request resource result review reward role room route row rule sale sample schedule schema scope score screen script search seat section sensor server service session setting sheet shipping site slide slot snapshot socket source stage status stock storage story stream student subscription summary survey table tag target task team template tenant theme thread ticket timer title toast token topic tour track transfer trigger upload user value vendor version video view visitor vote voucher wallet warning watch webhook widget window worker workspace zone'.split(
    ' ',
  );
const MESSAGES = [
  (noun: string) => `Cannot read properties of undefined (reading '${noun}')`,
  (noun: string) => `${noun} is not a function`,
  (noun: string) => `Failed to fetch ${noun} from https://api.example.com/v2/${noun}s`,
  (noun: string) => `The ${noun} could not be found in the ${noun} store`,
  (noun: string) => `Timeout of 3000ms exceeded while waiting for ${noun}`,
  (noun: string) => `Unexpected end of ${noun} input`,
  (noun: string) => `Loading chunk ${noun} failed`,
];
const STATUSES: readonly [ErrorStatus, number][] = [
  ['new', 0.6],
  ['resolved', 0.25],
  ['ignored', 0.12],
  ['investigating', 0.03],
];
export const RELEASES = Array.from({ length: 10 }, (_, index) => `shop@2.${String(index)}.0`);
const ENVIRONMENTS = ['production', 'production', 'production', 'staging', 'preview'];

/** Always the same numbers, so that two runs list the same groups. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

export interface Mix {
  readonly appId: ObjectId;
  readonly members: readonly ObjectId[];
  readonly now: number;
}

/** Groups as a busy app has them after a year: few that are many, many that are few; one in twenty is somebody's. */
export function* mixedGroups(count: number, { appId, members, now }: Mix): Generator<ErrorGroupDoc> {
  const random = randomFrom(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const name = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
  const hex = (chars: number): string =>
    Array.from({ length: chars }, () => Math.floor(random() * 16).toString(16)).join('');
  const status = (): ErrorStatus => {
    let left = random();
    return STATUSES.find(([, share]) => (left -= share) < 0)?.[0] ?? 'new';
  };

  for (let index = 0; index < count; index += 1) {
    const firstSeen = now - random() * 365 * DAY_MS;
    // Half of all are of one day; the others go on until lately.
    const lastSeen =
      random() < 0.5 ? firstSeen + random() * (now - firstSeen) * 0.01 : now - random() ** 3 * (now - firstSeen);
    const newest = Math.floor(random() * RELEASES.length);
    const occurrenceCount = Math.ceil(random() ** -1.2);
    const call = `${pick(VERBS)}${name(pick(NOUNS))}${random() < 0.3 ? name(pick(NOUNS)) : ''}`;
    const title = pick(TYPES);
    const file = `src/${pick(NOUNS)}/${pick(NOUNS)}.ts`;
    yield groupOf({
      appId,
      fingerprint: hex(64),
      title,
      culprit: `${call} (${file})`,
      message: pick(MESSAGES)(pick(NOUNS)),
      firstSeen: new Date(firstSeen),
      lastSeen: new Date(lastSeen),
      occurrenceCount,
      affectedProfiles: Math.floor(occurrenceCount * random()),
      status: status(),
      assignee: random() < 0.05 ? pick(members) : null,
      releases: RELEASES.slice(Math.max(0, newest - Math.floor(random() * 4)), newest + 1),
      environments: [pick(ENVIRONMENTS)],
      grouping: {
        version: 1,
        by: 'stack',
        components: [
          title,
          ...Array.from({ length: 12 }, () => `src/${pick(NOUNS)}.ts ${pick(VERBS)}${name(pick(NOUNS))}`),
        ],
      },
    });
  }
}
