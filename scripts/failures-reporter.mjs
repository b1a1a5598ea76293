import { inspect } from 'node:util';

/**
 * A reporter of node's test runner for `npm test` itself: each test that failed as one JSON line
 * `{ file, name, why }`. A suite that failed only by its tests is left out.
 * @param {AsyncIterable<import('node:test/reporters').TestEvent>} events
 * @returns {AsyncGenerator<string>}
 */
export default async function* failures(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:fail' || data.todo !== undefined) continue;
    const { error } = data.details;
    if (/** @type {{ failureType?: string }} */ (error).failureType === 'subtestsFailed') continue;
    // A file that could not even be loaded is reported under its own name.
    yield `${JSON.stringify({ file: data.file ?? data.name, name: data.name, why: inspect(error.cause ?? error) })}\n`;
  }
}
