import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeRegression, type Regression, type Resolution } from '../../domain/regression.js';
import type { ReleaseFacts } from '../../domain/release.js';

const AT = Date.parse('2026-03-01T12:00:00Z');
const LATER = AT + 60_000;
const EARLIER = AT - 60_000;

/** Declared in this order, an hour apart, before the resolve; `new-*` after it. */
const DECLARED = [
  '1.0.0',
  '1.9.0',
  '2.0.0-beta.1',
  '2.0.0',
  '2.0.0+7',
  'aaa',
  'bbb',
  'app@2.0.0',
  'app@2.1.0',
  '2.1.0',
];
const UNDECLARED = ['999.9.9', 'zzz', 'app@999.9.9'];
const facts = new Map<string, ReleaseFacts>([
  ...DECLARED.map((version, index) => {
    const firstSeenMs = AT - (DECLARED.length - index) * 3_600_000;
    return [version, { version, firstSeenMs, declared: true }] as const;
  }),
  ...UNDECLARED.map((version) => [version, { version, firstSeenMs: LATER, declared: false }] as const),
  ...['new-1', '0.5.0'].map((version) => [version, { version, firstSeenMs: LATER, declared: true }] as const),
]);

const judge = (resolution: Omit<Resolution, 'atMs'>, release: string, atMs = LATER): Regression =>
  judgeRegression({ ...resolution, atMs: AT }, { release, atMs }, (version) => facts.get(version));

const now = { kind: 'now', release: null } as const;
const inRelease = (release: string) => ({ kind: 'release', release }) as const;
const next = (release: string | null) => ({ kind: 'next_release', release }) as const;

const yes = (comparedBy: Regression['comparedBy']) => ({ regressed: true, comparedBy });
const no = (comparedBy: Regression['comparedBy']) => ({ regressed: false, comparedBy });

const CASES: readonly [string, Regression, Regression][] = [
  ['now: later, whatever the release', judge(now, '2.1.0'), yes('time')],
  ['now: later, without a release', judge(now, ''), yes('time')],
  ['now: buffered by a client and sent late', judge(now, '2.1.0', EARLIER), no('time')],
  ['now: at the same moment', judge(now, '', AT), no('time')],

  ['in 2.0.0: an older release, late', judge(inRelease('2.0.0'), '1.9.0'), no('semver')],
  ['in 2.0.0: the release itself', judge(inRelease('2.0.0'), '2.0.0'), yes('semver')],
  ['in 2.0.0: a later one', judge(inRelease('2.0.0'), '2.1.0'), yes('semver')],
  ['in 2.0.0: its prerelease', judge(inRelease('2.0.0'), '2.0.0-beta.1'), no('semver')],
  ['in 2.0.0: a build of it', judge(inRelease('2.0.0'), '2.0.0+7'), yes('semver')],
  ['in 2.0.0+7: an older build', judge(inRelease('2.0.0+7'), '2.0.0'), no('semver')],
  ['in 2.0.0-beta.1: the release', judge(inRelease('2.0.0-beta.1'), '2.0.0'), yes('semver')],
  ['in 2.0.0: 999.9.9 of one client', judge(inRelease('2.0.0'), '999.9.9'), no('none')],
  ['in 2.0.0: a release nobody heard of', judge(inRelease('2.0.0'), '3.0.0'), no('none')],
  ['in 2.0.0: no release', judge(inRelease('2.0.0'), ''), no('none')],
  ['in 2.0.0: another package', judge(inRelease('2.0.0'), 'app@2.1.0'), no('none')],
  ['in app@2.0.0: the next of the package', judge(inRelease('app@2.0.0'), 'app@2.1.0'), yes('semver')],
  ['in app@2.0.0: app@999.9.9 of one client', judge(inRelease('app@2.0.0'), 'app@999.9.9'), no('none')],
  ['in 3.0.0, which nobody has declared: itself', judge(inRelease('3.0.0'), '3.0.0'), yes('semver')],
  ['in bbb: first seen before it', judge(inRelease('bbb'), 'aaa'), no('first_seen')],
  ['in aaa: first seen after it', judge(inRelease('aaa'), 'bbb'), yes('first_seen')],
  ['in aaa: itself', judge(inRelease('aaa'), 'aaa'), yes('first_seen')],
  ['in aaa: seen later, declared by nobody', judge(inRelease('aaa'), 'zzz'), no('none')],
  ['in a release nobody has seen: no order', judge(inRelease('unseen'), 'bbb'), no('none')],
  ['in 2.0.0: a clock that is behind', judge(inRelease('2.0.0'), '2.1.0', EARLIER), yes('semver')],
  ['in 2.0.0: an old release with a clock that is ahead', judge(inRelease('2.0.0'), '1.0.0', AT + 9e9), no('semver')],

  ['next after 2.0.0: 2.0.0 itself', judge(next('2.0.0'), '2.0.0'), no('semver')],
  ['next after 2.0.0: older', judge(next('2.0.0'), '1.9.0'), no('semver')],
  ['next after 2.0.0: a fix for an old line, released since', judge(next('2.0.0'), '0.5.0'), no('semver')],
  ['next after 2.0.0: later', judge(next('2.0.0'), '2.1.0'), yes('semver')],
  ['next after 2.0.0: 999.9.9 of one client', judge(next('2.0.0'), '999.9.9'), no('none')],
  ['next after 2.0.0: no release', judge(next('2.0.0'), ''), no('none')],
  ['next after 2.0.0-beta.1: the release', judge(next('2.0.0-beta.1'), '2.0.0'), yes('semver')],
  ['next after aaa: aaa', judge(next('aaa'), 'aaa'), no('first_seen')],
  ['next after aaa: bbb', judge(next('aaa'), 'bbb'), yes('first_seen')],
  ['next, and there was no release: one that was there', judge(next(null), '2.0.0'), no('first_seen')],
  ['next, and there was no release: the first since', judge(next(null), 'new-1'), yes('first_seen')],
  ['next, and there was no release: one client’s', judge(next(null), '999.9.9'), no('none')],
  ['next, and there was no release: no release', judge(next(null), ''), no('none')],
];

describe('judgeRegression', () => {
  for (const [what, actual, expected] of CASES) {
    it(`resolved ${what}: ${expected.regressed ? 'reopens' : 'stays'}`, () => assert.deepEqual(actual, expected));
  }

  it('never reopens by a release that nobody declared or named', () => {
    for (const resolution of [inRelease('1.0.0'), inRelease('aaa'), next('1.0.0'), next('aaa'), next(null)]) {
      for (const release of [...UNDECLARED, '', 'never heard of', 'a@b@c']) {
        assert.equal(judge(resolution, release).regressed, false, `${JSON.stringify(resolution)} ${release}`);
      }
    }
  });
});
