import { setImmediate as pause } from 'node:timers/promises';
import type { WalkedProfile } from '../db/flag-profiles.js';
import { setEncoder } from '../db/flag-set-bytes.js';
import type { SetWrite } from '../db/flag-set-writes.js';
import { changedSetOf } from '../domain/flag-set.js';
import type { CompiledApp } from './compiled-flags.js';

/** Of one transaction. */
const CHUNK_BYTES = 8 * 1024 * 1024;
const MOST_PROFILES = 1_000;
/** A document of the database has 16 MB; what comes near it would also be slow to read. */
const MOST_SET_BYTES = 4 * 1024 * 1024;
/** How long others in this process wait while sets are evaluated, about. */
const BREATH_MS = 15;

const encode = setEncoder();

/** How many profiles a transaction takes: where sets may be large, few. */
export const chunkSize = ({ setBytes }: CompiledApp): number =>
  Math.min(MOST_PROFILES, Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, setBytes))));

/** Evaluates some profiles and tells which of their sets must change; others in this process get their turns. */
export async function changedSets(app: CompiledApp, profiles: readonly WalkedProfile[]): Promise<readonly SetWrite[]> {
  const writes: SetWrite[] = [];
  let since = performance.now();
  for (const profile of profiles) {
    const write = changeOf(app, profile);
    if (write !== undefined) writes.push(write);
    if (performance.now() - since < BREATH_MS) continue;
    await pause();
    since = performance.now();
  }
  return writes;
}

function changeOf(app: CompiledApp, { set, aliasOf, ...profile }: WalkedProfile): SetWrite | undefined {
  const { profileId, externalId: targetingKey, attributes } = profile;
  const write = (content: SetWrite['content']): SetWrite => ({
    profileId,
    profileRev: set === undefined ? undefined : (set.profileRev ?? 0),
    content,
  });
  if (set?.aliasOf !== undefined) return undefined;
  // It was said before there were sets to be marked.
  if (aliasOf !== undefined) return write({ kind: 'alias', of: aliasOf });
  const { v = 0 } = set ?? {};
  if (v > app.compiled.version) return undefined;
  const fresh = changedSetOf(app.compiled, { targetingKey, attributes }, v === 0 ? undefined : set?.digest);
  if (fresh === undefined) return undefined;
  const bytes = encode(fresh);
  if (bytes.length <= MOST_SET_BYTES) return write({ kind: 'encoded', bytes });
  return set !== undefined && v === 0 ? undefined : write({ kind: 'unstored' });
}
