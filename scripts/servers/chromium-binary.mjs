import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { run } from './run.mjs';
import { onPath, search } from './search.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const APT_BOUND_MS = 10 * 60_000;

/**
 * Finds or gets the Chromium that tests of browsers need.
 * @param {{ env: NodeJS.ProcessEnv, say: (line: string) => void, signal: AbortSignal }} options
 */
export function findChromium({ env, say, signal }) {
  const found = (/** @type {string | undefined} */ path) => {
    if (path === undefined || !existsSync(path)) throw new Error('there is none');
    return { path, version: 'a browser' };
  };
  const fromPath = () => found(NAMES.map((name) => onPath(name, env)).find((path) => path !== undefined));

  const fromDebian = async () => {
    const apt = onPath('apt-get', env);
    if (apt === undefined) throw new Error('there is no apt-get');
    if (process.getuid?.() !== 0) throw new Error('only root may install it');
    const onProgress = (/** @type {number} */ seconds) => {
      say(`chromium: apt-get: ${String(seconds)} s`);
    };
    const options = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, signal, boundMs: APT_BOUND_MS, onProgress };
    await run(apt, ['update', '-q'], options);
    await run(apt, ['install', '-q', '-y', '--no-install-recommends', 'chromium'], options);
    return fromPath();
  };

  return search({
    what: 'chromium',
    say,
    signal,
    steps: [
      { name: 'CHROMIUM_PATH', find: async () => found(env['CHROMIUM_PATH']) },
      { name: 'PATH', find: async () => fromPath() },
      { name: 'Playwright', find: async () => found(chromium.executablePath()) },
      { name: 'Debian package', find: fromDebian },
    ],
    otherwise: 'Set CHROMIUM_PATH; tests of browsers are left out without it, and fail in CI.',
  });
}
