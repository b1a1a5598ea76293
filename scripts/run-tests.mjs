import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { build } from './build.mjs';
import { findChromium } from './servers/chromium-binary.mjs';
import { temporaryEngines } from './servers/temporary.mjs';
import { findTestServer } from './servers/test-server-binary.mjs';

const TEST_BOUND_MS = 5 * 60_000;

/**
 * Runs tests against MongoDB and Temporal of their own.
 * @param {{ root: string, cacheDir: string, env: NodeJS.ProcessEnv, say: (line: string) => void, signal: AbortSignal, args: readonly string[] }} options
 * @returns {Promise<number>} the exit code
 */
export async function runTests({ root, cacheDir, env, say, signal, args }) {
  const flags = args.filter((arg) => arg.startsWith('--'));
  const named = args.filter((arg) => !arg.startsWith('--'));
  const files = named.length > 0 ? named : testFiles(root);
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
    await building;
    const testServer = await finding;
    const chromium = await browsing;
    say(`testing: ${String(files.length)} files`);
    const code = await runNode(
      [
        ...['--enable-source-maps', '--import', 'tsx', '--test'],
        `--test-concurrency=${String(availableParallelism() + 1)}`,
        `--test-timeout=${String(TEST_BOUND_MS)}`,
        // On a terminal for people; elsewhere for programs, which look for its closing lines.
        `--test-reporter=${process.stdout.isTTY ? 'spec' : 'tap'}`,
        ...flags,
        ...files,
      ],
      {
        root,
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
      },
    );
    if (lost !== '') say(`the tests lost a server: ${lost}`);
    return lost === '' ? code : 1;
  } finally {
    await engines.stop();
  }
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
