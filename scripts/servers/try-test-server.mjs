// Starts Temporal's time-skipping test server once, in a process of its own so that it can be stopped at any moment:
// the one at the path given, or the one that the SDK downloads into the folder given.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [folder, path] = process.argv.slice(2);
if (folder === undefined) throw new Error('which folder?');
const executable =
  path === undefined
    ? { type: /** @type {const} */ ('cached-download'), downloadDir: folder }
    : { type: /** @type {const} */ ('existing-path'), path };
try {
  const environment = await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
  await environment.teardown();
} catch (error) {
  console.error(String(error instanceof Error ? error.message : error).replaceAll(/\s+/g, ' '));
  process.exitCode = 1;
}
