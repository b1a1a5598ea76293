import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Occurrence } from '../../domain/occurrence.js';
import { scrubber } from '../../domain/scrub.js';
import { finished } from '../../domain/steps.js';
import { frameOf, occurrenceOf } from '../helper/occurrence.js';

const OFF = { emails: false, ips: false, keys: [], patterns: [] };
const APP_KEY = `exp_${'aB3'.repeat(12)}`;
const scrub = (occurrence: Occurrence): Occurrence => finished(scrubber(OFF)(occurrence)).occurrence;

describe('an occurrence that is cut, scrubbed and cut', () => {
  it('leaves no half of a secret that stands where a text is cut', () => {
    const secret = `sk-${'aB3x'.repeat(200)}`;
    // Those before it shrink, so that the cut text's end would come to stand within its bound.
    const many = 'Bearer abcdefgh12345678901234567890 '.repeat(4_000);
    for (let shift = 0; shift < 900; shift += 53) {
      for (const before of ['x '.repeat(8_192), many.slice(0, 19_700 + shift), 'y '.repeat(10_000)]) {
        const text = `${before.slice(0, before.length - (shift % 400))} ${secret} end`;
        const frame = { ...frameOf('a.js'), context: { before: [text], line: text, after: [] } };
        const crumb = { timestampMs: 1, category: '', message: text.slice(-5_500), data: { a: text.slice(-4_700) } };
        const clean = scrub(
          occurrenceOf({
            message: text,
            tags: { a: text.slice(-5_500) },
            breadcrumbs: [crumb],
            exceptions: [{ type: 'E', value: text, synthetic: false, handled: null, frames: [frame] }],
          }),
        );
        const left = /sk-aB3x|aB3xaB3x/.exec(JSON.stringify(clean));
        assert.equal(left, null, `at ${String(shift)}`);
      }
    }
  });

  it('cuts lists to their bounds before it looks at them, and says so', () => {
    let looked = 0;
    const counted = (fields: object): object =>
      new Proxy(fields, {
        get: (target, name) => {
          looked += 1;
          return Reflect.get(target, name) as unknown;
        },
      });
    const crumbs = Array.from(
      { length: 100_000 },
      (_, n) => counted({ timestampMs: n, category: '', message: '', data: {} }) as Occurrence['breadcrumbs'][number],
    );
    const tags = Object.fromEntries(Array.from({ length: 500_000 }, (_, n) => [`k${String(n)}`, 'v']));
    const { occurrence, cut } = finished(scrubber(OFF)(occurrenceOf({ breadcrumbs: crumbs, tags })));
    assert.equal(occurrence.breadcrumbs.at(-1)?.timestampMs, 99_999);
    assert.deepEqual([occurrence.breadcrumbs.length, Object.keys(occurrence.tags).length], [100, 64]);
    assert.deepEqual([...cut].sort(), ['breadcrumbs', 'tags']);
    assert.ok(looked < 10_000, `looked at ${String(looked)} fields`);
  });

  it('does a long one in steps that give what one step gives', () => {
    const line = `f token=abc ${'x'.repeat(60)} Bearer ${APP_KEY}`;
    const frames = Array.from({ length: 200 }, () => frameOf(`https://x/a.js?token=${'1'.repeat(300)}:1:2`));
    const long = occurrenceOf({
      stackTrace: Array.from({ length: 2_000 }, () => line).join('\n'),
      exceptions: [{ type: 'E', value: '', synthetic: false, handled: null, frames }],
    });
    const steps = scrubber(OFF)(long);
    let count = 0;
    while (steps.next().done !== true) count += 1;
    assert.ok(count > 4, `${String(count)} steps`);
    const { stackTrace, exceptions } = scrub(long);
    assert.ok(!stackTrace.includes('abc') && !stackTrace.includes(APP_KEY));
    assert.equal(exceptions[0]?.frames[199]?.file, 'https://x/a.js?token=[scrubbed]:1:2');
  });
});
