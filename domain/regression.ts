import { compareReleases, type KnownRelease } from './release.js';

/** What somebody said when they resolved a group. */
export interface Resolution {
  readonly kind: 'now' | 'release' | 'next_release';
  /** The fixed release; for `next_release` the highest declared one at that moment, null where there was none. */
  readonly release: string | null;
  readonly atMs: number;
}

export interface Regression {
  readonly regressed: boolean;
  /** How the occurrence was held against the fix; `none` where the two cannot be compared, and the group stays. */
  readonly comparedBy: 'semver' | 'first_seen' | 'time' | 'none';
}

/** `atMs` is corrected for the client's clock; `release` is `''` where the client states none. */
export interface JudgedOccurrence {
  readonly release: string;
  readonly atMs: number;
}

const STAYS: Regression = { regressed: false, comparedBy: 'none' };

/**
 * Whether an occurrence shows that a resolved group is not resolved. In doubt it does not: an older release, another
 * package, a release that one client made up, or none at all never reopens what was fixed in a release. What was
 * resolved "now" names no release, so time alone decides there.
 */
export function judgeRegression(
  { kind, release: fix, atMs }: Resolution,
  occurrence: JudgedOccurrence,
  known: KnownRelease,
): Regression {
  if (kind === 'now') return { regressed: occurrence.atMs > atMs, comparedBy: 'time' };
  if (occurrence.release === '') return STAYS;
  const declared = known(occurrence.release)?.declared === true;

  if (fix === null) {
    // "The next release", when there was none yet: the first that was declared and seen after that.
    const facts = known(occurrence.release);
    if (kind === 'release' || facts === undefined || !declared) return STAYS;
    return { regressed: facts.firstSeenMs > atMs, comparedBy: 'first_seen' };
  }
  // Whoever named the fixed release has vouched for it; any other must have been declared.
  if (!declared && occurrence.release !== fix) return STAYS;
  const compared = compareReleases(occurrence.release, fix, known);
  if (compared === undefined) return STAYS;
  const { order, comparedBy } = compared;
  return { regressed: kind === 'release' ? order >= 0 : order > 0, comparedBy };
}
