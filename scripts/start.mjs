// `npm start`: everything on this machine, from a bare clone. Imports builtins only until the dependencies are there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies, ensureNode } from './dependencies.mjs';
import { interruption, speaker } from './interruption.mjs';
import { cacheDirOf } from './servers/cache.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const signal = interruption();
const say = speaker();

try {
  ensureNode();
  const settings = join(root, '.env');
  if (existsSync(settings)) process.loadEnvFile(settings);
  const cacheDir = cacheDirOf(process.env);
  await ensureDependencies({ root, cacheDir, say, signal });
  const { runSystem } = await import('./system.mjs');
  await runSystem({ root, cacheDir, env: process.env, say, signal });
} catch (error) {
  if (!signal.aborted) {
    console.error(`\n${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
process.exit();
