const VERSION = /^\s*(?:W\/)?"?(\d{1,15})(?=[-"\s]|$)/;

/** The highest version that somebody shows to have seen, by the entity tags of our answers and messages; 0 where none. */
export function versionSeen(...tags: readonly unknown[]): number {
  let seen = 0;
  for (const tag of tags)
    if (typeof tag === 'string')
      for (const each of tag.split(',', MOST_TAGS)) seen = Math.max(seen, Number(VERSION.exec(each)?.[1] ?? 0));
  return seen;
}

const MOST_TAGS = 20;

/** Whether what the client has is this: any of its tags, be it a weak one that something on the way has made of ours. */
export function isKnownBy(ifNoneMatch: string | undefined, etag: string | undefined): boolean {
  if (ifNoneMatch === undefined || etag === undefined) return false;
  if (ifNoneMatch === etag) return true;
  return ifNoneMatch.split(',', MOST_TAGS).some((each) => each.trim().replace(/^W\//, '') === etag);
}
