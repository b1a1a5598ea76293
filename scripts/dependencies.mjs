import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFileFor } from './servers/cache.mjs';
import { withLock } from './servers/lock.mjs';
import { run } from './servers/run.mjs';

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, link?: boolean }} Locked */

/** Refuses a Node.js that our dependencies refuse; said here because npm only warns. */
export function ensureNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new Error(`Node.js ${process.versions.node} is too old: Experience needs 20.19 or newer`);
  }
}

/**
 * Installs the dependencies when `node_modules` is not what the lockfile says. Uses builtins only: it runs first.
 * @param {{ root: string, cacheDir: string, say: (line: string) => void, signal: AbortSignal }} options
 */
export async function ensureDependencies({ root, cacheDir, say, signal }) {
  if (dependenciesMatch(root)) return;
  const lock = lockFileFor({ cacheDir, root, what: 'install' });
  await withLock(lock, { say, what: 'npm ci', signal }, async () => {
    if (dependenciesMatch(root)) return;
    say('npm ci: installing the dependencies');
    const npmCli = process.env['npm_execpath'];
    const [command, ...prefix] = npmCli?.endsWith('.js') === true ? [process.execPath, npmCli] : ['npm'];
    await run(command, [...prefix, 'ci', '--include=dev'], {
      cwd: root,
      signal,
      boundMs: 20 * 60_000,
      onProgress: (seconds) => {
        say(`npm ci: ${String(seconds)} s`);
      },
    });
    if (!dependenciesMatch(root))
      throw new Error('npm ci ended well, and yet node_modules does not match the lockfile');
  });
}

/**
 * Whether everything the lockfile names is installed in that version, and nothing else is. npm writes
 * `node_modules/.package-lock.json` last, so a broken install has none. Optional packages of other platforms may miss.
 * @param {string} root
 */
export function dependenciesMatch(root) {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(installedFile);
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    if (found === undefined) {
      if (entry.optional === true || entry.devOptional === true) continue;
      return false;
    }
    if (found.version !== entry.version) return false;
    if (entry.integrity !== undefined && found.integrity !== entry.integrity) return false;
  }
  return Object.keys(installed).every((path) => wanted[path] !== undefined);
}

/**
 * @param {string} file
 * @returns {Record<string, Locked>}
 */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
}
