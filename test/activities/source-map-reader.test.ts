import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addMapping, GenMapping, setSourceContent, toEncodedMap } from '@jridgewell/gen-mapping';
import fc from 'fast-check';
import { sourceMapReader } from '../../activities/source-map-reader.js';
import { cpuMs } from '../helper/cpu-time.js';

const lines = (count: number, name: string) =>
  Array.from({ length: count }, (_, n) => `${name} ${String(n)}`).join('\n');

function sample(): string {
  const map = new GenMapping({ file: 'app.js' });
  setSourceContent(map, 'a.ts', lines(30, 'a'));
  for (let n = 0; n < 30; n++) {
    const original = { line: n + 1, column: 2 };
    addMapping(map, { generated: { line: 1, column: n * 10 }, source: 'a.ts', original, name: `f${String(n)}` });
  }
  addMapping(map, { generated: { line: 1, column: 300 } });
  addMapping(map, { generated: { line: 4, column: 0 }, source: 'b.ts', original: { line: 1, column: 0 } });
  return JSON.stringify(toEncodedMap(map));
}

describe('reading a source map', () => {
  it('finds the last mapping before a place, its name only at the place itself, and the lines around it', () => {
    const reader = sourceMapReader(sample());
    const found = reader?.find(0, 107);
    assert.deepEqual(found, {
      source: 'a.ts',
      line: 10,
      column: 2,
      name: undefined,
      enclosing: undefined,
      context: {
        before: ['a 5', 'a 6', 'a 7', 'a 8', 'a 9'],
        line: 'a 10',
        after: ['a 11', 'a 12', 'a 13', 'a 14', 'a 15'],
      },
    });
    assert.equal(reader?.find(0, 100)?.name, 'f10');
    assert.deepEqual(reader.find(0, 0)?.context?.before, []);
    assert.deepEqual(reader.find(0, 290)?.context?.after, []);
    assert.equal(reader.find(3, 50)?.source, 'b.ts');
    assert.equal(reader.find(3, 50)?.context, undefined, 'no text, no lines');
  });

  it('finds nothing where the bundle maps to nothing', () => {
    const reader = sourceMapReader(sample());
    for (const [line, column] of [
      [0, 300],
      [0, 5_000],
      [1, 0],
      [9, 0],
      [-1, 0],
      [0, -1],
      [2 ** 31, 2 ** 31],
    ] as const) {
      assert.equal(reader?.find(line, column), undefined, `${String(line)}:${String(column)}`);
    }
  });

  it('reads sections, as some bundlers write them', () => {
    const map = JSON.parse(sample()) as object;
    const sections = [
      { offset: { line: 0, column: 0 }, map },
      { offset: { line: 10, column: 5 }, map },
    ];
    const reader = sourceMapReader(JSON.stringify({ version: 3, sections }));
    assert.equal(reader?.find(0, 100)?.line, 10);
    assert.equal(reader.find(10, 105)?.line, 10);
    assert.equal(reader.find(10, 105)?.context?.line, 'a 10');
    assert.equal(reader.find(13, 0)?.source, 'b.ts');
  });

  it('cuts lines that are too long', () => {
    const map = { ...(JSON.parse(sample()) as object), sourcesContent: ['x'.repeat(100_000), null] };
    const found = sourceMapReader(JSON.stringify(map))?.find(0, 0);
    assert.equal(found?.context?.line.length, 200);
  });

  it('answers or finds nothing, whatever the mappings say: beyond the sources, backwards, cut off', () => {
    const mappings = fc.string({
      unit: fc.constantFrom('A', 'B', 'C', 'D', 'g', 'z', '9', '/', '+', ',', ';'),
      maxLength: 60,
    });
    fc.assert(
      fc.property(mappings, fc.array(fc.nat(20), { minLength: 2, maxLength: 2 }), (text, [line = 0, column = 0]) => {
        const map = { version: 3, sources: ['a.ts', null], names: ['n'], mappings: text, sourcesContent: ['one\ntwo'] };
        const found = sourceMapReader(JSON.stringify(map))?.find(line, column);
        return found === undefined || (found.source === 'a.ts' && found.line >= 0 && found.column >= 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses what is no map', () => {
    for (const text of ['', '{}', 'null', '[]', '{"version":3,"sources":[1],"mappings":"A"}', 'x'.repeat(1_000)]) {
      assert.equal(sourceMapReader(text), undefined);
    }
  });

  it('reads a million mappings in seconds, and looks places up in microseconds', async () => {
    const map = {
      version: 3,
      sources: ['a.ts'],
      names: [],
      mappings: `AAAA${',CAAC'.repeat(999_999)}`,
      sourcesContent: [lines(100_000, 'a')],
    };
    const text = JSON.stringify(map);
    let reader: ReturnType<typeof sourceMapReader>;
    const read = await cpuMs(() => {
      reader = sourceMapReader(text);
    });
    const looked = await cpuMs(() => {
      for (let column = 0; column < 1_000_000; column += 100) assert.equal(reader?.find(0, column)?.column, column);
    });
    assert.ok(read < 5_000, `read in ${String(read)} ms`);
    assert.ok(looked < 5_000, `10,000 look-ups in ${String(looked)} ms`);
  });
});
