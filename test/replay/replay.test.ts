import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';

import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import * as workflows from '../../workflows/index.js';
import { testBundle } from '../helper/temporal.js';

const folder = join(import.meta.dirname, '..', 'histories');
const namesIn = (part: string) =>
  readdirSync(join(folder, part))
    .filter((file) => file.endsWith('.json'))
    .map((file) => join(part, file.replace(/\.json$/, '')));
/** Of today's code, and of code before a change that `patched` tells apart: that cannot be recorded again. */
const names = [...namesIn(''), ...namesIn('patched')];

/** The parts of a recorded history that these tests look at. */
interface History {
  readonly events: readonly {
    readonly workflowExecutionStartedEventAttributes?: { readonly workflowType: { readonly name: string } };
  }[];
}

const textOf = (name: string): string => readFileSync(join(folder, `${name}.json`), 'utf8');
const read = (text: string) => JSON.parse(text) as History;
const typeOf = ({ events }: History): string =>
  events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name ?? 'none';

function replay(text: string): Promise<void> {
  return Worker.runReplayHistory({ workflowBundle: testBundle() }, read(text));
}

/** The names in `there` that no history is of. */
const unrecorded = (there: object, recorded: readonly string[]): string[] =>
  Object.keys(there).filter((name) => !recorded.includes(name));

describe('runs of yesterday', () => {
  before(() => Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') }));

  for (const name of names) {
    it(`go on with today's code: ${name}`, () => replay(textOf(name)));
  }

  it('are recorded of every workflow; npm run record:histories adds a new one', () => {
    const recorded = names.map((name) => typeOf(read(textOf(name))));
    assert.deepEqual(unrecorded(workflows, recorded), []);
    const withNew = { ...workflows, notThereYet: () => undefined };
    assert.deepEqual(unrecorded(withNew, recorded), ['notThereYet'], 'one that is not would be seen');
  });

  // What the replay is good for: each of these is what an unpatched change of the code would look like.
  const CHANGES: readonly [string, string, (text: string) => string][] = [
    [
      'another activity',
      'batch-ingest.long',
      (text) => text.replace('"name": "storeFlush"', '"name": "storeFlushInPieces"'),
    ],
    ['another order', 'retention', (text) => swap(text, '"keepRetentionBounds"', '"sweepRetention"')],
    ['another child', 'spool-sweep.findings', (text) => text.replaceAll('batch-ingest/S10', 'batch-ingest/S11')],
    ['another timer', 'error-group.time', (text) => text.replaceAll('"endIgnore"', '"remindAssignee"')],
    [
      'an activity where there was a local one',
      'batch-ingest.poison',
      (text) => text.replaceAll('core_local_activity', 'another_marker'),
    ],
  ];
  for (const [what, name, change] of CHANGES) {
    it(`are seen to break when the code does ${what} (${name})`, async () => {
      const changed = change(textOf(name));
      assert.notEqual(changed, textOf(name));
      await assert.rejects(replay(changed), DeterminismViolationError);
    });
  }
});

function swap(text: string, one: string, other: string): string {
  return text.replaceAll(one, '\0').replaceAll(other, one).replaceAll('\0', other);
}
