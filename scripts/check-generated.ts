/**
 * Compares committed generated files with what the generators give now. They run in a copy of the sources, so that a
 * check changes nothing here and can run beside the other checks, which read these files.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copyTree } from './copy-tree.js';

const GENERATED = ['proto/gen', 'api/openapi.json'];

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

async function filesUnder(base: string, path: string): Promise<string[]> {
  const found = await stat(join(base, path)).catch(() => undefined);
  if (found === undefined) return [];
  if (found.isFile()) return [path];
  const entries = await readdir(join(base, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(base.length + 1));
}

async function generatedFiles(base: string): Promise<Map<string, Buffer>> {
  const files = (await Promise.all(GENERATED.map((path) => filesUnder(base, path)))).flat();
  return new Map(await Promise.all(files.map(async (file) => [file, await readFile(join(base, file))] as const)));
}

const copy = await mkdtemp(join(tmpdir(), 'experience-generated-'));
try {
  await copyTree(root, copy);
  for (const file of (await generatedFiles(copy)).keys()) await rm(join(copy, file));
  await run('npm', ['run', '--silent', 'gen'], { cwd: copy });

  const [here, fresh] = [await generatedFiles(root), await generatedFiles(copy)];
  for (const file of new Set([...here.keys(), ...fresh.keys()])) {
    const [old, now] = [here.get(file), fresh.get(file)];
    if (old !== undefined && now !== undefined && old.equals(now)) continue;
    const problem = old === undefined ? 'missing' : now === undefined ? 'not generated any more' : 'stale';
    console.error(`${file}: ${problem}; npm run gen, and commit`);
    process.exitCode = 1;
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
