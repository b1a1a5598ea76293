import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareReleases, latestDeclared, packageOf, type ReleaseFacts } from '../../domain/release.js';

const fact = (version: string, firstSeenMs = 0, declared = true): ReleaseFacts => ({ version, firstSeenMs, declared });
const known = (...facts: ReleaseFacts[]) => {
  const byVersion = new Map(facts.map((each) => [each.version, each]));
  return (version: string) => byVersion.get(version);
};
const nothing = known();

describe('packageOf', () => {
  const cases: readonly [string, string][] = [
    ['my-app@1.2.3', 'my-app'],
    ['@scope/web@2.0.0', '@scope/web'],
    ['1.2.3', ''],
    ['@1.2.3', ''],
    ['', ''],
    ['a@b@1.0.0', 'a@b'],
  ];
  for (const [release, name] of cases) it(`of "${release}" is "${name}"`, () => assert.equal(packageOf(release), name));
});

describe('compareReleases', () => {
  const bySemver: readonly [string, string, -1 | 0 | 1][] = [
    ['1.2.3', '1.2.4', -1],
    ['1.10.0', '1.9.0', 1],
    ['2.0.0-beta.1', '2.0.0', -1],
    ['2.0.0-beta.2', '2.0.0-beta.10', -1],
    ['2.0.0', '2.0.0', 0],
    ['v2.0.0', '2.0.0', 0],
    ['2.0.0+7', '2.0.0+8', -1],
    ['2.0.0+7', '2.0.0', 1],
    ['my-app@2.0.0+7', 'my-app@2.0.0+7', 0],
    ['my-app@1.9.9', 'my-app@2.0.0', -1],
    ['@scope/web@3.0.0', '@scope/web@2.9.9', 1],
    ['999.9.9', '2.0.0', 1],
  ];
  for (const [a, b, order] of bySemver) {
    it(`holds ${a} against ${b} by version: ${String(order)}`, () => {
      assert.deepEqual(compareReleases(a, b, nothing), { order, comparedBy: 'semver' });
    });
  }

  it('does not compare releases of different packages, whatever is known of them', () => {
    const facts = known(fact('web@1.0.0', 1), fact('api@2.0.0', 2), fact('1.0.0', 3));
    for (const [a, b] of [
      ['web@1.0.0', 'api@2.0.0'],
      ['web@1.0.0', '1.0.0'],
    ] as const) {
      assert.equal(compareReleases(a, b, facts), undefined);
    }
  });

  it('coerces nothing into a version', () => {
    for (const text of ['1.2', '1', 'release-1.2.3', '1.2.3.4', '01.2.3', '2024.11.02', `${'1'.repeat(300)}.0.0`]) {
      assert.equal(compareReleases(text, '1.0.0', nothing), undefined, text);
    }
  });

  it('goes by first sight where one is no version, and both are declared', () => {
    const facts = known(fact('abc1234', 10), fact('def5678', 20), fact('1.0.0', 30));
    assert.deepEqual(compareReleases('abc1234', 'def5678', facts), { order: -1, comparedBy: 'first_seen' });
    assert.deepEqual(compareReleases('def5678', 'abc1234', facts), { order: 1, comparedBy: 'first_seen' });
    assert.deepEqual(compareReleases('1.0.0', 'abc1234', facts), { order: 1, comparedBy: 'first_seen' });
  });

  it('says nothing by first sight of a release that nobody declared, or of two seen at once', () => {
    assert.equal(compareReleases('abc', 'def', known(fact('abc', 1), fact('def', 2, false))), undefined);
    assert.equal(compareReleases('abc', 'def', known(fact('abc', 1))), undefined);
    assert.equal(compareReleases('abc', 'def', known(fact('abc', 1), fact('def', 1))), undefined);
  });

  it('knows that a release is itself, and that no release is none', () => {
    assert.deepEqual(compareReleases('abc1234', 'abc1234', nothing), { order: 0, comparedBy: 'first_seen' });
    assert.equal(compareReleases('', '', nothing), undefined);
    assert.equal(compareReleases('', '1.0.0', nothing), undefined);
  });

  it('is the same seen from the other side, and never throws, on any text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('1.0.0', '2.0.0-rc.1', 'a@1.0.0', 'a@1.0.0+5', 'abc', '@', 'a@', 'a@abc'),
    );
    fc.assert(
      fc.property(text, text, fc.nat(5), fc.nat(5), (a, b, seenA, seenB) => {
        const facts = known(fact(a, seenA), fact(b, seenB));
        const [there, back] = [compareReleases(a, b, facts), compareReleases(b, a, facts)];
        assert.equal((there?.order ?? 0) + (back?.order ?? 0), 0);
        assert.equal(there?.comparedBy, back?.comparedBy);
      }),
    );
  });
});

describe('latestDeclared', () => {
  it('is the highest version, not the newest: a fix for an old line comes later', () => {
    assert.equal(latestDeclared([fact('1.9.0', 1), fact('2.0.0', 2), fact('1.9.1', 3)]), '2.0.0');
  });

  it('is not what one client claims', () => {
    assert.equal(latestDeclared([fact('1.0.0', 1), fact('999.9.9', 2, false)]), '1.0.0');
    assert.equal(latestDeclared([fact('999.9.9', 2, false)]), undefined);
    assert.equal(latestDeclared([]), undefined);
  });

  it('is of the package that came last', () => {
    assert.equal(latestDeclared([fact('web@9.0.0', 1), fact('api@1.0.0', 2), fact('api@0.9.0', 3)]), 'api@1.0.0');
  });

  it('is the newest where that is no version', () => {
    assert.equal(latestDeclared([fact('1.0.0', 1), fact('abc1234', 2)]), 'abc1234');
    assert.equal(latestDeclared([fact('abc1234', 1), fact('1.0.0', 2)]), '1.0.0');
  });

  it('counts prereleases and builds by their order', () => {
    assert.equal(latestDeclared([fact('2.0.0-beta.10', 1), fact('2.0.0-beta.9', 2)]), '2.0.0-beta.10');
    assert.equal(latestDeclared([fact('2.0.0+8', 1), fact('2.0.0+7', 2)]), '2.0.0+8');
  });
});
