import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { parseStackTrace, splitHeader } from '../../domain/stack.js';
import { HOSTILE_TEXTS } from '../helper/hostile-texts.js';
import { cpuMs } from '../helper/cpu-time.js';

/** `function file line:column`, with a star before the app's own. */
const shown = (text: string) =>
  parseStackTrace(text).map(({ type, value, frames }) => ({
    header: `${type}|${value}`,
    frames: frames.map(
      (frame) => `${frame.inApp ? '*' : ''}${frame.function} ${frame.file} ${frame.line}:${frame.column}`,
    ),
  }));

const BUNDLE = 'https://shop.example/static/js/main.3f2a9c1b.js?v=2';

describe('parseStackTrace', () => {
  const stacks: readonly [browser: string, text: string, header: string, frames: readonly string[]][] = [
    [
      'Chrome',
      `TypeError: Cannot read properties of undefined (reading 'map')
    at load (${BUNDLE}:3:36)
    at Cart.checkout (${BUNDLE}:2:35)
    at HTMLBodyElement.onClick (${BUNDLE}:10:78)
    at Array.forEach (<anonymous>)
    at new Shop (${BUNDLE}:1:2)
    at async outer (${BUNDLE}:7:38)
    at async Promise.all (index 0)
    at async ${BUNDLE}:381:23`,
      "TypeError|Cannot read properties of undefined (reading 'map')",
      [
        `*load ${BUNDLE} 3:36`,
        `*Cart.checkout ${BUNDLE} 2:35`,
        `*HTMLBodyElement.onClick ${BUNDLE} 10:78`,
        'Array.forEach  0:0',
        `*new Shop ${BUNDLE} 1:2`,
        `*outer ${BUNDLE} 7:38`,
        'Promise.all  0:0',
        `* ${BUNDLE} 381:23`,
      ],
    ],
    [
      'Chrome in eval',
      `TypeError: Cannot read properties of undefined (reading 'y')
    at inEval (eval at withEval (${BUNDLE}:5:22), <anonymous>:1:31)
    at eval (eval at a (eval at withEval (${BUNDLE}:5:22)), <anonymous>:1:35)
    at withEval (${BUNDLE}:5:22)`,
      "TypeError|Cannot read properties of undefined (reading 'y')",
      [`*inEval ${BUNDLE} 5:22`, `*eval ${BUNDLE} 5:22`, `*withEval ${BUNDLE} 5:22`],
    ],
    [
      'Chrome in WebAssembly and an extension',
      `RuntimeError: unreachable
    at add (wasm://wasm/5f2e91aa:wasm-function[1]:0x2a)
    at ext (chrome-extension://abcdef/content.js:1:2)`,
      'RuntimeError|unreachable',
      ['*add wasm://wasm/5f2e91aa 0:0', 'ext chrome-extension://abcdef/content.js 1:2'],
    ],
    [
      'Firefox',
      `load@${BUNDLE}:3:36
checkout@${BUNDLE}:2:35
async*outer@${BUNDLE}:7:38
setTimeout handler*run/<@${BUNDLE}:7:7
inEval@https://shop.example/a.js line 5 > eval:1:31
made@https://shop.example/a.js line 5 > eval line 1 > Function:1:31
@https://shop.example/a.js:5:22
@debugger eval code:1:8
`,
      '|',
      [
        `*load ${BUNDLE} 3:36`,
        `*checkout ${BUNDLE} 2:35`,
        `*async*outer ${BUNDLE} 7:38`,
        `*setTimeout handler*run/< ${BUNDLE} 7:7`,
        '*inEval https://shop.example/a.js 5:0',
        '*made https://shop.example/a.js 5:0',
        '* https://shop.example/a.js 5:22',
        ' debugger eval code 1:8',
      ],
    ],
    [
      'Safari',
      `@https://shop.example/a.js:48:22
map@[native code]
checkout@https://shop.example/a.js:52:15
eval code
eval@[native code]
https://shop.example/a.js:7:8
global code@https://shop.example/a.js:108:107
[native code]`,
      '|',
      [
        '* https://shop.example/a.js 48:22',
        'map  0:0',
        '*checkout https://shop.example/a.js 52:15',
        'eval  0:0',
        '* https://shop.example/a.js 7:8',
        '*global code https://shop.example/a.js 108:107',
        '  0:0',
      ],
    ],
    [
      'the old Edge',
      `TypeError: Unable to get property 'undef' of undefined or null reference
   at Anonymous function (http://path/to/file.js:48:13)
   at foo (http://path/to/file.js:46:9)
   at eval code (eval code:1:1)
   at Array.prototype.map (native code)
   at bar (http://path/to/file.js:82:1)`,
      "TypeError|Unable to get property 'undef' of undefined or null reference",
      [
        '*Anonymous function http://path/to/file.js 48:13',
        '*foo http://path/to/file.js 46:9',
        'eval  1:1',
        'Array.prototype.map  0:0',
        '*bar http://path/to/file.js 82:1',
      ],
    ],
    [
      'Node',
      `Error [ERR_BAD]: ENOENT: no such file, open '/nope'
    at Object.openSync (node:fs:573:18)
    at boot (/srv/shop/app/(shop)/boot.cjs:1:32)
    at Object.m [as alias] (file:///srv/my shop (2)/a.mjs:14:32)
    at /srv/my shop (2)/a.mjs:1:2
    at handle (/srv/shop/node_modules/express/lib/router.js:1:2)
    at get total [as total] (C:\\shop\\cart.js:2:190)`,
      "Error|ENOENT: no such file, open '/nope'",
      [
        'Object.openSync node:fs 573:18',
        '*boot /srv/shop/app/(shop)/boot.cjs 1:32',
        '*Object.m [as alias] file:///srv/my shop (2)/a.mjs 14:32',
        '* /srv/my shop (2)/a.mjs 1:2',
        'handle /srv/shop/node_modules/express/lib/router.js 1:2',
        '*get total [as total] C:\\shop\\cart.js 2:190',
      ],
    ],
    [
      "Node's last words",
      `/srv/x.js:3
    throw new Error('x')
    ^

RangeError: boom
of two lines, at home
    at f (/srv/x.js:3:1)

Node.js v20.20.2`,
      'RangeError|boom\nof two lines, at home',
      ['*f /srv/x.js 3:1'],
    ],
  ];
  for (const [browser, text, header, frames] of stacks)
    it(`reads the stack of ${browser}`, () => assert.deepEqual(shown(text), [{ header, frames }]));

  it('reads what this Node writes', () => {
    const [thrown] = parseStackTrace(new TypeError('really').stack ?? '');
    assert.equal(thrown?.type, 'TypeError');
    assert.equal(thrown.value, 'really');
    const [crash, ...callers] = thrown.frames;
    assert.ok(crash);
    assert.ok(crash.file.endsWith('/domain/stack.test.ts'));
    assert.ok(crash.line > 0 && crash.column > 0 && crash.inApp);
    assert.ok(callers.some(({ file, inApp }) => file.startsWith('node:') && !inApp));
  });

  it('reads the chain of causes as this Node shows it, thrown first', () => {
    const deepest = new SyntaxError('no JSON');
    const cause = new TypeError('no cart', { cause: deepest });
    const chain = parseStackTrace(inspect(new Error('checkout failed', { cause })));
    assert.deepEqual(
      chain.map(({ type, value }) => `${type}: ${value}`),
      ['Error: checkout failed', 'TypeError: no cart', 'SyntaxError: no JSON'],
    );
    for (const { frames } of chain) assert.ok(frames[0]?.file.endsWith('/domain/stack.test.ts'));
  });

  it('takes the parts of an AggregateError for no causes', () => {
    const chain = parseStackTrace(inspect(new AggregateError([new TypeError('a'), new RangeError('b')], 'both')));
    assert.deepEqual(
      chain.map(({ type }) => type),
      ['AggregateError'],
    );
  });

  it('reads causes that a library writes', () => {
    const chain = parseStackTrace(
      'Error: a\n    at f (/a.js:1:2)\nCaused by: TypeError: b\n    at g (/b.js:1:2)\ncaused by: RangeError: c\n    at h (/c.js:1:2)',
    );
    assert.deepEqual(
      chain.map(({ type, frames }) => `${type} ${frames[0]?.function ?? ''}`),
      ['Error f', 'TypeError g', 'RangeError h'],
    );
  });

  it('answers nothing for a text that is no stack', () => {
    for (const text of ['', '\n\n', 'checkout failed', 'mail bob@example.com about: it', 'we are at home'])
      assert.deepEqual(parseStackTrace(text), [], text);
  });

  it('stops at 250 frames, over all causes, and at 10 exceptions', () => {
    const section = `Error: x\n${'    at f (/a.js:1:2)\n'.repeat(60)}`;
    const frames = (text: string) => parseStackTrace(text).reduce((sum, each) => sum + each.frames.length, 0);
    assert.equal(frames(`Error: x\n${'    at f (/a.js:1:2)\n'.repeat(100_000)}`), 250);
    assert.equal(frames(`${section}[cause]: `.repeat(9)), 250);
    assert.equal(parseStackTrace('Error: x\n    at f (/a.js:1:2)\n[cause]: '.repeat(50)).length, 10);
  });

  it('survives hostile stacks, bounded, each in less than a second', async () => {
    for (const text of HOSTILE_TEXTS) {
      let chain: ReturnType<typeof parseStackTrace> = [];
      const took = await cpuMs(() => {
        chain = parseStackTrace(text);
      });
      // Without bounds the first of them took 47 s; with them the worst takes a thirtieth of one.
      assert.ok(took < 1_000, text.slice(0, 40));
      assert.ok(chain.length <= 10);
      for (const { type, value, frames } of chain) {
        assert.ok(frames.length <= 250 && value.length <= 4096 && type.length <= 500);
        for (const { file, function: name, line, column } of frames) {
          assert.ok(file.length <= 1024 && name.length <= 1024);
          assert.ok(Number.isSafeInteger(line) && Number.isSafeInteger(column));
        }
      }
    }
  });

  it('reads any text as the same twice', () => {
    const atom = fc.constantFrom(
      ...['at ', 'async ', 'f', '(', ')', ' (', '@', ':', '1', ':1', ':1:2', '"', '\n', ' {', ',', '[cause]: ', '^'],
      ...['(eval at ', '<anonymous>', '[native code]', ' line 1 > eval', 'http://h/a.js', 'Error: ', '__proto__'],
      ...['\ud800', '\u2028', '\r', ':99999999999999999999', ':0x1f', 'wasm-function[1]'],
    );
    fc.assert(
      fc.property(fc.array(atom, { maxLength: 200 }), (atoms) => {
        const text = atoms.join('');
        assert.deepEqual(parseStackTrace(text), parseStackTrace(text));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('splitHeader', () => {
  const headers: readonly [header: string, type: string, value: string][] = [
    ['TypeError: x is undefined', 'TypeError', 'x is undefined'],
    ['Uncaught TypeError: x', 'TypeError', 'x'],
    ['Uncaught (in promise) Error: x', 'Error', 'x'],
    ['Error [ERR_X]: a: b', 'Error', 'a: b'],
    ['Error', 'Error', ''],
    ['shop.cart.CartError: x', 'shop.cart.CartError', 'x'],
    ['checkout: failed', '', 'checkout: failed'],
    ['Failed to fetch', '', 'Failed to fetch'],
    ['', '', ''],
  ];
  for (const [header, type, value] of headers)
    it(`splits '${header}'`, () => assert.deepEqual(splitHeader(header), { type, value }));
});
