import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { withLock } from './lock.mjs';

/**
 * Where downloaded and built servers are kept: in the user's cache, so that the next clone finds them too.
 * @param {NodeJS.ProcessEnv} env
 */
export function cacheDirOf(env) {
  const base = env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'experience');
}

/**
 * The lock of a piece of work on one clone. Not in the clone, since the work may remove what it is kept in.
 * @param {{ cacheDir: string, root: string, what: string }} options
 */
export function lockFileFor({ cacheDir, root, what }) {
  return join(cacheDir, 'locks', `${what}-${createHash('sha256').update(resolve(root)).digest('hex').slice(0, 16)}`);
}

/**
 * Gives the cached folder of that name, made by `make` in a temporary folder first: it is there whole or not at all,
 * also when two starts want it at once.
 * @param {{ cacheDir: string, name: string, say: (line: string) => void, signal: AbortSignal }} options
 * @param {(folder: string) => Promise<void>} make
 * @returns {Promise<string>}
 */
export async function cached({ cacheDir, name, say, signal }, make) {
  const folder = join(cacheDir, name);
  if (existsSync(folder)) return folder;
  return withLock(join(cacheDir, 'locks', name), { say, what: name, signal }, async () => {
    if (existsSync(folder)) return folder;
    mkdirSync(cacheDir, { recursive: true });
    const draft = mkdtempSync(join(cacheDir, `.${name}-`));
    try {
      await make(draft);
      renameSync(draft, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
    return folder;
  });
}
