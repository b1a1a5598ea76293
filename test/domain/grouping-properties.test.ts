import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Groupable, GROUPING_VERSION, groupingOf } from '../../domain/grouping.js';
import { parseStackTrace } from '../../domain/stack.js';
import { exception, frame, groupable } from '../helper/groupable.js';
import { HOSTILE_TEXTS } from '../helper/hostile-texts.js';
import { cpuMs } from '../helper/cpu-time.js';

describe('groupingOf', () => {
  interface Vector {
    readonly name: string;
    /** Beside it `stackTrace`, parsed as for an error that comes as text. */
    readonly input: Partial<Groupable> & { readonly stackTrace?: string };
    readonly output: Pick<ReturnType<typeof groupingOf>, 'version' | 'by' | 'components'>;
  }
  const file = join(import.meta.dirname, `grouping-v${GROUPING_VERSION}.json`);
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly Vector[];

  for (const { name, input, output } of vectors) {
    // What differs here would split every group of every app: count GROUPING_VERSION up, and add a file for it.
    it(`answers for ${name} as this version always did`, () => {
      const { stackTrace = '', ...fields } = input;
      const { version, by, components } = groupingOf(groupable({ exceptions: parseStackTrace(stackTrace), ...fields }));
      assert.deepEqual({ version, by, components }, output);
    });
  }

  const assertBounded = (input: Groupable) => {
    const grouping = groupingOf(input);
    const size = grouping.components.reduce((sum, each) => sum + Buffer.byteLength(each), 0);
    assert.ok(size <= 80 * 1024, `${size} bytes`);
    assert.ok(grouping.components.length <= 32 + 20 + 64 + 1);
    for (const part of [...grouping.components, grouping.title, grouping.culprit]) {
      assert.ok(part.length <= 1024);
      assert.equal(Buffer.from(part, 'utf8').toString('utf8'), part);
    }
    assert.deepEqual(groupingOf(input), grouping);
  };

  it('survives hostile texts in each place, each in less than a second', async () => {
    for (const text of HOSTILE_TEXTS) {
      const took = await cpuMs(() => {
        const frames = Array.from({ length: 300 }, () => frame({ file: text, module: '', function: text }));
        assertBounded(
          groupable({
            errorType: text,
            message: text,
            sourceFile: text,
            fingerprint: [text, '{{ default }}'],
            exceptions: [exception({ type: text, value: text, frames }), ...parseStackTrace(text)],
          }),
        );
      });
      assert.ok(took < 1_000, text.slice(0, 40));
    }
  });

  it('survives 100,000 frames, 10,000 causes and a fingerprint of as many parts', () => {
    const frames = Array.from({ length: 100_000 }, (_, i) => frame({ file: `src/${i}.ts`, function: `f${i}` }));
    const cause = exception({ frames });
    assertBounded(
      groupable({
        exceptions: Array.from({ length: 10_000 }, () => cause),
        fingerprint: Array.from({ length: 10_000 }, () => '{{ default }}x'),
      }),
    );
    assertBounded(
      groupable({ exceptions: [cause], fingerprint: Array.from({ length: 10_000 }, () => '{{ default }}') }),
    );
  });

  it('survives any shape', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.constantFrom(
        '',
        '__proto__',
        'constructor',
        '\ud800',
        '<anonymous>',
        'https://h/main.3f2a9c1b.js',
        '{{ default }}',
      ),
      fc.constantFrom(
        'TypeError: x',
        'a/b/c.ts',
        'node:fs',
        '[native code]',
        '\0',
        'Object.toString',
        'hasOwnProperty',
      ),
    );
    const frames = fc.array(
      fc.record({
        file: text,
        module: text,
        function: text,
        line: fc.double(),
        column: fc.double(),
        inApp: fc.boolean(),
      }),
      { maxLength: 10 },
    );
    const exceptions = fc.array(
      fc.record({ type: text, value: text, synthetic: fc.boolean(), handled: fc.constant(null), frames }),
      { maxLength: 5 },
    );
    const input = fc.record({
      errorType: text,
      message: text,
      sourceFile: text,
      fingerprint: fc.array(text, { maxLength: 4 }),
      exceptions,
    });
    fc.assert(
      fc.property(input, (each) => assertBounded(each)),
      { numRuns: 1000 },
    );
  });
});
