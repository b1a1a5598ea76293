import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from './identity.mjs';

/**
 * @typedef {object} Launched
 * @property {import('node:child_process').ChildProcess} child
 * @property {number} pid
 * @property {Promise<string>} ended how it ended, in words
 * @property {string} logFile
 * @property {number} logOffset where in the log file it begins
 */

/**
 * Starts a process in a group of its own, so that Ctrl-C in a terminal does not reach it and we can stop in order.
 * It writes straight to its log file: it never waits for us to read, and outlives us without a broken pipe.
 * @param {{ command: string, args: readonly string[], logFile: string, env?: NodeJS.ProcessEnv, cwd?: string, ipc?: boolean }} options
 * @returns {Launched}
 */
export function launch({ command, args, logFile, env, cwd, ipc = false }) {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o600);
  const logOffset = statSync(logFile).size;
  const child = spawn(command, args, {
    detached: true,
    cwd,
    env,
    stdio: ipc ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
  });
  closeSync(log);
  /** @type {Promise<string>} */
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `exit code ${String(code)}` : `killed by ${signal}`);
    });
  });
  return { child, pid: child.pid ?? 0, ended, logFile, logOffset };
}

/**
 * Asks a process to stop, and forces it when it has not within the bound.
 * @param {Pick<Launched, 'pid' | 'ended'>} launched
 * @param {number} boundMs
 * @returns {Promise<boolean>} whether it stopped by itself
 */
export async function stop({ pid, ended }, boundMs) {
  if (pid === 0) return true;
  signalTo(pid, 'SIGTERM');
  const abort = new AbortController();
  const late = sleep(boundMs, /** @type {const} */ ('late'), { signal: abort.signal }).catch(() => undefined);
  const byItself = (await Promise.race([ended, late])) !== 'late';
  abort.abort();
  if (!byItself) {
    signalTo(-pid, 'SIGKILL');
    await ended;
  }
  return byItself;
}

/**
 * Stops a process that another run of ours left behind, if it is still that very process.
 * @param {{ pid: number, identity: string }} orphan
 * @param {number} boundMs
 * @returns {Promise<boolean>} whether there was one
 */
export async function stopOrphan({ pid, identity }, boundMs) {
  const lives = () => identityOf(pid) === identity;
  if (!lives()) return false;
  signalTo(pid, 'SIGTERM');
  const until = Date.now() + boundMs;
  while (lives() && Date.now() < until) await sleep(50);
  if (lives()) signalTo(pid, 'SIGKILL');
  while (lives()) await sleep(50);
  return true;
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
function signalTo(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
