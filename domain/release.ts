import semver from 'semver';

/** What an app knows of one of its releases. */
export interface ReleaseFacts {
  readonly version: string;
  readonly firstSeenMs: number;
  /** By an upload, a deploy, or enough profiles that ran it. What one client claims declares nothing. */
  readonly declared: boolean;
}

export type KnownRelease = (version: string) => ReleaseFacts | undefined;

export interface ReleaseOrder {
  readonly order: -1 | 0 | 1;
  readonly comparedBy: 'semver' | 'first_seen';
}

/** `my-app` of `my-app@1.2.3`, `@scope/web` of `@scope/web@2.0.0`; `''` where the release names no package. */
export function packageOf(release: string): string {
  const at = release.lastIndexOf('@');
  return at > 0 ? release.slice(0, at) : '';
}

/** What comes after the package; null where that is no semantic version. Nothing is coerced into one. */
function versionOf(release: string) {
  const name = packageOf(release);
  return semver.parse(name === '' ? release : release.slice(name.length + 1));
}

const sign = (difference: number): -1 | 0 | 1 => (difference < 0 ? -1 : difference > 0 ? 1 : 0);

/**
 * Which of two releases is the later one: by semantic version (prerelease and build metadata too), else by when they
 * were first seen, which counts for declared releases only. Undefined where nobody can say: other packages, or no
 * versions and no such order.
 */
export function compareReleases(a: string, b: string, known: KnownRelease): ReleaseOrder | undefined {
  if (packageOf(a) !== packageOf(b)) return undefined;
  const [versionA, versionB] = [versionOf(a), versionOf(b)];
  if (versionA !== null && versionB !== null) {
    return { order: semver.compareBuild(versionA, versionB), comparedBy: 'semver' };
  }
  if (a === b) return a === '' ? undefined : { order: 0, comparedBy: 'first_seen' };
  const [factsA, factsB] = [known(a), known(b)];
  if (factsA?.declared !== true || factsB?.declared !== true) return undefined;
  const order = sign(factsA.firstSeenMs - factsB.firstSeenMs);
  return order === 0 ? undefined : { order, comparedBy: 'first_seen' };
}

/**
 * The highest declared release: of those with the package of the newest one, the highest version; the newest itself
 * where that has no version.
 */
export function latestDeclared(releases: readonly ReleaseFacts[]): string | undefined {
  const declared = releases.filter((release) => release.declared);
  const [first, ...rest] = declared;
  if (first === undefined) return undefined;
  const newest = rest.reduce((latest, each) => (each.firstSeenMs > latest.firstSeenMs ? each : latest), first);
  return declared.reduce((highest, { version }) => {
    if (versionOf(version) === null || versionOf(highest) === null) return highest;
    return compareReleases(version, highest, () => undefined)?.order === 1 ? version : highest;
  }, newest.version);
}
