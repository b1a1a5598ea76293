import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { debugIdOf, parseSourceMap } from '../../domain/source-map.js';

const plain = {
  version: 3,
  sources: ['a.ts', 'b.ts'],
  names: ['one'],
  mappings: 'AAAA,CAAC;CCAD',
  sourcesContent: ['a', null],
};
const section = (line: number, column = 0, map: unknown = plain) => ({ offset: { line, column }, map });
const parse = (map: unknown) => parseSourceMap(JSON.stringify(map));
const faultOf = (map: unknown) => {
  const parsed = parse(map);
  return 'fault' in parsed ? parsed.fault : undefined;
};

describe('a source map', () => {
  it('is told by what is in it', () => {
    const debugId = '85314830-023F-4CF1-A267-535F4E37BB17';
    for (const map of [
      { ...plain, debugId },
      { ...plain, debug_id: debugId.replaceAll('-', '') },
    ]) {
      const parsed = parse(map);
      assert.ok('facts' in parsed);
      assert.deepEqual(parsed.facts, {
        sources: 2,
        withContent: 1,
        names: 1,
        segments: 3,
        debugId: debugId.toLowerCase(),
      });
    }
  });

  it('may begin with the line that keeps a script from being run, and a mark of its encoding', () => {
    const text = JSON.stringify(plain);
    for (const start of ['', '\uFEFF', ")]}'\n", ')]}\n', "\uFEFF)]}',\n"]) {
      assert.ok('facts' in parseSourceMap(start + text), JSON.stringify(start));
    }
  });

  it('may consist of sections, in order', () => {
    const parsed = parse({ version: 3, sections: [section(0), section(0, 500), section(7)] });
    assert.ok('facts' in parsed);
    assert.deepEqual([parsed.facts.segments, parsed.facts.sources], [9, 6]);
  });

  const faults: readonly [what: string, map: unknown, says: RegExp][] = [
    ['null', null, /no JSON object/],
    ['version 2', { ...plain, version: 2 }, /version 3/],
    ['no mappings', { ...plain, mappings: undefined }, /"mappings"/],
    ['no sources', { ...plain, sources: undefined }, /"sources"/],
    ['names that are numbers', { ...plain, names: [1] }, /"names"/],
    ['more texts than sources', { ...plain, sourcesContent: ['', '', ''] }, /one entry for each/],
    ['a root that is no text', { ...plain, sourceRoot: {} }, /"sourceRoot"/],
    ['nothing mapped', { ...plain, mappings: ';;;;' }, /maps nothing/],
    ['sections that are no list', { version: 3, sections: {} }, /"sections"/],
    ['a section elsewhere', { version: 3, sections: [{ offset: { line: 0, column: 0 }, url: 'x' }] }, /hold its map/],
    ['sections in sections', { version: 3, sections: [section(0, 0, { version: 3, sections: [] })] }, /within/],
    ['sections out of order', { version: 3, sections: [section(3), section(3)] }, /order/],
    ['a section a billion lines down', { version: 3, sections: [section(1e9)] }, /offset/],
    ['a section at half a line', { version: 3, sections: [section(0.5)] }, /offset/],
    [
      'a section with too few texts',
      { version: 3, sections: [section(0), section(1, 0, { ...plain, sourcesContent: ['a'] })] },
      /one entry/,
    ],
    ['too many sections', { version: 3, sections: Array(10_001).fill(section(0)) }, /10000 sections/],
    ['too many lines', { ...plain, mappings: `A${';'.repeat(2_000_000)}` }, /lines/],
    ['too many segments', { ...plain, mappings: 'A,'.repeat(3_000_001) }, /segments/],
    [
      'a member deeper than anybody means it',
      { ...plain, x: JSON.parse('['.repeat(64) + ']'.repeat(64)) as unknown },
      /64 levels/,
    ],
    ['too many values, also in what is not read', { ...plain, x: Array(3_000_001).fill(0) }, /3000000 values/],
    ['too many sources', { ...plain, sources: Array(100_001).fill('') }, /sources/],
  ];
  for (const [what, map, says] of faults)
    it(`is refused for ${what}`, () => assert.match(faultOf(map) ?? 'taken', says));

  it('is never more than refused, whatever it is', () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => 'fault' in parseSourceMap(text)));
    const part = fc.record(
      { sources: fc.jsonValue(), names: fc.jsonValue(), mappings: fc.string(), sourcesContent: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(part, fc.jsonValue(), (map, sections) => {
        const parsed = [parse({ version: 3, ...map }), parse({ version: 3, sections })];
        return parsed.every((each) => 'fault' in each || each.facts.segments > 0);
      }),
    );
  });
});

describe('a debug id', () => {
  it('is a UUID in lower case, with or without hyphens', () => {
    const id = '85314830-023f-4cf1-a267-535f4e37bb17';
    for (const text of [id, id.toUpperCase(), id.replaceAll('-', '')]) assert.equal(debugIdOf(text), id);
    for (const text of ['', 'x', `${id}0`, id.slice(1), undefined, 7, {}]) assert.equal(debugIdOf(text), undefined);
  });
});
