import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirOf, lockFileFor } from './servers/cache.mjs';
import { withLock } from './servers/lock.mjs';
import { run } from './servers/run.mjs';
import { filesIn } from './servers/search.mjs';

const FOLDERS = ['domain', 'proto', 'db', 'activities', 'workflows', 'worker', 'api'];
const SETTINGS = [
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build.mjs',
  'scripts/transpile.mjs',
];
/** What the compiler does not carry over. */
const AS_THEY_ARE = /^(proto\/.*\.proto|api\/.*\.json)$/;

/**
 * Makes `dist/`: the sources without their types, and the workflow bundle. Does nothing when it is up to date. Running
 * processes keep the files they have loaded; two builds at once take turns.
 * @param {{ root: string, cacheDir: string, say: (line: string) => void, signal: AbortSignal }} options
 */
export async function build({ root, cacheDir, say, signal }) {
  const dist = join(root, 'dist');
  const stampFile = join(dist, '.stamp');
  const isDone = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stampOf(root);
  if (isDone()) return;

  await withLock(lockFileFor({ cacheDir, root, what: 'build' }), { say, what: 'build', signal }, async () => {
    if (isDone()) return;
    const began = Date.now();
    const stamp = stampOf(root);
    const next = join(root, 'dist-next');
    const last = join(root, 'dist-last');
    for (const leftOver of [next, last]) rmSync(leftOver, { recursive: true, force: true });

    // Loaded only when needed: the compiler takes longer to load than everything else a start loads.
    const { transpile } = await import('./transpile.mjs');
    transpile(root, next);
    for (const file of sourcesOf(root).filter((source) => AS_THEY_ARE.test(source))) {
      mkdirSync(dirname(join(next, file)), { recursive: true });
      cpSync(join(root, file), join(next, file));
    }
    if (existsSync(dist)) renameSync(dist, last);
    renameSync(next, dist);

    // Only now, since the bundle names the modules by the paths they have.
    const bundle = [join(dist, 'worker', 'bundle.js'), join(dist, 'workflow-bundle.js')];
    await run(process.execPath, bundle, { cwd: root, signal, boundMs: 10 * 60_000 });
    writeFileSync(stampFile, stamp);
    rmSync(last, { recursive: true, force: true });
    say(`build: done in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });
}

/**
 * What a build depends on, as one hash.
 * @param {string} root
 */
function stampOf(root) {
  const hash = createHash('sha256').update(process.version);
  for (const file of [...sourcesOf(root), ...SETTINGS]) {
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @returns {string[]}
 */
function sourcesOf(root) {
  const inRoot = readdirSync(root).filter((name) => name.endsWith('.ts'));
  const inFolders = FOLDERS.flatMap((folder) => filesIn(join(root, folder))).map((file) => relative(root, file));
  return [...inRoot, ...inFolders].sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build({
    root: join(dirname(fileURLToPath(import.meta.url)), '..'),
    cacheDir: cacheDirOf(process.env),
    say: (line) => {
      console.log(line);
    },
    signal: new AbortController().signal,
  });
}
