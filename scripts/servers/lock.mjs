import { linkSync, mkdirSync, readFileSync, rmSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from './identity.mjs';

/** @typedef {{ pid: number, identity: string, since: string }} Holder */

const BREAKING_IS_ABANDONED_AFTER_MS = 10_000;

/**
 * Takes a lock file, or says who holds it. A holder that died, however it died, holds nothing.
 * @param {string} file
 * @returns {{ release: () => void } | { heldBy: Holder }}
 */
export function takeLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const mine = { pid: process.pid, identity: identityOf(process.pid) ?? '', since: new Date().toISOString() };
  const draft = `${file}.${String(process.pid)}`;
  for (;;) {
    // A link appears whole or not at all: nobody ever reads half a holder.
    writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
    try {
      linkSync(draft, file);
      return {
        release: () => {
          if (sameHolder(readHolder(file), mine)) unlinkSync(file);
        },
      };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
    const holder = readHolder(file);
    if (holder !== undefined && isAlive(holder)) return { heldBy: holder };
    if (holder !== undefined) breakLock(file);
  }
}

/**
 * Runs `work` while holding the lock, waiting for it as long as it takes.
 * @template T
 * @param {string} file
 * @param {{ say: (line: string) => void, what: string, signal: AbortSignal }} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, { say, what, signal }, work) {
  let told = false;
  for (;;) {
    const taken = takeLock(file);
    if ('release' in taken) {
      try {
        return await work();
      } finally {
        taken.release();
      }
    }
    if (!told) say(`${what}: waiting for process ${String(taken.heldBy.pid)}, which is at it`);
    told = true;
    await sleep(200, undefined, { signal });
  }
}

/**
 * Removes the lock of a dead holder. Only one process may do so at a time: otherwise the slower of two would remove
 * the lock that the faster has just taken.
 * @param {string} file
 */
function breakLock(file) {
  const guard = `${file}.breaking`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (ageOf(guard) > BREAKING_IS_ABANDONED_AFTER_MS) rmSync(guard, { recursive: true, force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    return;
  }
  try {
    const holder = readHolder(file);
    if (holder !== undefined && !isAlive(holder)) unlinkSync(file);
  } finally {
    rmdirSync(guard);
  }
}

/**
 * @param {string} file
 * @returns {Holder | undefined}
 */
function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    // Not written by us whole, so by nobody alive.
    return { pid: 0, identity: 'unreadable', since: '' };
  }
}

/** @param {Holder} holder */
function isAlive({ pid, identity }) {
  return pid > 0 && identityOf(pid) === identity;
}

/**
 * @param {Holder | undefined} a
 * @param {Holder} b
 */
function sameHolder(a, b) {
  return a?.pid === b.pid && a.identity === b.identity;
}

/** @param {string} path */
function ageOf(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
