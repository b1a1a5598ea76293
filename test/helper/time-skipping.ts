import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { cacheDirOf } from '../../scripts/servers/cache.mjs';
import { findTestServer } from '../../scripts/servers/test-server-binary.mjs';
import { registerSearchAttributes } from '../../worker/search-attributes.js';

/** Where Temporal's test server is, or why there is none: `npm test` has looked, else this does. */
async function found(): Promise<{ readonly path?: string; readonly missing?: string }> {
  const { TEMPORAL_TEST_SERVER: path, TEMPORAL_TEST_SERVER_MISSING: missing } = process.env;
  if (path !== undefined) return { path };
  if (missing !== undefined) return { missing };
  const { env } = process;
  const around = { env, cacheDir: cacheDirOf(env), say: () => undefined, signal: new AbortController().signal };
  return findTestServer(around).then(
    (server) => ({ path: server.path }),
    (error: unknown) => ({ missing: String(error) }),
  );
}

const { path, missing } = await found();

/** For `describe`: why tests of long timers are left out here. In CI they never are: they fail. */
export const withoutTimeSkipping: string | false =
  missing !== undefined && process.env['CI'] !== 'true' ? `no time-skipping server: ${missing}` : false;

/** A Temporal of the test's own whose time jumps while the test sleeps. */
export async function timeSkippingTemporal(): Promise<TestWorkflowEnvironment> {
  if (path === undefined) throw new Error(missing);
  Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') });
  const environment = await started(path);
  await registerSearchAttributes(environment.nativeConnection, 'default');
  return environment;
}

/** The SDK gives the server five seconds to start, in which a busy machine may not get to it. */
async function started(executable: string, tries = 6): Promise<TestWorkflowEnvironment> {
  try {
    return await TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path: executable } },
    });
  } catch (error) {
    if (tries === 1) throw error;
    return started(executable, tries - 1);
  }
}
