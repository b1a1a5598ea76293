import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { HOUR_MS } from '../domain/limits.js';
import { readNotes, type RunningActivity } from './activity-notes.js';

/** A death of this worker, and what it may have died of. */
export interface Death {
  readonly at: number;
  readonly suspects: readonly RunningActivity[];
}

const REMEMBERED_MS = HOUR_MS;
const REFUSED_MS = 10 * 60_000;
const DEATHS = 3;
/** Cheap: a flush that is left out of the quick way goes the long one, by itself. */
const DEATHS_OF_QUICK = 1;
const QUICK = 'storeFlushes';

/** A flush by itself, so that others go on; else all activities of the type. */
export const suspectKeys = ({ type, flushIds }: Pick<RunningActivity, 'type' | 'flushIds'>): string[] =>
  flushIds === undefined ? [type] : flushIds.map((id) => `${type} ${id}`);

/** The deaths of the last hour, with the one of before this start: read once, at the start. */
export function pastDeaths(notesFile: string, now: number): Death[] {
  const file = `${notesFile}.deaths`;
  const left = readNotes(notesFile);
  const guilty = left.filter((activity) => activity.guilty === true);
  const last = { at: now, suspects: guilty.length > 0 ? guilty : left };
  const deaths = [...readDeaths(file), ...(left.length > 0 ? [last] : [])].filter(({ at }) => at > now - REMEMBERED_MS);
  keep(file, deaths);
  return deaths;
}

/** One that cannot be kept is only not counted at the next start: no reason not to do this one. */
function keep(file: string, deaths: readonly Death[]): void {
  const draft = `${file}.${String(process.pid)}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(draft, JSON.stringify(deaths), { mode: 0o600 });
    renameSync(draft, file);
  } catch {
    // A disk that is full, or a folder that is not ours.
  }
}

/**
 * What is not tried again for now: that ran at three deaths, the last of them less than ten minutes ago. By suspect,
 * until when.
 */
export function refusals(deaths: readonly Death[]): Map<string, number> {
  const times = new Map<string, number[]>();
  for (const { at, suspects } of deaths)
    for (const key of new Set(suspects.flatMap(suspectKeys))) times.set(key, [...(times.get(key) ?? []), at]);
  const least = (key: string): number => (key.startsWith(`${QUICK} `) ? DEATHS_OF_QUICK : DEATHS);
  return new Map(
    [...times]
      .filter(([key, at]) => at.length >= least(key))
      .map(([key, at]): [string, number] => [key, Math.max(...at) + REFUSED_MS]),
  );
}

function readDeaths(file: string): Death[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Death[];
  } catch {
    return [];
  }
}
