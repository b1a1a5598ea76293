import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { registerSearchAttributes } from '../../worker/search-attributes.js';

/** The server that `npm test` started or was given. Close the connection when done. */
export async function testTemporal() {
  const address = process.env['TEMPORAL_ADDRESS'];
  if (address === undefined) throw new Error('TEMPORAL_ADDRESS is missing: run tests by `npm test -- <files>`');
  Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address });
  // As a worker does at its start: what names an unknown one is refused or tried for ever.
  await registerSearchAttributes(connection, 'default');
  return { connection, client: new Client({ connection }), close: () => connection.close() };
}

/** The workflows as `npm test` has built them: bundling takes each test file seconds. */
export function testBundle() {
  const codePath = process.env['WORKFLOW_BUNDLE'];
  if (codePath === undefined) throw new Error('WORKFLOW_BUNDLE is missing: run tests by `npm test -- <files>`');
  return { codePath };
}

/** For task queues, workflow and schedule ids that no other test has. */
export const unique = (name: string): string => `test-${name}-${randomBytes(4).toString('hex')}`;
