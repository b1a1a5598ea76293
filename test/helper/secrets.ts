import type { KnownSecrets } from '../../api/known-secrets.js';

/** What a process knows of keys and tokens: none but those it is told of, and not that there are no others. */
export function secretsTold(isUpToDate = false): KnownSecrets {
  const told = new Set<string>();
  return { has: (hash) => told.has(hash), add: (hash) => told.add(hash), isUpToDate: () => isUpToDate };
}
