import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './run.mjs';

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {() => Promise<Found>} find throws the reason why it is not to be had that way
 *
 * @typedef {{ path: string, version: string }} Found
 */

/**
 * Takes the steps in order, each one line in the log; the first that works wins.
 * @param {{ what: string, steps: readonly Step[], otherwise: string, say: (line: string) => void, signal: AbortSignal }} options
 * @returns {Promise<Found>}
 * @throws Error that lists what was tried, and what to do
 */
export async function search({ what, steps, otherwise, say, signal }) {
  /** @type {string[]} */
  const tried = [];
  for (const { name, find } of steps) {
    try {
      const found = await find();
      say(`${what}: ${name}: ${found.version} at ${found.path}`);
      return found;
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      const [firstLine = ''] = reason.split('\n');
      say(`${what}: ${name}: ${firstLine}`);
      tried.push(`  - ${name}: ${reason.split('\n').join('\n    ')}`);
    }
  }
  throw new Error(`no ${what} was found. Tried:\n${tried.join('\n')}\n${otherwise}`);
}

/**
 * The executable of that name on PATH, absolute.
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function onPath(name, env) {
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

/**
 * Runs a downloader until it ends, but not longer than `boundMs`, and not when for a while nothing arrives in its
 * folder: some machines cannot reach the hosts, and the libraries then wait for minutes.
 * @param {{ script: string, folder: string, signal: AbortSignal, boundMs?: number, stallMs?: number, onProgress?: (seconds: number) => void }} options
 */
export async function download({ script, folder, signal, boundMs = 10 * 60_000, stallMs = 15_000, onProgress }) {
  const stalled = new AbortController();
  const ended = new AbortController();
  const watch = async () => {
    let size = -1;
    let since = Date.now();
    while (!ended.signal.aborted) {
      const now = sizeOf(folder);
      if (now !== size) since = Date.now();
      size = now;
      if (Date.now() - since > stallMs) stalled.abort();
      await sleep(500, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  };
  const watching = watch();
  try {
    await run(process.execPath, [script, folder], {
      signal: AbortSignal.any([signal, stalled.signal]),
      boundMs,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  } catch (error) {
    if (stalled.signal.aborted) throw new Error(`nothing arrived for ${String(stallMs / 1000)} s`, { cause: error });
    const [, reason] = /([^\n]+)$/.exec(error instanceof Error ? error.message : '') ?? [];
    throw new Error(reason ?? 'it failed', { cause: error });
  } finally {
    ended.abort();
    await watching;
  }
}

/**
 * Every file below a folder.
 * @param {string} folder
 * @returns {string[]}
 */
export function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @param {string} folder */
function sizeOf(folder) {
  let size = 0;
  for (const file of filesIn(folder)) size += statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return size;
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * Whether a version such as `6.0.5` is at least another.
 * @param {string} version
 * @param {string} least
 */
export function isAtLeast(version, least) {
  const [a, b] = [version, least].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let i = 0; i < 3; i += 1) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
