import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainGrouping, type Groupable, GROUPING_VERSION, groupingOf } from '../../domain/grouping.js';
import type { StackFrame } from '../../domain/occurrence.js';
import { parseStackTrace } from '../../domain/stack.js';
import { exception, frame, groupable } from '../helper/groupable.js';

const grouped = (fields: Partial<Groupable>) => groupingOf(groupable(fields));
/** By the text of a stack. */
const ofStack = (text: string, fields: Partial<Groupable> = {}) =>
  grouped({ exceptions: parseStackTrace(text), ...fields });
const ofFrames = (...frames: readonly Partial<StackFrame>[]) =>
  grouped({ exceptions: [exception({ frames: frames.map(frame) })] });

describe('grouping by the stack', () => {
  const build = (hash: string, line: number) => `TypeError: Cannot read properties of undefined (reading 'map')
    at load (https://shop.example/static/js/main.${hash}.js:${line}:36)
    at Cart.checkout (https://shop.example/static/js/main.${hash}.js:${line + 9}:35)
    at async https://shop.example/assets/index-${hash}.js:1:${line}`;

  it('is the same for two builds with other hashes, lines and columns', () => {
    const one = ofStack(build('3f2a9c1b', 10));
    assert.deepEqual(one.components, [
      'TypeError',
      'load (static/js/main.js)',
      'checkout (static/js/main.js)',
      '(assets/index.js)',
    ]);
    assert.deepEqual(ofStack(build('9d8e7f6a', 2000)), one);
    assert.equal(one.by, 'stack');
    assert.equal(one.version, GROUPING_VERSION);
  });

  it('is the same in Chrome, Firefox and Safari', () => {
    const place = 'https://shop.example/app.js';
    const chrome = ofStack(
      `TypeError: x is not iterable\n    at load (${place}:1:2)\n    at Cart.checkout (${place}:3:4)\n    at Array.map (<anonymous>)\n    at async run (${place}:5:6)`,
    );
    const typed = { message: 'TypeError: x is not iterable' };
    const firefox = ofStack(`load@${place}:1:9\ncheckout@${place}:3:9\nasync*run@${place}:5:9\n`, typed);
    const safari = ofStack(`load@${place}:1:8\ncheckout@${place}:3:8\nmap@[native code]\nrun@${place}:5:8`, typed);
    assert.deepEqual(firefox.components, chrome.components);
    assert.deepEqual(safari.components, chrome.components);
  });

  it('tells types, functions, files and causes apart', () => {
    const texts = [
      'TypeError: x\n    at load (/srv/shop/src/cart.js:1:2)',
      'RangeError: x\n    at load (/srv/shop/src/cart.js:1:2)',
      'TypeError: x\n    at save (/srv/shop/src/cart.js:1:2)',
      'TypeError: x\n    at load (/srv/shop/src/user.js:1:2)',
      'TypeError: x\n    at load (/srv/shop/src/cart.js:1:2)\nCaused by: RangeError: y\n    at save (/srv/shop/src/cart.js:1:2)',
      'TypeError: x\n    at load (/srv/shop/src/cart.js:1:2)\nCaused by: Error: y\n    at save (/srv/shop/src/cart.js:1:2)',
    ];
    const components = texts.map((text) => JSON.stringify(ofStack(text).components));
    assert.equal(new Set(components).size, texts.length);
  });

  it('looks at the calls of the app, over the whole chain', () => {
    const { components } = ofStack(
      'Error: a\n    at wrap (/srv/shop/node_modules/p-retry/index.js:1:2)\n    at node:internal/timers:1:2\nCaused by: TypeError: b\n    at load (/srv/shop/src/cart.js:1:2)',
    );
    assert.deepEqual(components, ['Error', 'caused by', 'TypeError', 'load (src/cart.js)']);
  });

  it('looks at all calls where none is of the app', () => {
    const { components } = ofStack(
      'Error: a\n    at Object.openSync (node:fs:573:18)\n    at walk (/srv/shop/node_modules/glob/index.js:1:2)',
    );
    assert.deepEqual(components, ['Error', 'openSync (node:fs)', 'walk (glob/index.js)']);
  });

  it('does not believe a client that calls a library its own', () => {
    const library = { file: 'webpack:///./node_modules/react-dom/index.js', function: 'render' };
    assert.deepEqual(ofFrames(library, { file: 'src/cart.ts', function: 'load' }).components, [
      'TypeError',
      'load (src/cart.ts)',
    ]);
  });

  it('takes recursion of any depth and shape for the same error', () => {
    const call = (name: string) => `    at ${name} (/srv/shop/src/tree.js:1:2)\n`;
    const [once, deep, mutual] = ['a', 'aaaaaaaaaaaaaaaa', 'babababa'].map(
      (calls) =>
        ofStack(`RangeError: x\n${Array.from(calls, (name) => call(`walk_${name}`)).join('')}${call('start')}`)
          .components,
    );
    assert.deepEqual(deep, once);
    assert.deepEqual(mutual, ['RangeError', 'walk_b (src/tree.js)', 'walk_a (src/tree.js)', 'start (src/tree.js)']);
  });

  it("prefers a module's name to its file, and the source to the module of its bundle", () => {
    const call = { module: 'cart.service', file: '/srv/shop/dist/bundle.js', function: 'load' };
    const minified = { file: '/srv/shop/dist/bundle.js', function: 'a', line: 1, column: 2 };
    assert.deepEqual(ofFrames(call).components, ['TypeError', 'load (cart.service)']);
    assert.deepEqual(ofFrames({ ...call, module: 'server.3f2a9c1b' }).components, ['TypeError', 'load (server)']);
    assert.deepEqual(ofFrames({ ...call, file: 'webpack:///./src/cart.ts', minified }).components, [
      'TypeError',
      'load (src/cart.ts)',
    ]);
  });

  it('takes no place for a module', () => {
    const { components } = ofFrames({
      module: '<anonymous>',
      file: '<anonymous>',
      function: 'JSON.parse',
      inApp: false,
    });
    assert.deepEqual(components, ['TypeError', 'parse']);
  });

  it('leaves out names that a minifier made, since the next build has others', () => {
    const bundle = 'https://shop.example/static/js/main.3f2a9c1b.js';
    const calls = (name: string) => [
      { file: bundle, function: name },
      { file: bundle, function: 'handleClick' },
    ];
    assert.deepEqual(ofFrames(...calls('e')).components, ofFrames(...calls('t.n')).components);
    assert.deepEqual(ofFrames(...calls('e')).components, [
      'TypeError',
      '(static/js/main.js)',
      'handleClick (static/js/main.js)',
    ]);
    const unresolved = { file: 'https://shop.example/main.js', function: 'e', unresolved: 'NO_SOURCE_MAP' } as const;
    assert.equal(ofFrames(unresolved, { function: 'handleClick' }).components[1], '(main.js)');
  });

  it('keeps short names that somebody wrote', () => {
    const minified = { file: 'main.3f2a9c1b.js', function: 'x', line: 1, column: 2 };
    assert.equal(ofFrames({ file: '/srv/shop/src/fn.js', function: 'go' }).components[1], 'go (src/fn.js)');
    assert.equal(ofFrames({ file: 'src/fn.ts', function: 'go', minified }).components[1], 'go (src/fn.ts)');
    assert.notDeepEqual(
      ofFrames({ file: 'https://h/app.js', function: 'a' }).components,
      ofFrames({ file: 'https://h/app.js', function: 'b' }).components,
    );
  });

  it('adds the message where no call has a name', () => {
    const of = (value: string) =>
      grouped({ exceptions: [exception({ value, frames: [frame({ file: 'https://h/main.3f2a9c1b.js' })] })] });
    assert.deepEqual(of('no cart 5').components, ['TypeError', '(main.js)', 'no cart <int>']);
    assert.deepEqual(of('no cart 6'), of('no cart 5'));
    assert.notDeepEqual(of('no user 5').components, of('no cart 5').components);
  });

  it('does not count what engines call a function without a name', () => {
    const names = [
      '<anonymous>',
      'Object.<anonymous>',
      'Anonymous function',
      '?',
      'global code',
      'run/<',
      'eval',
      '34',
    ];
    for (const name of names)
      assert.equal(ofFrames({ file: 'src/a.ts', function: name }).components[1], '(src/a.ts)', name);
    assert.equal(ofFrames({ file: 'src/a.ts', function: 'Object../src/a.ts' }).components[1], '(src/a.ts)');
  });

  it('knows a function however it was called', () => {
    const names = [
      'load',
      'Cart.load',
      'Object.load [as run]',
      'async*load',
      'new load',
      'run/load',
      'load$1',
      'a.b.load',
    ];
    for (const name of names)
      assert.equal(ofFrames({ file: 'src/a.ts', function: name }).components[1], 'load (src/a.ts)', name);
  });

  it('names the error and the call for people', () => {
    const { title, culprit } = ofStack(
      'Error: a\n    at walk (/srv/shop/node_modules/glob/index.js:1:2)\n    at Cart.load (/srv/shop/src/cart.js:1:2)',
    );
    assert.deepEqual({ title, culprit }, { title: 'Error', culprit: 'Cart.load (src/cart.js)' });
  });
});

describe('grouping by the message', () => {
  it('takes a message that was made an exception for what it is', () => {
    const frames = [frame({ file: 'src/logger.ts', function: 'capture' })];
    const { by, components, title, culprit } = grouped({
      exceptions: [exception({ type: '', value: 'no cart 5\nmore', synthetic: true, frames })],
    });
    assert.deepEqual(
      { by, components, title, culprit },
      { by: 'message', components: ['no cart <int>\nmore'], title: 'no cart 5', culprit: 'capture (src/logger.ts)' },
    );
  });

  it('takes a synthetic exception with a type for an exception', () => {
    const frames = [frame({ file: 'src/cart.ts', function: 'load' })];
    const { by } = grouped({ exceptions: [exception({ type: 'Error', synthetic: true, frames })] });
    assert.equal(by, 'stack');
  });

  it('is by type and message where there are no calls', () => {
    const one = grouped({ exceptions: [exception({ value: 'no cart 5' })] });
    assert.deepEqual([one.by, one.components], ['message', ['TypeError', 'no cart <int>']]);
    assert.deepEqual(grouped({ exceptions: [exception({ value: 'no cart 77' })] }), one);
    assert.deepEqual(grouped({ exceptions: [exception({ frames: [frame({ file: '<anonymous>' })] })] }).by, 'message');
  });

  it('has the type from the exception, else the message, else from how it was caught', () => {
    const message = 'RangeError: no cart';
    assert.equal(grouped({ errorType: 'runtime', message, exceptions: [exception()] }).title, 'TypeError');
    assert.equal(grouped({ errorType: 'runtime', message }).title, 'RangeError');
    assert.equal(
      grouped({ errorType: 'runtime', message, exceptions: [exception({ type: 'runtime' })] }).title,
      'RangeError',
    );
    assert.deepEqual(grouped({ errorType: 'network', message: 'no answer' }).components, ['network', 'no answer']);
    assert.deepEqual(grouped({ message: 'Warning: no answer' }).components, ['Warning: no answer']);
  });

  it('names a file where that is all there is', () => {
    assert.equal(grouped({ message: 'x', sourceFile: 'https://h/main.3f2a9c1b.js' }).culprit, 'main.js');
  });

  it('groups an error that says nothing', () => {
    const { by, components, title, culprit } = grouped({});
    assert.deepEqual(
      { by, components, title, culprit },
      { by: 'message', components: [''], title: 'Error', culprit: '' },
    );
    assert.deepEqual(grouped({ exceptions: [exception({ type: '' })] }).components, ['Error', '']);
  });
});

describe('grouping by the client', () => {
  const text = 'TypeError: x\n    at load (/srv/shop/src/cart.js:1:2)';

  it('is by the fingerprint that the client sent', () => {
    const { by, components, title, culprit } = ofStack(text, { fingerprint: ['payment', 'declined'] });
    assert.deepEqual([by, components], ['client', ['payment', 'declined']]);
    assert.deepEqual([title, culprit], ['TypeError', 'load (src/cart.js)']);
  });

  it('puts ours in the place of {{ default }}', () => {
    for (const ours of ['{{ default }}', '{{default}}', ' {{  default  }} '])
      assert.deepEqual(ofStack(text, { fingerprint: ['eu', ours, 'tenant'] }).components, [
        'eu',
        'TypeError',
        'load (src/cart.js)',
        'tenant',
      ]);
  });

  it('is ours where the client asks for nothing else', () => {
    for (const fingerprint of [[], ['{{ default }}'], ['']])
      assert.deepEqual(ofStack(text, { fingerprint }), ofStack(text));
  });
});

describe('explainGrouping', () => {
  it('says by what, in which version, and what it was', () => {
    for (const [by, says] of [
      ['client', 'fingerprint that the client sent'],
      ['stack', "the app's own calls"],
      ['message', 'the message without its values'],
    ] as const) {
      const words = explainGrouping({ version: 1, by, components: ['TypeError', 'load (src/cart.js)'] });
      assert.match(words, /^Version 1 /);
      assert.ok(words.includes(says) && words.endsWith('TypeError | load (src/cart.js)'), words);
    }
  });
});
