import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsedJson, sizeOfJson } from '../../domain/json-text.js';
import { finished } from '../../domain/steps.js';
import { cpuMs } from '../helper/cpu-time.js';

const parse = (text: string): unknown => finished(parsedJson(text));

/** More values than are parsed in one go, and in pieces that are more than one. */
const many = (count: number, each: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => each(n)).join();

async function longestStep(text: string): Promise<number> {
  const steps = parsedJson(text);
  let longest = 0;
  for (;;) {
    const step: { isLast?: boolean } = {};
    const took = await cpuMs(() => {
      try {
        step.isLast = steps.next().done === true;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        step.isLast = true;
      }
    });
    longest = Math.max(longest, took);
    if (step.isLast === true) return longest;
  }
}

describe('a JSON text that is read in steps', () => {
  it('has the value that JSON.parse gives it, however much it holds', () => {
    const padding = many(60_000, () => '[]');
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.boolean(), (value, isIndented) => {
        const text = JSON.stringify(value, null, isIndented ? 1 : 0);
        assert.deepEqual(parse(text), JSON.parse(text));
        const read = parse(`{"value": ${text}, "list": [ ${text} , [${padding}], ${text}]  , "after" :${text} }`) as {
          list: unknown[];
        };
        const expected: unknown = JSON.parse(text);
        assert.deepEqual([read.list[0], read.list[2]], [expected, expected]);
        assert.deepEqual({ ...read, list: 0 }, { value: expected, list: 0, after: expected });
      }),
      { numRuns: 25 },
    );
  });

  it('keeps of a very long list its length, its first and its last entries, of an object its first members', () => {
    const read = parse(
      `{"list":[${many(100_000, String)}],"map":{${many(100_000, (n) => `"k${String(n)}":${String(n)}`)}}}`,
    );
    const { list, map } = read as { list: (number | null)[]; map: Record<string, number> };
    assert.equal(list.length, 100_000);
    assert.deepEqual(
      [list[0], list[3_000], list[3_001], list[98_999], list[99_000], list[99_999]],
      [0, 3_000, null, null, 99_000, 99_999],
    );
    assert.deepEqual([Object.keys(map).length, map['k3000'], map['k3001']], [3_001, 3_000, undefined]);
  });

  it('takes the last of two members of one name, and any name', () => {
    const long = `[${many(60_000, () => '0')}]`;
    const read = parse(`{"a":1,"__proto__":${long},"b\\"":${long},"a":2}`) as Record<string, unknown>;
    assert.deepEqual(Object.keys(read), ['a', '__proto__', 'b"']);
    assert.equal(read['a'], 2);
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
  });

  it('is null where it lies deeper than anybody means it', () => {
    const deep = (levels: number, inside: string): string => '['.repeat(levels) + inside + ']'.repeat(levels);
    const text = `{"a":${deep(62, '{"x":[],"y":1},[[]]')},"b":${deep(100_000, '')},"c":3}`;
    assert.deepEqual(parse(text), {
      a: JSON.parse(deep(62, '{"x":null,"y":1},[null]')) as unknown,
      b: JSON.parse(deep(63, 'null')) as unknown,
      c: 3,
    });
  });

  it('is known to be too deep before it is built', () => {
    const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    const isTooDeep = (text: string): boolean => sizeOfJson(text).isTooDeep;
    assert.deepEqual([isTooDeep(deep(64)), isTooDeep(deep(65)), isTooDeep(`{"a":${deep(63)}}`)], [false, true, false]);
  });

  it('is refused where it is none, wherever that is', () => {
    const long = `[${many(60_000, () => '0')}]`;
    const object = `{${many(60_000, (n) => `"${String(n)}":[]`)}}`;
    const wrong = [
      ...[`${long}${long}`, `${long},`, `[${long}`, `${long}]`, `[${long},]`, `[,${long}]`, `[${long}${long}]`],
      ...[`[${long} 1]`, `[1 ${long}]`, `{${long}}`, `{"a" ${long}}`, `{"a":${long},}`, `{"a":1 "b":${long}}`],
      ...[`{"a":"b":${long}}`, `{"a":${long} "b":1}`, `[${long}}`, `{"a":${long}]`, `[${long},"x]`, `["a":${long}]`],
      ...[
        `[1,,${long}]`,
        `[1,${many(60_000, () => '0')},,1]`,
        `[${many(60_000, () => '0')},]`,
        `${object.slice(0, -1)},}`,
      ],
      ...[`[${many(60_000, () => '01')}]`, `[${object},undefined]`, 'x', '', `${long}x`, `x${long}`, `{a:${long}}`],
      ...[`{"a":${long},"b"}`, `{"a":${long},"b":}`, `[${long},"a":1]`, `{1:${long}}`],
    ];
    for (const text of wrong) {
      const shown = `${text.slice(0, 20)}...${text.slice(-20)}`;
      assert.throws(() => void JSON.parse(text), SyntaxError, shown);
      assert.throws(() => parse(text), SyntaxError, shown);
    }
  });

  for (const [what, text] of [
    ['distinct names', `{${many(600_000, (n) => `"k${String(n)}":0`)}}`],
    ['empty objects', `{"values":[${many(2_600_000, () => '{}')}]}`],
    ['zeros', `[${many(4_000_000, () => '0')}]`],
    ['lists of lists', `[${many(100, () => `[${many(20_000, () => '[]')}]`)}]`],
    ['strings', `[${many(1_000_000, () => '"\\\\"')}]`],
    ['open brackets', '['.repeat(8_000_000)],
    ['lists that lie deep', `${'['.repeat(64)}${many(2_600_000, () => '[]')}${']'.repeat(64)}`],
    ['closed brackets', `${'['.repeat(4_000_000)}${']'.repeat(4_000_000)}`],
    ['one string', `["${'\\"'.repeat(4_000_000)}"]`],
    ['backslashes', `["${'\\\\'.repeat(4_000_000)}"]`],
  ] as const) {
    it(`never takes long without a step: 8 MB of ${what}`, async () => {
      const steps: number[] = [];
      for (let i = 0; i < 3; i++) steps.push(await longestStep(text));
      const longest = Math.min(...steps);
      assert.ok(longest < 100, `${String(longest)} ms`);
    });
  }
});
