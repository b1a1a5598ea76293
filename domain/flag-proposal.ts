import type { Definitions, Flag, Segment } from './flag.js';

/** Definitions as they would be: null takes one away. */
export interface FlagProposal {
  readonly flags: readonly { readonly key: string; readonly flag: Omit<Flag, 'version'> | null }[];
  readonly segments: readonly { readonly key: string; readonly segment: Segment | null }[];
}

/** What the app's definitions would be with it. A flag that is proposed has the version that would follow. */
export function withProposal(definitions: Definitions, { flags, segments }: FlagProposal): Definitions {
  const byKey = new Map(definitions.flags.map((flag) => [flag.key, flag]));
  for (const { key, flag } of flags) {
    if (flag === null) byKey.delete(key);
    else byKey.set(key, { ...flag, version: (byKey.get(key)?.version ?? 0) + 1 });
  }
  const named = new Map(definitions.segments.map((segment) => [segment.key, segment]));
  for (const { key, segment } of segments) {
    if (segment === null) named.delete(key);
    else named.set(key, segment);
  }
  return { version: definitions.version + 1, flags: [...byKey.values()], segments: [...named.values()] };
}
