import { spawn } from 'node:child_process';

/**
 * @typedef {object} RunOptions
 * @property {AbortSignal} signal
 * @property {number} boundMs after which it is killed: nothing here may hang
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(seconds: number) => void} [onProgress] called every ten seconds
 */

/**
 * Runs a command to its end, in a process group of its own so that its children die with it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} options
 * @returns {Promise<string>} what it wrote to stdout
 * @throws Error with the last lines it wrote
 */
export function run(command, args, { signal, boundMs, cwd, env, onProgress }) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const began = Date.now();
    let stdout = '';
    let both = '';
    /** @type {string | undefined} */
    let killedBecause;

    /** @param {string} because */
    const kill = (because) => {
      killedBecause ??= because;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // gone already
      }
    };
    const interrupt = () => {
      kill('interrupted');
    };
    const bound = setTimeout(() => {
      kill(`not done after ${String(Math.round(boundMs / 1000))} s`);
    }, boundMs);
    const progress = setInterval(() => onProgress?.(Math.round((Date.now() - began) / 1000)), 10_000);
    signal.addEventListener('abort', interrupt, { once: true });

    const settled = () => {
      clearTimeout(bound);
      clearInterval(progress);
      signal.removeEventListener('abort', interrupt);
    };
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      stdout += text;
      both = (both + text).slice(-4000);
    });
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      both = (both + text).slice(-4000);
    });
    child.once('error', (error) => {
      settled();
      reject(error);
    });
    child.once('close', (code, killedBy) => {
      settled();
      if (code === 0 && killedBecause === undefined) {
        resolve(stdout);
        return;
      }
      const why = killedBecause ?? (code === null ? `killed by ${String(killedBy)}` : `exit code ${String(code)}`);
      const tail = both.trim().split('\n').slice(-30).join('\n');
      reject(new Error(`${command} ${args[0] ?? ''}: ${why}${tail === '' ? '' : `\n${tail}`}`));
    });
  });
}
