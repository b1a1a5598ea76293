import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from './cache.mjs';
import { run } from './run.mjs';
import { download, filesIn, isAtLeast, isExecutable, onPath, search } from './search.mjs';

const LEAST_SERVER = '1.27.0';
const LEAST_GO = '1.25.0';
const DOWNLOADED = 'temporal-of-sdk';
const FROM_SOURCE = 'temporal-1.5.1';

/** The newest that `go install` takes: later ones have a `replace` in their go.mod. */
const MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';

/**
 * Finds or gets a Temporal CLI, which holds the development server.
 * @param {{ env: NodeJS.ProcessEnv, cacheDir: string, say: (line: string) => void, signal: AbortSignal }} options
 */
export function findTemporal({ env, cacheDir, say, signal }) {
  /** @param {string} path */
  const checked = async (path) => {
    const output = await run(path, ['--version'], { signal, boundMs: 30_000 });
    const server = /Server (\d+\.\d+\.\d+)/.exec(output)?.[1];
    if (server === undefined) throw new Error(`${path} does not say which server it holds: ${output.trim()}`);
    if (!isAtLeast(server, LEAST_SERVER)) throw new Error(`server ${server} at ${path} is older than ${LEAST_SERVER}`);
    return { path, version: `server ${server}` };
  };

  const fromPath = async () => {
    const path = onPath('temporal', env);
    if (path === undefined) throw new Error('there is none');
    return checked(path);
  };

  const fromCache = async () => {
    const path = [DOWNLOADED, FROM_SOURCE].map((n) => join(cacheDir, n, 'temporal')).find((file) => existsSync(file));
    if (path === undefined) throw new Error(`none in ${cacheDir} yet`);
    return checked(path);
  };

  const fromDownload = async () => {
    const folder = await cached({ cacheDir, name: DOWNLOADED, say, signal }, async (draft) => {
      const parts = join(draft, 'parts');
      mkdirSync(parts);
      await download({
        script: fileURLToPath(new URL('download-temporal.mjs', import.meta.url)),
        folder: parts,
        signal,
        onProgress: (seconds) => {
          say(`temporal: downloading: ${String(seconds)} s`);
        },
      });
      const binary = filesIn(parts).find(isExecutable);
      if (binary === undefined) throw new Error('the download holds no executable');
      copyFileSync(binary, join(draft, 'temporal'));
      rmSync(parts, { recursive: true });
      await checked(join(draft, 'temporal'));
    });
    return checked(join(folder, 'temporal'));
  };

  const fromSource = async () => {
    const go = onPath('go', env);
    if (go === undefined) throw new Error('there is no Go to build it with');
    const version = (await run(go, ['env', 'GOVERSION'], { env, signal, boundMs: 30_000 })).trim().replace(/^go/, '');
    if (!isAtLeast(version, LEAST_GO)) throw new Error(`Go ${version} is older than ${LEAST_GO}`);
    const folder = await cached({ cacheDir, name: FROM_SOURCE, say, signal }, async (draft) => {
      say('temporal: building it from source, which takes two to three minutes on two cores, once');
      await run(go, ['install', MODULE], {
        env: { ...env, GOBIN: draft },
        signal,
        boundMs: 30 * 60_000,
        onProgress: (seconds) => {
          say(`temporal: building: ${String(seconds)} s`);
        },
      });
      chmodSync(join(draft, 'temporal'), 0o755);
      await checked(join(draft, 'temporal'));
    });
    return checked(join(folder, 'temporal'));
  };

  return search({
    what: 'temporal',
    say,
    signal,
    steps: [
      { name: 'PATH', find: fromPath },
      { name: 'cache', find: fromCache },
      { name: 'SDK download', find: fromDownload },
      { name: 'go install', find: fromSource },
    ],
    otherwise:
      'Install the Temporal CLI so that `temporal` is on PATH, or Go 1.25 or newer to build it with, or set TEMPORAL_ADDRESS.',
  });
}
