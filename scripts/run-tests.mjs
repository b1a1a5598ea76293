import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { build } from './build.mjs';
import { bundleTests } from './bundle-tests.mjs';
import { findChromium } from './servers/chromium-binary.mjs';
import { temporaryEngines } from './servers/temporary.mjs';
import { findTestServer } from './servers/test-server-binary.mjs';

const TEST_BOUND_MS = 5 * 60_000;
const RERUN = '--rerun-fails';
/** More than so many files are no accident. */
const MOST_RERUN_FILES = 5;

/**
 * Runs tests against MongoDB and Temporal of their own, and says at the end which ones failed. With `--rerun-fails`,
 * for CI, up to five files that failed run once more with nothing beside them: much of the suite is real processes
 * that are killed and waited for, and CI's machine has other things to do. What passes only then is named as
 * unsteady: a fault to mend.
 * @param {{ root: string, cacheDir: string, env: NodeJS.ProcessEnv, say: (line: string) => void, signal: AbortSignal, args: readonly string[] }} options
 * @returns {Promise<number>} the exit code
 */
export async function runTests({ root, cacheDir, env, say, signal, args }) {
  const flags = args.filter((arg) => arg.startsWith('--') && arg !== RERUN);
  const named = args.filter((arg) => !arg.startsWith('--'));
  const files = (named.length > 0 ? named : testFiles(root)).map((file) => resolve(root, file));
  if (files.length === 0) throw new Error('there are no tests');

  let lost = '';
  const died = (/** @type {string} */ reason) => {
    lost = reason;
    say(reason);
  };
  const building = build({ root, cacheDir, say, signal });
  // Awaited below, in its turn: its failure must not count as unhandled until then.
  building.catch(() => undefined);
  const finding = timeSkipping({ env, cacheDir, say, signal });
  const browsing = browser({ env, say, signal });
  const engines = await temporaryEngines({ env, cacheDir, say, signal, died });
  try {
    const outputs = await bundleTests({ root, files, outDir: join(engines.dataDir, 'tests') });
    await building;
    const testServer = await finding;
    const chromium = await browsing;
    say(`testing: ${String(files.length)} files`);
    const options = {
      root,
      outputs,
      signal,
      env: {
        ...env,
        MONGODB_URL: engines.mongodbUrl,
        TEMPORAL_ADDRESS: engines.temporalAddress,
        WORKFLOW_BUNDLE: join(root, 'dist', 'workflow-bundle.js'),
        ...testServer,
        ...chromium,
        EXPERIENCE_TEST: '1',
      },
    };
    const first = await runFiles(files, flags, availableParallelism() + 1, options);
    tell(first.failures, 'failed', say);
    let { code } = first;
    const again = [...new Set(first.failures.map(({ file }) => resolve(root, file)))];
    const few = again.length > 0 && again.length <= MOST_RERUN_FILES;
    if (args.includes(RERUN) && few && lost === '' && !signal.aborted) {
      say(`once more, by themselves: ${again.map((file) => relative(root, file)).join(', ')}`);
      const second = await runFiles(again, flags, 1, options);
      tell(second.failures, 'failed again', say);
      if (second.code === 0) tell(first.failures, 'unsteady: failed at first, then passed', say);
      code = second.code;
    }
    if (lost !== '') say(`the tests lost a server: ${lost}`);
    return lost === '' ? code : 1;
  } finally {
    await engines.stop();
  }
}

/**
 * @typedef {{ file: string, name: string, why: string }} Failure
 * @param {readonly string[]} files
 * @param {readonly string[]} flags
 * @param {number} atOnce
 * @param {{ root: string, outputs: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv, signal: AbortSignal }} options
 * @returns {Promise<{ code: number, failures: Failure[] }>}
 */
async function runFiles(files, flags, atOnce, options) {
  const folder = mkdtempSync(join(tmpdir(), 'experience-failures-'));
  const found = join(folder, 'failures.ndjson');
  try {
    const code = await runNode(
      [
        ...['--enable-source-maps', '--test'],
        `--test-concurrency=${String(atOnce)}`,
        `--test-timeout=${String(TEST_BOUND_MS)}`,
        // On a terminal for people; elsewhere for programs, which look for its closing lines.
        ...[`--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`, '--test-reporter-destination=stdout'],
        ...['--test-reporter=./scripts/failures-reporter.mjs', `--test-reporter-destination=${found}`],
        ...flags,
        ...files.map((file) => options.outputs.get(file) ?? file),
      ],
      options,
    );
    const lines = readFileSync(found, 'utf8').split('\n');
    // A file that could not even be loaded is named as it was run.
    const sources = new Map([...options.outputs].map(([source, output]) => [output, source]));
    const named = (/** @type {string} */ file) => relative(options.root, sources.get(file) ?? file);
    const failures = lines.filter((line) => line !== '').map((line) => /** @type {Failure} */ (JSON.parse(line)));
    return {
      code,
      failures: failures.map(({ name, why, file }) => ({
        name: sources.has(name) ? named(name) : name,
        why,
        file: named(file),
      })),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {readonly Failure[]} failures
 * @param {string} what
 * @param {(line: string) => void} say
 */
function tell(failures, what, say) {
  for (const { file, name, why } of failures) say(`${what}: ${file}: ${name}\n${why}`);
}

/**
 * The server that tests of long timers need. They say so themselves when there is none.
 * @param {{ env: NodeJS.ProcessEnv, cacheDir: string, say: (line: string) => void, signal: AbortSignal }} options
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
async function timeSkipping({ env, cacheDir, say, signal }) {
  try {
    return { TEMPORAL_TEST_SERVER: (await findTestServer({ env, cacheDir, say, signal })).path };
  } catch (error) {
    return { TEMPORAL_TEST_SERVER_MISSING: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * The browser that some tests need. They say so themselves when there is none.
 * @param {{ env: NodeJS.ProcessEnv, say: (line: string) => void, signal: AbortSignal }} options
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
async function browser(options) {
  try {
    return { CHROMIUM_PATH: (await findChromium(options)).path };
  } catch (error) {
    options.say(error instanceof Error ? error.message : String(error));
    return {};
  }
}

/**
 * @param {string} root
 * @returns {string[]}
 */
function testFiles(root) {
  return readdirSync(join(root, 'test'), { withFileTypes: true })
    .filter((folder) => folder.isDirectory())
    .flatMap(({ name }) => readdirSync(join(root, 'test', name)).map((file) => `test/${name}/${file}`))
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
}

/**
 * @param {readonly string[]} args
 * @param {{ root: string, env: NodeJS.ProcessEnv, signal: AbortSignal }} options
 * @returns {Promise<number>}
 */
function runNode(args, { root, env, signal }) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    /** @param {NodeJS.Signals} how */
    const kill = (how) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, how);
      } catch {
        // gone already
      }
    };
    signal.addEventListener('abort', () => {
      kill('SIGTERM');
      setTimeout(() => {
        kill('SIGKILL');
      }, 30_000).unref();
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      resolve(code ?? 1);
    });
  });
}
