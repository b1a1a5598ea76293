// `npm test [files] [flags of node]`: from a bare clone, with servers of its own. Imports builtins only until the
// dependencies are there.
import { fileURLToPath } from 'node:url';
import { ensureDependencies, ensureNode } from './dependencies.mjs';
import { interruption, speaker } from './interruption.mjs';
import { cacheDirOf } from './servers/cache.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const signal = interruption();
const say = speaker();

try {
  ensureNode();
  const cacheDir = cacheDirOf(process.env);
  await ensureDependencies({ root, cacheDir, say, signal });
  const { runTests } = await import('./run-tests.mjs');
  process.exitCode = await runTests({ root, cacheDir, env: process.env, say, signal, args: process.argv.slice(2) });
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
process.exit();
