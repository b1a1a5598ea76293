// Lets the Temporal SDK download its development server into the folder given, in a process of its own so that it can
// be stopped at any moment. The SDK does so only as part of starting one.
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('which folder?');
const server = { executable: { type: /** @type {const} */ ('cached-download'), downloadDir: folder } };
try {
  const environment = await TestWorkflowEnvironment.createLocal({ server });
  await environment.teardown();
} catch (error) {
  console.error(String(error instanceof Error ? error.message : error).replaceAll(/\s+/g, ' '));
  process.exitCode = 1;
}
